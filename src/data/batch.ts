import type { Tensor } from '../tensor/tensor.js';

/** Examples [batch, ...] and what they should give, [batch, ...] or class numbers i32 [batch]. */
export interface Batch {
  inputs: Tensor;
  targets: Tensor;
}
