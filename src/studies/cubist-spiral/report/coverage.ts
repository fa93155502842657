import type { JsonObject, RunSpec } from '../../../store/record.js';
import { maskTriples, type Widths } from '../enumerate.js';
import { latticeSizes } from '../search/lattice.js';
import type { MaskClass, MasksRunConfig, Target } from '../types.js';
import type { MasksBlock, Search } from './analysis.js';
import { TARGETS, winner } from './analysis.js';

/** Of masks with one number of weights: how many there are, how many were to be trained and were, and what came of it. */
export interface ClassCoverage {
  readonly weights: number;
  /** Admissible masks. */
  readonly candidates: number;
  /** Of these, what phase 2 was to train, its truncation left out. */
  readonly planned: number;
  readonly trained: number;
  readonly continued: number;
  readonly runs: number;
  readonly reached: number;
  readonly best: number | null;
}

/** How far phase 2 of one search came. */
export interface Coverage {
  readonly search: Search;
  readonly target: Target;
  /** Null where phase 1 has no winner, or none yet. */
  readonly widths: Widths | null;
  readonly truncated: boolean;
  /** Parts of phase 2, and those that are finished. */
  readonly parts: number;
  readonly finished: number;
  readonly runs: number;
  /** Slices of the continuation that are finished, and masks that it has waiting. */
  readonly slices: number;
  readonly waiting: number;
  readonly classes: readonly ClassCoverage[];
}

/** What is planned counts too, so that searches of which nothing is finished show. */
export function coverages(searches: readonly Search[], plan: readonly RunSpec[]): readonly Coverage[] {
  return searches.flatMap((search) =>
    TARGETS.flatMap((target) => {
      const masks = search.masks.filter((m) => m.config.target === target);
      const slices = search.continuation.filter((c) => c.config.target === target);
      const planned = plan.map((run) => run.config).filter((c) => isPart(c, search, target));
      if (masks.length + slices.length + planned.length === 0) return [];
      const parts = planned.length > 0 ? planned : masks.map((m) => m.config);
      const widths = widthsOf(search, target, masks);
      return [
        {
          ...{ search, target, widths },
          truncated: parts.some((p) => p.truncation !== null || p.weights !== null),
          parts: parts.length,
          finished: masks.length,
          runs: [...masks, ...slices].reduce((sum, b) => sum + b.result.runs, 0),
          slices: slices.length,
          waiting: slices[slices.length - 1]?.result.waiting ?? 0,
          classes: widths ? classesOf(search, target, widths, parts) : [],
        },
      ];
    }),
  );
}

function isPart(config: JsonObject, search: Search, target: Target): config is MasksRunConfig {
  return config.kind === 'masks' && config.initialisation === search.initialisation && config.target === target;
}

function widthsOf(search: Search, target: Target, masks: readonly MasksBlock[]): Widths | null {
  const given = search.continuation.find((c) => c.config.target === target)?.config.widths;
  return masks.find((m) => m.result.widths)?.result.widths ?? given ?? winner(search, target)?.widths ?? null;
}

function classesOf(
  search: Search,
  target: Target,
  widths: Widths,
  parts: readonly MasksRunConfig[],
): readonly ClassCoverage[] {
  const all = maskCounts(widths, null);
  const planned = new Map<number, number>();
  // Parts of one search differ in nothing else; several searches of one target share no number of weights.
  const spaces = new Map(parts.map((p) => [JSON.stringify([p.truncation, p.weights]), p]));
  for (const { truncation, weights } of spaces.values())
    for (const [n, count] of maskCounts(widths, truncation))
      if (!weights || (n >= weights.least && n <= weights.most))
        planned.set(n, Math.min(all.get(n) ?? 0, (planned.get(n) ?? 0) + count));
  const own = search.masks.filter((m) => m.config.target === target).flatMap((m) => m.result.classes);
  const slices = search.continuation.filter((c) => c.config.target === target);
  const further = slices.flatMap((c) => c.result.classes);
  const numbers = new Set([...all.keys(), ...[...own, ...further].map((c) => c.weights)]);
  return [...numbers]
    .sort((a, b) => a - b)
    .map((weights) => {
      const classes = [...own, ...further].filter((c) => c.weights === weights);
      const sum = (of: readonly MaskClass[], value: (c: MaskClass) => number) =>
        of.reduce((total, c) => total + (c.weights === weights ? value(c) : 0), 0);
      return {
        weights,
        candidates: all.get(weights) ?? 0,
        planned: planned.get(weights) ?? 0,
        trained: sum(own, (c) => c.candidates),
        continued: sum(further, (c) => c.candidates),
        runs: sum(classes, (c) => c.runs),
        reached: sum(classes, (c) => c.reached),
        best: classes.length > 0 ? Math.max(...classes.map((c) => c.best.accuracy)) : null,
      };
    });
}

/** How many masks within dense layers there are, by number of weights. */
export function maskCounts(widths: Widths, truncation: MasksRunConfig['truncation']): ReadonlyMap<number, number> {
  if (!truncation) return latticeSizes(widths);
  const counts = new Map<number, number>();
  for (const { weights } of maskTriples(widths, truncation)) counts.set(weights, (counts.get(weights) ?? 0) + 1);
  return counts;
}

/** Whether all masks up to a number of weights have been trained. */
export const isComplete = (coverage: Coverage, most: number): boolean =>
  coverage.widths !== null &&
  [...maskCounts(coverage.widths, null)]
    .filter(([weights]) => weights <= most)
    .every(([weights, n]) => {
      const own = coverage.classes.find((c) => c.weights === weights);
      return own !== undefined && own.trained + own.continued >= n;
    });

/** Masks that there are, and those of them that are trained. */
export function masksOf({ classes }: Coverage): { there: number; done: number } {
  const sum = (value: (c: ClassCoverage) => number) => classes.reduce((n, c) => n + value(c), 0);
  return { there: sum((c) => c.candidates), done: sum((c) => c.trained + c.continued) };
}
