import { ArgumentError } from '../gpu/errors.js';
import { type Relation, type Side, swapped } from './relation.js';

/** What canonical correlations do with few points. */
export interface GuardOptions {
  /** Go on where points are fewer than twice the neurons, where canonical correlations say little. Default false. */
  force?: boolean;
}

/** How many leading directions of each side SVCCA keeps. */
export interface DirectionOptions extends GuardOptions {
  /** Least share of the total that the kept directions explain, in (0, 1]. Default 0.99. */
  threshold?: number;
  /** Total of what: squared singular values (the paper), or singular values (a public tutorial). Default 'variance'. */
  by?: 'variance' | 'amplitude';
  /** Keep exactly so many directions (fewer where the rank is lower) instead. */
  directions?: number;
}

/** Whether the directions kept explain no more than 99 % of the variance, so that none of them is a faint one. */
export const keepsStrong = ({ threshold = 0.99, by = 'variance', directions }: DirectionOptions): boolean =>
  directions === undefined && by === 'variance' && threshold <= 0.99;

/** @throws ArgumentError for options out of range */
export function checkDirections(op: string, { threshold = 0.99, by = 'variance', directions }: DirectionOptions): void {
  if (directions !== undefined && !(Number.isInteger(directions) && directions >= 1))
    throw new ArgumentError(op, 'directions as a whole number >= 1', String(directions));
  if (!(threshold > 0 && threshold <= 1)) throw new ArgumentError(op, 'a threshold in (0, 1]', String(threshold));
  if (by !== 'variance' && by !== 'amplitude') throw new ArgumentError(op, "by 'variance' or 'amplitude'", String(by));
}

/** Number of directions that explain the share asked for. */
export function leading(s: Float64Array, { threshold = 0.99, by = 'variance', directions }: DirectionOptions): number {
  if (directions !== undefined) return Math.min(directions, s.length);
  const power = by === 'variance' ? 2 : 1;
  const total = s.reduce((sum, value) => sum + value ** power, 0);
  let sum = 0;
  for (let k = 0; k < s.length; k++) {
    sum += s[k] ** power;
    // A threshold of 1 must mean all, whatever the rounding of the sums.
    if (threshold < 1 && sum >= threshold * total) return k + 1;
  }
  return s.length;
}

/**
 * Float32 loses about 5e-8 of a direction for every root mean square of the singular values that goes into what sets it
 * apart: its own singular value, for a direction that is to be known up to its length. Measured on singular values that
 * fall evenly, in one step, or all but one, errors of correlations are up to half of 1e-4 at this limit.
 */
const LIMIT = 1000;

/**
 * The same where `cross` is a product, for both sides' shares multiplied. Directions that explain 99 % of the variance
 * never pass it: the last of k of n explains more than 0.01 / (n - k + 1), so that its singular value is above a tenth
 * of the root mean square.
 */
const PRODUCT_LIMIT = 100;

/** Whether float32 carries the canonical correlations of all directions. */
export const carriesAll = (r: Relation): boolean =>
  carries(r.x) && carries(r.y) && carriesProduct(r, r.x.rank, r.y.rank);

/** Whether float32 carries what a regression of x on y inverts: y alone. */
export const carriesRegression = (r: Relation): boolean => carries(r.y) && carriesProduct(r, r.x.rank, r.y.rank);

function carriesProduct({ x, y, product }: Relation, kx: number, ky: number): boolean {
  if (!product || kx === 0 || ky === 0) return true;
  return scaleOf(x) * scaleOf(y) <= PRODUCT_LIMIT * x.s[kx - 1] * y.s[ky - 1];
}

/** Whether float32 carries a side's first k directions; where they are all, none may be missing. */
export function carries(side: Side, k = side.neurons - side.dropped): boolean {
  return k === 0 || (k <= side.rank && scaleOf(side) <= LIMIT * side.s[k - 1]);
}

/**
 * Whether float32 carries the directions that SVCCA keeps, and tells the last of them from the first that is left out:
 * those mix by rounding error over the gap between their singular values. That matters as much as either correlates
 * with the other side.
 */
export function carriesLeading(_op: string, r: Relation, options: DirectionOptions): boolean {
  const [kx, ky] = [wanted(r.x, options), wanted(r.y, options)];
  if (!carries(r.x, kx) || !carries(r.y, ky) || !carriesProduct(r, kx, ky)) return false;
  return r.x === r.y || (separates(r, kx, ky) && separates(swapped(r), ky, kx));
}

/** Directions to keep of a side whose rank may be higher than float32 could tell. */
function wanted(side: Side, options: DirectionOptions): number {
  const all = side.neurons - side.dropped;
  if (options.directions !== undefined) return Math.min(options.directions, all);
  return options.threshold === 1 ? all : leading(side.s, options);
}

function separates({ x, y, cross }: Relation, k: number, ky: number): boolean {
  if (k === x.rank || k === 0) return true;
  const correlated = (i: number) => Math.hypot(...cross.subarray(i * y.rank, i * y.rank + ky));
  const gap = x.s[k - 1] - x.s[k];
  return scaleOf(x) * Math.max(correlated(k - 1), correlated(k)) <= LIMIT * gap;
}

/** Root mean square of the singular values. */
const scaleOf = ({ s, neurons, dropped }: Side): number =>
  Math.sqrt(s.reduce((sum, value) => sum + value * value, 0) / Math.max(1, neurons - dropped));
