import { ArgumentError } from '../../gpu/errors.js';
import { makeReflector, reflect } from './householder.js';
import { assertMatrix, rotateRows, rowsAsColumns, signOfGreatest, transpose } from './matrix.js';

/** a = u diag(s) vᵀ, thin, row-major: u [m, r], s [r] descending, v [n, r], r = min(m, n). */
export interface HostSvd {
  u: Float64Array;
  s: Float64Array;
  v: Float64Array;
}

/**
 * Thin singular value decomposition of a row-major [m, n] matrix in float64, by Householder bidiagonalisation and
 * implicit-shift QR (Golub and Reinsch 1970). In each column of v (of u where m < n) the entry of greatest magnitude is
 * positive. Columns of u and v that belong to zero singular values are orthonormal too.
 *
 * @throws ShapeError unless a holds m n values
 * @throws ArgumentError for NaN or infinity, naming the place
 */
export function hostSvd(a: Float64Array, m: number, n: number): HostSvd {
  assertMatrix('hostSvd', a, m, n);
  const wide = m < n;
  const [rows, cols] = wide ? [n, m] : [m, n];
  const b = bidiagonalise(wide ? a.slice() : transpose(a, m, n), rows, cols);
  const left = formRows(b.columns, rows, cols, b.leftBeta, 0);
  const right = formRows(b.rightRows, cols, cols, b.rightBeta, 1);
  diagonalise(b.d, b.e, left, right, rows, cols);
  const order = Array.from(b.d.keys()).sort((i, j) => Math.abs(b.d[j]) - Math.abs(b.d[i]) || i - j);
  const signs = order.map((i) => signOfGreatest(right, cols, i));
  const far = rowsAsColumns(
    left,
    rows,
    order,
    order.map((i, k) => (b.d[i] < 0 ? -signs[k] : signs[k])),
  );
  const near = rowsAsColumns(right, cols, order, signs);
  const s = Float64Array.from(order, (i) => Math.abs(b.d[i]));
  return wide ? { u: near, s, v: far } : { u: far, s, v: near };
}

/** Singular values of a row-major [m, n] matrix in float64, descending; otherwise as `hostSvd`. */
export function hostSvdvals(a: Float64Array, m: number, n: number): Float64Array {
  assertMatrix('hostSvdvals', a, m, n);
  const wide = m < n;
  const [rows, cols] = wide ? [n, m] : [m, n];
  const { d, e } = bidiagonalise(wide ? a.slice() : transpose(a, m, n), rows, cols);
  diagonalise(d, e, null, null, rows, cols);
  return d.map(Math.abs).sort().reverse();
}

interface Bidiagonal {
  /** Diagonal and superdiagonal. */
  d: Float64Array;
  e: Float64Array;
  /** Row j holds left reflector j from element j on. */
  columns: Float64Array;
  leftBeta: Float64Array;
  /** Row j holds right reflector j from element j + 1 on. */
  rightRows: Float64Array;
  rightBeta: Float64Array;
}

/**
 * Reduces a matrix given by its columns (as rows of x, which is overwritten) to upper bidiagonal form; m >= n.
 *
 * A step passes over the columns twice: what the reflector from the right changes is left to the next step's first pass.
 */
function bidiagonalise(x: Float64Array, m: number, n: number): Bidiagonal {
  const d = new Float64Array(n);
  const e = new Float64Array(Math.max(0, n - 1));
  const leftBeta = new Float64Array(n);
  const rightBeta = new Float64Array(n);
  const rightRows = new Float64Array(n * n);
  const changes = { left: new Float64Array(n), right: new Float64Array(n), w: new Float64Array(m) };
  for (let k = 0; k < n; k++) {
    for (let i = k; i < m; i++) x[k * m + i] -= changes.right[k] * changes.w[i];
    const left = makeReflector(x, { start: k * m + k, step: 1, length: m - k });
    d[k] = left.alpha;
    leftBeta[k] = left.beta;
    if (k === n - 1) break;
    const v = rightRows.subarray(k * n, (k + 1) * n);
    changeAndMeet(x, k, m, n, changes);
    for (let j = k + 1; j < n; j++) {
      changes.left[j] *= left.beta;
      v[j] = x[j * m + k] - changes.left[j] * x[k * m + k];
    }
    const right = makeReflector(v, { start: k + 1, step: 1, length: n - k - 1 });
    e[k] = right.alpha;
    rightBeta[k] = right.beta;
    changeAndSum(x, k, m, n, changes, v);
    if (right.beta === 0) changes.w.fill(0); // v is not of length 1 then, and may have made it infinite
    for (let j = k + 1; j < n; j++) changes.right[j] = right.beta * v[j];
  }
  return { d, e, columns: x, leftBeta, rightRows, rightBeta };
}

