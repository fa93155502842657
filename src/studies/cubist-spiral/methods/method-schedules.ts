import { ArgumentError } from '../../../gpu/errors.js';
import { erkDensities } from '../../../prune/densities.js';
import type { KeptSchedule } from '../../../prune/index.js';
import { denseParameters, type Widths } from '../enumerate.js';

/** Prunings that gradual magnitude pruning does during a training. */
const PRUNINGS = 200;

/** Shapes of the weights of a network of some widths, [out, in]. */
export const weightShapes = ([a, b, c]: Widths): [number, number][] => [
  [a, 2],
  [b, a],
  [c, b],
  [1, c],
];

/**
 * Gradual magnitude pruning: every 200th part of the training, at the step i `every`, the weights left are
 * kept + (N - kept) (1 - i / 199)^3, without their fraction; the last one, i = 199, leaves what is to be kept.
 */
export const gmpSteps = (steps: number): { every: number; end: number } => {
  const every = Math.floor(steps / PRUNINGS);
  return { every, end: every * (PRUNINGS - 1) };
};

export const gmpKept: KeptSchedule = (total, kept, progress) => Math.floor(kept + (total - kept) * (1 - progress) ** 3);

/** Lottery tickets are trained so often, and pruned between two trainings. */
export const LTH_TRAININGS = 5;

/** What lottery tickets keep behind round `round` of 4: N (kept / N)^(round / 4), without its fraction. */
export function lthKept(total: number, kept: number, round: number): number {
  const rounds = LTH_TRAININGS - 1;
  return round === rounds ? kept : Math.floor(total * (kept / total) ** (round / rounds));
}

/** Iterative SNIP and FORCE have ten rounds: N exp(log(kept / N) round / 10), without its fraction. */
export const SENSITIVITY_ROUNDS = 10;

export const sensitivityKept: KeptSchedule = (total, kept, progress) =>
  Math.floor(total * Math.exp(Math.log(kept / total) * progress));

/** SynFlow has a hundred rounds: kept^(t / 100) N^(1 - t / 100), rounded. */
export const SYNFLOW_ROUNDS = 100;

/** RigL changes its mask every 100 steps in the first three quarters of a training. */
export const RIGL_EVERY = 100;
export const riglUntil = (steps: number): number => Math.floor(0.75 * steps);

/**
 * Weights of each layer that RigL has, Erdős–Rényi-kernel densities: whole numbers whose sum is the budget, those of
 * the greatest fractions rounded up.
 *
 * @throws ArgumentError unless 0 < budget <= the number of weights
 */
export function erkCounts(widths: Widths, budget: number): number[] {
  const shapes = weightShapes(widths);
  const total = denseParameters(widths).weights;
  if (!(Number.isInteger(budget) && budget > 0 && budget <= total))
    throw new ArgumentError('erkCounts', `a budget from 1 to ${total}`, `${budget}`);
  const exact = erkDensities(shapes, budget / total).map((density, l) => density * shapes[l][0] * shapes[l][1]);
  // Sums of fractions may be a rounding error below a whole number.
  const counts = exact.map((n) => Math.floor(n + 1e-9));
  const byFraction = exact.map((n, l) => [n - counts[l], l]).sort(([a, i], [b, j]) => b - a || i - j);
  for (let missing = budget - counts.reduce((a, b) => a + b, 0), i = 0; missing > 0; missing--, i++)
    counts[byFraction[i][1]]++;
  return counts;
}
