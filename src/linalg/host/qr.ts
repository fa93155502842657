import { makeReflector, reflect } from './householder.js';
import { assertMatrix, transpose } from './matrix.js';

/** a = q r, thin, row-major: q [m, k] orthonormal, r [k, n] upper triangular with a diagonal >= 0, k = min(m, n). */
export interface HostQr {
  q: Float64Array;
  r: Float64Array;
  /** Column j of q r is column order[j] of a: 0, 1, ... without pivoting. */
  order: Int32Array;
}

/**
 * Thin QR factorisation of a row-major [m, n] matrix in float64 by Householder reflectors (Golub and Van Loan 2013,
 * section 5.2). With `pivot` every step takes the column that is longest after the steps before it: the diagonal of r
 * then descends, and shows the rank where it drops to rounding error.
 *
 * @throws ShapeError unless a holds m n values
 * @throws ArgumentError for NaN or infinity, naming the place
 */
export function hostQr(a: Float64Array, m: number, n: number, options: { pivot?: boolean } = {}): HostQr {
  assertMatrix('hostQr', a, m, n);
  const k = Math.min(m, n);
  const columns = transpose(a, m, n);
  const order = Int32Array.from({ length: n }, (_, j) => j);
  const beta = new Float64Array(k);
  const diagonal = new Float64Array(k);
  for (let i = 0; i < k; i++) {
    if (options.pivot) exchange(columns, order, m, i, longest(columns, m, n, i));
    const reflector = makeReflector(columns, { start: i * m + i, step: 1, length: m - i });
    beta[i] = reflector.beta;
    diagonal[i] = reflector.alpha;
    for (let j = i + 1; j < n; j++) reflect(columns, i * m + i, beta[i], columns, j * m + i, m - i);
  }
  const r = new Float64Array(k * n);
  for (let i = 0; i < k; i++) {
    const sign = diagonal[i] < 0 ? -1 : 1;
    r[i * n + i] = sign * diagonal[i];
    for (let j = i + 1; j < n; j++) r[i * n + j] = sign * columns[j * m + i];
  }
  return { q: transpose(formQ(columns, beta, diagonal, m, k), k, m), r, order };
}

/** The columns of q as rows [k, m]: reflectors applied to signed unit vectors, last reflector first. */
function formQ(columns: Float64Array, beta: Float64Array, diagonal: Float64Array, m: number, k: number): Float64Array {
  const rows = new Float64Array(k * m);
  for (let i = 0; i < k; i++) rows[i * m + i] = diagonal[i] < 0 ? -1 : 1;
  for (let i = k - 1; i >= 0; i--) {
    for (let j = i; j < k; j++) reflect(columns, i * m + i, beta[i], rows, j * m + i, m - i);
  }
  return rows;
}

/** The column from `first` on that is longest below row `first`; the least of equals. */
function longest(columns: Float64Array, m: number, n: number, first: number): number {
  let best = first;
  let most = -1;
  for (let j = first; j < n; j++) {
    let squares = 0;
    for (let i = first; i < m; i++) squares += columns[j * m + i] ** 2;
    if (squares > most) {
      best = j;
      most = squares;
    }
  }
  return best;
}

function exchange(columns: Float64Array, order: Int32Array, m: number, i: number, j: number): void {
  if (i === j) return;
  const kept = columns.slice(i * m, (i + 1) * m);
  columns.copyWithin(i * m, j * m, (j + 1) * m);
  columns.set(kept, j * m);
  [order[i], order[j]] = [order[j], order[i]];
}
