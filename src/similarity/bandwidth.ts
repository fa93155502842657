import { ArgumentError } from '../gpu/errors.js';

export interface BandwidthOptions {
  /** Bandwidth of the Gaussian kernel of both sides, or of each. Default `fraction` of the median distance. */
  sigma?: number | readonly [x: number, y: number];
  /** Bandwidth over the median distance. Default 0.5. */
  fraction?: number;
  /**
   * 'pairs' (default) is the median distance of two different points; 'demo' the root of the median squared distance
   * over all ordered pairs, a point with itself included, as a public demo has it.
   */
  median?: 'pairs' | 'demo';
}

/** How a side's bandwidth follows from its squared distances. */
export interface BandwidthRule {
  /** Which of the points² squared distances in ascending order it takes, counted from 0; none where it is given. */
  ranks: readonly number[];
  /** The bandwidth, given those and the greatest of all. @throws ArgumentError where the median distance is 0 */
  of(side: 'x' | 'y', distances: readonly number[], most: number): number;
}

/** @throws ArgumentError for options out of range */
export function bandwidthRule(op: string, points: number, options: BandwidthOptions): BandwidthRule {
  const { sigma, fraction = 0.5, median = 'pairs' } = options;
  if (sigma !== undefined) {
    const [x, y] = typeof sigma === 'number' ? [sigma, sigma] : sigma;
    for (const value of [x, y])
      if (!(value > 0 && value < Number.POSITIVE_INFINITY))
        throw new ArgumentError(op, 'a finite sigma above 0', String(value));
    return { ranks: [], of: (side) => (side === 'x' ? x : y) };
  }
  if (!(fraction > 0 && fraction < Number.POSITIVE_INFINITY))
    throw new ArgumentError(op, 'a finite fraction above 0', String(fraction));
  if (median !== 'pairs' && median !== 'demo') throw new ArgumentError(op, "median 'pairs' or 'demo'", String(median));
  return {
    ranks: medianRanks(points, median),
    of: (side, distances, most) => {
      // Where nothing varies, any bandwidth gives the same.
      if (most === 0) return 1;
      const root = median === 'pairs' ? average(distances.map(Math.sqrt)) : Math.sqrt(average(distances));
      if (root === 0) {
        const expected = `a median distance above 0 in ${side} (or sigma)`;
        throw new ArgumentError(op, expected, 'more than half of its points alike');
      }
      return fraction * root;
    },
  };
}

/** In ascending order come a zero for every point, and then the distance of every pair twice. */
function medianRanks(points: number, median: 'pairs' | 'demo'): number[] {
  const total = points * points;
  if (median === 'demo') return total % 2 === 1 ? [(total - 1) / 2] : [total / 2 - 1, total / 2];
  const pairs = (total - points) / 2;
  return pairs % 2 === 1 ? [points + pairs - 1] : [points + pairs - 2, points + pairs];
}

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
