import { ArgumentError } from '../gpu/errors.js';
import type { Population } from '../population/population.js';
import type { PerModel } from '../population/population-optimiser.js';
import type { Tensor } from '../tensor/tensor.js';
import { copyMask, rewind, snapshot } from './apply.js';
import { plansOf } from './models.js';
import type { PrunePlan } from './plan.js';
import { maskPopulation } from './population-mask.js';
import type { PopulationMask } from './select-masks.js';

export interface PopulationLotteryOptions {
  /** Prunings, each with a training after it; the dense training comes first. */
  levels: number;
  /** What level `level` (from 1) keeps of each model; no more than the level before. */
  plan: (level: number) => PerModel<PrunePlan>;
  /**
   * Trains the population, which has its first values within the mask, to the end: with a fresh optimiser, schedule and
   * loader. Level 0 is the dense one.
   *
   * @example async (_, mask) => { await trainPopulation(population, optimiser(), loader(), { epochs, mask }); }
   */
  train: (level: number, mask: Tensor) => Promise<void>;
}

/**
 * Iterative magnitude pruning with rewinding to the first values (Frankle & Carbin 2019), for all models of a population,
 * each by its own weights and to its own numbers. Train; remove the smallest weights; go back to the values that the
 * population had at the call; train to the end again. Masks are nested.
 *
 * @returns the last masks, owned by the caller
 * @throws ArgumentError for no levels, plans that do not fit the models, or a level that keeps more than the one before
 */
export async function populationTickets(
  population: Population,
  { levels, plan, train }: PopulationLotteryOptions,
): Promise<PopulationMask> {
  const op = 'populationTickets';
  if (!Number.isInteger(levels) || levels < 1)
    throw new ArgumentError(op, 'levels as a whole number >= 1', `${levels}`);
  const { parameters } = population;
  const plans = Array.from({ length: levels }, (_, l) => plansOf(op, population, plan(l + 1)));
  const mask = parameters.like(1);
  const first = snapshot(parameters);
  let pruned: PopulationMask | null = null;
  try {
    await train(0, mask);
    for (const [l, own] of plans.entries()) {
      const older: PopulationMask | null = pruned;
      pruned = await maskPopulation(population, own, { within: older?.mask });
      older?.mask.dispose();
      copyMask(parameters, pruned.mask, mask);
      rewind(parameters, first, mask);
      await train(l + 1, mask);
    }
    return pruned!;
  } catch (error) {
    pruned?.mask.dispose();
    throw error;
  } finally {
    mask.dispose();
    first.dispose();
  }
}
