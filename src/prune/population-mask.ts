import type { Population } from '../population/population.js';
import type { PerModel } from '../population/population-optimiser.js';
import type { Tensor } from '../tensor/tensor.js';
import { leadOf, plansOf } from './models.js';
import type { PrunePlan } from './plan.js';
import { magnitudeScores } from './scores.js';
import { type PopulationMask, selectMasks } from './select-masks.js';

export interface PopulationMaskOptions {
  /** f32, laid out like the parameters' flat buffer, ranked by value; by default the weights' magnitudes. */
  scores?: Tensor;
  /** An older mask: what it removed stays removed. */
  within?: Tensor;
}

/**
 * Masks of the greatest scores, within each model by itself: exactly as many weights stay as its plan says, among equals
 * the first in the order of the parameters. Plans are made of one model's shapes, `planSparsity(population, 0.9)`.
 * Parameters that no plan names are kept whole. The scores stay on the device.
 *
 * @param plans one for all models, or one each: of the same scope and weights, with sparsities of their own
 * @throws ArgumentError for plans of different scopes or weights, or of weights that the models do not have, a NaN among
 * the scores, or an older mask that has too few weights left; the message names the models
 * @throws ShapeError for scores or an older mask that are laid out otherwise
 */
export async function maskPopulation(
  population: Population,
  plans: PerModel<PrunePlan>,
  { scores, within }: PopulationMaskOptions = {},
): Promise<PopulationMask> {
  const op = 'maskPopulation';
  const list = plansOf(op, population, plans);
  const { parameters } = population;
  const ranked = scores ?? magnitudeScores(parameters);
  try {
    return await selectMasks(op, parameters, leadOf(population), list, ranked, within);
  } finally {
    if (ranked !== scores) ranked.dispose();
  }
}
