import { input } from '../expr/expr.js';
import { ShapeError } from '../gpu/errors.js';
import { broadcastShapes, type Shape, sameShape, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { map, valueType } from './map.js';

/** A copy of x stretched to a shape that it broadcasts to. */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (!sameShape(broadcastShapes('expand', x.shape, shape), shape)) {
    throw new ShapeError('expand', `a shape that ${showShape(x.shape)} broadcasts to`, showShape(shape));
  }
  return map([x], input(0, valueType(x)), { shape, op: 'expand', dtype: x.dtype });
}