/** Of column j: multiples `left[j]` of reflector k and `right[j]` of w that it is still to lose. */
interface Changes {
  left: Float64Array;
  right: Float64Array;
  w: Float64Array;
}

/** Columns after k lose their share of w; left <- their products with reflector k. Two at a time share its loads. */
function changeAndMeet(x: Float64Array, k: number, m: number, n: number, { left, right, w }: Changes): void {
  const u = k * m;
  for (let j = k + 1; j < n; j += 2) {
    const [a, b] = [j * m, Math.min(j + 1, n - 1) * m];
    const [ra, rb] = [right[j], b === a ? 0 : right[j + 1]];
    let da = 0;
    let db = 0;
    for (let i = k; i < m; i++) {
      const xa = x[a + i] - ra * w[i];
      x[a + i] = xa;
      da += x[u + i] * xa;
      const xb = x[b + i] - rb * w[i];
      x[b + i] = xb;
      db += x[u + i] * xb;
    }
    left[j] = da;
    if (b !== a) left[j + 1] = db;
  }
}

/** Columns after k lose their multiple of reflector k; w <- their sum, times v. */
function changeAndSum(x: Float64Array, k: number, m: number, n: number, { left, w }: Changes, v: Float64Array): void {
  const u = k * m;
  w.fill(0);
  for (let j = k + 1; j < n; j += 2) {
    const [a, b] = [j * m, Math.min(j + 1, n - 1) * m];
    const last = b === a;
    const [fa, fb] = [left[j], last ? 0 : left[j + 1]];
    const [va, vb] = [v[j], last ? 0 : v[j + 1]];
    for (let i = k; i < m; i++) {
      const xa = x[a + i] - fa * x[u + i];
      x[a + i] = xa;
      const xb = x[b + i] - fb * x[u + i];
      x[b + i] = xb;
      w[i] += va * xa + vb * xb;
    }
  }
}

/** The product of reflectors H_0 H_1 ... on the first `count` unit vectors, each as a row; H_k starts at k + shift. */
function formRows(v: Float64Array, length: number, count: number, beta: Float64Array, shift: number): Float64Array {
  const out = new Float64Array(count * length);
  for (let i = 0; i < count; i++) out[i * length + i] = 1;
  for (let k = count - 1 - shift; k >= 0; k--) {
    if (beta[k] === 0) continue;
    const at = k + shift;
    for (let i = at; i < count; i++) reflect(v, k * length + at, beta[k], out, i * length + at, length - at);
  }
  return out;
}

/** c, s and r with c f + s g = r and c g - s f = 0. */
function givens(f: number, g: number): [c: number, s: number, r: number] {
  if (g === 0) return [1, 0, f];
  const r = Math.hypot(f, g);
  return [f / r, g / r, r];
}

