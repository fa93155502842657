import { ArgumentError } from '../gpu/errors.js';
import type { Population } from '../population/population.js';
import type { PerModel } from '../population/population-optimiser.js';
import type { Tensor } from '../tensor/tensor.js';
import type { PruneResult } from './mask-by-scores.js';
import { leadOf, type Models, plansOf } from './models.js';
import { PrunePlan } from './plan.js';
import { type LayerDensity, ofModel, type PopulationMask, selectMasks } from './select-masks.js';

/**
 * How many of `total` weights are left when a share `progress` (0 to 1) of pruning is done and `kept` stay at its end:
 * a whole number that never rises.
 */
export type KeptSchedule = (total: number, kept: number, progress: number) => number;

/** Every round removes the same share of what is left: total (kept / total)^progress. */
export const exponentialKept: KeptSchedule = (total, kept, progress) =>
  total === 0 ? 0 : Math.round(total * (kept / total) ** progress);

/** Every round removes as many. */
export const linearKept: KeptSchedule = (total, kept, progress) => Math.round(total - (total - kept) * progress);

/** Gradual pruning (Zhu & Gupta 2017): kept + (total - kept) (1 - progress)^3. */
export const cubicKept: KeptSchedule = (total, kept, progress) =>
  Math.round(kept + (total - kept) * (1 - progress) ** 3);

export interface RoundsOptions {
  /** Rounds of scoring and masking. */
  rounds?: number;
  /** `exponentialKept` by default. The last round keeps what the plan says, whatever the schedule does. */
  schedule?: KeptSchedule;
}

/** What one round of pruning left. */
export interface PruneRound {
  kept: number;
  /** Layers that lost their last weight although others have some: the network is cut there. */
  collapsed: string[];
}

/** A mask found before training, with how it came about. */
export interface PrunedAtInit extends PruneResult {
  /** Layers of which nothing stays although the plan asks for none to go: layer collapse (Tanaka et al. 2020). */
  collapsed: string[];
  rounds: PruneRound[];
}

/** What one round of pruning left of every model. */
export interface PopulationRound {
  kept: number[];
  collapsed: string[][];
}

/** The masks of a population found before training, as those of single models: lists have one entry a model. */
export interface PopulationPrunedAtInit extends PopulationMask {
  collapsed: string[][];
  rounds: PopulationRound[];
}

/** What pruning before training gives for a model, or for a population. */
export type PrunedOf<M extends Models> = M extends Population ? PopulationPrunedAtInit : PrunedAtInit;

/** Layers of which a mask keeps nothing, while it keeps something of others. */
export const collapsedLayers = ({ layers, kept }: { layers: readonly LayerDensity[]; kept: number }): string[] =>
  kept === 0 ? [] : layers.filter((l) => l.total > 0 && l.kept === 0).map((l) => l.name);

/**
 * The plans of all rounds on the way to one; the last is that plan.
 *
 * @throws ArgumentError unless there is a round, and the schedule gives whole numbers that never rise or pass the plan's
 */
export function planRounds(
  op: string,
  plan: PrunePlan,
  rounds: number,
  schedule: KeptSchedule = exponentialKept,
): PrunePlan[] {
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new ArgumentError(op, 'a whole number of rounds >= 1', `${rounds}`);
  const counts = (total: number, kept: number) => {
    let last = total;
    return Array.from({ length: rounds }, (_, r) => {
      const now = r === rounds - 1 ? kept : Math.max(kept, schedule(total, kept, (r + 1) / rounds));
      if (!Number.isInteger(now) || now > last)
        throw new ArgumentError(
          op,
          `a schedule of whole numbers from ${total} down to ${kept}`,
          `${now} after ${last}`,
        );
      last = now;
      return now;
    });
  };
  const overall = counts(plan.total, plan.kept);
  const each = plan.layers.map((l) => (l.kept === null ? null : counts(l.total, l.kept)));
  return overall.map((kept, r) => {
    const layers = plan.layers.map((l, i) => ({ ...l, kept: each[i]?.[r] ?? null }));
    return new PrunePlan(plan.scope, layers, plan.scope === 'global' ? kept : null);
  });
}

/** The plans of all rounds, one a model in each, and the weights that all of them name. */
export interface Rounds {
  names: string[];
  plans: PrunePlan[][];
}

/**
 * Rounds for each model's own plan.
 *
 * @throws ArgumentError as `planRounds`, and for plans that do not fit the models or each other
 */
export function roundsOf(
  op: string,
  model: Models,
  plans: PerModel<PrunePlan>,
  { rounds = 1, schedule }: RoundsOptions = {},
): Rounds {
  const list = plansOf(op, model, plans);
  const each = list.map((plan) => planRounds(op, plan, rounds, schedule));
  return { names: list[0].layers.map((l) => l.name), plans: each[0].map((_, r) => each.map((own) => own[r])) };
}

/** Scores of one round, laid out like the parameters, under the mask of the round before (none in the first). */
export type ScoreRound = (round: number, before?: Tensor) => Promise<Tensor>;

interface InRounds {
  /** Whether what one round removes stays removed. True by default. */
  monotone?: boolean;
  /** Called with the scores of every round and the mask that they gave. */
  observe?: (scores: Tensor, after: Tensor) => void;
}

/** Scores and masks round by round. */
export async function pruneInRounds<M extends Models>(
  op: string,
  model: M,
  { plans }: Rounds,
  score: ScoreRound,
  { monotone = true, observe }: InRounds = {},
): Promise<PrunedOf<M>> {
  const rounds: PopulationRound[] = [];
  let before: PopulationMask | undefined;
  try {
    for (const [round, own] of plans.entries()) {
      const older: Tensor | undefined = before?.mask;
      const scores: Tensor = await score(round, older);
      let next: PopulationMask;
      try {
        next = await selectMasks(op, model.parameters, leadOf(model), own, scores, monotone ? older : undefined);
        observe?.(scores, next.mask);
      } finally {
        scores.dispose();
      }
      older?.dispose();
      before = next;
      rounds.push({ kept: next.kept, collapsed: own.map((_, m) => collapsedLayers(ofModel(next, m))) });
    }
  } catch (error) {
    before?.mask.dispose();
    throw error;
  }
  const pruned: PopulationPrunedAtInit = { ...before!, collapsed: rounds[rounds.length - 1].collapsed, rounds };
  return ('models' in model ? pruned : ofOne(pruned)) as PrunedOf<M>;
}

const ofOne = (pruned: PopulationPrunedAtInit): PrunedAtInit => ({
  mask: pruned.mask,
  ...ofModel(pruned, 0),
  collapsed: pruned.collapsed[0],
  rounds: pruned.rounds.map((r) => ({ kept: r.kept[0], collapsed: r.collapsed[0] })),
});
