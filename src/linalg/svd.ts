import { isRecording, record, withRecording } from '../autograd/node.js';
import { concat } from '../ops/concat.js';
import { full } from '../ops/create.js';
import { matmul } from '../ops/matmul.js';
import { mul } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import { swapAxes } from '../ops/transpose.js';
import { assertDType } from '../tensor/dtype.js';
import { scope } from '../tensor/scope.js';
import { assertRank, sizeOf } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { checkSweeps, factorRows, SWEEPS, signsOfRows, soundness } from './jacobi.js';
import { qr, qrTriangle } from './qr.js';

export interface SvdOptions {
  /** Most sweeps of rotations, 1 to 60; those that find nothing to do cost next to nothing. Default 12. */
  sweeps?: number;
}

/** a = u diag(s) vᵀ over the last two axes, r = min(m, n). */
export interface Svd {
  /** [..., m, r] with orthonormal columns. */
  u: Tensor;
  /** [..., r], descending, not negative. */
  s: Tensor;
  /** [..., n, r] with orthonormal columns: v itself, not its transpose. */
  v: Tensor;
  /** bool [...]: whether the sweeps sufficed. If not, columns of u are not orthogonal to 1e-5, and u diag(s) vᵀ is not a. */
  converged: Tensor;
}

/** The pair of factors beside s, for the reverse rules. */
export interface SvdAttrs {
  part: 'u' | 's' | 'v';
  factors: { u: Tensor; s: Tensor; v: Tensor };
}

/**
 * Thin singular value decomposition of every [m, n] matrix of a: QR, QR of rᵀ, then one-sided block Jacobi (Drmač and
 * Veselić 2008). The cosines that are left are below 2e-6.
 *
 * f32. Against float64, up to 10,000 x 512 and 2,000 x 2,000 and whatever the condition: singular values, |uᵀu - I|,
 * |vᵀv - I| and |a - u diag(s) vᵀ| to 1e-5 of the largest singular value. Singular values below 2^-23 of the largest
 * entry of r come out as 0; columns that belong to zero singular values are orthonormal to the others too. In every
 * column of v (of u where m < n) the entry of greatest magnitude is positive. A matrix with NaN or infinity gives NaN
 * throughout, and no other in the batch does.
 *
 * Nothing is read back: a compiled step may hold it. Differentiable to any order while singular values differ; the
 * gradient of s always is. The gradients of u and v hold 1 / (s_j² - s_i²) and 1 / s_i, which count as 0 where s_i and
 * s_j, or s_i and 0, are closer than 2^-18 s_1. That is exact for functions of the space that tied columns of u, or of
 * v, span; what depends on both or on s as well, as u diag(s) vᵀ does, loses the part of its gradient within the tie.
 *
 * @throws ShapeError unless a has two axes or more
 * @throws DTypeError unless a is f32
 * @throws ArgumentError for sweeps outside 1 to 60
 */
export function svd(a: Tensor, { sweeps = SWEEPS }: SvdOptions = {}): Svd {
  check('svd', a, sweeps);
  const { converged, ...factors } = withRecording(false, () => scope(() => factorsOf('svd', a, sweeps)));
  for (const part of ['u', 's', 'v'] as const) record('svd', { part, factors }, [a], factors[part]);
  return { ...factors, converged };
}

/**
 * Singular values [..., r] of every [m, n] matrix of a, descending: `svd` without vectors, in about half the time. Where
 * gradients flow, the vectors are computed all the same. Errors as for `svd`.
 */
export function svdvals(a: Tensor, { sweeps = SWEEPS }: SvdOptions = {}): Tensor {
  check('svdvals', a, sweeps);
  if (isRecording() && a.tracked) {
    const { s, converged } = svd(a, { sweeps });
    converged.dispose();
    return s;
  }
  return scope(() => valuesOf('svdvals', a, sweeps));
}

/** The left half of a decomposition a = u diag(s) vᵀ, k = min(m, n). */
export interface LeftFactors {
  /** [m, k] with orthonormal columns. */
  u: Tensor;
  /** [k], descending. */
  s: Tensor;
  /** uᵀ a = diag(s) vᵀ: [k, n]. */
  loadings: Tensor;
  /** bool []. */
  converged: Tensor;
}

/** A matrix [m, n]; `triangular`: square and zero below its diagonal. */
export interface LeftOf {
  a: Tensor;
  triangular?: boolean;
}

/**
 * Left singular vectors of matrices, in about two thirds of the time of `svd`; those of one rank at most share their
 * rotations' launches. Their signs are as they come. Not recorded.
 */
