import { noGrad } from '../autograd/node.js';
import { constant } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { generate } from '../ops/map.js';
import { Generator } from '../random/generator.js';
import type { Seed } from '../tensor/philox.js';
import { keep } from '../tensor/scope.js';
import { type Shape, sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { captureModules } from './capture.js';
import { type Description, describe, type Kept } from './describe.js';
import type { Context, Declared, Module } from './module.js';
import type { NamePattern } from './names.js';
import { Parameters } from './parameters.js';
import { type LayerSparsity, type Masks, Sparsity, type SparsityOptions } from './sparsity.js';

export interface ForwardOptions {
  /** Batch statistics, dropout. Default false. */
  training?: boolean;
  /** Called with every module's path and result. */
  observe?: (path: string, y: Tensor) => void;
}

/** Random stream of a model's dropout. */
export const MODEL_STREAM = 0x6d6f6465;

/** A network with values: trainable parameters in one flat buffer, statistics beside them, and its randomness. */
export class Model {
  readonly parameters: Parameters;
  /** Running means and variances, by full name. */
  readonly statistics = new Map<string, Tensor>();
  readonly generator: Generator;
  /** Every parameter and statistic, parents first. */
  readonly declared: readonly Declared[];
  private readonly sparsity: Sparsity;

  /** Builds the network on a device and initialises it from a seed. */
  constructor(
    readonly device: Device,
    readonly network: Module,
    options: { seed?: Seed } = {},
  ) {
    this.declared = network.build();
    this.parameters = new Parameters(
      device,
      this.declared.filter((d) => d.kind === 'parameter'),
    );
    for (const d of this.declared) {
      if (d.kind === 'statistic')
        this.statistics.set(d.name, keep(generate('Model', device, d.shape, constant(0), [], 'f32')));
    }
    this.sparsity = new Sparsity(network, this.parameters);
    this.generator = new Generator(device, options.seed ?? 0, { stream: MODEL_STREAM });
    this.initialise(options.seed ?? 0);
  }

  /** Draws every parameter anew and resets the statistics. Each declaration has a random stream of its own. */
  initialise(seed: Seed): void {
    this.declared.forEach((d, i) => this.get(d.name).write(d.init(d.shape, seed, i)));
  }

  /** A parameter or statistic by its full name. */
  get(name: string): Tensor {
    return this.statistics.get(name) ?? this.parameters.get(name);
  }

  /** The network applied to a batch, recorded for gradients. */
  forward(x: Tensor, options: ForwardOptions = {}): Tensor {
    const context: Context = {
      training: options.training ?? false,
      get: (name) => this.get(name),
      sparse: (name) => this.sparsity.get(name),
      generator: this.generator,
      observe: options.observe,
    };
    this.sparsity.observeCapture();
    return this.network.run(x, context);
  }

  /** The network applied without recording and with running statistics. */
  predict(x: Tensor): Tensor {
    return noGrad(() => this.forward(x));
  }

  /**
   * The network applied to a batch, and the results of the modules that patterns name (`layer1.*`, `**.bn2`), by path.
   * All of them are the caller's, each to be disposed for itself.
   *
   * @throws ArgumentError for a pattern that matches no module, before anything runs
   */
  capture(
    x: Tensor,
    patterns: readonly NamePattern[],
    options: ForwardOptions = {},
  ): { output: Tensor; activations: Map<string, Tensor> } {
    return captureModules(this.network, x, patterns, (keepResult) => {
      const observe = (path: string, y: Tensor) => {
        options.observe?.(path, y);
        keepResult(path, y);
      };
      return this.forward(x, { ...options, observe });
    });
  }

  /**
   * Layers, shapes, parameters and multiply-adds for one input of a shape ([h, w, channels]), and what masks leave: those
   * given, or those of `sparsify`.
   */
  describe(input: Shape, masks?: Iterable<Kept>): Description {
    const own = this.describeSparsity().map(({ name, shape, sparsity }) => ({
      name,
      kept: Math.round((1 - sparsity) * sizeOf(shape)),
    }));
    return describe(this.network, input, masks ?? own);
  }

  /**
   * Lets linear layers and convolutions compute with the weights that masks keep, each in the form that is fastest for
   * its size and mask, or the one that `options` ask for. Values, gradients and optimisers stay dense and flat;
   * gradients are 0 where a mask removes. Calling it again exchanges all masks. It waits for the device.
   *
   * Compiled steps that were captured before are stale, and say so when they are called.
   *
   * @param masks laid out like the parameters' flat buffer (what `magnitudeMask` gives), or by parameter name; 0 removes.
   * Layers of which nothing is removed stay dense.
   * @throws ArgumentError for a name that is not the weight of a linear layer or a convolution
   * @throws ShapeError for a mask of another shape than its weight's; the model is unchanged then
   */
  async sparsify(masks: Masks, options: SparsityOptions = {}): Promise<void> {
    await this.sparsity.replace(masks, options);
  }

  /** Undoes `sparsify`: layers compute with all their weights, whatever these are. */
  densify(): void {
    this.sparsity.clear();
  }

  /** The masked layers in order, with the form that each took when it last ran, and why. */
  describeSparsity(): LayerSparsity[] {
    return this.sparsity.describe();
  }

  /** Trainable values. */
  get count(): number {
    return this.parameters.specs.reduce((n, s) => n + sizeOf(s.shape), 0);
  }

  dispose(): void {
    this.parameters.dispose();
    for (const t of this.statistics.values()) t.dispose();
    this.generator.dispose();
    this.sparsity.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}
