import { ShapeError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import { sameShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** @throws ShapeError unless the tensor is laid out like the parameters */
export function assertFlat(op: string, parameters: Parameters, flat: Tensor): void {
  if (!sameShape(flat.shape, parameters.flat.shape) || flat.dtype !== 'f32')
    throw new ShapeError(op, `a flat tensor ${parameters.flat}`, String(flat));
}
