import { composite } from '../ops/composite.js';
import { takeAlongAxis } from '../ops/gather.js';
import { abs } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import { scope } from '../tensor/scope.js';
import { reducedShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { assertRank, assertRanks, keyOf, linesOf, type SelectBy } from './inputs.js';
import { launchLocate } from './mark.js';
import { launchSelect } from './radix-select.js';
import type { Selected } from './status.js';

export interface KthvalueOptions {
  /** Axis to select along; the last by default. */
  axis?: number;
  /** The k-th greatest; by default the k-th least. */
  largest?: boolean;
  /** Ranked by value (default) or by absolute value. */
  by?: SelectBy;
  /** Keep the axis as one of size 1. */
  keepDims?: boolean;
}

export interface Kthvalue extends Selected {
  /** x's shape without the axis. By magnitude: the absolute value. */
  values: Tensor;
  /** i32, where the k-th element is along the axis. */
  indices: Tensor;
}

/**
 * The k-th least element along an axis, or the k-th greatest, exactly; k counts from 1. Equals rank in order of their
 * indices. Gradients flow to where the value came from. NaN as in `topk`.
 *
 * @param x f32, f16, i32 or u32 of rank >= 1
 * @param k a number for all, or a u32 tensor with one k for each of the results, in their order; ks on the device are
 * limited to the axis, and `status` says so
 * @throws ArgumentError unless k is whole and from 1 to the axis's size, or for an axis outside x's rank
 * @throws ShapeError for a tensor of other than one k a result
 * @throws DTypeError for bool, or ks that are not u32
 */
export function kthvalue(x: Tensor, k: number | Tensor, options: KthvalueOptions = {}): Kthvalue {
  return kthvalueOf('kthvalue', x, k, options);
}

export function kthvalueOf(op: string, x: Tensor, k: number | Tensor, options: KthvalueOptions): Kthvalue {
  const { axis = -1, largest = false, by = 'signed', keepDims = false } = options;
  const device = commonDevice(op, k instanceof Tensor ? [x, k] : [x]);
  const key = keyOf(op, x, by, largest);
  const lines = linesOf(op, x, axis);
  const { units, n } = lines;
  if (k instanceof Tensor) {
    assertRanks(op, k, units);
    assertRank(op, 1, 1, n);
  } else assertRank(op, k, 1, n);
  const shape = reducedShape(x.shape, [lines.axis], keepDims);
  const { at, indices, status } = scope(() => {
    const selection = launchSelect(op, device, { sources: [lines.rows()], units, key, k, least: 1 });
    const index = Tensor.empty(op, device, 'i32', [units, 1]);
    if (units > 0) launchLocate(op, device, selection, index);
    const at = lines.back(index, 1);
    return { at, indices: at.view(op, shape), status: selection.status };
  });
  try {
    const values = composite([x], () => {
      const element = takeAlongAxis(x, at, lines.axis);
      return reshape(by === 'magnitude' && x.dtype !== 'u32' ? abs(element) : element, shape);
    });
    if (!values.tracked) at.dispose();
    return { values, indices, status };
  } catch (error) {
    for (const t of [at, indices, status]) t.dispose();
    throw error;
  }
}
