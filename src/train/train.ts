import { grad } from '../autograd/grad.js';
import { compile } from '../compile/compile.js';
import type { Batch, Loader } from '../data/loader.js';
import type { Model } from '../nn/model.js';
import { crossEntropy } from '../ops/losses.js';
import type { Optimiser } from '../optim/optimiser.js';
import type { Tensor } from '../tensor/tensor.js';
import { decodeCheckpoint, encodeCheckpoint, type TrainingConfig, type TrainingState } from './checkpoint.js';
import { LossRing } from './loss-ring.js';
import { applyMask } from './mask.js';
import { type EpochRecord, Meter, type Reporter } from './progress.js';
import { checkLoop, type LoopEnd, type LoopOptions, type LoopRun, runLoop, type SaveCheckpoint } from './step-loop.js';
import { readTensors, restoreTensors, stateTensors } from './training-state.js';

export interface TrainOptions extends LoopOptions {
  /** The loss of a batch, one f32. Default: mean cross-entropy of the model's logits in training mode. */
  loss?: (model: Model, batch: Batch) => Tensor;
  /** Called after every epoch; what it returns goes into the history (`{ test: 0.98 }`). */
  onEpoch?: (record: EpochRecord) => Promise<Record<string, number>>;
  reporters?: readonly Reporter[];
}

export interface TrainResult {
  /** `diverged`: a loss was not finite. `stopped`: by the signal. */
  status: LoopEnd;
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

class Run implements LoopRun {
  readonly ring: LossRing;
  readonly step: ReturnType<typeof compile<[], void>>;
  readonly state: TrainingState;
  private readonly config: TrainingConfig;
  private readonly meter = new Meter();
  /** Steps whose loss is known. */
  private known: number;
  private loss = Number.NaN;

  constructor(
    private readonly model: Model,
    private readonly optimiser: Optimiser,
    readonly loader: Loader,
    private readonly options: TrainOptions,
  ) {
    const { readEvery = 8, mask, loss = classification } = options;
    checkLoop('train', options);
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
    const status = await runLoop(this, this.options);
    return this.result(status, status === 'diverged' ? this.known : this.state.step);
  }

  /** A loss that is not finite ends the run at once. */
  isOver(): boolean {
    return false;
  }

  /** Takes up the losses of further steps. @returns whether one of them is not finite; `known` is its step then */
  take(losses: readonly number[], steps: number): boolean {
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

  async endEpoch(): Promise<void> {
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

  async save(save: SaveCheckpoint): Promise<void> {
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
