import { grad } from '../autograd/grad.js';
import { noGrad } from '../autograd/node.js';
import type { Batch } from '../data/loader.js';
import { apply, constant, type Expr } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import { clone, fuse } from '../ops/pointwise.js';
import type { Optimiser } from '../optim/optimiser.js';
import type { Population } from '../population/population.js';
import type { PopulationOptimiser } from '../population/population-optimiser.js';
import type { Seed } from '../tensor/philox.js';
import { keep, scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { copyMask } from './apply.js';
import type { PruneResult } from './mask-by-scores.js';
import { driverOf, type Kept, type MaskDriver, type PopulationMaskDriver, zeroOutside } from './mask-driver.js';
import { leadOf, type Models, shapesOf } from './models.js';
import { PrunePlan, planLike } from './plan.js';
import { leavesOf, Probe, packNamed, type ScoringOptions } from './probe.js';
import { magnitudeScores, randomScores } from './scores.js';
import { ofModel, type PopulationMask, selectMasks } from './select-masks.js';

export interface DynamicSparsityOptions {
  /** Steps between updates; 100 by default. */
  every?: number;
  /** The step from which on the mask stays: 3/4 of training, as published. */
  until: number;
  /** Share of a layer's weights exchanged in the beginning; 0.3 by default. It falls to 0 along a half cosine. */
  fraction?: number;
}

export interface RiglOptions extends DynamicSparsityOptions, Omit<ScoringOptions, 'values'> {
  /** The batch of an update's gradient; what it makes is disposed of. `() => loader.next()` takes one from training. */
  batch: (step: number) => Batch;
}

export interface SetOptions extends DynamicSparsityOptions {
  seed: Seed;
}

/**
 * RigL (Evci et al. 2020): sparse training with a mask that moves. At every update each layer loses the smallest of its
 * weights and gains as many where the dense gradient is greatest in absolute value, anew from 0 and without momentum; a
 * weight that was just lost may be among them, and then stays as it was. Every layer keeps its number exactly. No update
 * happens at step 0. Of a population, every model exchanges its own weights, from a mask and numbers of its own.
 *
 * @param optimiser whose momenta are to follow; of a population null where weights are trained elsewhere
 * @param start which weights there are in the beginning, such as `randomMask` by `planErk`; borrowed
 * @throws ArgumentError for options out of range, or a model whose layers compute with masked weights
 */
export function rigl(model: Model, optimiser: Optimiser, start: PruneResult, options: RiglOptions): MaskDriver;
export function rigl(
  population: Population,
  optimiser: PopulationOptimiser | null,
  start: PopulationMask,
  options: RiglOptions,
): PopulationMaskDriver;
export function rigl(
  model: Models,
  optimiser: Optimiser | PopulationOptimiser | null,
  start: PruneResult | PopulationMask,
  options: RiglOptions,
): MaskDriver | PopulationMaskDriver {
  const { batch, training = true, loss } = options;
  const names = start.layers.map((l) => l.name);
  return exchanging('rigl', model, optimiser, start, options, async (step) => {
    const probe = new Probe('rigl', model, { training, loss });
    try {
      return keep(
        scope(() => {
          const leaves = leavesOf(model.parameters, model.parameters.flat);
          const gradients = grad(
            probe.loss(batch(step), leaves),
            names.map((name) => leaves.get(name)!),
          );
          return packNamed(model.parameters, names, gradients);
        }),
      );
    } finally {
      probe.dispose();
    }
  });
}

/** Sparse evolutionary training (Mocanu et al. 2018): as `rigl`, but weights grow at random places. */
export function set(model: Model, optimiser: Optimiser, start: PruneResult, options: SetOptions): MaskDriver;
export function set(
  population: Population,
  optimiser: PopulationOptimiser | null,
  start: PopulationMask,
  options: SetOptions,
): PopulationMaskDriver;
export function set(
  model: Models,
  optimiser: Optimiser | PopulationOptimiser | null,
  start: PruneResult | PopulationMask,
  options: SetOptions,
): MaskDriver | PopulationMaskDriver {
  return exchanging('set', model, optimiser, start, options, async (step) =>
    randomScores(model.parameters, options.seed, step),
  );
}

/** Growth scores, laid out like the parameters; their absolute values count. */
type Growth = (step: number) => Promise<Tensor>;

function exchanging(
  op: string,
  model: Models,
  optimiser: Optimiser | PopulationOptimiser | null,
  start: PruneResult | PopulationMask,
  { every = 100, until, fraction = 0.3 }: DynamicSparsityOptions,
  growth: Growth,
): MaskDriver | PopulationMaskDriver {
  const { parameters } = model;
  for (const [name, value] of Object.entries({ every, until }))
    if (!Number.isInteger(value) || value < 1)
      throw new ArgumentError(op, `${name} as a whole number >= 1`, `${value}`);
  if (!(fraction >= 0 && fraction <= 1)) throw new ArgumentError(op, 'a fraction in [0, 1]', `${fraction}`);
  if (optimiser && parametersOf(optimiser) !== parameters)
    throw new ArgumentError(op, "an optimiser of the model's parameters", 'of others');
  const lead = leadOf(model);
  const kept = keptOf(start);
  const plans = kept.kept.map((_, m) => planLike(shapesOf(model), ofModel(kept, m)));
  const mask = keep(clone(start.mask));
  const run = async (step: number): Promise<void> => {
    if (step === 0 || step >= until || step % every !== 0) return;
    const share = (fraction / 2) * (1 + Math.cos((Math.PI * step) / until));
    const next = await exchange(op, model, { mask, plans }, share, () => growth(step));
    scope(() => {
      const stay = noGrad(() => fuse(both, [mask, next], op));
      // New weights begin at 0, as do their momenta: and what left must be 0 before the next forward pass.
      for (const flat of [parameters.flat, ...(optimiser?.slots ?? [])]) zeroOutside(flat, stay);
    });
    copyMask(parameters, next, mask);
    next.dispose();
  };
  return driverOf(lead, { mask, every, run, dispose: () => mask.dispose() }, () => kept);
}

const parametersOf = (optimiser: Optimiser | PopulationOptimiser) =>
  'population' in optimiser ? optimiser.population.parameters : optimiser.parameters;

/** What a mask keeps, as of a population: of a single model, lists of one. */
const keptOf = (start: PruneResult | PopulationMask): Kept => {
  if (typeof start.kept !== 'number') return start as PopulationMask;
  const layers = (start as PruneResult).layers.map((l) => ({ ...l, kept: [l.kept] }));
  return { layers, kept: [start.kept], total: start.total };
};

/** A mask that moves, and plans of what each model keeps to. */
interface Moving {
  mask: Tensor;
  plans: readonly PrunePlan[];
}

/** The mask with a share of each layer's weights exchanged: the smallest for those of the highest growth scores. */
async function exchange(
  op: string,
  model: Models,
  { mask, plans }: Moving,
  share: number,
  growth: () => Promise<Tensor>,
): Promise<Tensor> {
  const { parameters } = model;
  const lead = leadOf(model);
  const fewer = plans.map(({ layers }) => {
    const less = layers.map((l) => ({ ...l, kept: l.kept! - Math.floor(share * l.kept!) }));
    return new PrunePlan('layer', less);
  });
  const sizes = magnitudeScores(parameters);
  const left = await selectMasks(op, parameters, lead, fewer, sizes, mask).finally(() => sizes.dispose());
  try {
    const gain = await growth();
    const scores = keep(noGrad(() => fuse(stayFirst, [left.mask, gain], op)));
    gain.dispose();
    const next = await selectMasks(op, parameters, lead, plans, scores).finally(() => scores.dispose());
    return next.mask;
  } finally {
    left.mask.dispose();
  }
}

/** Scores that no gradient exceeds: weights that stay come first. */
const STAYS = constant(3e38);
const MOST = constant(1e38);

const stayFirst = (left: Expr, gain: Expr): Expr => {
  const size = apply('abs', gain);
  // What is not a number, in a model that diverges, is not less than MOST either.
  const limited = apply('where', apply('lt', size, MOST), size, MOST);
  return apply('where', apply('ne', left, constant(0)), STAYS, limited);
};

const both = (a: Expr, b: Expr): Expr =>
  apply('where', apply('and', apply('ne', a, constant(0)), apply('ne', b, constant(0))), constant(1), constant(0));
