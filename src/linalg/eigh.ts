import { isRecording, record, withRecording } from '../autograd/node.js';
import { apply, constant, coord, type Expr, input } from '../expr/expr.js';
import { ShapeError } from '../gpu/errors.js';
import { full } from '../ops/create.js';
import { gather, takeAlongAxis } from '../ops/gather.js';
import { map } from '../ops/map.js';
import { matmul } from '../ops/matmul.js';
import { add, div, fuse, mul } from '../ops/pointwise.js';
import { extremumOf } from '../ops/reduce.js';
import { norm } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { flip } from '../ops/slice.js';
import { argsort } from '../ops/sort.js';
import { swapAxes } from '../ops/transpose.js';
import { assertDType } from '../tensor/dtype.js';
import { scope } from '../tensor/scope.js';
import { assertRank, showShape } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { checkSweeps, factorRows, SWEEPS, signsOfRows, soundness } from './jacobi.js';
import type { SvdOptions } from './svd.js';

/** a = q diag(w) qᵀ over the last two axes. */
export interface Eigh {
  /** w [..., n], ascending. */
  values: Tensor;
  /** q [..., n, n]: orthonormal columns, eigenvector j in column j. */
  vectors: Tensor;
  /** bool [...]: whether the sweeps sufficed. If not, q is neither orthogonal to 1e-5 nor diagonalises a. */
  converged: Tensor;
}

export interface EighAttrs {
  part: 'values' | 'vectors';
  factors: { values: Tensor; vectors: Tensor };
}

/**
 * Eigendecomposition of every symmetric [n, n] matrix of a; of (a + aᵀ) / 2 where they are not. One-sided block Jacobi
 * on a + c I with c above the spectral norm, where singular values are eigenvalues; the eigenvalues returned are
 * Rayleigh quotients with a itself.
 *
 * f32. Against float64, eigenvalues and |a - q diag(w) qᵀ| to 1e-5 of the largest magnitude of an eigenvalue, and
 * |qᵀq - I| to 1e-5. In every eigenvector the entry of greatest magnitude is positive. A matrix with NaN or infinity
 * gives NaN throughout, and no other in the batch does.
 *
 * Nothing is read back: a compiled step may hold it. Differentiable to any order while eigenvalues differ; the gradient
 * of w always is. The gradient of q holds 1 / (w_j - w_i), which counts as 0 where the two are closer than 2^-18 of the
 * largest magnitude. That is exact for functions of the space that tied eigenvectors span; what depends on w as well,
 * as q diag(w) qᵀ does, loses the part of its gradient within the tie.
 *
 * @throws ShapeError unless a has two axes or more, the last two of one size
 * @throws DTypeError unless a is f32
 * @throws ArgumentError for sweeps outside 1 to 60
 */
export function eigh(a: Tensor, { sweeps = SWEEPS }: SvdOptions = {}): Eigh {
  check('eigh', a, sweeps);
  const { converged, ...factors } = withRecording(false, () => scope(() => factorsOf('eigh', a, sweeps)));
  for (const part of ['values', 'vectors'] as const) record('eigh', { part, factors }, [a], factors[part]);
  return { ...factors, converged };
}

/**
 * Eigenvalues [..., n] of every symmetric [n, n] matrix of a, ascending: `eigh` without vectors, in about half the time.
 * Where gradients flow, the vectors are computed all the same. Errors as for `eigh`.
 */
export function eigvalsh(a: Tensor, { sweeps = SWEEPS }: SvdOptions = {}): Tensor {
  check('eigvalsh', a, sweeps);
  if (isRecording() && a.tracked) {
    const { values, converged } = eigh(a, { sweeps });
    converged.dispose();
    return values;
  }
  return scope(() => valuesOf('eigvalsh', a, sweeps));
}

