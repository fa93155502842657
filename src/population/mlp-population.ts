import { parameterCount } from '../../shaders/population/network.js';
import { LIVE } from '../../shaders/population/update.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, LimitError, ShapeError } from '../gpu/errors.js';
import { keep } from '../tensor/scope.js';
import { Tensor, tensor } from '../tensor/tensor.js';
import type { Batches, PopulationData } from './mlp-data.js';
import { launchEvaluation, launchMasks, launchTraining, type Members, type Tables } from './mlp-launch.js';
import {
  checkLength,
  checkOptimiser,
  interleave,
  type MlpPopulationOptions,
  packMasks,
  packSettings,
  rateTable,
  type StepFactor,
  schedulesOf,
  seedsOf,
  separate,
} from './mlp-options.js';
import { Pace } from './mlp-pace.js';
import { initialWeights, type MlpForm, type MlpShape, mlpFits, networkOf } from './mlp-shape.js';

/** Most entries of the tables of batches and rates that are on the device at a time: 16 MiB. */
const TABLE = 2 ** 22;

export interface TrainOptions {
  data: PopulationData;
  steps: number;
  /** At least `steps` batches, the first for the first step of this call. Without it every step takes all rows. */
  batches?: Batches;
  /** Steps a launch, instead of as many as take some 40 ms. Results are the same to the bit. */
  stepsPerLaunch?: number;
  /** Stops between launches: the promise rejects with its reason, and the population is as after whole steps. */
  signal?: AbortSignal;
  /** Called between launches with the steps done by this call. */
  progress?: (done: number) => void;
}

/** What every model did on a data set. */
export interface PopulationScores {
  /** Mean loss. */
  loss: Float32Array;
  /** Right predictions: a logit above 0 is class 1; of several, the first greatest. */
  correct: Uint32Array;
  /** Share of right predictions. */
  accuracy: Float64Array;
}

/** All that steps depend on and change, for checkpoints. */
export interface PopulationState {
  steps: number;
  /** [slot, parameter, model], the weights first. */
  values: Float32Array;
  /** [2, model]: marks of divergence, and last losses as bits. */
  outcomes: Uint32Array;
}

/**
 * Many small multilayer perceptrons of one shape, trained side by side: one launch does many steps of all of them, with
 * weights and optimiser state on the chip. Each has a learning rate, a schedule and a mask of its own; batches are
 * shared. A model whose loss or weights become infinite or NaN stays as it is from then on, and is marked with the step.
 *
 * It outlives scopes, as models do: `dispose` it when done.
 */
export class MlpPopulation {
  readonly count: number;
  /** Weights and biases of one model. */
  readonly parameters: number;
  readonly form: MlpForm;
  private done = 0;
  private masked = false;
  private readonly schedules: readonly StepFactor[];
  private readonly members: Members;
  private readonly trainPace: Pace;
  private readonly evaluatePace: Pace;

  /**
   * @throws ArgumentError for options out of range, or a shape that `mlpFits` refuses
   * @throws ShapeError for lists of other lengths than `count`
   * @throws LimitError for more models than one binding holds; `mlpCapacity` tells how many these are
   */
  constructor(
    readonly device: Device,
    options: MlpPopulationOptions,
  ) {
    const op = 'MlpPopulation';
    const { count } = options;
    if (!Number.isInteger(count) || count < 0) throw new ArgumentError(op, 'a count of models >= 0', String(count));
    const network = networkOf(op, options);
    const fits = mlpFits(device, options);
    if (!fits.form) throw new ArgumentError(op, 'a shape that the fused kernel holds', fits.reason);
    this.form = fits.form;
    this.count = count;
    this.parameters = parameterCount(network.sizes);
    const hyper = checkOptimiser(op, options.optimiser);
    this.schedules = schedulesOf(op, options);
    const most = mlpCapacity(device, options, hyper.rule.slots);
    if (count > most) throw new LimitError(op, 'the number of models of this shape', most, count);
    const settings = packSettings(op, options, this.schedules);
    const weights = options.weights ?? initialWeights(options, seedsOf(op, options));
    checkLength(op, 'weights', weights, count * this.parameters);
    const bits = options.masks && packMasks(op, options.masks, count, this.parameters);
    const values = new Float32Array(count * this.parameters * (1 + hyper.rule.slots));
    values.set(interleave(weights, count, this.parameters));
    const words = bits ?? new Uint32Array(Math.ceil(this.parameters / 32) * count);
    const [form, parameters] = [this.form, this.parameters];
    this.members = {
      ...{ device, network, form, hyper, count, parameters },
      values: keep(tensor(device, values)),
      outcomes: keep(tensor(device, freshOutcomes(count))),
      settings: keep(tensor(device, settings)),
      masks: keep(tensor(device, words)),
    };
    if (bits) this.applyMasks();
    this.trainPace = new Pace(6 * this.parameters);
    this.evaluatePace = new Pace(2 * this.parameters);
  }

  /** Steps done since the start. */
  get steps(): number {
    return this.done;
  }

