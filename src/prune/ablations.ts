import type { Parameters } from '../nn/parameters.js';
import type { Seed } from '../tensor/philox.js';
import type { Tensor } from '../tensor/tensor.js';
import { withScores } from './magnitude.js';
import { maskByScoresOf, type PruneResult, type WithinOptions } from './mask-by-scores.js';
import { type PrunePlan, planLike } from './plan.js';
import { invertedScores, randomScores } from './scores.js';

/** Random numbers of their own, so that one seed gives a shuffled mask other positions than a random one. */
const RANDOM_STREAM = 0x726e6421;
const SHUFFLE_STREAM = 0x73687566;

/** Random pruning, or a random sparse start: positions drawn from a seed, in numbers that the plan gives exactly. */
export function randomMask(
  parameters: Parameters,
  plan: PrunePlan,
  seed: Seed,
  options: WithinOptions = {},
): Promise<PruneResult> {
  return withScores('randomMask', parameters, plan, randomScores(parameters, seed, RANDOM_STREAM), options);
}

/** A mask with its positions permuted within each layer: the same number stays of each, elsewhere. */
export function shuffledMask(parameters: Parameters, pruned: PruneResult, seed: Seed): Promise<PruneResult> {
  // Permuted equally likely, a mask of k ones is any mask of k ones equally likely.
  const scores = randomScores(parameters, seed, SHUFFLE_STREAM);
  return withScores('shuffledMask', parameters, planLike(parameters, pruned), scores, {});
}

/** Keeps the lowest scores instead of the highest; the scores are borrowed. */
export function invertedMask(
  parameters: Parameters,
  plan: PrunePlan,
  scores: Tensor,
  options: WithinOptions = {},
): Promise<PruneResult> {
  return withScores('invertedMask', parameters, plan, invertedScores(scores), options);
}

/** Keeps as many weights of each layer as another mask does, by other scores: isolates positions from numbers. */
export function layerMatchedMask(parameters: Parameters, pruned: PruneResult, scores: Tensor): Promise<PruneResult> {
  return maskByScoresOf('layerMatchedMask', parameters, planLike(parameters, pruned), scores, {});
}
