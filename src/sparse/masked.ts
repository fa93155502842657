import type { Activation } from '../../shaders/gemm/spec.js';
import { apply, constant } from '../expr/expr.js';
import { ShapeError } from '../gpu/errors.js';
import { composite } from '../ops/composite.js';
import { matmul } from '../ops/matmul.js';
import { fuse } from '../ops/pointwise.js';
import { assertDType } from '../tensor/dtype.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';

export interface MaskedMatmulOptions {
  /** w is [..., n, k], as in a linear layer y = x wᵀ. */
  transB?: boolean;
  /** Added to every row of the result: shape [n], or [..batch, 1, n]. */
  bias?: Tensor;
  /** Applied last, in the kernel of the product. */
  activation?: Activation;
}

/**
 * act(x (w where mask) + bias): a dense product with the weights that a mask keeps, in any dense layout. What the mask
 * removes counts as 0, whatever it holds, and gets no gradient.
 *
 * @param x f32 [..., m, k]
 * @param w f32 [..., k, n], or [..., n, k] with transB
 * @param mask bool, of w's shape
 * @throws ShapeError when the mask's shape is not w's, or the product's sizes do not fit
 * @throws DTypeError for a mask that is not bool
 */
export function maskedMatmul(x: Tensor, w: Tensor, mask: Tensor, options: MaskedMatmulOptions = {}): Tensor {
  const op = 'maskedMatmul';
  commonDevice(op, [x, w, mask]);
  assertDType(op, 'mask', mask.dtype, 'bool');
  if (!sameShape(mask.shape, w.shape))
    throw new ShapeError(op, `a mask of w's shape ${showShape(w.shape)}`, showShape(mask.shape));
  const { bias } = options;
  return composite(bias ? [x, w, bias] : [x, w], () => {
    const kept = fuse((v, m) => apply('where', m, v, constant(0)), [w, mask], op);
    return matmul(x, kept, options);
  });
}
