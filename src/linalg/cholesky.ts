import { CHOLESKY, type CholeskySpec, choleskyShader } from '../../shaders/linalg/cholesky-block.js';
import { record, withRecording } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { composite } from '../ops/composite.js';
import { ones, zeros } from '../ops/create.js';
import { matmul } from '../ops/matmul.js';
import { isNan, logicalNot, sub } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import { launchCopy, slice } from '../ops/slice.js';
import { transpose } from '../ops/transpose.js';
import { assertDType } from '../tensor/dtype.js';
import { scope } from '../tensor/scope.js';
import { assertRank, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { block, halfOf, type Range } from './blocks.js';
import { solveTriangle } from './triangular-solve.js';

export interface CholeskyOptions {
  /** Read the upper triangle of a and return u with uᵀ u = a. */
  upper?: boolean;
}

const kernel = defineKernel<CholeskySpec>({ name: 'cholesky', shader: choleskyShader });

/**
 * Lower triangular l with l lᵀ = a for symmetric positive definite a [..., n, n], of which only the lower triangle is
 * read; zeros above the diagonal. f32.
 *
 * A matrix that is not positive definite (to rounding: its least eigenvalue must exceed about n 6e-8 times the largest)
 * gets NaN from the first bad pivot's column on; see `isPositiveDefinite`. Differentiable to any order; the gradient
 * lies in the triangle that is read.
 *
 * @throws ShapeError unless a holds square matrices
 * @throws DTypeError unless a is f32
 */
export function cholesky(a: Tensor, options: CholeskyOptions = {}): Tensor {
  assertSquare('cholesky', a);
  if (options.upper) return composite([a], () => transpose(cholesky(transpose(a))));
  const l = withRecording(false, () => scope(() => factorWhole(a)));
  return record('cholesky', {}, [a], l);
}

/** True for every symmetric matrix of a [..., n, n] that has a Cholesky factor in f32: bool [...], on the device. */
export function isPositiveDefinite(a: Tensor): Tensor {
  assertSquare('isPositiveDefinite', a);
  return withRecording(false, () =>
    scope(() => {
      const lead = a.shape.slice(0, -2);
      const n = a.shape[a.rank - 1];
      if (n === 0) return ones(a.device, lead, 'bool');
      // NaN from a bad pivot reaches the last one.
      const l = reshape(cholesky(a), [sizeOf(lead), n * n]);
      return reshape(logicalNot(isNan(slice(l, [0, n * n - 1], []))), lead);
    }),
  );
}

/**
 * Refuses matrices that are not positive definite; reads back, so it is for building things, not for compiled steps.
 *
 * @throws ArgumentError naming the first such matrix
 */
export async function assertPositiveDefinite(a: Tensor, op = 'assertPositiveDefinite'): Promise<void> {
  const flags = isPositiveDefinite(a);
  try {
    const bad = (await flags.data()).indexOf(0);
    if (bad >= 0) throw new ArgumentError(op, 'positive definite matrices', `matrix ${bad} of ${a}, which is not`);
  } finally {
    flags.dispose();
  }
}

function assertSquare(op: string, a: Tensor): void {
  commonDevice(op, [a]);
  assertDType(op, 'a', a.dtype, 'f32');
  assertRank(op, 'a', a.shape, 2);
  if (a.shape[a.rank - 1] !== a.shape[a.rank - 2]) throw new ShapeError(op, 'square matrices', showShape(a.shape));
}

function factorWhole(a: Tensor): Tensor {
  const matrices = sizeOf(a.shape.slice(0, -2));
  const [n] = a.shape.slice(-1);
  const l = zeros(a.device, [matrices, n, n]);
  if (a.size > 0) factorBlocks(reshape(a, [matrices, n, n]), 0, n, l, 0);
  return reshape(l, a.shape);
}

/** Writes the factor of the n x n block of `a` at row and column `from` into that of l at `to`. */
function factorBlocks(a: Tensor, from: number, n: number, l: Tensor, to: number): void {
  if (n <= CHOLESKY) {
    launch(a, from, n, l, to);
    return;
  }
  const half = halfOf(n, CHOLESKY);
  const [first, second]: Range[] = [
    [from, from + half],
    [from + half, from + n],
  ];
  factorBlocks(a, from, half, l, to);
  // l11 l21ᵀ = a21ᵀ, and l22 l22ᵀ = a22 - l21 l21ᵀ.
  const turned = solveTriangle(l, to, transpose(block(a, second, first)), LOWER);
  placeTransposed(turned, l, to + half, to);
  const rest = sub(block(a, second, second), matmul(turned, turned, { transA: true }));
  factorBlocks(rest, 0, n - half, l, to + half);
}

const LOWER = { lower: true, transA: false, unitDiagonal: false };

/** Writes xᵀ for every x of [matrices, rows, columns] into l from a row and column on. */
function placeTransposed(x: Tensor, l: Tensor, row: number, column: number): void {
  const [matrices, rows, columns] = x.shape;
  const n = l.shape[1];
  launchCopy('cholesky', x, l, {
    axes: [
      { size: matrices, from: rows * columns, to: n * n },
      { size: columns, from: 1, to: n },
      { size: rows, from: columns, to: 1 },
    ],
    from: 0,
    to: row * n + column,
  });
}

function launch(a: Tensor, from: number, n: number, l: Tensor, to: number): void {
  const { device } = a;
  const matrices = a.shape[0];
  const place = (t: Tensor, at: number) => {
    const size = t.shape[1];
    return [size * size, at * (size + 1), size];
  };
  device.run(
    kernel,
    { workgroup: device.deviceClass === 'software' ? 8 : 32 },
    {
      bindings: [a, l].map((t) => t.binding('cholesky')),
      params: [matrices, n, ...place(a, from), ...place(l, to)],
      grid: foldGrid(matrices, device.limits.maxWorkgroups),
      cost: { flops: (matrices * n ** 3) / 3, bytes: 8 * matrices * n * n },
    },
  );
}
