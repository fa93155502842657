import { pruneBySensitivity } from './iterative-snip.js';
import type { Models, PlansOf } from './models.js';
import type { BatchSource, ScoringOptions } from './probe.js';
import type { PrunedOf, RoundsOptions } from './rounds.js';

export interface ForceOptions extends ScoringOptions, RoundsOptions {}

/**
 * FORCE, foresight connection sensitivity (de Jorge et al. 2021): in each of many rounds |w g|, w being the dense
 * network's weights and g the gradients at the masked one, so that removed weights may come back. In one round it is
 * SNIP.
 *
 * @param model a model, or a population, of which every model gets the mask that it would get alone
 * @param batches those of a round are the pass of its number
 * @param options 60 rounds by default
 * @throws ArgumentError for no batches, a schedule that rises, a model that is already masked, or a NaN
 */
export function forceMask<M extends Models>(
  model: M,
  plan: PlansOf<M>,
  batches: BatchSource,
  options: ForceOptions = {},
): Promise<PrunedOf<M>> {
  return pruneBySensitivity('forceMask', model, plan, batches, { rounds: 60, ...options }, 'dense');
}