export function leftSingularVectors(matrices: readonly LeftOf[]): LeftFactors[] {
  return withRecording(false, () => scope(() => leftFactorsOf('leftSingularVectors', matrices)));
}

function check(op: string, a: Tensor, sweeps: number): void {
  commonDevice(op, [a]);
  assertDType(op, 'a', a.dtype, 'f32');
  assertRank(op, 'a', a.shape, 2);
  checkSweeps(op, sweeps);
}

const transposed = (x: Tensor): Tensor => swapAxes(x, -1, -2);

function factorsOf(op: string, a: Tensor, sweeps: number): Svd {
  const lead = a.shape.slice(0, -2);
  const [m, n] = a.shape.slice(-2);
  if (a.size === 0) return emptyFactors(a);
  if (m < n) {
    const { u, v, ...rest } = factorsOf(op, transposed(a), sweeps);
    return { u: v, v: u, ...rest };
  }
  const matrices = sizeOf(lead);
  const x = reshape(a, [matrices, m, n]);
  const { q, r } = qr(x);
  const { far, lengths, converged } = factorRows(op, qrTriangle(transposed(r)), {
    vectors: true,
    regular: true,
    sweeps,
  });
  // With r = z s vᵀ, the columns of rᵀ z = v s are orthogonal already: their QR factors are v, to rounding error
  // whatever s, and s. That costs less than an account of all rotations.
  const v = qr(matmul(r, far, { transA: true, transB: true })).q;
  const vRows = transposed(v);
  const sound = soundness(op, x);
  const signs = mul(signsOfRows(vRows), sound);
  return {
    u: reshape(matmul(q, mul(far, signs), { transB: true }), [...lead, m, n]),
    s: reshape(mul(lengths, reshape(sound, [matrices, 1])), [...lead, n]),
    v: reshape(mul(v, transposed(signs)), [...lead, n, n]),
    converged: reshape(converged, lead),
  };
}

function valuesOf(op: string, a: Tensor, sweeps: number): Tensor {
  const lead = a.shape.slice(0, -2);
  const [m, n] = a.shape.slice(-2);
  if (a.size === 0) return emptyFactors(a).s;
  if (m < n) return valuesOf(op, transposed(a), sweeps);
  const matrices = sizeOf(lead);
  const x = reshape(a, [matrices, m, n]);
  const r = qrTriangle(transposed(qrTriangle(x)));
  const { lengths } = factorRows(op, r, { vectors: false, regular: true, sweeps });
  return reshape(mul(lengths, reshape(soundness(op, x), [matrices, 1])), [...lead, n]);
}

function leftFactorsOf(op: string, matrices: readonly LeftOf[]): LeftFactors[] {
  const reduced = matrices.map(({ a, triangular }) => {
    const [m, n] = a.shape;
    const k = Math.min(m, n);
    // A wide matrix has those of the square one that is left of it: a = rᵀ qᵀ.
    const tall = reshape(m < n ? transposed(qrTriangle(transposed(a))) : a, [1, m, k]);
    return { a, k, tall, ...(triangular ? { q: null, r: tall } : qr(tall)) };
  });
  const options = { vectors: true, regular: true, sweeps: SWEEPS };
  const rowsOf = (r: Tensor) => factorRows(op, qrTriangle(transposed(r)), options);
  const together = reduced.every(({ k }) => k === reduced[0].k) ? rowsOf(concat(reduced.map(({ r }) => r))) : null;
  return reduced.map(({ a, k, tall, q, r }, i) => {
    const { far, lengths, converged } = together ?? rowsOf(r);
    const at = together ? i : 0;
    const own = (t: Tensor) => slice(t, [at], [at + 1]);
    const [m, n] = a.shape;
    const sound = soundness(op, tall);
    const rows = mul(own(far), sound);
    const u = reshape(q ? matmul(q, rows, { transB: true }) : transposed(rows), [m, k]);
    return {
      u,
      s: reshape(mul(own(lengths), reshape(sound, [1, 1])), [k]),
      loadings: m < n ? matmul(u, a, { transA: true }) : reshape(matmul(rows, r), [k, n]),
      converged: reshape(own(converged), []),
    };
  });
}

function emptyFactors(a: Tensor): Svd {
  const lead = a.shape.slice(0, -2);
  const [m, n] = a.shape.slice(-2);
  const r = Math.min(m, n);
  const zeros = (shape: number[]) => full(a.device, [...lead, ...shape], 0);
  return { u: zeros([m, r]), s: zeros([r]), v: zeros([n, r]), converged: full(a.device, lead, 1, 'bool') };
}