  /**
   * Trains all models that have not diverged. One call trains at a time.
   *
   * @throws ArgumentError for steps without a batch, or rows and targets that the data does not have
   */
  async train(options: TrainOptions): Promise<void> {
    const { data, steps, batches, signal, progress } = options;
    this.checkTraining(options);
    if (this.count === 0) {
      this.done += steps;
      return;
    }
    const batch = batches?.size ?? data.rows;
    const window = Math.max(1, Math.floor(TABLE / Math.max(batches ? batch : 1, this.schedules.length + 2)));
    for (let from = 0; from < steps; from += window) {
      const length = Math.min(window, steps - from);
      const rates = tensor(this.device, rateTable(this.schedules, this.members.hyper, this.done, length));
      const order = batches && tensor(this.device, batches.order.slice(from * batch, (from + length) * batch));
      const tables: Tables = { data, rates, order, length, batch, before: this.done };
      try {
        for (let offset = 0; offset < length; ) {
          signal?.throwIfAborted();
          const wanted = options.stepsPerLaunch ?? this.trainPace.plan(this.count, batch).times;
          offset += await this.round(tables, offset, wanted);
          this.done = tables.before + offset;
          progress?.(from + offset);
        }
      } finally {
        rates.dispose();
        order?.dispose();
      }
    }
  }

  /** Measures every model on a data set. */
  async evaluate(data: PopulationData): Promise<PopulationScores> {
    const op = 'MlpPopulation.evaluate';
    this.checkData(op, data);
    const { count } = this;
    const sums = Tensor.empty(op, this.device, 'u32', [2, count]);
    try {
      for (let first = 0; first < count; ) {
        const { span } = this.evaluatePace.plan(count - first, data.rows);
        const start = performance.now();
        let launches = 0;
        for (; first < count && launches < this.evaluatePace.launches; launches++) {
          launchEvaluation(this.members, data, sums, { first, span: Math.min(span, count - first) });
          first += span;
        }
        await this.device.sync();
        this.evaluatePace.record(span * data.rows, (performance.now() - start) / launches);
      }
      const words = (await sums.data()) as Uint32Array;
      const totals = new Float32Array(words.buffer, words.byteOffset, count);
      const correct = words.slice(count);
      return {
        loss: totals.map((v) => v / data.rows),
        correct,
        accuracy: Float64Array.from(correct, (n) => n / data.rows),
      };
    } finally {
      sums.dispose();
    }
  }

  /** Weights and biases [count, parameters], layer after layer, weights [out, in] before biases. */
  async weights(): Promise<Float32Array> {
    const values = await this.members.values.data();
    return separate(values as Float32Array, this.count, this.parameters);
  }

  /** The weights, and behind them every array of optimiser state: each [count, parameters], as `weights` gives them. */
  async models(): Promise<Float32Array[]> {
    const { count, parameters } = this;
    const all = (await this.members.values.data()) as Float32Array;
    const one = count * parameters;
    return Array.from({ length: 1 + this.members.hyper.rule.slots }, (_, slot) =>
      separate(all.subarray(slot * one, (slot + 1) * one), count, parameters),
    );
  }

  /** Loss of every model's last batch, and the step at which it diverged, or -1. */
  async outcome(): Promise<{ loss: Float32Array; divergedAt: Float64Array }> {
    const words = (await this.members.outcomes.data()) as Uint32Array;
    return {
      loss: new Float32Array(words.slice(this.count).buffer),
      divergedAt: Float64Array.from(words.subarray(0, this.count), (mark) => (mark === LIVE ? -1 : mark)),
    };
  }

  /** Exchanges all masks [count, parameters]; what they remove is exactly 0 from now on. Null lets everything move. */
  setMasks(masks: ArrayLike<number> | null): void {
    if (!masks) {
      this.masked = false;
      return;
    }
    this.members.masks.write(packMasks('MlpPopulation.setMasks', masks, this.count, this.parameters));
    this.applyMasks();
  }

  /** Starts over from weights [count, parameters]: step 0, no optimiser state, no model marked. Masks stay. */
  restart(weights: ArrayLike<number>): void {
    checkLength('MlpPopulation.restart', 'weights', weights, this.count * this.parameters);
    const values = new Float32Array(this.members.values.size);
    values.set(interleave(weights, this.count, this.parameters));
    this.restore({ steps: 0, values, outcomes: freshOutcomes(this.count) });
    if (this.masked) this.applyMasks();
  }

  /** Counts steps that no model does: schedules go on without them. */
  skip(steps = 1): void {
    if (!Number.isInteger(steps) || steps < 0)
      throw new ArgumentError('MlpPopulation.skip', 'steps as a whole number >= 0', String(steps));
    this.done += steps;
  }

  /** Reads all that steps depend on; masks, rates and schedules are the caller's own. */
  async state(): Promise<PopulationState> {
    return {
      steps: this.done,
      values: (await this.members.values.data()) as Float32Array,
      outcomes: (await this.members.outcomes.data()) as Uint32Array,
    };
  }

