import { ArgumentError } from '../gpu/errors.js';
import {
  type CanonicalResult,
  canonicalCorrelations,
  type GuardOptions,
  singularVectorCorrelations,
} from './canonical.js';
import {
  carriesAll,
  carriesLeading,
  carriesRegression,
  checkDirections,
  type DirectionOptions,
  keepsStrong,
} from './directions.js';
import { type ProcrustesResult, relationCka, relationProcrustes, relationRegression } from './linear.js';
import { checkWeights, type PwccaOptions, type PwccaResult, projectionWeightedCorrelations } from './pwcca.js';
import type { Relation } from './relation.js';
import type { SimilarityResult } from './result.js';

/** Measures that follow from the relation of two sides, with their options. */
export interface MeasureOptions {
  cca: GuardOptions;
  svcca: DirectionOptions;
  pwcca: PwccaOptions;
  linearCka: Record<string, never>;
  procrustes: Record<string, never>;
  /** Of x from y. */
  regression: Record<string, never>;
}

export interface MeasureResults {
  cca: CanonicalResult;
  svcca: CanonicalResult;
  pwcca: PwccaResult;
  linearCka: SimilarityResult;
  procrustes: ProcrustesResult;
  regression: SimilarityResult;
}

export type Measure = keyof MeasureOptions;

/** Measures wanted, each with its options. */
export type Measures = { [M in Measure]?: MeasureOptions[M] };

/** The results of the measures wanted. */
export type ResultsOf<T extends Measures> = { [M in keyof T & Measure]: MeasureResults[M] };

interface Row<M extends Measure> {
  of(op: string, r: Relation, options: MeasureOptions[M]): MeasureResults[M] | Promise<MeasureResults[M]>;
  /** @throws ArgumentError for options out of range */
  check?(op: string, options: MeasureOptions[M]): void;
  /** Whether a relation found in float32 gives it to 1e-4. */
  carried(op: string, r: Relation, options: MeasureOptions[M]): boolean;
  /** Whether faint directions mean nothing to it. */
  strong?(options: MeasureOptions[M]): boolean;
}

const TABLE: { [M in Measure]: Row<M> } = {
  cca: { of: canonicalCorrelations, carried: (_, r) => carriesAll(r) },
  svcca: { of: singularVectorCorrelations, check: checkDirections, carried: carriesLeading, strong: keepsStrong },
  pwcca: { of: projectionWeightedCorrelations, check: checkWeights, carried: (_, r) => carriesAll(r) },
  linearCka: { of: (_, r) => relationCka(r), carried: () => true, strong: () => true },
  procrustes: { of: (_, r) => relationProcrustes(r), carried: () => true },
  regression: { of: (_, r) => relationRegression(r), carried: (_, r) => carriesRegression(r) },
};

/** @throws ArgumentError for a measure of another name, none at all, or options out of range */
export function checkMeasures(op: string, wanted: Measures): void {
  const names = Object.keys(wanted);
  const unknown = names.find((name) => !Object.hasOwn(TABLE, name));
  if (names.length === 0 || unknown !== undefined)
    throw new ArgumentError(op, `measures among ${Object.keys(TABLE).join(', ')}`, unknown ?? 'none');
  for (const name of namesOf(wanted)) check(op, name, wanted);
}

/** Whether a relation found in float32 gives all that is wanted to 1e-4. */
export function carriesMeasures(op: string, r: Relation, wanted: Measures): boolean {
  return namesOf(wanted).every((name) => carried(op, name, r, wanted));
}

/** Whether faint directions mean nothing to all that is wanted. */
export function wantsStrong(wanted: Measures): boolean {
  return namesOf(wanted).every((name) => strong(name, wanted));
}

/** What is wanted of a relation. @throws ArgumentError as each measure does */
export async function measured<T extends Measures>(op: string, r: Relation, wanted: T): Promise<ResultsOf<T>> {
  const found: Partial<MeasureResults> = {};
  for (const name of namesOf(wanted)) await fill(op, name, r, wanted, found);
  return found as ResultsOf<T>;
}

function check<M extends Measure>(op: string, name: M, wanted: Measures): void {
  TABLE[name].check?.(op, wanted[name] ?? ({} as MeasureOptions[M]));
}

function carried<M extends Measure>(op: string, name: M, r: Relation, wanted: Measures): boolean {
  return TABLE[name].carried(op, r, wanted[name] ?? ({} as MeasureOptions[M]));
}

function strong<M extends Measure>(name: M, wanted: Measures): boolean {
  return TABLE[name].strong?.(wanted[name] ?? ({} as MeasureOptions[M])) ?? false;
}

async function fill<M extends Measure>(
  op: string,
  name: M,
  r: Relation,
  wanted: Measures,
  found: Partial<MeasureResults>,
): Promise<void> {
  found[name] = await TABLE[name].of(op, r, wanted[name] ?? ({} as MeasureOptions[M]));
}

const namesOf = (wanted: Measures): Measure[] => Object.keys(wanted) as Measure[];
