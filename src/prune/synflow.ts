import { grad } from '../autograd/grad.js';
import { noGrad } from '../autograd/node.js';
import { apply, constant } from '../expr/expr.js';
import { stack } from '../ops/concat.js';
import { ones, onesLike } from '../ops/create.js';
import { abs, fuse, mul } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import type { Population } from '../population/population.js';
import { keep, scope } from '../tensor/scope.js';
import type { Shape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { assertFlat } from './assert-flat.js';
import { axesBehind, leadOf, type Models, type PlansOf } from './models.js';
import { assertDense, leavesOf, packNamed, scoredNames } from './probe.js';
import {
  type PopulationPrunedAtInit,
  type PrunedAtInit,
  pruneInRounds,
  type RoundsOptions,
  roundsOf,
} from './rounds.js';
import { CutScale } from './synflow-scale.js';

export interface SynflowScoreOptions {
  /** Score the network under this flat mask, rather than the dense one. Borrowed. */
  mask?: Tensor;
  /** Values to score instead of the model's own, laid out like its parameters. Borrowed. */
  values?: Tensor;
  /**
   * Keep activations near 1 by dividing them, behind each module of a `Sequential`, by a power of two, which changes no
   * ranking. True by default: without it, deep or wide networks overflow.
   */
  rescale?: boolean;
}

export interface SynflowOptions extends RoundsOptions, Pick<SynflowScoreOptions, 'values' | 'rescale'> {}

export interface SynflowResult extends PrunedAtInit {
  /**
   * The scores that each round removed over R, which is every layer's total where there are no biases. While it stays
   * below 1 no layer can collapse (Tanaka et al. 2020, theorem 3).
   */
  pruneRatios: number[];
  /** The natural logarithm of R in each round, before that round's pruning. */
  logR: number[];
}

/** As `SynflowResult`; lists by round have one entry a model in each. */
export interface PopulationSynflowResult extends PopulationPrunedAtInit {
  pruneRatios: number[][];
  logR: number[][];
}

/** What pruning by synaptic flow gives for a model, or for a population. */
export type SynflowOf<M extends Models> = M extends Population ? PopulationSynflowResult : SynflowResult;

/**
 * Synaptic flow (Tanaka et al. 2020): |w| dR/d|w|, R being the sum of the outputs for an input of ones, with every
 * parameter and statistic replaced by its absolute value, and running statistics in use. No data. All scores are
 * divided by one power of two (in a population by one a model), unless `rescale` is off.
 *
 * @param input shape of one input, `zooNetwork`'s
 * @param options.weights names or patterns of the weights to score; 0 elsewhere
 * @returns scores laid out like the parameters, owned by the caller
 * @throws ArgumentError for a model that is already masked
 */
export function synflowScores(
  model: Models,
  input: Shape,
  options: SynflowScoreOptions & { weights?: readonly string[] } = {},
): Tensor {
  const op = 'synflowScores';
  const names = scoredNames(op, model, options.weights);
  assertDense(op, model);
  return keep(scope(() => flowOf(op, model, input, names, options).scores));
}

/**
 * Iterative pruning by synaptic flow, before training and without data (Tanaka et al. 2020). The model stays as it is.
 *
 * @param model a model, or a population, of which every model gets the mask that it would get alone
 * @param input shape of one input, `zooNetwork`'s
 * @param options 100 rounds by default
 * @throws ArgumentError for a schedule that rises, a model that is already masked, or scores that overflow to NaN
 */
export async function synflowMask<M extends Models>(
  model: M,
  plan: PlansOf<M>,
  input: Shape,
  { rounds = 100, schedule, values, rescale }: SynflowOptions = {},
): Promise<SynflowOf<M>> {
  const op = 'synflowMask';
  const planned = roundsOf(op, model, plan, { rounds, schedule });
  assertDense(op, model);
  const { names } = planned;
  /** What each round has to say, on the device until all are done. */
  const said: Tensor[] = [];
  let flow: Flow | null = null;
  const score = async (_: number, mask?: Tensor): Promise<Tensor> => {
    flow = scope(() => flowOf(op, model, input, names, { mask, values, rescale }));
    return flow.scores;
  };
  const observe = (scores: Tensor, mask: Tensor) => {
    const { total, log } = flow!;
    said.push(keep(scope(() => noGrad(() => stack([total, log, removed(op, model, names, scores, mask)])))));
    drop();
  };
  const drop = () => {
    flow?.total.dispose();
    flow?.log.dispose();
  };
  try {
    const pruned = await pruneInRounds(op, model, planned, score, { observe });
    const { pruneRatios, logR } = await ratios(said);
    const told = 'models' in model ? { pruneRatios, logR } : { pruneRatios: pruneRatios.flat(), logR: logR.flat() };
    return { ...pruned, ...told } as SynflowOf<M>;
  } finally {
    drop();
    for (const t of said) t.dispose();
  }
}

/** Sum of each model's scores that a mask removes. */
function removed(op: string, model: Models, names: readonly string[], scores: Tensor, mask: Tensor): Tensor {
  const gone = fuse((s, m) => apply('where', apply('ne', m, constant(0)), constant(0), s), [scores, mask], op);
  const layers = names.map((name) => {
    const part = model.parameters.part(gone, name);
    return sum(part, axesBehind(leadOf(model), part));
  });
  return sum(stack(layers), 0);
}

/** @param said a round: R, the logarithm of its divisor and the scores removed, of every model */
async function ratios(said: readonly Tensor[]): Promise<Pick<PopulationSynflowResult, 'pruneRatios' | 'logR'>> {
  const all = scope(() => stack(said));
  const values = await all.data();
  all.dispose();
  const models = said[0].size / 3;
  const each = (of: (total: number, log: number, gone: number) => number): number[][] =>
    said.map((_, r) => {
      const row = (k: number, m: number) => values[(3 * r + k) * models + m];
      return Array.from({ length: models }, (__, m) => of(row(0, m), row(1, m), row(2, m)));
    });
  return {
    pruneRatios: each((total, _, gone) => (total > 0 ? gone / total : 0)),
    logR: each((total, log) => Math.log(total) + log),
  };
}

/** Owned by the innermost scope: scores, and of every model R, both divided by one number, and its logarithm. */
interface Flow {
  scores: Tensor;
  total: Tensor;
  log: Tensor;
}

function flowOf(
  op: string,
  model: Models,
  input: Shape,
  names: readonly string[],
  { mask, values, rescale = true }: SynflowScoreOptions,
): Flow {
  const { parameters, device } = model;
  for (const flat of [mask, values]) if (flat) assertFlat(op, parameters, flat);
  const size = noGrad(() => abs(values ?? parameters.flat));
  const flat = mask ? noGrad(() => mul(size, mask)) : size;
  const leaves = leavesOf(parameters, flat);
  const lead = leadOf(model);
  const cuts = new CutScale(device, lead, rescale);
  const y = cuts.run(model.network, ones(device, [...lead.map(() => 1), 1, ...input]), {
    training: false,
    models: lead[0],
    generator: null,
    get: (name) => cuts.inScale(name, leaves.get(name) ?? abs(model.get(name))),
  });
  const weights = names.map((name) => leaves.get(name)!);
  const gradients = packNamed(parameters, names, grad(y, weights, { cotangents: [onesLike(y)] }));
  return noGrad(() => ({ scores: mul(flat, gradients), total: sum(y, axesBehind(lead, y)), log: cuts.log }));
}