  /** Goes back to a state read earlier from a population of the same options. */
  restore({ steps, values, outcomes }: PopulationState): void {
    const op = 'MlpPopulation.restore';
    checkLength(op, 'values', values, this.members.values.size);
    checkLength(op, 'outcomes', outcomes, this.members.outcomes.size);
    if (!Number.isInteger(steps) || steps < 0) throw new ArgumentError(op, 'steps >= 0', String(steps));
    this.members.values.write(values);
    this.members.outcomes.write(outcomes);
    this.done = steps;
  }

  /**
   * Goes on from what `models` read, perhaps of other populations.
   *
   * @param divergedAt for every model the step at which it diverged, or -1
   */
  restoreModels(steps: number, models: readonly ArrayLike<number>[], divergedAt: ArrayLike<number>): void {
    const op = 'MlpPopulation.restoreModels';
    const one = this.count * this.parameters;
    checkLength(op, 'arrays', models, 1 + this.members.hyper.rule.slots);
    for (const values of models) checkLength(op, 'values', values, one);
    checkLength(op, 'steps of divergence', divergedAt, this.count);
    const values = new Float32Array(this.members.values.size);
    models.forEach((part, slot) => {
      values.set(interleave(part, this.count, this.parameters), slot * one);
    });
    const outcomes = freshOutcomes(this.count);
    for (let m = 0; m < this.count; m++) if (divergedAt[m] >= 0) outcomes[m] = divergedAt[m];
    this.restore({ steps, values, outcomes });
    if (this.masked) this.applyMasks();
  }

  dispose(): void {
    const { values, outcomes, settings, masks } = this.members;
    for (const t of [values, outcomes, settings, masks]) t.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Some launches of `wanted` steps each and one wait; returns the steps done. */
  private async round(tables: Tables, offset: number, wanted: number): Promise<number> {
    const { span } = this.trainPace.plan(this.count, tables.batch);
    const start = performance.now();
    let done = 0;
    let launches = 0;
    while (offset + done < tables.length && launches < this.trainPace.launches) {
      const steps = Math.min(wanted, tables.length - offset - done);
      for (let first = 0; first < this.count; first += span, launches++) {
        const piece = { first, span: Math.min(span, this.count - first), offset: offset + done, steps };
        launchTraining(this.members, this.masked, tables, piece);
      }
      done += steps;
    }
    await this.device.sync();
    const units = (this.count * done * tables.batch) / launches;
    this.trainPace.record(units, (performance.now() - start) / launches);
    return done;
  }

  private applyMasks(): void {
    this.masked = true;
    launchMasks(this.members);
  }

  private checkData(op: string, data: PopulationData): void {
    const { sizes, loss } = this.members.network;
    if (data.inputs !== sizes[0]) throw new ShapeError(op, `data of ${sizes[0]} inputs`, `${data.inputs}`);
    const { most, whole } = data.targets;
    if (loss === 'bce' && most > 1) throw new ArgumentError(op, 'targets in [0, 1]', `${most}`);
    const classes = sizes[sizes.length - 1];
    if (loss === 'crossEntropy' && !(whole && most < classes))
      throw new ArgumentError(op, `class numbers below ${classes}`, whole ? `${most}` : 'fractions');
  }

  private checkTraining({ data, steps, batches, stepsPerLaunch }: TrainOptions): void {
    const op = 'MlpPopulation.train';
    this.checkData(op, data);
    const whole = (what: string, value: number, least: number) => {
      if (!Number.isInteger(value) || value < least)
        throw new ArgumentError(op, `${what} as a whole number >= ${least}`, String(value));
    };
    whole('steps', steps, 0);
    if (stepsPerLaunch !== undefined) whole('stepsPerLaunch', stepsPerLaunch, 1);
    if (this.done + steps >= LIVE) throw new LimitError(op, 'the number of steps', LIVE - 1, this.done + steps);
    if (!batches) return;
    whole('a batch size', batches.size, 1);
    if (batches.size * steps > batches.order.length)
      throw new ArgumentError(
        op,
        `batches for ${steps} steps of ${batches.size} rows`,
        `${batches.order.length} row numbers`,
      );
    const stray = batches.order.find((row) => row >= data.rows);
    if (stray !== undefined) throw new ArgumentError(op, `row numbers below ${data.rows}`, String(stray));
  }
}

/** No model marked, no loss. */
function freshOutcomes(count: number): Uint32Array {
  const out = new Uint32Array(2 * count).fill(LIVE);
  new Float32Array(out.buffer, 4 * count).fill(Number.NaN);
  return out;
}

/**
 * Most models of a shape that one population holds on a device; for more, make several.
 *
 * @param slots arrays of optimiser state: 0 for plain SGD, 1 with momentum, 2 for Adam
 */
export function mlpCapacity(device: Device, shape: MlpShape, slots: number): number {
  const parameters = parameterCount(networkOf('mlpCapacity', shape).sizes);
  return Math.floor(device.limits.maxBinding / (4 * parameters * (1 + slots)));
}
