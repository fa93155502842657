import type { Tensor } from '../tensor/tensor.js';
import { absoluteProduct, gradientsOver, masked } from './gradients.js';
import type { Models, PlansOf } from './models.js';
import { type BatchSource, batchesOf, Probe, type ScoringOptions } from './probe.js';
import { type PrunedOf, pruneInRounds, type RoundsOptions, roundsOf } from './rounds.js';

export interface IterativeSnipOptions extends ScoringOptions, RoundsOptions {}

/**
 * Iterative SNIP (de Jorge et al. 2021): SNIP's scores, taken anew of the masked network in each of many rounds; what is
 * removed stays removed. In one round it is SNIP.
 *
 * @param model a model, or a population, of which every model gets the mask that it would get alone
 * @param batches those of a round are the pass of its number
 * @param options 100 rounds by default
 * @throws ArgumentError for no batches, a schedule that rises, a model that is already masked, or a NaN
 */
export function iterativeSnipMask<M extends Models>(
  model: M,
  plan: PlansOf<M>,
  batches: BatchSource,
  options: IterativeSnipOptions = {},
): Promise<PrunedOf<M>> {
  return pruneBySensitivity('iterativeSnipMask', model, plan, batches, { rounds: 100, ...options }, 'masked');
}

/**
 * |w g| with the gradients g of the network under the mask of the round before, and of w the value there (`masked`), or
 * the one that it had before any pruning (`dense`): only then can a weight that is removed come back.
 */
export async function pruneBySensitivity<M extends Models>(
  op: string,
  model: M,
  plan: PlansOf<M>,
  batches: BatchSource,
  options: ScoringOptions & Required<Pick<RoundsOptions, 'rounds'>> & RoundsOptions,
  weights: 'masked' | 'dense',
): Promise<PrunedOf<M>> {
  const rounds = roundsOf(op, model, plan, options);
  const probe = new Probe(op, model, options);
  const score = async (round: number, before?: Tensor): Promise<Tensor> => {
    const values = before && masked(probe.values, before);
    try {
      const at = values ?? probe.values;
      const gradients = await gradientsOver(op, probe, batchesOf(batches, round), at, rounds.names);
      const scores = absoluteProduct(weights === 'dense' ? probe.values : at, gradients);
      gradients.dispose();
      return scores;
    } finally {
      values?.dispose();
    }
  };
  try {
    return await pruneInRounds(op, model, rounds, score, { monotone: weights === 'masked' });
  } finally {
    probe.dispose();
  }
}
