import { ArgumentError } from '../gpu/errors.js';
import { multiply, transpose } from '../linalg/host/matrix.js';
import { hostQr } from '../linalg/host/qr.js';
import { type CanonicalResult, canonicalDirections, canonicalResult, type GuardOptions, guard } from './canonical.js';
import type { Relation, Side } from './relation.js';

export interface PwccaOptions extends GuardOptions {
  /** The side whose neurons give the weights. Default the one with fewer living neurons, x where they are equal. */
  weights?: 'smaller' | 'x' | 'y';
  /**
   * 'paper' (default): weights from canonical variates and centred neurons. 'google': from directions without the
   * inverse square root of the covariance, with means added and made orthonormal, and neurons with their means, as
   * google/svcca computes them. That value depends on the signs of singular vectors, which nothing determines; here
   * the first neuron's entry of each is negative.
   */
  convention?: 'paper' | 'google';
}

export interface PwccaResult extends CanonicalResult {
  /** Correlations weighted by alpha. */
  similarity: number;
  /** Weight of each correlation; they sum to 1. */
  alpha: Float64Array;
  weights: 'x' | 'y';
}

/**
 * Projection weighted canonical correlation analysis of a relation (Morcos et al. 2018): correlation i counts by how
 * much of its side's activations canonical variate i accounts for. Not symmetric: `weights` says whose.
 */
export async function projectionWeightedCorrelations(
  op: string,
  r: Relation,
  options: PwccaOptions = {},
): Promise<PwccaResult> {
  const { weights = 'smaller', convention = 'paper' } = options;
  const flags = guard(op, r, options);
  const chosen = sideOf(r, weights);
  const { rho, left, right } = await canonicalDirections(op, r);
  const side = r[chosen];
  const directions = chosen === 'x' ? left : right;
  const amounts =
    convention === 'paper'
      ? projections(side, directions, rho.length)
      : projectionsWithMeans(op, side, directions, rho.length, r.points);
  const total = amounts.reduce((a, b) => a + b, 0);
  const alpha = total === 0 ? amounts : amounts.map((value) => value / total);
  const similarity = rho.reduce((sum, value, i) => sum + alpha[i] * value, 0);
  return { ...canonicalResult(r, rho, flags), similarity, distance: 1 - similarity, alpha, weights: chosen };
}

/** @throws ArgumentError for options of other names */
export function checkWeights(op: string, { weights = 'smaller', convention = 'paper' }: PwccaOptions): void {
  if (!['smaller', 'x', 'y'].includes(weights))
    throw new ArgumentError(op, "weights 'smaller', 'x' or 'y'", String(weights));
  if (!['paper', 'google'].includes(convention))
    throw new ArgumentError(op, "convention 'paper' or 'google'", String(convention));
}

function sideOf({ x, y }: Relation, weights: PwccaOptions['weights']): 'x' | 'y' {
  if (weights === 'x' || weights === 'y') return weights;
  return y.neurons - y.dropped < x.neurons - x.dropped ? 'y' : 'x';
}

/** Sums over neurons j of |<h_i, x_j>| with h = U P. */
function projections(side: Side, directions: Float64Array, count: number): Float64Array {
  return absoluteSums(directions, side.loadings, side.rank, count);
}

/**
 * The same with D = Xc W + 1 mᵀ made orthonormal in place of h, W = V P the directions in neuron space, and X = Xc + 1 mᵀ.
 * Both are [U, 1/√n] times a small matrix, so that the QR of a small matrix is all it takes.
 */
function projectionsWithMeans(
  op: string,
  side: Side,
  directions: Float64Array,
  count: number,
  points: number,
): Float64Array {
  const { rank, s, loadings, mean } = side;
  const neurons = mean.length;
  if (neurons === 0) return new Float64Array(count);
  if (count < neurons) {
    const expected = "a smaller side of full rank that gives the weights in the convention 'google'";
    throw new ArgumentError(op, expected, `${count} correlations for ${neurons} neurons`);
  }
  const v = transpose(
    loadings.map((value, at) => value / s[Math.floor(at / neurons)]),
    rank,
    neurons,
  );
  const w = withNegativeFirst(multiply(v, directions, neurons, rank, count), count);
  const means = mean.map((value) => value * Math.sqrt(points));
  const { q } = hostQr(stacked(multiply(loadings, w, rank, neurons, count), means), rank + 1, count);
  return absoluteSums(q, stacked(loadings, means), rank + 1, count);
}

/** Columns turned so that their first entry is not positive: a [rows, cols]. */
function withNegativeFirst(a: Float64Array, cols: number): Float64Array {
  return a.map((value, at) => (a[at % cols] > 0 ? -value : value));
}

/** The sum of every row of |aᵀ b|: a [rows, count], b [rows, neurons]. */
function absoluteSums(a: Float64Array, b: Float64Array, rows: number, count: number): Float64Array {
  const product = multiply(transpose(a, rows, count), b, count, rows, rows === 0 ? 0 : b.length / rows);
  const sums = new Float64Array(count);
  for (let at = 0; at < product.length; at++) sums[Math.floor((at * count) / product.length)] += Math.abs(product[at]);
  return sums;
}

function stacked(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
