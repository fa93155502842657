import { record, withRecording } from '../autograd/node.js';
import { apply, constant, input, scalar } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import { composite } from '../ops/composite.js';
import { map } from '../ops/map.js';
import { matmul } from '../ops/matmul.js';
import { mul } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import { transpose } from '../ops/transpose.js';
import { assertDType } from '../tensor/dtype.js';
import { scope } from '../tensor/scope.js';
import { assertRank } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { svd } from './svd.js';

export interface PinvOptions {
  /** Singular values up to this times the largest count as zero; default 10 max(m, n) 2^-23. */
  rcond?: number;
}

/**
 * Moore-Penrose pseudo-inverse [..., n, m] of every matrix of a [..., m, n], by singular values. f32: the error is
 * about 1e-6 s_1 / s_r relative to the result, s_r being the least singular value that counts. Differentiable to any
 * order where the number of singular values that count does not change (Golub and Pereyra 1973), equal ones included.
 *
 * @throws ShapeError unless a has two axes or more
 * @throws DTypeError unless a is f32
 * @throws ArgumentError unless rcond is a number from 0 to 1
 */
export function pinv(a: Tensor, options: PinvOptions = {}): Tensor {
  commonDevice('pinv', [a]);
  assertDType('pinv', 'a', a.dtype, 'f32');
  assertRank('pinv', 'a', a.shape, 2);
  const [m, n] = a.shape.slice(-2);
  const rcond = options.rcond ?? Math.min(1, 10 * Math.max(m, n) * 2 ** -23);
  if (!(rcond >= 0 && rcond <= 1)) throw new ArgumentError('pinv', 'rcond from 0 to 1', String(rcond));
  // The gradient's products are n x n: keep that the short side.
  if (m < n) return composite([a], () => transpose(pinv(transpose(a), { rcond })));
  const out = withRecording(false, () => scope(() => pseudoInverse(a, rcond)));
  return record('pinv', {}, [a], out);
}

/** v diag(1 / s) uᵀ over the singular values that count. */
function pseudoInverse(a: Tensor, rcond: number): Tensor {
  const lead = a.shape.slice(0, -2);
  const [m, n] = a.shape.slice(-2);
  if (a.size === 0) return Tensor.empty('pinv', a.device, 'f32', [...lead, n, m]);
  const { u, s, v } = svd(a);
  const largest = slice(s, [], [...lead, 1]);
  const counts = apply('gt', input(0), apply('mul', input(1), scalar(0)));
  const inverse = apply('where', counts, apply('div', constant(1), input(0)), constant(0));
  const weights = map([s, largest], inverse, { scalars: [rcond], op: 'pinv' });
  return matmul(mul(v, reshape(weights, [...lead, 1, n])), u, { transB: true });
}
