import { ShapeError } from '../gpu/errors.js';
import { composite } from '../ops/composite.js';
import { matmul } from '../ops/matmul.js';
import { transpose } from '../ops/transpose.js';
import { broadcastShapes, showShape } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { pinv } from './pinv.js';
import { qr } from './qr.js';
import { assertSystem, triangularSolve } from './triangular-solve.js';

export interface LstsqOptions {
  /**
   * a may lack rank: its singular values up to this times the largest count as zero, and x is the solution of
   * least norm, by `pinv`.
   */
  rcond?: number;
}

/**
 * x [..., n, k] of least |a x - b| for a [..., m, n] of full rank and b [..., m, k]; of least norm where m < n. By QR of
 * a, or of aᵀ where it is wide; leading axes broadcast. f32: the error is about 6e-8 cond(a) relative to x, and
 * cond(a)^2 in the share of b that no x reaches.
 *
 * Where a may lack rank, give `rcond`: without it a zero on the diagonal of R gives infinities or NaN, and one of
 * rounding size an x of no meaning. Differentiable to any order where the rank stays as it is.
 *
 * @throws ShapeError unless b has the rows of a
 * @throws DTypeError unless both are f32
 */
export function lstsq(a: Tensor, b: Tensor, { rcond }: LstsqOptions = {}): Tensor {
  if (rcond === undefined) return leastSquares('lstsq', a, b, false);
  commonDevice('lstsq', [a, b]);
  assertSystem('lstsq', a, b, false);
  return composite([a, b], () => matmul(pinv(a, { rcond }), b));
}

/**
 * x [..., n, k] with a x = b for square a [..., n, n], by QR: backward stable without pivoting. Otherwise as `lstsq`.
 *
 * @throws ShapeError unless a is square and b has its rows
 * @throws DTypeError unless both are f32
 */
export function solve(a: Tensor, b: Tensor): Tensor {
  return leastSquares('solve', a, b, true);
}

function leastSquares(op: string, a: Tensor, b: Tensor, square: boolean): Tensor {
  commonDevice(op, [a, b]);
  assertSystem(op, a, b, square);
  broadcastShapes(op, a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [m, n] = a.shape.slice(-2);
  if (m === 0 || n === 0) throw new ShapeError(op, 'matrices a with rows and columns', showShape(a.shape));
  return composite([a, b], () => {
    if (m >= n) {
      const { q, r } = qr(a);
      return triangularSolve(r, matmul(q, b, { transA: true }), { lower: false });
    }
    const { q, r } = qr(transpose(a));
    return matmul(q, triangularSolve(r, b, { lower: false, transA: true }));
  });
}
