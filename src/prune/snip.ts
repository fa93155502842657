import type { Tensor } from '../tensor/tensor.js';
import { absoluteProduct, gradientsOver } from './gradients.js';
import type { Models, PlansOf } from './models.js';
import { type BatchSource, batchesOf, Probe, type ScoringOptions, scoredNames } from './probe.js';
import { type PrunedOf, pruneInRounds, roundsOf } from './rounds.js';

/**
 * SNIP's connection sensitivity (Lee, Ajanthan & Torr 2019): |w dL/dw|, which is |dL/dm| of a mask m of ones, the
 * gradients summed over batches; not divided by its sum, which changes no mask.
 *
 * @param weights names or patterns of the weights to score; 0 elsewhere
 * @returns scores laid out like the parameters, owned by the caller
 * @throws ArgumentError for no batches, or a model that is already masked
 */
export async function snipScores(
  model: Models,
  batches: BatchSource,
  options: ScoringOptions & { weights?: readonly string[] } = {},
): Promise<Tensor> {
  return scoreSnip('snipScores', model, batches, options, scoredNames('snipScores', model, options.weights));
}

/**
 * Prunes at once, before training, by SNIP's scores (Lee, Ajanthan & Torr 2019). The model stays as it is.
 *
 * @param model a model, or a population, of which every model gets the mask that it would get alone
 * @throws ArgumentError for no batches, a model that is already masked, or a gradient that is NaN
 */
export async function snipMask<M extends Models>(
  model: M,
  plan: PlansOf<M>,
  batches: BatchSource,
  options: ScoringOptions = {},
): Promise<PrunedOf<M>> {
  const op = 'snipMask';
  const rounds = roundsOf(op, model, plan);
  return pruneInRounds(op, model, rounds, () => scoreSnip(op, model, batches, options, rounds.names));
}

async function scoreSnip(
  op: string,
  model: Models,
  batches: BatchSource,
  options: ScoringOptions,
  names: readonly string[],
): Promise<Tensor> {
  const probe = new Probe(op, model, options);
  try {
    const gradients = await gradientsOver(op, probe, batchesOf(batches, 0), probe.values, names);
    const scores = absoluteProduct(probe.values, gradients);
    gradients.dispose();
    return scores;
  } finally {
    probe.dispose();
  }
}
