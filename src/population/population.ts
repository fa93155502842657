import { holdShader } from '../../shaders/hold.js';
import { noGrad } from '../autograd/node.js';
import { apply, coord, input, scalar } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { type ForwardOptions, MODEL_STREAM, Model } from '../nn/model.js';
import type { Context, Declared, Module } from '../nn/module.js';
import { type ParameterSpec, Parameters } from '../nn/parameters.js';
import { STRIDE_WORKGROUP, strideGrid } from '../ops/grid-stride.js';
import { map } from '../ops/map.js';
import { clone } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import { Generator } from '../random/generator.js';
import type { Seed } from '../tensor/philox.js';
import { scope } from '../tensor/scope.js';
import { sameShape, showShape, sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { assertFits } from './population-bytes.js';
import { ownersOf } from './population-owners.js';

const holdKernel = defineKernel<{ workgroup: number }>({ name: 'hold', shader: holdShader });

export interface PopulationOptions {
  /** One a model; by default 0, 1, 2, … Model i begins exactly as `new Model(device, network, { seed: seeds[i] })`. */
  seeds?: readonly Seed[];
}

export interface PopulationForwardOptions extends ForwardOptions {
  /** Every model has inputs of its own, [models, batch, ...]. By default all share [batch, ...]. */
  ownInputs?: boolean;
}

/**
 * Many models of one network that are computed together: every parameter and statistic has a leading axis of models,
 * and so has every result. Models share nothing but the launches: each has its own seed, and draws for dropout what a
 * `Model` of that seed would.
 *
 * @throws ArgumentError for no models, or other than one seed each
 * @throws LimitError where a parameter buffer of all models is more than the device binds; `populationBlocks` splits
 */
export class Population {
  /** Each of shape [models, ...], all in one flat buffer. */
  readonly parameters: Parameters;
  /** Running means and variances, [models, channels], by full name. */
  readonly statistics: ReadonlyMap<string, Tensor>;
  /** What holds the statistics: they lie in one buffer as parameters do. */
  readonly statisticStore: Parameters;
  readonly generator: Generator;
  /** Every parameter and statistic of one model, parents first. */
  readonly declared: readonly Declared[];
  readonly seeds: readonly Seed[];
  /** The model of every element of the statistics; null where there are none. */
  private readonly statisticOwners: Tensor | null;

  constructor(
    readonly device: Device,
    readonly network: Module,
    readonly models: number,
    options: PopulationOptions = {},
  ) {
    const op = 'Population';
    if (!Number.isInteger(models) || models < 1) throw new ArgumentError(op, 'at least one model', String(models));
    this.seeds = options.seeds ?? Array.from({ length: models }, (_, i) => i);
    if (this.seeds.length !== models) throw new ArgumentError(op, `${models} seeds`, `${this.seeds.length}`);
    this.declared = network.build();
    assertFits(device, this.declared, models);
    this.generator = new Generator(device, this.seeds, { stream: MODEL_STREAM });
    this.parameters = this.store('parameter');
    this.statisticStore = this.store('statistic');
    for (const t of this.statisticStore.list()) t.requiresGrad = false;
    this.statistics = new Map(this.statisticStore.names.map((name) => [name, this.statisticStore.get(name)]));
    this.statisticOwners = this.statistics.size > 0 ? ownersOf(this.statisticStore) : null;
    this.initialise(this.seeds);
  }

  private store(kind: Declared['kind']): Parameters {
    const own = this.declared.filter((d) => d.kind === kind);
    return new Parameters(
      this.device,
      own.map(({ name, shape }) => ({ name, shape: [this.models, ...shape] })),
    );
  }

  /** Names and shapes of one model's parameters: what `planSparsity` and its kin plan by. */
  get specs(): readonly ParameterSpec[] {
    return this.declared.filter((d) => d.kind === 'parameter');
  }
  /** Trainable values of one model. */
  get count(): number {
    return this.specs.reduce((n, { shape }) => n + sizeOf(shape), 0);
  }

  /** Draws every parameter anew, as `Model.initialise` does for each model's seed, and resets the statistics. */
  initialise(seeds: readonly Seed[]): void {
    if (seeds.length !== this.models)
      throw new ArgumentError('Population.initialise', `${this.models} seeds`, `${seeds.length}`);
    this.declared.forEach((d, i) => {
      const size = sizeOf(d.shape);
      const values = new Float32Array(this.models * size);
      seeds.forEach((seed, model) => {
        values.set(d.init(d.shape, seed, i), model * size);
      });
      this.get(d.name).write(values);
    });
  }

  /** A parameter or statistic of all models by its full name, [models, ...]. */
  get(name: string): Tensor {
    return this.statistics.get(name) ?? this.parameters.get(name);
  }

  /**
   * Every model applied to a batch: [batch, ...] that they share, or [models, batch, ...] with `ownInputs`. The result
   * begins with [models, batch], and is recorded for gradients.
   */
  forward(x: Tensor, options: PopulationForwardOptions = {}): Tensor {
    const { ownInputs = false, training = false, observe } = options;
    if (ownInputs && x.shape[0] !== this.models)
      throw new ShapeError('Population.forward', `inputs [${this.models}, batch, ...]`, showShape(x.shape));
    const context: Context = {
      training,
      models: this.models,
      get: (name) => this.get(name),
      generator: this.generator,
      observe,
    };
    return this.network.run(ownInputs ? x : reshape(x, [1, ...x.shape]), context);
  }

  /** The models applied without recording and with running statistics. */
  predict(x: Tensor, options: Pick<PopulationForwardOptions, 'ownInputs'> = {}): Tensor {
    return scope(() => noGrad(() => this.forward(x, options)));
  }

  /** A copy of the statistics, for `restoreStopped`; null where the network has none. */
  copyStatistics(): Tensor | null {
    return this.statisticOwners && noGrad(() => clone(this.statisticStore.flat));
  }

  /** Gives the models that have stopped (u32 [models], not 0) the statistics of an earlier copy. May be compiled. */
  restoreStopped(before: Tensor | null, stopped: Tensor): void {
    if (!before || !this.statisticOwners) return;
    const { flat } = this.statisticStore;
    const tensors = [this.statisticOwners, stopped, before, flat];
    this.device.run(
      holdKernel,
      { workgroup: STRIDE_WORKGROUP },
      {
        bindings: tensors.map((t) => t.binding('Population')),
        params: [flat.size],
        grid: strideGrid(this.device, flat.size),
        cost: { flops: 0, bytes: 2 * flat.bytes },
      },
    );
  }

  /** One model's part of a flat tensor, laid out like the parameters of a `Model` of this network, written into `into`. */
  takeFlat(flat: Tensor, model: number, single: Parameters, into: Tensor): void {
    scope(() =>
      noGrad(() => {
        const parts = this.parameters.names.map((name) => this.row(this.parameters.part(flat, name), model));
        single.pack(parts, into);
      }),
    );
  }

  /** One model by itself, with its values, statistics and random stream: a copy, the caller's to dispose. */
  member(model: number): Model {
    this.assertMember('Population.member', model);
    const single = new Model(this.device, this.network, { seed: this.seeds[model] });
    this.takeFlat(this.parameters.flat, model, single.parameters, single.parameters.flat);
    scope(() =>
      noGrad(() => {
        for (const [name, t] of this.statistics) copy(this.row(t, model), single.get(name));
        copy(this.row(this.generator.stateTensor('member'), model), single.generator.stateTensor('member'));
      }),
    );
    return single;
  }

  /**
   * Gives one model, or all of them, the parameters and statistics of another model of the same network.
   *
   * @throws ShapeError where a parameter has another shape
   */
  assign(from: Pick<Model, 'get' | 'declared'>, model?: number): void {
    const op = 'Population.assign';
    if (model !== undefined) this.assertMember(op, model);
    const shapes = new Map(from.declared.map((d) => [d.name, d.shape]));
    for (const { name, shape } of this.declared) {
      const theirs = shapes.get(name);
      if (!theirs || !sameShape(theirs, shape))
        throw new ShapeError(op, `${name} of shape ${showShape(shape)}`, theirs ? showShape(theirs) : 'none');
    }
    const [mine, theirs] = [input(0), input(1)];
    const chosen = apply('where', apply('eq', apply('toF32', coord(0)), scalar(0)), theirs, mine);
    scope(() =>
      noGrad(() => {
        for (const { name } of this.declared) {
          const into = this.get(name);
          const one = reshape(from.get(name), [1, ...into.shape.slice(1)]);
          copy(map([into, one], model === undefined ? theirs : chosen, { scalars: [model ?? 0], op }), into);
        }
      }),
    );
  }

  /** @throws ArgumentError unless it is a model's number */
  assertMember(op: string, model: number): void {
    if (!Number.isInteger(model) || model < 0 || model >= this.models)
      throw new ArgumentError(op, `a model from 0 to ${this.models - 1}`, String(model));
  }

  private row(t: Tensor, model: number): Tensor {
    const rest = t.shape.slice(1);
    const row = slice(t, [model, ...rest.map(() => 0)], [model + 1, ...rest]);
    return reshape(row, rest);
  }

  dispose(): void {
    this.parameters.dispose();
    this.statisticStore.dispose();
    this.statisticOwners?.dispose();
    this.generator.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Overwrites a tensor by another one's values. */
export function copy(from: Tensor, into: Tensor): void {
  into.device.stream.copy(from.binding('Population'), into.binding('Population'), into.bytes);
}

/**
 * Many models like this one, on its device: of the same network, each initialised from a seed of its own. See
 * `Population.assign` for populations that begin with trained values.
 */
export const population = (model: Pick<Model, 'device' | 'network'>, models: number, options?: PopulationOptions) =>
  new Population(model.device, model.network, models, options);
