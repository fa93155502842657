import { apply, input, scalar } from '../expr/expr.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { composite } from '../ops/composite.js';
import { map } from '../ops/map.js';
import { cast } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import { scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { svdvals } from './svd.js';

/**
 * Largest singular value [...] of every [m, n] matrix of a: the operator norm between Euclidean spaces. Differentiable;
 * where several singular values are largest, the gradient is one of the subgradients.
 *
 * @throws ShapeError unless a has two axes or more, neither of the last two empty
 * @throws DTypeError unless a is f32
 */
export function spectralNorm(a: Tensor): Tensor {
  if (a.shape.slice(-2).includes(0)) throw new ShapeError('spectralNorm', 'matrices with entries', showShape(a.shape));
  return composite([a], () => {
    const lead = a.shape.slice(0, -2);
    return reshape(slice(svdvals(a), [], [...lead, 1]), lead);
  });
}

/**
 * Sum of the singular values [...] of every [m, n] matrix of a. Differentiable to any order where they differ and none
 * is 0; the first derivative is u vᵀ everywhere, a subgradient where some are 0.
 *
 * @throws ShapeError unless a has two axes or more
 * @throws DTypeError unless a is f32
 */
export function nuclearNorm(a: Tensor): Tensor {
  return composite([a], () => sum(svdvals(a), -1));
}

/**
 * Number of singular values above rtol times the largest: i32 [...] for a [..., m, n]. The default of rtol is
 * max(m, n) 2^-22, what rounding can make of a zero. 0 for matrices with NaN or infinity.
 *
 * @throws ShapeError unless a has two axes or more
 * @throws DTypeError unless a is f32
 * @throws ArgumentError unless rtol is a number from 0 to 1
 */
export function matrixRank(a: Tensor, { rtol }: { rtol?: number } = {}): Tensor {
  const [m = 0, n = 0] = a.shape.slice(-2);
  const share = rtol ?? Math.min(1, Math.max(m, n) * 2 ** -22);
  if (!(share >= 0 && share <= 1)) throw new ArgumentError('matrixRank', 'rtol from 0 to 1', String(rtol));
  return scope(() => {
    const s = svdvals(a);
    const largest = slice(s, [], [...s.shape.slice(0, -1), Math.min(1, s.shape[s.rank - 1])]);
    const counts = apply('gt', input(0), apply('mul', input(1), scalar(0)));
    const kept = map([s, largest], apply('toF32', counts), { scalars: [share], axes: [s.rank - 1], op: 'matrixRank' });
    return cast(kept, 'i32');
  });
}
