import { ArgumentError } from '../../gpu/errors.js';
import { assertMatrix, multiply, scaleColumns, transpose } from './matrix.js';
import { hostQr } from './qr.js';
import { hostSvd } from './svd.js';

export interface HostTriangularOptions {
  /** a is lower triangular (default true); what lies in its other triangle does not count. */
  lower?: boolean;
  /** Solve aᵀ x = b. */
  transA?: boolean;
  /** Take the diagonal of a as ones. */
  unitDiagonal?: boolean;
}

/**
 * x [n, k] with a x = b for a triangular a [n, n] and b [n, k], row-major, in float64.
 *
 * @throws ShapeError, ArgumentError for arrays of other sizes, NaN or infinity, or a zero on the diagonal
 */
export function hostTriangularSolve(
  a: Float64Array,
  b: Float64Array,
  n: number,
  k: number,
  { lower = true, transA = false, unitDiagonal = false }: HostTriangularOptions = {},
): Float64Array {
  assertMatrix('hostTriangularSolve', a, n, n);
  assertMatrix('hostTriangularSolve', b, n, k);
  const x = b.slice();
  const forward = lower !== transA;
  for (let step = 0; step < n; step++) {
    const i = forward ? step : n - 1 - step;
    const pivot = unitDiagonal ? 1 : a[i * n + i];
    if (pivot === 0) throw new ArgumentError('hostTriangularSolve', 'a diagonal without zeros', `0 in row ${i}`);
    for (let c = 0; c < k; c++) x[i * k + c] /= pivot;
    for (let j = forward ? i + 1 : 0; j < (forward ? n : i); j++) {
      const s = transA ? a[i * n + j] : a[j * n + i];
      for (let c = 0; c < k; c++) x[j * k + c] -= s * x[i * k + c];
    }
  }
  return x;
}

/**
 * x [n, k] with a x = b for a square row-major a [n, n], in float64, by QR.
 *
 * @throws ShapeError, ArgumentError as hostTriangularSolve
 */
export function hostSolve(a: Float64Array, b: Float64Array, n: number, k: number): Float64Array {
  const { q, r } = hostQr(a, n, n);
  return hostTriangularSolve(r, multiply(transpose(q, n, n), b, n, n, k), n, k, { lower: false });
}

/**
 * Pseudo-inverse [n, m] of a row-major a [m, n] in float64. Singular values up to rcond times the largest count as
 * zero; by default rcond = max(m, n) 2^-52.
 */
export function hostPinv(a: Float64Array, m: number, n: number, rcond = Math.max(m, n) * Number.EPSILON): Float64Array {
  const { u, s, v } = hostSvd(a, m, n);
  const inverse = s.map((x) => (x > rcond * s[0] ? 1 / x : 0));
  return multiply(scaleColumns(v, inverse, n), transpose(u, m, s.length), n, s.length, m);
}

/** The x [n, k] of least norm among those that bring |a x - b| to its least; a [m, n], b [m, k]; rcond as hostPinv. */
export function hostLstsq(
  a: Float64Array,
  b: Float64Array,
  m: number,
  n: number,
  k: number,
  rcond?: number,
): Float64Array {
  assertMatrix('hostLstsq', b, m, k);
  return multiply(hostPinv(a, m, n, rcond), b, n, m, k);
}
