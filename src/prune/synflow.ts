import { grad } from '../autograd/grad.js';
import { noGrad } from '../autograd/node.js';
import { apply, constant, type Expr } from '../expr/expr.js';
import type { Model } from '../nn/model.js';
import { stack } from '../ops/concat.js';
import { ones } from '../ops/create.js';
import { abs, fuse, mul } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { detach } from '../ops/reshape.js';
import { keep, scope } from '../tensor/scope.js';
import type { Shape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { assertFlat } from './assert-flat.js';
import type { PruneResult } from './mask-by-scores.js';
import type { PrunePlan } from './plan.js';
import { assertDense, leavesOf, packNamed, scoredNames } from './probe.js';
import { type PrunedAtInit, planRounds, pruneInRounds, type RoundsOptions } from './rounds.js';
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

/**
 * Synaptic flow (Tanaka et al. 2020): |w| dR/d|w|, R being the sum of the outputs for an input of ones, with every
 * parameter and statistic replaced by its absolute value, and running statistics in use. No data. All scores are
 * divided by one power of two, unless `rescale` is off.
 *
 * @param input shape of one input, `zooNetwork`'s
 * @param options.weights names or patterns of the weights to score; 0 elsewhere
 * @returns scores laid out like the parameters, owned by the caller
 * @throws ArgumentError for a model that is already masked
 */
export function synflowScores(
  model: Model,
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
 * @param input shape of one input, `zooNetwork`'s
 * @param options 100 rounds by default
 * @throws ArgumentError for a schedule that rises, a model that is already masked, or scores that overflow to NaN
 */
export async function synflowMask(
  model: Model,
  plan: PrunePlan,
  input: Shape,
  { rounds = 100, schedule, values, rescale }: SynflowOptions = {},
): Promise<SynflowResult> {
  const op = 'synflowMask';
  const plans = planRounds(op, plan, rounds, schedule);
  assertDense(op, model);
  const names = plan.layers.map((l) => l.name);
  /** What each round has to say, on the device until all are done: R, the logarithm of its divisor, what went. */
  const said: Tensor[] = [];
  let flow: Flow | null = null;
  const score = async (_: number, before: PruneResult | null): Promise<Tensor> => {
    flow = scope(() => flowOf(op, model, input, names, { mask: before?.mask, values, rescale }));
    return flow.scores;
  };
  const observe = (scores: Tensor, { mask }: PruneResult) => {
    const { total, log } = flow!;
    const gone = (s: Expr, m: Expr) => apply('where', apply('ne', m, constant(0)), constant(0), s);
    said.push(keep(scope(() => noGrad(() => stack([total, log, sum(fuse(gone, [scores, mask], op))])))));
    drop();
  };
  const drop = () => {
    flow?.total.dispose();
    flow?.log.dispose();
  };
  try {
    const pruned = await pruneInRounds(op, model.parameters, plans, score, { observe });
    return { ...pruned, ...(await ratios(said)) };
  } finally {
    drop();
    for (const t of said) t.dispose();
  }
}

async function ratios(said: readonly Tensor[]): Promise<Pick<SynflowResult, 'pruneRatios' | 'logR'>> {
  const all = scope(() => stack(said));
  const values = await all.data();
  all.dispose();
  const rows = said.map((_, r) => Array.from(values.slice(3 * r, 3 * r + 3)));
  return {
    pruneRatios: rows.map(([total, , gone]) => (total > 0 ? gone / total : 0)),
    logR: rows.map(([total, log]) => Math.log(total) + log),
  };
}

/** Owned by the innermost scope: scores, R, both divided by one number, and its logarithm. */
interface Flow {
  scores: Tensor;
  total: Tensor;
  log: Tensor;
}

function flowOf(
  op: string,
  model: Model,
  input: Shape,
  names: readonly string[],
  { mask, values, rescale = true }: SynflowScoreOptions,
): Flow {
  const { parameters, device } = model;
  for (const flat of [mask, values]) if (flat) assertFlat(op, parameters, flat);
  const size = noGrad(() => abs(values ?? parameters.flat));
  const flat = mask ? noGrad(() => mul(size, mask)) : size;
  const leaves = leavesOf(parameters, flat);
  const cuts = new CutScale(device, rescale);
  const y = cuts.run(model.network, ones(device, [1, ...input]), {
    training: false,
    generator: null,
    get: (name) => cuts.inScale(name, leaves.get(name) ?? abs(model.get(name))),
  });
  const total = sum(y);
  const weights = names.map((name) => leaves.get(name)!);
  const gradients = packNamed(parameters, names, grad(total, weights));
  return noGrad(() => ({ scores: mul(flat, gradients), total: detach(total), log: cuts.log }));
}
