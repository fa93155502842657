import type { Tensor } from '../tensor/tensor.js';
export function stack(xs: readonly Tensor[]): Tensor { return xs[0]; }
