import type { ScheduleName, Widths } from '../enumerate.js';

/** Accuracies of 200 dense networks of one shape and setting by an independent trainer. */
export interface ReferenceRow {
  readonly widths: Widths;
  readonly rate: number;
  readonly schedule: ScheduleName;
  readonly max: number;
  readonly p90: number;
  readonly median: number;
  /** Shares of networks that reach 95 %, 99.5 %, and at most 55 %. */
  readonly good: number;
  readonly perfect: number;
  readonly dead: number;
}

const row = (
  widths: Widths,
  rate: number,
  schedule: ScheduleName,
  [max, p90, median]: readonly [number, number, number],
  [good, perfect, dead]: readonly [number, number, number],
): ReferenceRow => ({ widths, rate, schedule, max, p90, median, good, perfect, dead });

/**
 * Dense 2-d1-d2-d3-1 networks with the bounds of first weights of width 16, 50 epochs, accuracy over all points. Printed
 * to three or four digits.
 */
export const REFERENCE: readonly ReferenceRow[] = [
  row([3, 2, 2], 0.1, 'cosine', [0.7989, 0.647, 0.5], [0, 0, 0.775]),
  row([3, 3, 3], 0.1, 'cosine', [0.9617, 0.724, 0.544], [0.015, 0, 0.55]),
  row([3, 3, 3], 0.05, 'constant', [0.9612, 0.795, 0.585], [0.015, 0, 0.345]),
  row([4, 3, 3], 0.05, 'constant', [0.9863, 0.933, 0.623], [0.08, 0, 0.315]),
  row([6, 3, 2], 0.1, 'cosine', [1, 0.826, 0.523], [0.065, 0.01, 0.57]),
  row([7, 3, 3], 0.1, 'cosine', [1, 0.896, 0.59], [0.08, 0.035, 0.45]),
  row([8, 8, 8], 0.1, 'cosine', [1, 1, 0.997], [0.63, 0.51, 0.035]),
  row([16, 16, 16], 0.1, 'cosine', [1, 1, 1], [0.915, 0.905, 0.035]),
  row([16, 16, 16], 0.05, 'constant', [1, 1, 1], [0.955, 0.945, 0.025]),
];

/** How far a distribution function may be off at the printed points. */
export const TOLERANCE = 0.08;
/** Fewer networks than that scatter more than the tolerance by themselves. */
export const LEAST_SEEDS = 100;

/** Shares that must lie within bounds of their own: networks that nearly always, rarely and never get there. */
export const BOUNDS: readonly {
  readonly widths: Widths;
  readonly share: 'good' | 'perfect';
  readonly least: number;
  readonly most: number;
}[] = [
  { widths: [16, 16, 16], share: 'perfect', least: 0.85, most: 1 },
  { widths: [3, 3, 3], share: 'good', least: 0.005, most: 0.05 },
  { widths: [3, 2, 2], share: 'good', least: 0, most: 0.005 },
];

/** Fewest weights at 95 % that partial searches with an independent trainer found: with random, and with given first weights. */
export const KNOWN_SPARSEST = { random: 21, fixed: 17 } as const;
