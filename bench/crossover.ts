import type { Row } from './harness.js';
import { byCase, ratio, referenceOf } from './rates.js';

/** Time of a sparse candidate relative to the dense one at a sparsity in [0, 1). */
export interface RelativeTime {
  sparsity: number;
  ratio: number;
}

/** How one candidate of a size compares with the reference of its cases, from the lowest sparsity up. */
export interface Series {
  suite: string;
  /** Size, as in the cases' `point.group`. */
  group: string;
  candidate: string;
  reference: string;
  /** Whether it is a form of this engine that does fewer operations than the reference. */
  sparse: boolean;
  points: RelativeTime[];
}

/** Where a sparse candidate breaks even. */
export interface Crossover extends Series {
  /**
   * Sparsity from which on the candidate is faster: the lowest measured one where it is so at all of them, null where
   * it is slower at the sparsest.
   */
  sparsity: number | null;
}

/**
 * The sparsity from which on a sparse form stays faster than the dense one. Between the last measured point that is not
 * faster and the next, the logarithm of the ratio is taken as linear in the logarithm of the density, as it is for a
 * form whose time is a fixed part plus one proportional to its nonzeros.
 *
 * @returns the lowest sparsity where every point is faster, null where there are none or the sparsest is not
 * @throws RangeError for a sparsity outside [0, 1) or a ratio that is not positive
 */
export function crossoverOf(points: readonly RelativeTime[]): number | null {
  for (const { sparsity, ratio } of points) {
    if (!(sparsity >= 0 && sparsity < 1))
      throw new RangeError(`crossoverOf: expected sparsities in [0, 1), got ${sparsity}`);
    if (!(ratio > 0 && ratio < Number.POSITIVE_INFINITY))
      throw new RangeError(`crossoverOf: expected positive ratios, got ${ratio}`);
  }
  const sorted = [...points].sort((a, b) => a.sparsity - b.sparsity);
  const last = sorted.findLastIndex((p) => p.ratio >= 1);
  if (last === sorted.length - 1) return null;
  if (last === -1) return sorted[0].sparsity;
  const [slow, fast] = [sorted[last], sorted[last + 1]];
  const part = Math.log(slow.ratio) / (Math.log(slow.ratio) - Math.log(fast.ratio));
  const [from, to] = [slow, fast].map((p) => Math.log(1 - p.sparsity));
  return 1 - Math.exp(from + part * (to - from));
}

/** Every candidate's times relative to its reference. Times are the GPU's where both sides have them. */
export function series(rows: readonly Row[]): Series[] {
  const found = new Map<string, Series>();
  for (const same of byCase(rows)) for (const row of same) addPoint(found, row, same);
  for (const { points } of found.values()) points.sort((a, b) => a.sparsity - b.sparsity);
  return [...found.values()];
}

function addPoint(found: Map<string, Series>, row: Row, rowsOfCase: readonly Row[]): void {
  const times = ratio(row, rowsOfCase);
  if (!row.point || !row.reference || times === null) return;
  const { group, sparsity } = row.point;
  const { suite = '', candidate, reference } = row;
  const key = JSON.stringify([suite, group, candidate]);
  const entry: Series = found.get(key) ?? { suite, group, candidate, reference, sparse: false, points: [] };
  const most = referenceOf(row, rowsOfCase)?.cost?.flops ?? 0;
  entry.sparse ||= row.kind !== 'peer' && (row.cost?.flops ?? 0) < most;
  entry.points.push({ sparsity, ratio: times });
  found.set(key, entry);
}

/** The break-even of every sparse candidate of every size. */
export const crossovers = (rows: readonly Row[]): Crossover[] =>
  series(rows)
    .filter((s) => s.sparse)
    .map((s) => ({ ...s, sparsity: crossoverOf(s.points) }));
