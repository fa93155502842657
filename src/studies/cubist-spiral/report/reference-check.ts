import type { ReferenceResult, ReferenceRunConfig } from '../types.js';
import type { Analysis, Block } from './analysis.js';
import { BOUNDS, LEAST_SEEDS, REFERENCE, type ReferenceRow, TOLERANCE } from './reference-table.js';

/** A row of the reference table beside what was measured. */
export interface ReferenceComparison {
  readonly label: string;
  readonly expected: ReferenceRow;
  readonly seeds: number;
  readonly measured: ReferenceShares;
  /** Greatest difference of the two distribution functions at the points that the table gives. */
  readonly distance: number;
  /** A share that must lie within bounds of its own, if there is one for these widths. */
  readonly bound: { readonly name: 'good' | 'perfect'; readonly least: number; readonly most: number } | null;
  /** Null of too few networks to tell. */
  readonly passed: boolean | null;
}

export interface ReferenceShares {
  readonly max: number;
  readonly p90: number;
  readonly median: number;
  readonly p10: number;
  readonly good: number;
  readonly perfect: number;
  readonly dead: number;
}

/** Full training: other numbers of epochs have no reference. */
const EPOCHS = 50;
/** Half of the last printed digit. */
const ROUNDING = 5e-4;

/** Measured rows in the table's order. */
export function compareReferences({ references }: Analysis): readonly ReferenceComparison[] {
  return REFERENCE.flatMap((expected) =>
    references
      .filter(({ config, result }) => isRow(config, expected) && result.accuracies.length > 0)
      .map((block) => comparison(expected, block)),
  );
}

const isRow = ({ widths, rate, schedule, epochs }: ReferenceRunConfig, row: ReferenceRow): boolean =>
  String(widths) === String(row.widths) && rate === row.rate && schedule === row.schedule && epochs === EPOCHS;

function comparison(
  expected: ReferenceRow,
  { config, result }: Block<ReferenceRunConfig, ReferenceResult>,
): ReferenceComparison {
  const { accuracies } = result;
  const measured = sharesOf(accuracies);
  const bound = BOUNDS.find((b) => String(b.widths) === String(expected.widths));
  const distance = greatestDifference(accuracies, expected);
  const within = !bound || (measured[bound.share] >= bound.least && measured[bound.share] <= bound.most);
  return {
    label: `${config.widths.join('-')}, rate ${config.rate} ${config.schedule}`,
    ...{ expected, measured, distance },
    seeds: accuracies.length,
    bound: bound ? { name: bound.share, least: bound.least, most: bound.most } : null,
    passed: accuracies.length < LEAST_SEEDS ? null : distance <= TOLERANCE + 1e-9 && within,
  };
}

/** @param accuracies ascending */
export function sharesOf(accuracies: readonly number[]): ReferenceShares {
  const share = (holds: (a: number) => boolean) => accuracies.filter(holds).length / accuracies.length;
  return {
    max: accuracies[accuracies.length - 1],
    p90: quantile(accuracies, 0.9),
    median: quantile(accuracies, 0.5),
    p10: quantile(accuracies, 0.1),
    good: share((a) => a >= 0.95),
    perfect: share((a) => a >= 0.995),
    dead: share((a) => a <= 0.55),
  };
}

/** Linear between order statistics. */
function quantile(ascending: readonly number[], p: number): number {
  const at = p * (ascending.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, ascending.length - 1);
  return ascending[low] + (at - low) * (ascending[high] - ascending[low]);
}

/**
 * The Kolmogorov-Smirnov distance as far as the table tells the reference's distribution: at its two quantiles and three
 * shares. Where many networks have the very accuracy of a quantile, any share up to theirs is right.
 */
function greatestDifference(accuracies: readonly number[], expected: ReferenceRow): number {
  const below = (x: number) => accuracies.filter((a) => a < x).length / accuracies.length;
  const off = (p: number, low: number, high: number) => Math.max(0, low - p, p - high);
  const atQuantile = (p: number, x: number) => off(p, below(x - ROUNDING), below(x + ROUNDING));
  const { good, perfect, dead } = sharesOf(accuracies);
  return Math.max(
    atQuantile(0.5, expected.median),
    atQuantile(0.9, expected.p90),
    Math.abs(good - expected.good),
    Math.abs(perfect - expected.perfect),
    Math.abs(dead - expected.dead),
  );
}