/** Implicit QR steps until e vanishes; d then holds the singular values up to sign. Rows of u and v are rotated along. */
function diagonalise(
  d: Float64Array,
  e: Float64Array,
  u: Float64Array | null,
  v: Float64Array | null,
  m: number,
  n: number,
): void {
  const turnU = (p: number, q: number, c: number, s: number) => u && rotateRows(u, m, p, q, c, s);
  const turnV = (p: number, q: number, c: number, s: number) => v && rotateRows(v, n, p, q, c, s);
  let scale = 0;
  for (const x of [d, e]) for (const value of x) scale = Math.max(scale, Math.abs(value));
  const tiny = 0.1 * Number.EPSILON * scale;
  let high = n - 1;
  for (let steps = 0; high > 0; steps++) {
    if (steps > 60 * n) throw new ArgumentError('hostSvd', `convergence in ${60 * n} steps`, 'none');
    if (Math.abs(e[high - 1]) <= Number.EPSILON * (Math.abs(d[high - 1]) + Math.abs(d[high])) + tiny) {
      e[--high] = 0;
      continue;
    }
    let low = high - 1;
    while (low > 0 && Math.abs(e[low - 1]) > Number.EPSILON * (Math.abs(d[low - 1]) + Math.abs(d[low]))) low--;
    if (low > 0) e[low - 1] = 0;
    const zero = lastZero(d, low, high, tiny);
    if (zero === high) chaseUp(d, e, low, high, turnV);
    else if (zero >= low) chaseDown(d, e, zero, high, turnU);
    else step(d, e, low, high, turnU, turnV);
  }
}

type Turn = (p: number, q: number, c: number, s: number) => void;

function lastZero(d: Float64Array, low: number, high: number, tiny: number): number {
  for (let k = high; k >= low; k--) if (Math.abs(d[k]) <= tiny) return k;
  return -1;
}

/** d[at] is zero: rotations with the rows below empty its row. */
function chaseDown(d: Float64Array, e: Float64Array, at: number, high: number, turnU: Turn): void {
  d[at] = 0;
  let f = e[at];
  e[at] = 0;
  for (let j = at + 1; j <= high && f !== 0; j++) {
    const [c, s, r] = givens(d[j], f);
    d[j] = r;
    turnU(j, at, c, s);
    if (j < high) {
      f = -s * e[j];
      e[j] *= c;
    }
  }
}

/** d[high] is zero: rotations with the columns before empty its column. */
function chaseUp(d: Float64Array, e: Float64Array, low: number, high: number, turnV: Turn): void {
  d[high] = 0;
  let f = e[high - 1];
  e[high - 1] = 0;
  for (let j = high - 1; j >= low && f !== 0; j--) {
    const [c, s, r] = givens(d[j], f);
    d[j] = r;
    turnV(j, high, c, s);
    if (j > low) {
      f = -s * e[j - 1];
      e[j - 1] *= c;
    }
  }
}

/** One QR step on rows low to high, with the shift of the trailing 2 x 2 of BᵀB that is nearer to its last element. */
function step(d: Float64Array, e: Float64Array, low: number, high: number, turnU: Turn, turnV: Turn): void {
  let scale = 0;
  for (const x of [d[high], d[high - 1], e[high - 1], d[low], e[low]]) scale = Math.max(scale, Math.abs(x));
  const [last, before, between] = [d[high] / scale, d[high - 1] / scale, e[high - 1] / scale];
  const half = ((before + last) * (before - last) + between * between) / 2;
  const cross = (last * between) ** 2;
  const root = half < 0 ? -Math.sqrt(half * half + cross) : Math.sqrt(half * half + cross);
  const shift = cross === 0 ? 0 : cross / (half + root);
  const first = d[low] / scale;
  let f = (first + last) * (first - last) + shift;
  let g = first * (e[low] / scale);
  for (let j = low; j < high; j++) {
    let [c, s, r] = givens(f, g);
    if (j > low) e[j - 1] = r;
    f = c * d[j] + s * e[j];
    e[j] = c * e[j] - s * d[j];
    g = s * d[j + 1];
    d[j + 1] *= c;
    turnV(j, j + 1, c, s);
    [c, s, r] = givens(f, g);
    d[j] = r;
    f = c * e[j] + s * d[j + 1];
    d[j + 1] = c * d[j + 1] - s * e[j];
    g = 0;
    if (j < high - 1) {
      g = s * e[j + 1];
      e[j + 1] *= c;
    }
    turnU(j, j + 1, c, s);
  }
  e[high - 1] = f;
}
