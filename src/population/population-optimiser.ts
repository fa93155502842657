import { advanceModelsShader, HYPER, type UpdateSpec } from '../../shaders/optimiser.js';
import { noGrad } from '../autograd/node.js';
import { apply, constant, input } from '../expr/expr.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import type { Model } from '../nn/model.js';
import { zeros } from '../ops/create.js';
import { map } from '../ops/map.js';
import { add } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import {
  type AdamOptions,
  type AllOptions,
  checkOptions,
  launchUpdate,
  logBetas,
  Optimiser,
  type SgdOptions,
} from '../optim/optimiser.js';
import { constantSchedule, type Schedule } from '../optim/schedules.js';
import { keep, scope } from '../tensor/scope.js';
import { sameShape } from '../tensor/shape.js';
import { commonDevice, type Tensor, tensor } from '../tensor/tensor.js';
import type { Population } from './population.js';
import { ownersOf } from './population-owners.js';

/** One value for all models, or one for each. */
export type PerModel<T> = T | readonly T[];

/** The options of the optimiser of a single model, with a learning rate and a schedule for each of a population. */
export type ForModels<O extends { lr: number; schedule?: Schedule }> = Omit<O, 'lr' | 'schedule'> & {
  lr: PerModel<number>;
  schedule?: PerModel<Schedule>;
};

const advanceKernel = defineKernel<{ schedules: readonly string[]; workgroup: number }>({
  name: 'advanceModels',
  shader: ({ schedules, workgroup }) => advanceModelsShader(schedules, workgroup),
});

/** More schedules than this in one kernel would take seconds to compile. */
const MOST_SCHEDULES = 64;

/**
 * Updates every model of a population in place, each at its own rate, by the arithmetic of `Optimiser`. A model whose
 * loss is not finite stops: from that step on nothing of it changes, and the others go on. That is decided on the
 * device, so that a compiled step replays right.
 */
export class PopulationOptimiser {
  /** u32 [models]: 0, or the step (from 1) whose loss was not finite. */
  readonly stopped: Tensor;
  private readonly gradients: Tensor;
  private readonly steps: Tensor;
  private readonly hyper: Tensor;
  private readonly base: Tensor;
  private readonly kinds: Tensor;
  private readonly owners: Tensor;
  private readonly state: readonly Tensor[];
  private readonly spec: Omit<UpdateSpec, 'masked' | 'workgroup'>;
  private readonly schedules: readonly Schedule[];
  private readonly texts: readonly string[];
  private mask: Tensor | null = null;

  /** Use `populationSgd`, `populationAdam` or `populationAdamw`. */
  constructor(
    readonly population: Population,
    private readonly rule: UpdateSpec['rule'],
    private readonly options: ForModels<AllOptions>,
  ) {
    const { device, models, parameters } = population;
    const rates = perModel(rule, 'learning rates', options.lr, models);
    for (const lr of rates) checkOptions(rule, { ...options, lr, schedule: undefined });
    this.schedules = perModel(rule, 'schedules', options.schedule ?? constantSchedule(), models);
    this.texts = [...new Set(this.schedules.map((s) => s.wgsl))];
    if (this.texts.length > MOST_SCHEDULES)
      throw new ArgumentError(rule, `at most ${MOST_SCHEDULES} different schedules`, `${this.texts.length}`);
    const decay = options.weightDecay ?? 0;
    const exempt = options.decays ? parameters.names.filter((name) => !options.decays?.(name)) : [];
    if (decay > 0 && exempt.length === parameters.names.length)
      throw new ArgumentError(rule, 'decays to pick some parameter', 'none picked');
    this.spec = {
      rule,
      momentum: (options.momentum ?? 0) > 0,
      nesterov: options.nesterov ?? false,
      decay: decay === 0 ? 'none' : options.decays ? 'marked' : 'all',
      clip: options.clipNorm !== undefined,
      models: true,
    };
    this.gradients = parameters.like();
    this.steps = keep(zeros(device, [models], 'u32'));
    this.stopped = keep(zeros(device, [models], 'u32'));
    this.hyper = keep(zeros(device, [models, HYPER.slots]));
    this.base = keep(tensor(device, Float32Array.from(rates)));
    this.kinds = keep(
      tensor(
        device,
        Uint32Array.from(this.schedules, (s) => this.texts.indexOf(s.wgsl)),
      ),
    );
    this.owners = ownersOf(parameters, exempt);
    const slots = rule === 'sgd' ? (this.spec.momentum ? 1 : 0) : 2;
    this.state = Array.from({ length: slots }, () => parameters.like());
  }

  /**
   * Applies gradients, one a parameter in the order of `parameters.list()`, to the models whose losses were always finite.
   *
   * @param losses f32 [models], of this step
   */
  step(grads: readonly Tensor[], losses: Tensor): void {
    const { device, models, parameters } = this.population;
    const { rule } = this;
    if (!sameShape(losses.shape, [models]) || losses.dtype !== 'f32')
      throw new ShapeError(rule, `f32 losses of shape [${models}]`, String(losses));
    parameters.pack(grads, this.gradients);
    const tensors = [losses, this.base, this.kinds, this.steps, this.stopped, this.hyper];
    const workgroup = 64;
    device.run(
      advanceKernel,
      { schedules: this.texts, workgroup },
      {
        bindings: tensors.map((t) => t.binding(rule)),
        params: [models, ...logBetas(this.options)],
        grid: [Math.ceil(models / workgroup), 1, 1],
        cost: { flops: 16 * models, bytes: 36 * models },
      },
    );
    scope(() => {
      const norms = this.spec.clip ? [this.squaredNorms()] : [];
      const inputs = [this.gradients, this.hyper, ...(this.mask ? [this.mask] : []), this.owners, ...norms];
      launchUpdate(parameters, { ...this.spec, masked: this.mask !== null }, this.options, inputs, this.state);
    });
  }

