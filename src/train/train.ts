import { grad } from '../autograd/grad.js';
import { compile } from '../compile/compile.js';
import type { Batch, Loader } from '../data/loader.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import { crossEntropy } from '../ops/losses.js';
import type { Optimiser } from '../optim/optimiser.js';
import type { Tensor } from '../tensor/tensor.js';
import { decodeCheckpoint, encodeCheckpoint, type TrainingConfig, type TrainingState } from './checkpoint.js';
import { LossRing } from './loss-ring.js';
import { applyMask } from './mask.js';
import { type EpochRecord, Meter, type Reporter } from './progress.js';
import { readTensors, restoreTensors, stateTensors } from './training-state.js';

export interface TrainOptions {
  /** Epochs in all, those of a checkpoint included. */
  epochs: number;
  /** The loss of a batch, one f32. Default: mean cross-entropy of the model's logits in training mode. */
  loss?: (model: Model, batch: Batch) => Tensor;
  /** Flat mask laid out like the parameters: where it is 0, weights are exactly 0 from before the first step on. */
  mask?: Tensor;
  /** Called before step 0, `every`, 2 `every`, …; it may change the values of the mask, or the learning rate. */
  between?: { every: number; run: (step: number) => void | Promise<void> };
  /** Called after every epoch; what it returns goes into the history (`{ test: 0.98 }`). */
  onEpoch?: (record: EpochRecord) => Promise<Record<string, number>>;
  reporters?: readonly Reporter[];
  /** Steps between readbacks of the losses: often enough to be live, seldom enough to keep the device busy. Default 8. */
  readEvery?: number;
  /** Called with a checkpoint's bytes every so many steps (default: an epoch), at the end, and when it is stopped. */
  checkpoint?: { every?: number; save: (bytes: Uint8Array) => void | Promise<void> };
  /** A checkpoint to go on from, of a run with the same model, optimiser, loader and `config`. */
  resume?: Uint8Array;
  /** What else must be equal for a run to go on: the data, the loader's seed and augmentation, … */
  config?: TrainingConfig;
  /** Stops the run after the step under way, with a checkpoint. */
  signal?: AbortSignal;
}

export interface TrainResult {
  /** `diverged`: a loss was not finite. `stopped`: by the signal. */
  status: 'finished' | 'diverged' | 'stopped';
  /** Steps done; of a run that diverged, the step (counted from 1) whose loss was not finite. */
  step: number;
  /** Of that step; NaN where none was done. */
  loss: number;
  history: readonly EpochRecord[];
}

/**
 * Trains a model by one compiled step that is replayed. The same seeds give the same bytes, however often the run was
 * stopped and resumed. A loss that is not finite ends the run; that is a result, not an error.
 *
 * @throws ArgumentError for options out of range
 * @throws FormatError for a `resume` that is not a whole checkpoint
 * @throws CheckpointError for a `resume` of another run, naming what differs; no value is changed then
 */
export async function train(
  model: Model,
  optimiser: Optimiser,
  loader: Loader,
  options: TrainOptions,
): Promise<TrainResult> {
  const run = new Run(model, optimiser, loader, options);
  try {
    return await run.toEnd();
  } finally {
    await run.dispose();
    for (const r of options.reporters ?? []) r.end?.();
  }
}

class Run {
  private readonly ring: LossRing;
  private readonly step: ReturnType<typeof compile<[], void>>;
  private readonly state: TrainingState;
  private readonly config: TrainingConfig;
  private readonly meter = new Meter();
  /** Steps whose loss is known. */
  private known: number;
  private loss = Number.NaN;

  constructor(
    private readonly model: Model,
    private readonly optimiser: Optimiser,
    private readonly loader: Loader,
    private readonly options: TrainOptions,
  ) {
    const { epochs, readEvery = 8, mask, between, checkpoint, loss = classification } = options;
    const whole = (name: string, value: number) => {
      if (!Number.isInteger(value) || value < 1) throw new ArgumentError('train', `${name} >= 1`, String(value));
    };
    whole('epochs', epochs);
    whole('readEvery', readEvery);
    if (between) whole('between.every', between.every);
    if (checkpoint?.every !== undefined) whole('checkpoint.every', checkpoint.every);
    this.config = { batch: loader.batch, batches: loader.batches, ...optimiser.config, ...options.config };
    if (mask) optimiser.setMask(mask);
    this.state = this.begin();
    this.known = this.state.step;
    if (mask) applyMask(model.parameters, mask);
    this.ring = new LossRing(model.device, readEvery);
    this.step = compile(model.device, () => {
      const value = loss(model, loader.next());
      optimiser.step(grad(value, model.parameters.list()));
      this.ring.push(value);
    });
  }

