import { ArgumentError } from '../gpu/errors.js';
import { Parameters } from '../nn/parameters.js';
import type { Population } from '../population/population.js';
import type { PerModel } from '../population/population-optimiser.js';
import { applyMask, copyMask } from './apply.js';
import { driverOf, type Kept, type MaskDriver, type PopulationMaskDriver } from './mask-driver.js';
import { leadOf, plansOf } from './models.js';
import type { PrunePlan } from './plan.js';
import { cubicKept, type KeptSchedule, planRounds } from './rounds.js';
import { magnitudeScores } from './scores.js';
import { selectMasks } from './select-masks.js';

export type { MaskDriver };

export interface GmpOptions {
  /** Steps between two prunings; 1 by default. */
  every?: number;
  /** Step up to which nothing is removed, a multiple of `every`; 0 by default. */
  begin?: number;
  /** Step of the last pruning, a multiple of `every`: from there on the mask keeps what the plan says. */
  end: number;
  /** `cubicKept` by default. */
  schedule?: KeptSchedule;
}

/**
 * Gradual magnitude pruning during training (Zhu & Gupta 2017): every few steps the smallest weights left go, in numbers
 * that follow a cubic; what is removed stays removed, and what is left trains on. A run that is resumed from a
 * checkpoint finds its mask there. Of a population, every model prunes by itself, to a plan of its own.
 *
 * @param plan what the last pruning leaves
 * @throws ArgumentError for steps out of range, or a schedule that rises
 */
export function gmp(parameters: Parameters, plan: PrunePlan, options: GmpOptions): MaskDriver;
export function gmp(population: Population, plans: PerModel<PrunePlan>, options: GmpOptions): PopulationMaskDriver;
export function gmp(
  target: Parameters | Population,
  plan: PerModel<PrunePlan>,
  options: GmpOptions,
): MaskDriver | PopulationMaskDriver {
  const op = 'gmp';
  const { every = 1, begin = 0, end, schedule = cubicKept } = options;
  if (!Number.isInteger(every) || every < 1) throw new ArgumentError(op, 'every as a whole number >= 1', `${every}`);
  if (!(begin >= 0 && begin < end) || begin % every !== 0 || end % every !== 0)
    throw new ArgumentError(op, `begin < end, both multiples of ${every}`, `${begin} and ${end}`);
  const single = target instanceof Parameters;
  const parameters = single ? target : target.parameters;
  const lead = single ? [] : leadOf(target);
  const plans = single ? [plan as PrunePlan] : plansOf(op, target, plan);
  const rounds = plans.map((own) => planRounds(op, own, (end - begin) / every, schedule));
  const mask = parameters.like(1);
  let kept = wholeOf(plans);
  const run = async (step: number): Promise<void> => {
    const round = (step - begin) / every - 1;
    if (!rounds[0][round]) return;
    const scores = magnitudeScores(parameters);
    try {
      const now = rounds.map((own) => own[round]);
      const next = await selectMasks(op, parameters, lead, now, scores, mask);
      copyMask(parameters, next.mask, mask);
      next.mask.dispose();
      kept = next;
    } finally {
      scores.dispose();
    }
    applyMask(parameters, mask);
  };
  return driverOf(lead, { mask, every, run, dispose: () => mask.dispose() }, () => kept);
}

/** Before anything is pruned. */
const wholeOf = (plans: readonly PrunePlan[]): Kept => ({
  layers: plans[0].layers.map(({ name, total }) => ({ name, total, kept: plans.map(() => total) })),
  kept: plans.map((plan) => plan.total),
  total: plans[0].total,
});
