import { assertDType } from '../tensor/dtype.js';
import { axisOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { columnsOf } from './cumsum.js';
import { takeAlongAxis } from './gather.js';
import { launchSort } from './radix.js';

export interface SortOptions {
  /** Axis to sort along; the last by default. */
  axis?: number;
  /** Greatest first. Ties keep the order of their indices either way. */
  descending?: boolean;
}

/**
 * The indices that sort x along an axis. Stable: ties are in order of index, also when descending. -0 ties with 0;
 * NaN comes last either way.
 *
 * @param x f32, i32 or u32 of rank >= 1
 * @returns i32 of x's shape
 * @throws DTypeError for bool and f16
 * @throws ArgumentError for an axis outside x's rank
 */
export function argsort(x: Tensor, options: SortOptions = {}): Tensor {
  return argsortOf('argsort', x, options);
}

/**
 * x sorted along an axis, and the indices that sort it (see `argsort`). Gradients flow to where the values came from.
 *
 * @returns values of x's shape and dtype, and i32 indices of the same shape
 */
export function sort(x: Tensor, options: SortOptions = {}): { values: Tensor; indices: Tensor } {
  const indices = argsortOf('sort', x, options);
  try {
    return { values: takeAlongAxis(x, indices, options.axis ?? -1), indices };
  } catch (error) {
    indices.dispose();
    throw error;
  }
}

function argsortOf(op: string, x: Tensor, { axis = -1, descending = false }: SortOptions): Tensor {
  const device = commonDevice(op, [x]);
  assertDType(op, 'x', x.dtype, 'f32', 'i32', 'u32');
  const { lead, length, inner } = columnsOf(x.shape, axisOf(op, axis, x.rank));
  const out = Tensor.empty(op, device, 'i32', x.shape);
  try {
    launchSort(op, device, x, out, null, {
      key: x.dtype as 'f32' | 'i32' | 'u32',
      descending,
      rows: lead * inner,
      n: length,
      inner,
      orderInner: inner,
      bits: 32,
      size: 0,
    });
  } catch (error) {
    out.dispose();
    throw error;
  }
  return out;
}