  /** Step 0, or where the checkpoint to resume stands. */
  private begin(): TrainingState {
    const { resume } = this.options;
    if (!resume) return { step: 0, lossSum: 0, losses: 0, history: [], loader: null };
    const checkpoint = decodeCheckpoint(resume);
    restoreTensors(checkpoint, this.tensors(), this.config);
    const { state } = checkpoint;
    if (state.loader) this.loader.restore(state.loader);
    return state;
  }

  async toEnd(): Promise<TrainResult> {
    const { state, loader, options } = this;
    const { between, checkpoint } = options;
    const steps = options.epochs * loader.batches;
    while (state.step < steps) {
      if (state.step % loader.batches === 0) loader.shuffle();
      if (between && state.step % between.every === 0) await between.run(state.step);
      this.step();
      state.step++;
      const full = this.ring.advance();
      const epochEnds = state.step % loader.batches === 0;
      const saves = !!checkpoint && (state.step % (checkpoint.every ?? loader.batches) === 0 || state.step === steps);
      const stops = options.signal?.aborted ?? false;
      const all = epochEnds || saves || stops;
      if (full || all) {
        const diverged = this.take(await this.ring.collect(all), steps);
        if (diverged) return this.result('diverged', this.known);
      }
      if (epochEnds) await this.endEpoch();
      if (checkpoint && (saves || stops)) await this.save(checkpoint.save);
      if (stops) return this.result('stopped', state.step);
    }
    return this.result('finished', state.step);
  }

  /** Takes up the losses of further steps. @returns whether one of them is not finite; `known` is its step then */
  private take(losses: readonly number[], steps: number): boolean {
    const { state, loader, options } = this;
    for (const loss of losses) {
      this.known++;
      this.loss = loss;
      if (!Number.isFinite(loss)) return true;
      state.lossSum += loss;
      state.losses++;
    }
    if (losses.length === 0) return false;
    const rate = this.meter.count(losses.length * loader.batch);
    for (const r of options.reporters ?? [])
      r.progress?.({
        step: this.known,
        steps,
        epoch: Math.ceil(this.known / loader.batches),
        epochs: options.epochs,
        loss: this.loss,
        rate,
        secondsLeft: ((steps - this.known) * loader.batch) / rate,
      });
    return false;
  }

  private async endEpoch(): Promise<void> {
    const { state, loader, options } = this;
    const resumeMeter = this.meter.pause();
    const record: EpochRecord = {
      epoch: state.step / loader.batches,
      step: state.step,
      loss: state.lossSum / state.losses,
      learningRate: await this.optimiser.learningRate(),
      measured: {},
    };
    const whole = { ...record, measured: (await options.onEpoch?.(record)) ?? {} };
    state.history.push(whole);
    state.lossSum = state.losses = 0;
    resumeMeter();
    for (const r of options.reporters ?? []) r.epoch?.(whole);
  }

  private async save(save: (bytes: Uint8Array) => void | Promise<void>): Promise<void> {
    const resumeMeter = this.meter.pause();
    const state = { ...this.state, loader: await this.loader.state() };
    const tensors = await readTensors(this.tensors());
    await save(encodeCheckpoint({ config: this.config, state, tensors }));
    resumeMeter();
  }

  private tensors(): Map<string, Tensor> {
    return stateTensors(this.model, this.optimiser);
  }

  private result(status: TrainResult['status'], step: number): TrainResult {
    return { status, step, loss: this.loss, history: this.state.history };
  }

  async dispose(): Promise<void> {
    await this.ring.dispose();
    this.step.dispose();
  }
}

const classification = (model: Model, { inputs, targets }: Batch): Tensor =>
  crossEntropy(model.forward(inputs, { training: true }), targets);
