import { noGrad } from '../autograd/node.js';
import type { Parameters } from '../nn/parameters.js';
import { notEqual, where } from '../ops/pointwise.js';
import { scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

/**
 * Sets parameters to exactly 0 where a flat mask (laid out like them) is 0. `Optimiser.setMask` keeps them there.
 */
export function applyMask({ flat }: Parameters, mask: Tensor): void {
  // Not a product: infinite weights are removed as well.
  const kept = scope(() => noGrad(() => where(notEqual(mask, 0), flat, 0)));
  flat.device.stream.copy(kept.binding('applyMask'), flat.binding('applyMask'), flat.bytes);
  kept.dispose();
}
