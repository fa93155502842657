import type { Parameters } from '../nn/parameters.js';
import type { Tensor } from '../tensor/tensor.js';
import { maskByScoresOf, type PruneResult, type WithinOptions } from './mask-by-scores.js';
import { type PrunePlan, planSparsityOf } from './plan.js';
import { magnitudeScores } from './scores.js';

/**
 * Magnitude pruning by a plan: the greatest |w| stay.
 *
 * @throws ArgumentError for a weight that is NaN, or an older mask that has too few weights left for the plan
 */
export function maskByMagnitude(
  parameters: Parameters,
  plan: PrunePlan,
  options: WithinOptions = {},
): Promise<PruneResult> {
  return withScores('maskByMagnitude', parameters, plan, magnitudeScores(parameters), options);
}

/**
 * Global magnitude pruning: over all weights picked, exactly round(total - sparsity * total) of the greatest |w| stay;
 * among equals the first ones do. Parameters that are not picked are kept whole. The weights stay on the device.
 *
 * @param weights names or patterns (`*`, `?`); all matrices and kernels by default
 * @throws ArgumentError unless 0 <= sparsity < 1, for a pattern that fits no weight, or a weight that is NaN
 */
export async function magnitudeMask(
  parameters: Parameters,
  sparsity: number,
  weights?: readonly string[],
): Promise<PruneResult> {
  const plan = planSparsityOf('magnitudeMask', parameters, sparsity, { weights });
  return withScores('magnitudeMask', parameters, plan, magnitudeScores(parameters), {});
}

/** Masks by scores that nobody needs afterwards. */
export async function withScores(
  op: string,
  parameters: Parameters,
  plan: PrunePlan,
  scores: Tensor,
  options: WithinOptions,
): Promise<PruneResult> {
  try {
    return await maskByScoresOf(op, parameters, plan, scores, options);
  } finally {
    scores.dispose();
  }
}
