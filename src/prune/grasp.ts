import { grad } from '../autograd/grad.js';
import { noGrad } from '../autograd/node.js';
import type { Batch } from '../data/loader.js';
import { ArgumentError } from '../gpu/errors.js';
import { div, mul } from '../ops/pointwise.js';
import { keep } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { sumOver } from './gradients.js';
import type { Models, PlansOf } from './models.js';
import { type BatchSource, batchesOf, leavesOf, Probe, packNamed, type ScoringOptions, scoredNames } from './probe.js';
import { type PrunedOf, pruneInRounds, roundsOf } from './rounds.js';

export interface GraspOptions extends ScoringOptions {
  /** The outputs are divided by it before the loss; 200 by default, as published. */
  temperature?: number;
}

/**
 * GraSP's scores (Wang, Zhang & Grosse 2020): w (H g), g and H being the gradient and the Hessian of the loss with
 * respect to the weights scored, summed over batches, by differentiating twice. Weights of the lowest scores are those
 * whose removal lessens the gradient flow least, or adds to it. (The paper writes -w H g and removes the highest.)
 *
 * @param batches two passes, which should see the same data; the graph of one batch is alive at a time
 * @returns scores laid out like the parameters, owned by the caller; 0 for weights that are not scored
 * @throws ArgumentError for no batches, a temperature that is not positive, or a model that is already masked
 */
export async function graspScores(
  model: Models,
  batches: BatchSource,
  options: GraspOptions & { weights?: readonly string[] } = {},
): Promise<Tensor> {
  return scoreGrasp('graspScores', model, batches, options, scoredNames('graspScores', model, options.weights));
}

/**
 * Prunes at once, before training, by GraSP's scores (Wang, Zhang & Grosse 2020). The model stays as it is.
 *
 * @param model a model, or a population, of which every model gets the mask that it would get alone
 * @throws ArgumentError as `graspScores`, and for a score that is NaN
 */
export async function graspMask<M extends Models>(
  model: M,
  plan: PlansOf<M>,
  batches: BatchSource,
  options: GraspOptions = {},
): Promise<PrunedOf<M>> {
  const op = 'graspMask';
  const rounds = roundsOf(op, model, plan);
  return pruneInRounds(op, model, rounds, () => scoreGrasp(op, model, batches, options, rounds.names));
}

async function scoreGrasp(
  op: string,
  model: Models,
  batches: BatchSource,
  options: GraspOptions,
  names: readonly string[],
): Promise<Tensor> {
  const { temperature = 200 } = options;
  if (!(temperature > 0)) throw new ArgumentError(op, 'a temperature > 0', `${temperature}`);
  const { parameters } = model;
  const probe = new Probe(op, model, options);
  const gradients = (batch: Batch, createGraph: boolean) => {
    const leaves = leavesOf(parameters, probe.values);
    const weights = names.map((name) => leaves.get(name)!);
    const loss = probe.loss(batch, leaves, (outputs) => div(outputs, temperature));
    return { weights, grads: grad(loss, weights, { createGraph }) };
  };
  try {
    const total = await sumOver(op, batchesOf(batches, 0), (batch) =>
      packNamed(parameters, names, gradients(batch, false).grads),
    );
    try {
      const products = await sumOver(op, batchesOf(batches, 1), (batch) => {
        const { weights, grads } = gradients(batch, true);
        const cotangents = names.map((name) => parameters.part(total, name));
        // A loss that is linear in a weight has no Hessian there.
        return packNamed(parameters, names, grad(grads, weights, { cotangents, allowUnused: true }));
      });
      const scores = keep(noGrad(() => mul(probe.values, products)));
      products.dispose();
      return scores;
    } finally {
      total.dispose();
    }
  } finally {
    probe.dispose();
  }
}
