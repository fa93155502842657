import { noGrad } from '../autograd/node.js';
import { apply, constant } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import { concat } from '../ops/concat.js';
import { zerosLike } from '../ops/create.js';
import { fuse, mul } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { launchMasks } from '../select/mark.js';
import { launchSelect } from '../select/radix-select.js';
import { keep, scope } from '../tensor/scope.js';
import { type Shape, sizeOf } from '../tensor/shape.js';
import { type Tensor, tensor } from '../tensor/tensor.js';
import { assertFlat } from './assert-flat.js';
import type { PrunePlan } from './plan.js';

/** How many weights of a layer a mask keeps. */
export interface LayerDensity {
  name: string;
  kept: number;
  total: number;
}

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

/** Weights that compete within each model, and how many of them stay of each. */
export interface Contest {
  names: string[];
  total: number;
  kept: number[];
}

/** @param plans one a model, of the same scope and weights */
export function contestsOf(plans: readonly PrunePlan[]): Contest[] {
  const [{ scope, layers, total }] = plans;
  if (scope === 'global') return [{ names: layers.map((l) => l.name), total, kept: plans.map((p) => p.kept) }];
  return layers.map(({ name, total }, l) => ({
    names: [name],
    total,
    kept: plans.map((p) => p.layers[l].kept ?? total),
  }));
}

/** The least float: the score of what an older mask removed. WGSL has no literal for infinity. */
const DEAD = -3.4028234663852886e38;

/**
 * Masks of the greatest scores: exactly as many weights stay as planned, among equals the first in the order of the
 * parameters; of a population, within each model by itself. Parameters that the plans do not name are kept whole.
 *
 * @param lead axes that lead every parameter: [models], or none where there is one model
 * @param plans one a model, checked
 * @param within an older mask: what it removed stays removed
 * @throws ArgumentError for NaN among the scores, or too few weights left
 * @throws ShapeError for scores or an older mask that are laid out otherwise
 */
export async function selectMasks(
  op: string,
  parameters: Parameters,
  lead: Shape,
  plans: readonly PrunePlan[],
  scores: Tensor,
  within?: Tensor,
): Promise<PopulationMask> {
  for (const flat of [scores, within]) if (flat) assertFlat(op, parameters, flat);
  const selected = scope(() => noGrad(() => select(op, parameters, lead, plans, scores, within)));
  for (const t of Object.values(selected)) keep(t);
  const { mask, status, counts } = selected;
  try {
    const [nans, rows] = await Promise.all([status.data(), counts.data()]);
    assertNumbers(op, lead, nans);
    const layers = densitiesOf(parameters, lead, plans[0], rows);
    const kept = plans.map((_, m) => layers.reduce((n, l) => n + l.kept[m], 0));
    assertEnough(op, lead, plans, kept);
    return { mask, layers, kept, total: plans[0].total };
  } catch (error) {
    mask.dispose();
    throw error;
  } finally {
    status.dispose();
    counts.dispose();
  }
}

/** What a mask keeps of one model. */
export const ofModel = (
  { layers, kept, total }: Omit<PopulationMask, 'mask'>,
  model: number,
): { layers: LayerDensity[]; kept: number; total: number } => ({
  layers: layers.map((l) => ({ ...l, kept: l.kept[model] })),
  kept: kept[model],
  total,
});

interface Selected {
  mask: Tensor;
  /** u32 [contests * models]: numbers of NaN. */
  status: Tensor;
  /** What is kept, by rows of every layer: exact, as long as a row has no more than 2^24. */
  counts: Tensor;
}

function select(
  op: string,
  parameters: Parameters,
  lead: Shape,
  plans: readonly PrunePlan[],
  scores: Tensor,
  within: Tensor | undefined,
): Selected {
  const { device } = parameters;
  const alive = within
    ? fuse((s, m) => apply('where', apply('ne', m, constant(0)), s, constant(DEAD)), [scores, within], op)
    : scores;
  const chosen = zerosLike(parameters.flat);
  keepOthers(parameters, plans[0], chosen);
  const statuses = contestsOf(plans).map(({ names, kept }) => {
    const sources = names.map((name) => parameters.part(alive, name));
    const parts = names.map((name) => parameters.part(chosen, name));
    const key = { type: 'f32', by: 'signed', largest: true } as const;
    const k = lead.length > 0 ? tensor(device, Uint32Array.from(kept)) : kept[0];
    const selection = launchSelect(op, device, { sources, units: sizeOf(lead), key, k, least: 0 });
    launchMasks(op, device, selection, parts);
    return selection.status;
  });
  const mask = within ? mul(chosen, within) : chosen;
  const counts = plans[0].layers.map(({ name }) => {
    const part = parameters.part(mask, name);
    const rows = rowsOf(lead, part);
    return sum(part.view(op, [rows, part.size / rows]), 1);
  });
  return { mask, status: concat(statuses), counts: concat(counts) };
}

/** Makes a flat mask 1 for the parameters that are not planned. */
function keepOthers(parameters: Parameters, { layers }: PrunePlan, mask: Tensor): void {
  const pruned = new Set(layers.map((l) => l.name));
  for (const { name, shape } of parameters.specs)
    if (!pruned.has(name)) parameters.part(mask, name).write(new Float32Array(sizeOf(shape)).fill(1));
}

/** Rows in which the weights of a parameter are counted, those of a model one after the other. */
const rowsOf = (lead: Shape, { rank, shape }: Tensor): number =>
  sizeOf(lead) * (rank > lead.length + 1 ? Math.max(1, shape[lead.length]) : 1);

function densitiesOf(
  parameters: Parameters,
  lead: Shape,
  { layers }: PrunePlan,
  counts: ArrayLike<number>,
): PopulationDensity[] {
  let row = 0;
  return layers.map(({ name, total }) => {
    const each = rowsOf(lead, parameters.get(name)) / sizeOf(lead);
    const kept = Array.from({ length: sizeOf(lead) }, () => {
      let n = 0;
      for (const end = row + each; row < end; row++) n += counts[row];
      return n;
    });
    return { name, kept, total };
  });
}

/** @param nans one number a model, contest by contest */
function assertNumbers(op: string, lead: Shape, nans: ArrayLike<number>): void {
  const each = new Array<number>(sizeOf(lead)).fill(0);
  for (let i = 0; i < nans.length; i++) each[i % each.length] += nans[i];
  const bad = each.flatMap((n, m) => (n > 0 ? [m] : []));
  if (bad.length === 0) return;
  throw new ArgumentError(
    op,
    'scores without NaN',
    lead.length > 0 ? `NaN in models ${bad.join(', ')}` : `${each[0]} NaN`,
  );
}

function assertEnough(op: string, lead: Shape, plans: readonly PrunePlan[], kept: readonly number[]): void {
  const missing = plans.map((plan, m) => plan.kept - kept[m]);
  if (missing.every((n) => n === 0)) return;
  if (lead.length === 0) throw new ArgumentError(op, `scores above ${DEAD} of all weights left`, `${missing[0]} below`);
  const short = missing.flatMap((n, m) => (n === 0 ? [] : [`${n} of model ${m}`]));
  throw new ArgumentError(op, `enough weights left, with scores above ${DEAD}`, `${short.join(', ')} missing`);
}
