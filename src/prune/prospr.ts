import { grad } from '../autograd/grad.js';
import { noGrad } from '../autograd/node.js';
import type { Batch } from '../data/loader.js';
import { ArgumentError } from '../gpu/errors.js';
import { add, mul, sub } from '../ops/pointwise.js';
import { detach } from '../ops/reshape.js';
import { type PerModel, perModel } from '../population/population-optimiser.js';
import { scope } from '../tensor/scope.js';
import { sizeOf } from '../tensor/shape.js';
import { type Tensor, tensor } from '../tensor/tensor.js';
import { absoluteProduct } from './gradients.js';
import { broadcastAlong, leadOf, type Models, type PlansOf } from './models.js';
import { leavesOf, Probe, packNamed, type ScoringOptions, scoredNames } from './probe.js';
import { type PrunedOf, pruneInRounds, roundsOf } from './rounds.js';

export interface ProsprOptions extends ScoringOptions {
  /** Steps of SGD to look ahead; 3 by default. With none it is SNIP. */
  steps?: number;
  /** Learning rate of these steps, of a population for all models or one each; 0.1 by default. */
  lr?: PerModel<number>;
  /** Their momentum; 0 by default. */
  momentum?: number;
  /** Take the last gradient as it is, times the first weights, instead of going back through the steps. */
  firstOrder?: boolean;
  /** True by default: the steps are those of training. */
  training?: boolean;
}

/**
 * ProsPr, prospect pruning (Alizadeh et al. 2022): |dL(w_K)/dc| for factors c = 1 on the first weights, after K steps of
 * SGD on w = c w_0; all parameters take part in the steps, and the gradient is that of the whole way. All K steps'
 * activations, gradients and their graphs are on the device at once: each step takes four to six times the memory of a
 * step of training.
 *
 * @param batches one for each step, and one or more (their gradients are summed) for the loss behind them
 * @returns scores laid out like the parameters, owned by the caller; 0 for weights that are not scored
 * @throws ArgumentError for too few batches, options out of range, or a model that is already masked
 */
export function prosprScores(
  model: Models,
  batches: readonly Batch[],
  options: ProsprOptions & { weights?: readonly string[] } = {},
): Tensor {
  return scoreProspr('prosprScores', model, batches, options, scoredNames('prosprScores', model, options.weights));
}

/**
 * Prunes at once, before training, by ProsPr's scores (Alizadeh et al. 2022). The model stays as it is.
 *
 * @param model a model, or a population, of which every model gets the mask that it would get alone
 * @throws ArgumentError as `prosprScores`, and for a score that is NaN (steps that diverge)
 */
export async function prosprMask<M extends Models>(
  model: M,
  plan: PlansOf<M>,
  batches: readonly Batch[],
  options: ProsprOptions = {},
): Promise<PrunedOf<M>> {
  const op = 'prosprMask';
  const rounds = roundsOf(op, model, plan);
  return pruneInRounds(op, model, rounds, async () => scoreProspr(op, model, batches, options, rounds.names));
}

function scoreProspr(
  op: string,
  model: Models,
  batches: readonly Batch[],
  options: ProsprOptions,
  names: readonly string[],
): Tensor {
  const { steps = 3, lr = 0.1, momentum = 0, firstOrder = false, training = true } = options;
  if (!Number.isInteger(steps) || steps < 0) throw new ArgumentError(op, 'a whole number of steps >= 0', `${steps}`);
  const lead = leadOf(model);
  const rates = perModel(op, 'learning rates', lr, sizeOf(lead));
  for (const rate of rates)
    if (!(rate >= 0 && Number.isFinite(rate))) throw new ArgumentError(op, 'lr >= 0', `${rate}`);
  if (!(momentum >= 0 && momentum < 1)) throw new ArgumentError(op, 'momentum in [0, 1)', `${momentum}`);
  if (batches.length < steps + 1)
    throw new ArgumentError(op, `${steps + 1} batches, one a step and one for the loss`, `${batches.length}`);
  const { parameters } = model;
  const probe = new Probe(op, model, { ...options, training });
  try {
    return scope(() => {
      const first = leavesOf(parameters, probe.values);
      const rate = tensor(model.device, Float32Array.from(rates), { shape: lead });
      const last = unroll(probe, first, batches.slice(0, steps), { rate, momentum, firstOrder });
      const leaves = firstOrder ? last : first;
      // The graph of a loss behind the steps ends with its gradients.
      const gradients = (batch: Batch) =>
        scope(() => {
          const weights = names.map((name) => leaves.get(name)!);
          return grad(probe.loss(batch, last), weights);
        });
      const total = batches
        .slice(steps)
        .map(gradients)
        .reduce((sum, own) => noGrad(() => sum.map((g, i) => add(g, own[i]))));
      return absoluteProduct(probe.values, packNamed(parameters, names, total));
    });
  } finally {
    probe.dispose();
  }
}

/** How the steps go. */
interface Steps {
  /** One learning rate a model. */
  rate: Tensor;
  momentum: number;
  firstOrder: boolean;
}

/** Values behind one step of SGD a batch, as functions of the first ones; or, to first order, as leaves. */
function unroll(
  probe: Probe,
  first: ReadonlyMap<string, Tensor>,
  batches: readonly Batch[],
  { rate, momentum, firstOrder }: Steps,
): ReadonlyMap<string, Tensor> {
  const names = [...first.keys()];
  let values = first;
  let velocity: Tensor[] | null = null;
  for (const batch of batches) {
    const at = names.map((name) => values.get(name)!);
    const grads = grad(probe.loss(batch, values), at, { createGraph: !firstOrder });
    const before: Tensor[] | null = velocity;
    velocity = before && momentum > 0 ? grads.map((g, i) => add(mul(before[i], momentum), g)) : grads;
    const next = at.map((w, i) => sub(w, mul(velocity![i], broadcastAlong(rate, w))));
    values = new Map(names.map((name, i) => [name, firstOrder ? leafOf(next[i]) : next[i]]));
  }
  return values;
}

function leafOf(t: Tensor): Tensor {
  const leaf = detach(t);
  leaf.requiresGrad = true;
  return leaf;
}
