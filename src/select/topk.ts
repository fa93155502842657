import { takeAlongAxis } from '../ops/gather.js';
import { launchSort } from '../ops/radix.js';
import { scope } from '../tensor/scope.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { assertRank, keyOf, linesOf, type SelectBy } from './inputs.js';
import { launchIndices } from './mark.js';
import { launchSelect, type Selection } from './radix-select.js';
import type { Selected } from './status.js';

export interface TopkOptions {
  /** Axis to select along; the last by default. */
  axis?: number;
  /** The k greatest (default), or the k least. */
  largest?: boolean;
  /** Ranked by value (default) or by absolute value. */
  by?: SelectBy;
  /** The first is first by rank (default); else in order of index. */
  sorted?: boolean;
}

export interface Topk extends Selected {
  /** The elements of x themselves, also where ranked by magnitude: x's shape with k along the axis. */
  values: Tensor;
  /** i32, where they are along the axis. */
  indices: Tensor;
}

/**
 * The k greatest elements along an axis, exactly; among equals those of the least indices. -0 equals 0. Gradients
 * flow to where the values came from. Nothing waits for the device: NaN ranks behind all numbers, whichever end is
 * asked for, and `status` counts it; `await checked(topk(...))` refuses it.
 *
 * @param x f32, f16, i32 or u32 of rank >= 1
 * @throws ArgumentError unless k is whole and from 0 to the axis's size, or for an axis outside x's rank
 * @throws DTypeError for bool
 */
export function topk(x: Tensor, k: number, options: TopkOptions = {}): Topk {
  const { axis = -1, largest = true, by = 'signed', sorted = true } = options;
  const device = commonDevice('topk', [x]);
  const key = keyOf('topk', x, by, largest);
  const lines = linesOf('topk', x, axis);
  assertRank('topk', k, 0, lines.n);
  const { indices, status } = scope(() => {
    const { units } = lines;
    const selection = launchSelect('topk', device, { sources: [lines.rows()], units, key, k, least: 0 });
    return { indices: lines.back(indicesOf(selection, k, sorted), k), status: selection.status };
  });
  try {
    return { values: takeAlongAxis(x, indices, lines.axis), indices, status };
  } catch (error) {
    indices.dispose();
    status.dispose();
    throw error;
  }
}

/** Indices [units, k] of the selected elements, by rank where sorted. */
function indicesOf(selection: Selection, k: number, sorted: boolean): Tensor {
  const { units, status } = selection;
  const { device } = status;
  const indices = Tensor.empty('topk', device, 'i32', [units, k]);
  if (indices.size === 0) return indices;
  const keys = Tensor.empty('topk', device, 'u32', [units, k]);
  launchIndices('topk', device, selection, indices, keys);
  if (!sorted || k === 1) return indices;
  const order = Tensor.empty('topk', device, 'i32', [units, k]);
  // Stable, and the elements are in order of index: so are ties afterwards.
  const plan = { rows: units, n: k, inner: 1, orderInner: 1, bits: 32, size: 0 };
  launchSort('topk', device, keys, order, null, { key: 'u32', descending: false, ...plan });
  return takeAlongAxis(indices, order, 1);
}
