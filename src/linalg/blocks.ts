import { reshape } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import type { Tensor } from '../tensor/tensor.js';

export type Range = readonly [first: number, end: number];

/** Rows and columns of every matrix of x [matrices, m, n]. */
export const block = (x: Tensor, rows: Range, columns: Range): Tensor =>
  slice(x, [null, rows[0], columns[0]], [null, rows[1], columns[1]]);

/** Rows of every matrix of x [matrices, m, n]: where there is one matrix a view, if the device can bind it. */
export function rowsOf(x: Tensor, [first, end]: Range): Tensor {
  const [matrices, m, n] = x.shape;
  if (matrices !== 1) return slice(x, [0, first], [null, end]);
  return reshape(slice(reshape(x, [m, n]), [first], [end]), [1, end - first, n]);
}

/** About half of n, a multiple of `unit`: where a recursion cuts. */
export const halfOf = (n: number, unit: number): number => Math.ceil(n / 2 / unit) * unit;
