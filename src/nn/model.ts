import { noGrad } from '../autograd/node.js';
import { constant } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { generate } from '../ops/map.js';
import { Generator } from '../random/generator.js';
import type { Seed } from '../tensor/philox.js';
import { keep } from '../tensor/scope.js';
import { sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Context, Declared, Module } from './module.js';
import { Parameters } from './parameters.js';

export interface ForwardOptions {
  /** Batch statistics, dropout. Default false. */
  training?: boolean;
  /** Called with every module's path and result. */
  observe?: (path: string, y: Tensor) => void;
}

/** A network with values: trainable parameters in one flat buffer, statistics beside them, and its randomness. */
export class Model {
  readonly parameters: Parameters;
  /** Running means and variances, by full name. */
  readonly statistics = new Map<string, Tensor>();
  readonly generator: Generator;
  private readonly declared: Declared[];

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
    this.generator = new Generator(device, options.seed ?? 0, { stream: 0x6d6f6465 });
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
      generator: this.generator,
      observe: options.observe,
    };
    return this.network.run(x, context);
  }

  /** The network applied without recording and with running statistics. */
  predict(x: Tensor): Tensor {
    return noGrad(() => this.forward(x));
  }

  /** Trainable values. */
  get count(): number {
    return this.parameters.specs.reduce((n, s) => n + sizeOf(s.shape), 0);
  }

  dispose(): void {
    this.parameters.dispose();
    for (const t of this.statistics.values()) t.dispose();
    this.generator.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}
