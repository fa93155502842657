import { noGrad } from '../autograd/node.js';
import { apply, constant } from '../expr/expr.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { concat } from '../ops/concat.js';
import { abs, clone, fuse, mul } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import type { PrunePlan } from '../prune/plan.js';
import { launchMasks } from '../select/mark.js';
import { launchSelect } from '../select/radix-select.js';
import { keep, scope } from '../tensor/scope.js';
import { sameShape, sizeOf } from '../tensor/shape.js';
import { type Tensor, tensor } from '../tensor/tensor.js';
import type { Population } from './population.js';
import { type PerModel, perModel } from './population-optimiser.js';

/** How many weights of a layer the mask of each model keeps, of `total`. */
export interface PopulationDensity {
  name: string;
  kept: number[];
  total: number;
}

export interface PopulationMask {
  /** 1 where a weight stays, laid out like the parameters' flat buffer; owned by the caller. */
  mask: Tensor;
  layers: PopulationDensity[];
  /** Over all layers, one number a model. */
  kept: number[];
  total: number;
}

export interface PopulationMaskOptions {
  /** f32, laid out like the parameters' flat buffer, ranked by value; by default the weights' magnitudes. */
  scores?: Tensor;
  /** An older mask: what it removed stays removed. */
  within?: Tensor;
}

/** The least float: the score of what an older mask removed. */
const DEAD = -3.4028234663852886e38;

/**
 * Masks of the greatest scores, within each model by itself: exactly as many weights stay as its plan says, among equals
 * the first in the order of the parameters. Plans are made of one model's shapes, `planSparsity(population, 0.9)`.
 * Parameters that no plan names are kept whole. The scores stay on the device.
 *
 * @param plans one for all models, or one each: of the same scope and weights, with sparsities of their own
 * @throws ArgumentError for plans of different scopes or weights, a NaN among the scores, or an older mask that has too
 * few weights left; the message names the models
 * @throws ShapeError for scores or an older mask that are laid out otherwise
 */
export async function maskPopulation(
  population: Population,
  plans: PerModel<PrunePlan>,
  options: PopulationMaskOptions = {},
): Promise<PopulationMask> {
  const op = 'maskPopulation';
  const { parameters, models } = population;
  const list = perModel(op, 'plans', plans, models);
  const contests = contestsOf(op, list);
  for (const flat of [options.scores, options.within])
    if (flat && (!sameShape(flat.shape, parameters.flat.shape) || flat.dtype !== 'f32'))
      throw new ShapeError(op, `a flat tensor ${parameters.flat}`, String(flat));
  const selected = scope(() => select(op, population, contests, list[0], options));
  for (const t of Object.values(selected)) keep(t);
  const { mask, status, counts } = selected;
  try {
    const [nans, rows] = [await status.data(), await counts.data()];
    assertNumbers(op, nans, models);
    const { layers } = list[0];
    const densities = layers.map(({ name, total }, l): PopulationDensity => {
      return { name, total, kept: Array.from({ length: models }, (_, m) => rows[l * models + m]) };
    });
    const kept = list.map((_, m) => densities.reduce((n, d) => n + d.kept[m], 0));
    const short = list.flatMap((plan, m) => (kept[m] === plan.kept ? [] : [`${plan.kept - kept[m]} of model ${m}`]));
    if (short.length > 0)
      throw new ArgumentError(op, 'enough weights left by the older mask', `${short.join(', ')} missing`);
    return { mask, layers: densities, kept, total: list[0].total };
  } catch (error) {
    mask.dispose();
    throw error;
  } finally {
    status.dispose();
    counts.dispose();
  }
}

/** Weights that compete within each model, and how many of them stay of each. */
interface Contest {
  names: string[];
  kept: number[];
}

function contestsOf(op: string, plans: readonly PrunePlan[]): Contest[] {
  const [{ scope, layers }] = plans;
  const names = layers.map((l) => l.name);
  for (const plan of plans)
    if (plan.scope !== scope || plan.layers.map((l) => l.name).join() !== names.join())
      throw new ArgumentError(op, `plans of the same scope and weights (${scope}: ${names.join(', ')})`, String(plan));
  if (scope === 'global') return [{ names, kept: plans.map((p) => p.kept) }];
  return names.map((name, l) => ({ names: [name], kept: plans.map((p) => p.layers[l].kept ?? p.layers[l].total) }));
}

function select(
  op: string,
  { parameters, models, device }: Population,
  contests: readonly Contest[],
  plan: PrunePlan,
  { scores, within }: PopulationMaskOptions,
): { mask: Tensor; status: Tensor; counts: Tensor } {
  return noGrad(() => {
    const ranks = scores ?? abs(parameters.flat);
    const alive = within
      ? fuse((s, m) => apply('where', apply('ne', m, constant(0)), s, constant(DEAD)), [ranks, within], op)
      : ranks;
    const chosen = parameters.like();
    const pruned = new Set(plan.layers.map((l) => l.name));
    for (const { name, shape } of parameters.specs)
      if (!pruned.has(name)) parameters.part(chosen, name).write(new Float32Array(sizeOf(shape)).fill(1));
    const statuses = contests.map(({ names, kept }) => {
      const sources = names.map((name) => parameters.part(alive, name)).map((t) => t.view(op, [t.size]));
      const masks = names.map((name) => parameters.part(chosen, name));
      const key = { type: 'f32', by: 'signed', largest: true } as const;
      const k = tensor(device, Uint32Array.from(kept));
      const selection = launchSelect(op, device, { sources, units: models, key, k, least: 0 });
      launchMasks(op, device, selection, masks);
      return selection.status;
    });
    const mask = within ? mul(chosen, within) : clone(chosen);
    chosen.dispose();
    const counts = plan.layers.map(({ name }) => {
      const part = parameters.part(mask, name);
      return sum(part.view(op, [models, part.size / models]), 1);
    });
    return { mask, status: concat(statuses), counts: concat(counts) };
  });
}

/** @param nans one number a model, contest by contest */
function assertNumbers(op: string, nans: ArrayLike<number>, models: number): void {
  const bad = new Set<number>();
  for (let i = 0; i < nans.length; i++) if (nans[i] > 0) bad.add(i % models);
  if (bad.size > 0) throw new ArgumentError(op, 'scores without NaN', `NaN in models ${[...bad].join(', ')}`);
}
