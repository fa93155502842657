import type { Model } from '../nn/model.js';
import type { Tensor } from '../tensor/tensor.js';
import { absoluteProduct, gradientsOver, masked } from './gradients.js';
import type { PruneResult } from './mask-by-scores.js';
import type { PrunePlan } from './plan.js';
import { type BatchSource, batchesOf, Probe, type ScoringOptions } from './probe.js';
import { type PrunedAtInit, planRounds, pruneInRounds, type RoundsOptions } from './rounds.js';

export interface IterativeSnipOptions extends ScoringOptions, RoundsOptions {}

/**
 * Iterative SNIP (de Jorge et al. 2021): SNIP's scores, taken anew of the masked network in each of many rounds; what is
 * removed stays removed. In one round it is SNIP.
 *
 * @param batches those of a round are the pass of its number
 * @param options 100 rounds by default
 * @throws ArgumentError for no batches, a schedule that rises, a model that is already masked, or a NaN
 */
export function iterativeSnipMask(
  model: Model,
  plan: PrunePlan,
  batches: BatchSource,
  options: IterativeSnipOptions = {},
): Promise<PrunedAtInit> {
  return pruneBySensitivity('iterativeSnipMask', model, plan, batches, { rounds: 100, ...options }, 'masked');
}

/**
 * |w g| with the gradients g of the network under the mask of the round before, and of w the value there (`masked`), or
 * the one that it had before any pruning (`dense`): only then can a weight that is removed come back.
 */
export async function pruneBySensitivity(
  op: string,
  model: Model,
  plan: PrunePlan,
  batches: BatchSource,
  options: ScoringOptions & Required<Pick<RoundsOptions, 'rounds'>> & RoundsOptions,
  weights: 'masked' | 'dense',
): Promise<PrunedAtInit> {
  const plans = planRounds(op, plan, options.rounds, options.schedule);
  const names = plan.layers.map((l) => l.name);
  const probe = new Probe(op, model, options);
  const score = async (round: number, before: PruneResult | null): Promise<Tensor> => {
    const values = before && masked(probe.values, before.mask);
    try {
      const at = values ?? probe.values;
      const gradients = await gradientsOver(op, probe, batchesOf(batches, round), at, names);
      const scores = absoluteProduct(weights === 'dense' ? probe.values : at, gradients);
      gradients.dispose();
      return scores;
    } finally {
      values?.dispose();
    }
  };
  try {
    return await pruneInRounds(op, model.parameters, plans, score, { monotone: weights === 'masked' });
  } finally {
    probe.dispose();
  }
}
