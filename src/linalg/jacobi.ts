import { jacobiStartShader } from '../../shaders/linalg/jacobi-start.js';
import { apply, constant, type Expr, input, scalar } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { argmax } from '../ops/arg-reduce.js';
import { concat } from '../ops/concat.js';
import { gather, takeAlongAxis } from '../ops/gather.js';
import { map } from '../ops/map.js';
import { abs, div, fuse } from '../ops/pointwise.js';
import { extremumOf } from '../ops/reduce.js';
import { norm } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import { argsort } from '../ops/sort.js';
import { walkOf } from '../ops/walk.js';
import { Tensor } from '../tensor/tensor.js';
import { orthogonaliseRows } from './jacobi-rounds.js';

const startKernel = defineKernel<Record<string, never>>({ name: 'jacobi start', shader: jacobiStartShader });

/** Sweeps that are encoded where the caller does not say: no matrix of the tests needed more than ten. */
export const SWEEPS = 12;

/** Half a unit in the last place of 1: what is smaller than this share of a matrix's largest entry is rounding. */
const ROUNDING = 2 ** -24;

export function checkSweeps(op: string, sweeps: number): void {
  if (!Number.isInteger(sweeps) || sweeps < 1 || sweeps > 60) {
    throw new ArgumentError(op, 'sweeps as a whole number from 1 to 60', String(sweeps));
  }
}

/** Of matrices b = w diag(s) zᵀ, [matrices, n, n], what is left of their rows when these are orthogonal. */
export interface RowFactors {
  /** s, descending: [matrices, n]. */
  lengths: Tensor;
  /** zᵀ, sorted alike: [matrices, n, n]; of no rows where they were not asked for. */
  far: Tensor;
  /** bool [matrices]: whether the sweeps sufficed. */
  converged: Tensor;
}

export interface RowOptions {
  /** Whether zᵀ is wanted. (w would take an account of all rotations, twice the work: the QR factors of b z are cheaper.) */
  vectors: boolean;
  /**
   * For triangular b: raise diagonal entries that are below 2^-24 of the largest entry to that, and add half as much
   * noise to rows with small ones. That is less than the rounding of whatever made b. Then no rows are dependent (small
   * diagonals alone may multiply up, to nothing that f32 holds), and rows of zᵀ that belong to zero values come out
   * orthonormal too. Values that are no larger than what was added are returned as 0.
   */
  regular: boolean;
  sweeps: number;
}

/** Factors of square matrices by one-sided Jacobi on their rows (Hestenes 1958; Drmač and Veselić 2008). */
export function factorRows(op: string, b: Tensor, options: RowOptions): RowFactors {
  const [matrices, n] = b.shape;
  // Rows are widened to whole vectors: a large batch goes in parts that can be bound.
  const most = Math.max(1, Math.floor(b.device.limits.maxBinding / (4 * n * widened(n))));
  if (matrices <= most) return factorPart(op, b, options);
  const parts = Array.from({ length: Math.ceil(matrices / most) }, (_, i) =>
    factorPart(op, slice(b, [i * most], [Math.min(matrices, (i + 1) * most)]), options),
  );
  const join = (field: keyof RowFactors) => concat(parts.map((p) => p[field]));
  return { lengths: join('lengths'), far: join('far'), converged: join('converged') };
}

const widened = (n: number): number => Math.ceil(n / 4) * 4;

function factorPart(op: string, b: Tensor, { vectors, regular, sweeps }: RowOptions): RowFactors {
  const [matrices, n] = b.shape;
  const width = widened(n);
  const x = Tensor.empty(op, b.device, 'f32', [matrices, n, width]);
  const scale = Tensor.empty(op, b.device, 'f32', [matrices, 1, 1]);
  const largest = extremumOf(op, [b], apply('abs', input(0)), [1, 2], false, 'max');
  const walk = walkOf(b.device, x.size);
  const bindings = [b, largest, x, scale].map((t) => t.binding(op));
  const params = [...walk.params, matrices, n, width, regular ? ROUNDING : 0, 0.5 / Math.sqrt(n)];
  const cost = { flops: x.size, bytes: b.bytes + x.bytes };
  b.device.run(startKernel, {}, { bindings, params, grid: walk.grid, cost });
  const before = norm(x, [1, 2], { keepDims: true });
  const converged = orthogonaliseRows(op, x, sweeps);

  const z = slice(x, [], [null, null, n]);
  const raw = norm(z, 2, { keepDims: true });
  // The rounding of many rotations changes the lengths of rows, on the whole by one factor, which the Frobenius norm tells.
  const stretch = div(norm(x, [1, 2], { keepDims: true }), before);
  const order = argsort(reshape(raw, [matrices, n]), { descending: true });
  const sorted = (rows: Tensor) => gather(rows, order, 1, { batch: 1 });
  const negligible = regular ? 2 * ROUNDING : 0;
  const kept = (s: Expr, scaling: Expr) =>
    apply('mul', apply('where', apply('lt', s, constant(negligible)), constant(0), s), scaling);
  return {
    lengths: reshape(sorted(fuse(kept, [div(raw, stretch), scale], op)), [matrices, n]),
    far: vectors ? sorted(div(z, raw)) : slice(z, [null, n], []),
    converged,
  };
}

/** [matrices, 1, 1] of 1, or NaN for matrices of a [matrices, m, n] that hold NaN or infinity. */
export function soundness(op: string, a: Tensor): Tensor {
  const size = apply('mul', apply('abs', input(0)), constant(ROUNDING));
  const total = map([a], size, { op, axes: [1, 2], keepDims: true });
  const unsound = apply('or', apply('isNan', input(0)), apply('gt', input(0), constant(3e38)));
  return map([total], apply('where', unsound, scalar(0), constant(1)), { op, scalars: [Number.NaN] });
}

/** -1 where the entry of greatest magnitude of a row is negative, else 1: [matrices, rows, 1]. */
export function signsOfRows(x: Tensor): Tensor {
  const [matrices, rows] = x.shape;
  const at = reshape(argmax(abs(x), 2), [matrices, rows, 1]);
  return fuse(
    (v) => apply('where', apply('lt', v, constant(0)), constant(-1), constant(1)),
    [takeAlongAxis(x, at, 2)],
    'signs of rows',
  );
}
