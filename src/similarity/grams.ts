import { centred, type Matrix, transposedProduct } from './activations.js';
import type { Flag, Precision } from './result.js';

/** What the measures built on HSIC need of two Gram matrices K and L of as many points, rows and columns centred. */
export interface Grams {
  points: number;
  /** Sums over all entries of K², K L and L². */
  xx: number;
  xy: number;
  yy: number;
  /** Diagonals of K and L: [points]. */
  x: Float64Array;
  y: Float64Array;
  /** Bandwidths of a Gaussian kernel. */
  sigma?: [x: number, y: number];
  precision: Precision;
  flags: Flag[];
}

/** From products of neurons [p, q], or from Gram matrices [points, points]. */
export type GramForm = 'features' | 'gram';

/** Linear kernels in float64. Both forms give the same numbers. */
export function hostLinearGrams(x: Matrix, y: Matrix, form: GramForm): Grams {
  const a = centred(x);
  const b = x === y ? a : centred(y);
  const diagonals = { x: rowSquares(a), y: rowSquares(b) };
  if (form === 'features') {
    const inner = (left: Matrix, right: Matrix) => squares(transposedProduct(left, right));
    return grams(x.rows, inner(a, a), inner(a, b), inner(b, b), diagonals);
  }
  const [k, l] = [outer(a), outer(b)];
  return grams(x.rows, dot(k, k), dot(k, l), dot(l, l), diagonals);
}

/** Gaussian kernels of squared distances [points, points] and bandwidths, in float64. */
export function hostRbfGrams(points: number, x: Float64Array, y: Float64Array, sigma: [number, number]): Grams {
  const k = doublyCentred(
    x.map((d) => Math.exp(-d / (2 * sigma[0] ** 2))),
    points,
  );
  const l = doublyCentred(
    y.map((d) => Math.exp(-d / (2 * sigma[1] ** 2))),
    points,
  );
  const diagonals = { x: diagonal(k, points), y: diagonal(l, points) };
  return { ...grams(points, dot(k, k), dot(k, l), dot(l, l), diagonals), sigma };
}

/** Squared Euclidean distances between all rows, [rows, rows]. */
export function hostDistances({ data, rows, cols }: Matrix): Float64Array {
  const out = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let k = 0; k < cols; k++) sum += (data[i * cols + k] - data[j * cols + k]) ** 2;
      out[i * rows + j] = sum;
      out[j * rows + i] = sum;
    }
  }
  return out;
}

function grams(
  points: number,
  xx: number,
  xy: number,
  yy: number,
  diagonals: { x: Float64Array; y: Float64Array },
): Grams {
  return { points, xx, xy, yy, ...diagonals, precision: 'float64', flags: degenerateFlags(xx, yy) };
}

export const degenerateFlags = (xx: number, yy: number): Flag[] => (xx > 0 && yy > 0 ? [] : ['degenerate']);

function rowSquares({ data, rows, cols }: Matrix): Float64Array {
  const out = new Float64Array(rows);
  for (let at = 0; at < data.length; at++) out[Math.floor(at / cols)] += data[at] ** 2;
  return out;
}

/** a aᵀ. */
function outer({ data, rows, cols }: Matrix): Float64Array {
  const out = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < cols; k++) sum += data[i * cols + k] * data[j * cols + k];
      out[i * rows + j] = sum;
      out[j * rows + i] = sum;
    }
  }
  return out;
}

/** A symmetric matrix less the means of its rows and columns, plus the mean of all. */
function doublyCentred(k: Float64Array, n: number): Float64Array {
  const means = new Float64Array(n);
  for (let at = 0; at < k.length; at++) means[Math.floor(at / n)] += k[at] / n;
  const mean = means.reduce((sum, value) => sum + value / n, 0);
  return k.map((value, at) => value - means[Math.floor(at / n)] - means[at % n] + mean);
}

const diagonal = (k: Float64Array, n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => k[i * n + i]);

const squares = (a: Float64Array): number => dot(a, a);

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
