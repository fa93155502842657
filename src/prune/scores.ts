import { grad } from '../autograd/grad.js';
import { noGrad } from '../autograd/node.js';
import { apply } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import { abs, add, fuse, neg } from '../ops/pointwise.js';
import { Generator, uniform } from '../ops/random.js';
import type { Seed } from '../tensor/philox.js';
import { keep, scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { applyMask, rewind, snapshot } from './apply.js';

/** |w| of all parameters, laid out like them: the greatest are kept. Owned by the caller, as all scores are. */
export const magnitudeScores = (parameters: Parameters): Tensor => keep(noGrad(() => abs(parameters.flat)));

/**
 * Uniform random scores, laid out like the parameters: those of a `Generator` of the seed and stream, in the order of
 * the flat buffer. The same on every machine.
 */
export function randomScores(parameters: Parameters, seed: Seed, stream = 0): Tensor {
  const generator = new Generator(parameters.device, seed, { stream });
  try {
    return keep(uniform(generator, parameters.flat.shape));
  } finally {
    generator.dispose();
  }
}

/** Scores that keep what others would remove first: the control that any meaningful score must beat. */
export const invertedScores = (scores: Tensor): Tensor => keep(noGrad(() => neg(scores)));

export interface GradientScoreOptions {
  /** Take the gradients of the network under this flat mask, rather than of the dense one. */
  mask?: Tensor;
}

/**
 * |w dL/dw|, the gradients summed over batches (SNIP, Lee et al. 2019, where it is taken before training). The loss
 * should be a mean over batches of one size, or a sum. Waits for nothing but the batches.
 *
 * @param loss of a batch, a scalar that every parameter influences; whether the network trains or evaluates is its choice
 * @returns scores laid out like the parameters, owned by the caller
 * @throws ArgumentError for no batches
 */
export async function gradientScores<B>(
  parameters: Parameters,
  loss: (batch: B) => Tensor,
  batches: Iterable<B> | AsyncIterable<B>,
  { mask }: GradientScoreOptions = {},
): Promise<Tensor> {
  const dense = mask ? snapshot(parameters) : null;
  try {
    if (mask) applyMask(parameters, mask);
    const sum = await gradientSum(parameters, loss, batches);
    try {
      return keep(
        noGrad(() => fuse((w, g) => apply('abs', apply('mul', w, g)), [parameters.flat, sum], 'gradientScores')),
      );
    } finally {
      sum.dispose();
    }
  } finally {
    if (dense) rewind(parameters, dense);
    dense?.dispose();
  }
}

async function gradientSum<B>(
  parameters: Parameters,
  loss: (batch: B) => Tensor,
  batches: Iterable<B> | AsyncIterable<B>,
): Promise<Tensor> {
  let sum = parameters.like();
  const own = parameters.like();
  let count = 0;
  try {
    for await (const batch of batches) {
      count++;
      const next = scope(() => {
        parameters.pack(grad(loss(batch), parameters.list()), own);
        return noGrad(() => add(sum, own));
      });
      sum.dispose();
      sum = keep(next);
    }
    if (count === 0) throw new ArgumentError('gradientScores', 'at least one batch', 'none');
    return sum;
  } catch (error) {
    sum.dispose();
    throw error;
  } finally {
    own.dispose();
  }
}
