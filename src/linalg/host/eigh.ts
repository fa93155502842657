import { ArgumentError } from '../../gpu/errors.js';
import { makeReflector, reflect } from './householder.js';
import { assertMatrix, rotateRows, rowsAsColumns, signOfGreatest } from './matrix.js';

/** a = q diag(w) qᵀ: values w [n] ascending, vectors q [n, n] row-major with eigenvector j in column j. */
export interface HostEigh {
  values: Float64Array;
  vectors: Float64Array;
}

/**
 * Eigendecomposition of a symmetric row-major [n, n] matrix in float64, by Householder tridiagonalisation and implicit
 * QL (Golub and Van Loan 2013, section 8.3). Only (a + aᵀ) / 2 counts. In each eigenvector the entry of greatest magnitude is positive.
 *
 * @throws ShapeError unless a holds n n values
 * @throws ArgumentError for NaN or infinity, naming the place
 */
export function hostEigh(a: Float64Array, n: number): HostEigh {
  assertMatrix('hostEigh', a, n, n);
  const { d, e, rows } = tridiagonalise(a, n);
  diagonalise(d, e, rows, n);
  const order = Array.from(d.keys()).sort((i, j) => d[i] - d[j] || i - j);
  const signs = order.map((i) => signOfGreatest(rows, n, i));
  return { values: Float64Array.from(order, (i) => d[i]), vectors: rowsAsColumns(rows, n, order, signs) };
}

/** Diagonal d, subdiagonal e (e[i] beside d[i] and d[i + 1]) and the rows of qᵀ with qᵀ a q tridiagonal. */
function tridiagonalise(a: Float64Array, n: number): { d: Float64Array; e: Float64Array; rows: Float64Array } {
  const x = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) x[i * n + j] = (a[i * n + j] + a[j * n + i]) / 2;
  const d = new Float64Array(n);
  const e = new Float64Array(n);
  const beta = new Float64Array(n);
  const p = new Float64Array(n);
  for (let k = 0; k + 1 < n; k++) {
    // Row k right of the diagonal becomes reflector v; the rest gets H x H = x - v wᵀ - w vᵀ.
    const v = x.subarray(k * n, (k + 1) * n);
    d[k] = v[k];
    const reflector = makeReflector(v, { start: k + 1, step: 1, length: n - k - 1 });
    e[k] = reflector.alpha;
    beta[k] = reflector.beta;
    if (beta[k] === 0) continue;
    let dot = 0;
    for (let i = k + 1; i < n; i++) {
      let s = 0;
      for (let j = k + 1; j < n; j++) s += x[i * n + j] * v[j];
      p[i] = beta[k] * s;
      dot += p[i] * v[i];
    }
    for (let i = k + 1; i < n; i++) p[i] -= (beta[k] / 2) * dot * v[i];
    for (let i = k + 1; i < n; i++) {
      const [vi, pi] = [v[i], p[i]];
      for (let j = k + 1; j < n; j++) x[i * n + j] -= vi * p[j] + pi * v[j];
    }
  }
  if (n > 0) d[n - 1] = x[n * n - 1];
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) rows[i * n + i] = 1;
  for (let k = n - 2; k >= 0; k--) {
    if (beta[k] === 0) continue;
    for (let i = k + 1; i < n; i++) reflect(x, k * n + k + 1, beta[k], rows, i * n + k + 1, n - k - 1);
  }
  return { d, e, rows };
}

/** Implicit QL steps until e vanishes; rows of qᵀ are rotated along. */
function diagonalise(d: Float64Array, e: Float64Array, rows: Float64Array, n: number): void {
  // Beside zeros on the diagonal, small means small for the whole matrix: its rounding is all there is.
  let tiny = 0;
  for (const x of [d, e]) for (const value of x) tiny = Math.max(tiny, Number.EPSILON * Math.abs(value));
  const negligible = (i: number) => Math.abs(e[i]) <= Number.EPSILON * (Math.abs(d[i]) + Math.abs(d[i + 1])) + tiny;
  for (let low = 0; low < n; low++) {
    for (let steps = 0; ; steps++) {
      let high = low;
      while (high + 1 < n && !negligible(high)) high++;
      if (high === low) break;
      if (steps > 60) throw new ArgumentError('hostEigh', 'convergence in 60 steps a value', 'none');
      step(d, e, rows, n, low, high);
    }
  }
}

/** One QL step from row high up to row low, with Wilkinson's shift at its upper end. */
function step(d: Float64Array, e: Float64Array, rows: Float64Array, n: number, low: number, high: number): void {
  const half = (d[low + 1] - d[low]) / (2 * e[low]);
  const root = Math.hypot(half, 1);
  let f = d[high] - d[low] + e[low] / (half + (half < 0 ? -root : root));
  let c = 1;
  let s = 1;
  let moved = 0;
  for (let i = high - 1; i >= low; i--) {
    const g = s * e[i];
    const b = c * e[i];
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      // The rotation that would come next is not defined: the block has split here.
      d[i + 1] -= moved;
      e[high] = 0;
      return;
    }
    s = g / r;
    c = f / r;
    const base = d[i + 1] - moved;
    const t = (d[i] - base) * s + 2 * c * b;
    moved = s * t;
    d[i + 1] = base + moved;
    f = c * t - b;
    rotateRows(rows, n, i + 1, i, c, s);
  }
  d[low] -= moved;
  e[low] = f;
  e[high] = 0;
}
