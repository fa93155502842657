import { noGrad } from '../autograd/node.js';
import { apply, constant } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import { concat } from '../ops/concat.js';
import { clone, fuse, mul } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { launchMasks } from '../select/mark.js';
import { launchSelect } from '../select/radix-select.js';
import { keep, scope } from '../tensor/scope.js';
import { sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { assertFlat } from './assert-flat.js';
import type { PrunePlan } from './plan.js';

/** How many weights of a layer a mask keeps. */
export interface LayerDensity {
  name: string;
  kept: number;
  total: number;
}

export interface PruneResult {
  /** 1 where a weight stays, laid out like the parameters' flat buffer; owned by the caller. */
  mask: Tensor;
  layers: LayerDensity[];
  kept: number;
  total: number;
}

export interface WithinOptions {
  /** An older mask: what it removed stays removed, also of weights that the plan does not name. */
  within?: PruneResult;
}

/**
 * Masks of the greatest scores: exactly as many weights stay as planned, among equals the first in the order of the
 * parameters. Parameters that the plan does not name are kept whole. The scores stay on the device.
 *
 * @param scores f32, laid out like the parameters' flat buffer
 * @throws ArgumentError for a NaN among the scores, or an older mask that has too few weights left for the plan
 * @throws ShapeError for scores that are laid out otherwise
 */
export function maskByScores(
  parameters: Parameters,
  plan: PrunePlan,
  scores: Tensor,
  options: WithinOptions = {},
): Promise<PruneResult> {
  return maskByScoresOf('maskByScores', parameters, plan, scores, options);
}

export async function maskByScoresOf(
  op: string,
  parameters: Parameters,
  plan: PrunePlan,
  scores: Tensor,
  { within }: WithinOptions,
): Promise<PruneResult> {
  assertFlat(op, parameters, scores);
  const contests = contestsOf(plan);
  if (within) {
    assertFlat(op, parameters, within.mask);
    for (const contest of contests) assertRoom(op, contest, within);
  }
  const chosen = keepOthers(parameters, plan);
  let results: Selection | null = null;
  try {
    results = scope(() => select(op, parameters, contests, scores, chosen, within?.mask));
    for (const t of Object.values(results)) keep(t);
    const [nans, rows] = await Promise.all([results.status.data(), results.counts.data()]);
    const bad = (nans as Uint32Array).reduce((a, b) => a + b, 0);
    if (bad > 0) throw new ArgumentError(op, 'scores without NaN', `${bad} NaN`);
    const planned = layersOf(parameters, plan, rows);
    const missing = plan.kept - sumOf(planned, 'kept');
    if (missing !== 0) throw new ArgumentError(op, `scores above ${DEAD} of all weights left`, `${missing} below`);
    const layers = inOrder(parameters, planned, within?.layers ?? []);
    return { mask: results.mask, layers, kept: sumOf(layers, 'kept'), total: sumOf(layers, 'total') };
  } catch (error) {
    results?.mask.dispose();
    throw error;
  } finally {
    chosen.dispose();
    results?.status.dispose();
    results?.counts.dispose();
  }
}

interface Selection {
  mask: Tensor;
  status: Tensor;
  counts: Tensor;
}

/** Weights that compete, and how many of them stay. */
interface Contest {
  names: string[];
  total: number;
  kept: number;
}

function contestsOf({ scope, layers, total, kept }: PrunePlan): Contest[] {
  if (scope === 'global') return [{ names: layers.map((l) => l.name), total, kept }];
  return layers.map((l) => ({ names: [l.name], total: l.total, kept: l.kept ?? l.total }));
}

function assertRoom(op: string, { names, total, kept }: Contest, within: PruneResult): void {
  const lost = within.layers.reduce((n, l) => n + (names.includes(l.name) ? l.total - l.kept : 0), 0);
  if (kept <= total - lost) return;
  const what = names.length === 1 ? names[0] : `${names.length} weights`;
  throw new ArgumentError(op, `at most ${total - lost} kept of ${what}, what the older mask leaves`, `${kept}`);
}

/** The least float: the score of what an older mask removed. WGSL has no literal for infinity. */
const DEAD = -3.4028234663852886e38;

/** Marks the greatest scores in the flat mask `chosen`, and counts them by row: exactly, as long as a row has 2^24. */
function select(
  op: string,
  parameters: Parameters,
  contests: readonly Contest[],
  scores: Tensor,
  chosen: Tensor,
  within: Tensor | undefined,
): Selection {
  return noGrad(() => {
    const alive = within
      ? fuse((s, m) => apply('where', apply('ne', m, constant(0)), s, constant(DEAD)), [scores, within], op)
      : scores;
    const statuses = contests.map(({ names, kept }) => {
      const sources = names.map((name) => parameters.part(alive, name));
      const parts = names.map((name) => parameters.part(chosen, name));
      const key = { type: 'f32', by: 'signed', largest: true } as const;
      const selection = launchSelect(op, parameters.device, { sources, units: 1, key, k: kept, least: 0 });
      launchMasks(op, parameters.device, selection, parts);
      return selection.status;
    });
    const mask = within ? mul(chosen, within) : clone(chosen);
    const rows = contests.flatMap(({ names }) =>
      names.map((name) => {
        const part = parameters.part(mask, name);
        return sum(part.view(op, [rowsOf(part), part.size / rowsOf(part)]), 1);
      }),
    );
    return { mask, status: concat(statuses), counts: concat(rows) };
  });
}

/** A flat mask of 1 for the parameters that are not planned, of 0 elsewhere. */
function keepOthers(parameters: Parameters, { layers }: PrunePlan): Tensor {
  const mask = parameters.like();
  const pruned = new Set(layers.map((l) => l.name));
  for (const { name, shape } of parameters.specs)
    if (!pruned.has(name)) {
      const part = parameters.part(mask, name);
      part.write(new Float32Array(sizeOf(shape)).fill(1));
      part.dispose();
    }
  return mask;
}

const rowsOf = (part: Tensor): number => (part.rank > 1 ? Math.max(1, part.shape[0]) : 1);

function layersOf(parameters: Parameters, plan: PrunePlan, counts: ArrayLike<number>): LayerDensity[] {
  let row = 0;
  return plan.layers.map(({ name, total }) => {
    let kept = 0;
    for (const end = row + rowsOf(parameters.get(name)); row < end; row++) kept += counts[row];
    return { name, kept, total };
  });
}

/** The layers just masked, and those that only an older mask has, in the order of the parameters. */
function inOrder(
  parameters: Parameters,
  planned: readonly LayerDensity[],
  older: readonly LayerDensity[],
): LayerDensity[] {
  const byName = new Map([...older, ...planned].map((l) => [l.name, l]));
  return parameters.names.flatMap((name) => byName.get(name) ?? []);
}

const sumOf = (layers: readonly LayerDensity[], key: 'kept' | 'total'): number =>
  layers.reduce((n, l) => n + l[key], 0);
