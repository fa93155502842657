import { isRecording } from '../autograd/node.js';
import { scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

/**
 * Runs an op made of other ops. Its intermediates end with it, also where it throws, unless gradients flow through
 * `inputs`: then the graph needs them, and they belong to the caller's scope like every recorded tensor.
 */
export function composite(inputs: readonly Tensor[], fn: () => Tensor): Tensor {
  return isRecording() && inputs.some((t) => t.tracked) ? fn() : scope(fn);
}
