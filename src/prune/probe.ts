import type { Batch } from '../data/loader.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import { zerosLike } from '../ops/create.js';
import { crossEntropy } from '../ops/losses.js';
import { clone } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { Generator } from '../random/generator.js';
import { keep } from '../tensor/scope.js';
import { sameShape, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { assertFlat } from './assert-flat.js';
import { leadOf, type Models, shapesOf } from './models.js';
import { pickNames } from './names.js';

/**
 * The loss of a network's outputs, a scalar; for a population one loss a model, [models], of outputs [models, batch, ...],
 * the targets being shared. `leading` counts the axis of models, as the engine's losses take it: `bceWithLogits` is right
 * for both.
 */
export type ScoringLoss = (outputs: Tensor, targets: Tensor, options: { leading: number }) => Tensor;

/** How methods that look at a loss run the network. */
export interface ScoringOptions {
  /** Mean cross-entropy by default. */
  loss?: ScoringLoss;
  /** Batch statistics and dropout, rather than running statistics. False by default. */
  training?: boolean;
  /** Values to score instead of the model's own, laid out like its parameters: a start drawn for scoring alone. Borrowed. */
  values?: Tensor;
}

export type Batches = Iterable<Batch> | AsyncIterable<Batch>;

/**
 * Batches to take gradients over, which stay the caller's and which the models of a population share: the same for every
 * pass over the data, or, by a function, those of each pass, counted from 0. A pass takes one batch after the other, so
 * that a generator may dispose of each when it is asked for the next.
 */
export type BatchSource = readonly Batch[] | ((pass: number) => Batches);

export const batchesOf = (source: BatchSource, pass: number): Batches =>
  typeof source === 'function' ? source(pass) : source;

/**
 * The network of a model, or of a population, run with other values than its own, and with statistics and randomness of
 * its own: whatever scoring does, the model stays as it is.
 */
export class Probe {
  readonly parameters: Parameters;
  private readonly statistics = new Map<string, Tensor>();
  private readonly generator: Generator;

  /**
   * @throws ArgumentError for a model whose layers compute with masked weights: gradients are 0 where they remove
   * @throws ShapeError for values that are not laid out like the parameters
   */
  constructor(
    private readonly op: string,
    private readonly model: Models,
    private readonly options: ScoringOptions = {},
  ) {
    assertDense(op, model);
    if (options.values) assertFlat(op, model.parameters, options.values);
    this.parameters = model.parameters;
    for (const [name, t] of model.statistics) this.statistics.set(name, keep(clone(t)));
    this.generator = new Generator(model.device, 'models' in model ? model.seeds : 0);
    const [from, to] = [model.generator, this.generator].map((g) => g.stateTensor(op));
    model.device.stream.copy(from.binding(op), to.binding(op), from.bytes);
  }

  /** The values that scoring begins with. */
  get values(): Tensor {
    return this.options.values ?? this.parameters.flat;
  }

  /**
   * The loss of a batch, recorded for gradients; its outputs may be divided by a temperature first. That of a population
   * is the sum of its models' losses, whose gradients are those of each by itself.
   */
  loss(batch: Batch, values: ReadonlyMap<string, Tensor>, soften = (outputs: Tensor): Tensor => outputs): Tensor {
    const { loss = crossEntropy, training = false } = this.options;
    const lead = leadOf(this.model);
    const { inputs, targets } = batch;
    const shared = reshape(inputs, [...lead.map(() => 1), ...inputs.shape]);
    const outputs = this.model.network.run(shared, {
      training,
      models: lead[0],
      generator: this.generator,
      get: (name) => values.get(name) ?? this.statistic(name),
    });
    const losses = loss(soften(outputs), targets, { leading: lead.length });
    if (lead.length === 0) return losses;
    if (!sameShape(losses.shape, lead))
      throw new ShapeError(this.op, `a loss a model, ${showShape(lead)}`, showShape(losses.shape));
    return sum(losses);
  }

  dispose(): void {
    for (const t of this.statistics.values()) t.dispose();
    this.generator.dispose();
  }

  private statistic(name: string): Tensor {
    const t = this.statistics.get(name);
    if (!t) throw new ArgumentError('Probe', 'a parameter or statistic of the model', `'${name}'`);
    return t;
  }
}

export function assertDense(op: string, model: Models): void {
  const masked = 'models' in model ? [] : model.describeSparsity();
  if (masked.length > 0)
    throw new ArgumentError(op, 'a model that computes densely (Model.densify)', `${masked.length} masked layers`);
}

/** Names of the weights to score, by patterns. */
export const scoredNames = (op: string, model: Models, weights: readonly string[] = ['*']): string[] =>
  pickNames(op, shapesOf(model), weights);

/** All parameters as leaves to differentiate by: views of a flat tensor. */
export function leavesOf(parameters: Parameters, flat: Tensor): Map<string, Tensor> {
  return new Map(
    parameters.names.map((name) => {
      const leaf = parameters.part(flat, name);
      leaf.requiresGrad = true;
      return [name, leaf];
    }),
  );
}

/** Tensors of some parameters, gathered into a flat one that is 0 elsewhere. */
export function packNamed(parameters: Parameters, names: readonly string[], tensors: readonly Tensor[]): Tensor {
  const byName = new Map(names.map((name, i) => [name, tensors[i]]));
  const flat = zerosLike(parameters.flat);
  const blank = zerosLike(parameters.flat);
  const parts = parameters.names.map((name) => byName.get(name) ?? parameters.part(blank, name));
  parameters.pack(parts, flat);
  return flat;
}
