import { ArgumentError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import type { Tensor } from '../tensor/tensor.js';
import { assertFlat } from './assert-flat.js';
import { checkPlans } from './models.js';
import type { PrunePlan } from './plan.js';
import { type Contest, contestsOf, type LayerDensity, ofModel, selectMasks } from './select-masks.js';

export type { LayerDensity };

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
  const plans = [plan];
  checkPlans(op, parameters, plans);
  if (within) {
    assertFlat(op, parameters, within.mask);
    for (const contest of contestsOf(plans)) assertRoom(op, contest, within);
  }
  const selected = await selectMasks(op, parameters, [], plans, scores, within?.mask);
  const layers = inOrder(parameters, ofModel(selected, 0).layers, within?.layers ?? []);
  return { mask: selected.mask, layers, kept: sumOf(layers, 'kept'), total: sumOf(layers, 'total') };
}

function assertRoom(op: string, { names, total, kept: [kept] }: Contest, within: PruneResult): void {
  const lost = within.layers.reduce((n, l) => n + (names.includes(l.name) ? l.total - l.kept : 0), 0);
  if (kept <= total - lost) return;
  const what = names.length === 1 ? names[0] : `${names.length} weights`;
  throw new ArgumentError(op, `at most ${total - lost} kept of ${what}, what the older mask leaves`, `${kept}`);
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
