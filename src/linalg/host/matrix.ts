import { ArgumentError, ShapeError } from '../../gpu/errors.js';

/**
 * Helpers of the float64 host reference: matrices are flat, row-major `Float64Array`s whose sizes travel beside them.
 */

/** Refuses an array that does not hold rows x cols finite numbers. */
export function assertMatrix(op: string, a: Float64Array, rows: number, cols: number): void {
  const whole = Number.isInteger(rows) && Number.isInteger(cols) && rows >= 0 && cols >= 0;
  if (!whole || a.length !== rows * cols) {
    throw new ShapeError(op, `${rows} x ${cols} values in an array`, `${a.length} values`);
  }
  const bad = a.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    const at = `${a[bad]} at row ${Math.floor(bad / cols)}, column ${bad % cols}`;
    throw new ArgumentError(op, 'finite numbers', at);
  }
}

/** The n x n identity. */
export function identity(n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  return out;
}

/** aᵀ [cols, rows] of a [rows, cols]. */
export function transpose(a: Float64Array, rows: number, cols: number): Float64Array {
  const out = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j * rows + i] = a[i * cols + j];
  return out;
}

/** a b [m, n] of a [m, k] and b [k, n]. */
export function multiply(a: Float64Array, b: Float64Array, m: number, k: number, n: number): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let x = 0; x < k; x++) {
      const s = a[i * k + x];
      if (s === 0) continue;
      for (let j = 0; j < n; j++) out[i * n + j] += s * b[x * n + j];
    }
  }
  return out;
}

/** a with column j multiplied by d[j]; a [rows, d.length]. */
export function scaleColumns(a: Float64Array, d: ArrayLike<number>, rows: number): Float64Array {
  const cols = d.length;
  const out = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[i * cols + j] = a[i * cols + j] * d[j];
  return out;
}

/** [x, y] <- [c x + s y, c y - s x] for rows p and q, each `length` long, of a row-major array. */
export function rotateRows(a: Float64Array, length: number, p: number, q: number, c: number, s: number): void {
  const x = p * length;
  const y = q * length;
  for (let i = 0; i < length; i++) {
    const u = a[x + i];
    const v = a[y + i];
    a[x + i] = c * u + s * v;
    a[y + i] = c * v - s * u;
  }
}

/**
 * The rows of a [count, length] named by `order`, each times its sign, as the columns of a matrix [length, order.length].
 */
export function rowsAsColumns(
  a: Float64Array,
  length: number,
  order: readonly number[],
  signs: readonly number[],
): Float64Array {
  const out = new Float64Array(length * order.length);
  order.forEach((row, j) => {
    for (let i = 0; i < length; i++) out[i * order.length + j] = signs[j] * a[row * length + i];
  });
  return out;
}

/** +1 or -1, so that the entry of greatest magnitude (the first of several) in a row of a comes out positive. */
export function signOfGreatest(a: Float64Array, length: number, row: number): number {
  let best = 0;
  for (let i = 0; i < length; i++) {
    const v = a[row * length + i];
    if (Math.abs(v) > Math.abs(best)) best = v;
  }
  return best < 0 ? -1 : 1;
}