function check(op: string, a: Tensor, sweeps: number): void {
  commonDevice(op, [a]);
  assertDType(op, 'a', a.dtype, 'f32');
  assertRank(op, 'a', a.shape, 2);
  const [m, n] = a.shape.slice(-2);
  if (m !== n) throw new ShapeError(op, 'square matrices', showShape(a.shape));
  checkSweeps(op, sweeps);
}

function factorsOf(op: string, a: Tensor, sweeps: number): Eigh {
  const lead = a.shape.slice(0, -2);
  const n = a.shape[a.rank - 1];
  if (a.size === 0) {
    const [values, vectors] = [[n], [n, n]].map((shape) => full(a.device, [...lead, ...shape], 0));
    return { values, vectors, converged: full(a.device, lead, 1, 'bool') };
  }
  const { x, size, shift, sound } = prepared(op, a);
  // What is left of the rows of a positive definite matrix are its eigenvectors, each times its eigenvalue.
  const { far, converged } = factorRows(op, add(x, shifts(shift, n)), { vectors: true, regular: false, sweeps });
  const quotients = map([far, matmul(far, x)], apply('mul', input(0), input(1)), { op, axes: [2] });
  const order = argsort(quotients);
  const rows = gather(mul(far, mul(signsOfRows(far), sound)), order, 1, { batch: 1 });
  const values = mul(takeAlongAxis(quotients, order, 1), reshape(mul(size, sound), [-1, 1]));
  return {
    values: reshape(values, [...lead, n]),
    vectors: reshape(swapAxes(rows, 1, 2), [...lead, n, n]),
    converged: reshape(converged, lead),
  };
}

function valuesOf(op: string, a: Tensor, sweeps: number): Tensor {
  const lead = a.shape.slice(0, -2);
  const n = a.shape[a.rank - 1];
  if (a.size === 0) return full(a.device, [...lead, n], 0);
  const { x, size, shift, sound } = prepared(op, a);
  const { lengths } = factorRows(op, add(x, shifts(shift, n)), { vectors: false, regular: false, sweeps });
  const column = (t: Tensor) => reshape(t, [-1, 1]);
  const back = apply('mul', apply('sub', input(0), input(1)), input(2));
  const values = map([flip(lengths, 1), column(shift), column(mul(size, sound))], back, { op });
  return reshape(values, [...lead, n]);
}

interface Prepared {
  /** (a + aᵀ) / 2 over its largest magnitude: [matrices, n, n]. */
  x: Tensor;
  /** That magnitude (1 for zero matrices), a number well above the spectral norm of x, and `soundness`: [matrices, 1, 1]. */
  size: Tensor;
  shift: Tensor;
  sound: Tensor;
}

function prepared(op: string, a: Tensor): Prepared {
  const n = a.shape[a.rank - 1];
  const matrices = reshape(a, [-1, n, n]);
  const largest = extremumOf(op, [matrices], apply('abs', input(0)), [1, 2], true, 'max');
  const size = fuse((v) => apply('where', apply('gt', v, constant(0)), v, constant(1)), [largest], op);
  const half = mul(div(matrices, size), 0.5);
  const x = add(half, swapAxes(half, 1, 2));
  // (sum of eigenvalues^8)^(1/8): above the spectral norm, but not by much. A tenth more keeps x + c I well
  // conditioned; 1 is the least norm that x can have, unless it is zero.
  const squared = matmul(x, x);
  const bound = norm(matmul(squared, squared), [1, 2], { keepDims: true });
  const raised = (v: Expr) => apply('max', apply('mul', apply('sqrt', apply('sqrt', v)), constant(1.1)), constant(1));
  const shift = fuse(raised, [bound], op);
  return { x, size, shift, sound: soundness(op, matrices) };
}

/** shift I: [matrices, n, n]. */
function shifts(shift: Tensor, n: number): Tensor {
  const onDiagonal = apply('where', apply('eq', coord(1), coord(2)), input(0), constant(0));
  return map([shift], onDiagonal, { shape: [shift.shape[0], n, n] });
}
