import { EXEMPT } from '../../shaders/optimiser.js';
import type { Parameters } from '../nn/parameters.js';
import { keep } from '../tensor/scope.js';
import { type Tensor, tensor } from '../tensor/tensor.js';

/**
 * The model of every element of a store of tensors [models, ...]: u32, laid out like the store's flat buffer (0 between
 * them). Elements of parameters that are exempt from weight decay are marked so. The caller's.
 */
export function ownersOf(store: Parameters, exempt: readonly string[] = []): Tensor {
  const owners = new Uint32Array(store.flat.size);
  const free = new Set(exempt);
  for (const { name, shape } of store.specs) {
    const [models, ...rest] = shape;
    const size = rest.reduce((n, d) => n * d, 1);
    const mark = free.has(name) ? EXEMPT : 0;
    for (let model = 0; model < models; model++) {
      const at = store.offset(name) + model * size;
      owners.fill(model + mark, at, at + size);
    }
  }
  return keep(tensor(store.device, owners));
}
