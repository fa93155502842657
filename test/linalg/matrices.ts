import { identity, multiply, scaleColumns, transpose } from '../../src/linalg/host/index.js';
import type { Inputs } from '../support/random.js';

/** Seeded float64 matrices for tests of decompositions, and what their factors must satisfy. */

export const normals = (inputs: Inputs, count: number): Float64Array => Float64Array.from(inputs.normal(count));

/** Random factors with singular values s: [m, r] diag(s) [r, n], by Gram-Schmidt, twice for orthogonality. */
export function withSingularValues(inputs: Inputs, m: number, n: number, s: readonly number[]): Float64Array {
  const r = s.length;
  return multiply(
    scaleColumns(orthonormal(inputs, m, r), s, m),
    transpose(orthonormal(inputs, n, r), n, r),
    ...[m, r, n],
  );
}

/** A random [rows, cols] matrix with orthonormal columns. */
export function orthonormal(inputs: Inputs, rows: number, cols: number): Float64Array {
  const q = transpose(normals(inputs, rows * cols), rows, cols);
  for (let j = 0; j < cols; j++) {
    const x = q.subarray(j * rows, (j + 1) * rows);
    for (let twice = 0; twice < 2; twice++) {
      for (let k = 0; k < j; k++) {
        const y = q.subarray(k * rows, (k + 1) * rows);
        const dot = x.reduce((sum, v, i) => sum + v * y[i], 0);
        x.forEach((_, i) => {
          x[i] -= dot * y[i];
        });
      }
      const norm = Math.hypot(...x);
      x.forEach((_, i) => {
        x[i] /= norm;
      });
    }
  }
  return transpose(q, cols, rows);
}

/** Greatest |a - b|. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (!(d <= worst)) worst = d;
  }
  return a.length === b.length ? worst : Number.NaN;
}

/** Greatest entry of |qᵀ q - I|, q [rows, cols]. */
export function orthogonalityError(q: ArrayLike<number>, rows: number, cols: number): number {
  const x = Float64Array.from(q);
  return distance(multiply(transpose(x, rows, cols), x, cols, rows, cols), identity(cols));
}

/** Greatest entry of |u diag(s) vᵀ - a|, u [m, r], v [n, r]. */
export function reconstructionError(
  a: ArrayLike<number>,
  u: ArrayLike<number>,
  s: ArrayLike<number>,
  v: ArrayLike<number>,
): number {
  const r = s.length;
  const [m, n] = [u.length / r, v.length / r];
  const scaled = scaleColumns(Float64Array.from(u), s, m);
  return distance(multiply(scaled, transpose(Float64Array.from(v), n, r), m, r, n), a);
}