  /** Changes base learning rates from the next step on. */
  setLearningRate(lr: PerModel<number>): void {
    const rates = perModel(this.rule, 'learning rates', lr, this.population.models);
    for (const rate of rates)
      if (!Number.isFinite(rate) || rate < 0) throw new ArgumentError(this.rule, 'lr >= 0', String(rate));
    this.base.write(rates);
  }

  /** As `Optimiser.setMask`; the mask [models, ...] of each parameter may differ from model to model. */
  setMask(mask: Tensor | null): void {
    const { flat } = this.population.parameters;
    if (mask) {
      commonDevice(this.rule, [flat, mask]);
      if (!sameShape(mask.shape, flat.shape) || mask.dtype !== flat.dtype)
        throw new ArgumentError(this.rule, `a flat mask ${flat}`, String(mask));
    }
    this.mask = mask;
  }

  /** Learning rates of the last step, as the device computed them; NaN for a model that has stopped. */
  async learningRates(): Promise<number[]> {
    const rows = await this.hyper.data();
    return Array.from({ length: this.population.models }, (_, i) => {
      const rate = rows[i * HYPER.slots + HYPER.learningRate];
      return rate < 0 ? Number.NaN : rate;
    });
  }
  /** For each model 0, or the step (from 1) whose loss was not finite. */
  async stoppedAt(): Promise<number[]> {
    return Array.from(await this.stopped.data());
  }
  /** Optimiser state, laid out like the parameters: momentum, or Adam's two moments. */
  get slots(): readonly Tensor[] {
    return this.state;
  }
  /** All that its steps depend on and change, for checkpoints. */
  get tensors(): ReadonlyMap<string, Tensor> {
    return new Map([
      ['steps', this.steps],
      ['stopped', this.stopped],
      ['base', this.base],
      ...this.state.map((t, i) => [`slot${i}`, t] as const),
      ...(this.mask ? [['mask', this.mask] as const] : []),
    ]);
  }
  /** The rule and its options: runs of the same bytes have the same. */
  get config(): Readonly<Record<string, string | number>> {
    const { lr: _, schedule: __, decays, betas, ...numbers } = this.options;
    const given = Object.entries(numbers).filter(([, v]) => v !== undefined);
    return {
      optimiser: this.rule,
      schedule: this.schedules.map((s) => this.texts.indexOf(s.wgsl)).join(' '),
      schedules: this.texts.join('\n'),
      ...(decays && { decays: this.population.parameters.names.filter(decays).join(' ') }),
      ...(betas && { betas: betas.join(' ') }),
      ...Object.fromEntries(given.map(([name, v]) => [name, Number(v)])),
    };
  }

  /**
   * An optimiser with which one model goes on alone: of its rate and schedule, with a copy of its state. A model that had
   * stopped goes on with the step at which it did.
   *
   * @param single made by `Population.member`
   */
  async member(model: number, single: Model): Promise<Optimiser> {
    this.population.assertMember(this.rule, model);
    const [steps, stopped, base] = await Promise.all([this.steps.data(), this.stopped.data(), this.base.data()]);
    const options = { ...this.options, lr: base[model], schedule: this.schedules[model] };
    const own = new Optimiser(single.parameters, this.rule, options);
    own.tensors.get('steps')!.write([stopped[model] > 0 ? stopped[model] - 1 : steps[model]]);
    this.state.forEach((slot, i) => {
      this.population.takeFlat(slot, model, single.parameters, own.slots[i]);
    });
    return own;
  }

  /** Starts over: step 0, state 0, nobody stopped. */
  reset(): void {
    for (const t of [this.steps, this.stopped]) t.write(new Uint32Array(t.size));
    for (const s of this.state) s.write(new Float32Array(s.size));
  }

  dispose(): void {
    const { gradients, steps, stopped, hyper, base, kinds, owners, state } = this;
    for (const t of [gradients, steps, stopped, hyper, base, kinds, owners, ...state]) t.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Sum of each model's squared gradients that are not masked: [models]. */
  private squaredNorms(): Tensor {
    const { parameters, models } = this.population;
    const square = apply('mul', input(0), input(0));
    const alive = this.mask ? apply('where', apply('ne', input(1), constant(0)), square, constant(0)) : square;
    const flats = this.mask ? [this.gradients, this.mask] : [this.gradients];
    return noGrad(() =>
      parameters.names
        .map((name) => {
          const rows = flats
            .map((flat) => parameters.part(flat, name))
            .map((t) => reshape(t, [models, t.size / models]));
          return map(rows, alive, { axes: [1], op: this.rule });
        })
        .reduce(add),
    );
  }
}

/** As many values as models, from one for all or one for each. */
export function perModel<T>(op: string, what: string, value: PerModel<T>, models: number): readonly T[] {
  const list = Array.isArray(value) ? (value as readonly T[]) : Array.from({ length: models }, () => value as T);
  if (list.length !== models) throw new ArgumentError(op, `${models} ${what}`, `${list.length}`);
  return list;
}

/** As `sgd`, for every model of a population. */
export const populationSgd = (population: Population, options: ForModels<SgdOptions>): PopulationOptimiser =>
  new PopulationOptimiser(population, 'sgd', options);
/** As `adam`, for every model of a population. */
export const populationAdam = (population: Population, options: ForModels<AdamOptions>): PopulationOptimiser =>
  new PopulationOptimiser(population, 'adam', options);
/** As `adamw`, for every model of a population. */
export const populationAdamw = (population: Population, options: ForModels<AdamOptions>): PopulationOptimiser =>
  new PopulationOptimiser(population, 'adamw', options);
