import { apply, constant, coord, type Expr, input, scalar } from '../expr/expr.js';
import { ArgumentError, DTypeError } from '../gpu/errors.js';
import type { DType } from '../tensor/dtype.js';
import { isFloat } from '../tensor/dtype.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { map, valueType } from './map.js';

/**
 * One-hot rows: index [I...] gives [I..., classes] with 1 at each index. Indices are limited to [0, classes).
 *
 * @param index i32 or u32 tensor
 * @param dtype of the result, f32 by default
 * @throws DTypeError for indices that are not integers
 * @throws ArgumentError unless classes is a whole number from 1 to 2^24
 */
export function oneHot(index: Tensor, classes: number, dtype: DType = 'f32'): Tensor {
  commonDevice('oneHot', [index]);
  if (index.dtype !== 'i32' && index.dtype !== 'u32')
    throw new DTypeError('oneHot', 'indices of dtype i32 or u32', index.dtype);
  if (!Number.isInteger(classes) || classes < 1 || classes > 2 ** 24) {
    throw new ArgumentError('oneHot', 'a whole number of classes from 1 to 2^24', String(classes));
  }
  const column = index.view('oneHot', [...index.shape, 1]);
  const raw = input(0, valueType(index));
  const below = apply('toI32', apply('min', raw, apply(index.dtype === 'i32' ? 'toI32' : 'toU32', scalar(0))));
  const at = apply('max', below, constant(0, 'i32'));
  const hit = apply('eq', at, coord(index.rank));
  try {
    return map([column], castTo(hit, dtype), {
      shape: [...index.shape, classes],
      scalars: [classes - 1],
      dtype,
      op: 'oneHot',
    });
  } finally {
    column.dispose();
  }
}

function castTo(e: Expr, dtype: DType): Expr {
  if (dtype === 'bool') return e;
  return apply(isFloat(dtype) ? 'toF32' : dtype === 'i32' ? 'toI32' : 'toU32', e);
}
