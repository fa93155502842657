import { slice } from '../ops/slice.js';
import type { Tensor } from '../tensor/tensor.js';

/** Inputs from .. to of a data set [n, ...]. */
export const rows = (x: Tensor, from: number, to: number): Tensor =>
  slice(x, [from, ...x.shape.slice(1).map(() => 0)], [to, ...x.shape.slice(1)]);
