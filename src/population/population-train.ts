import { grad } from '../autograd/grad.js';
import { compile } from '../compile/compile.js';
import type { Batch, Loader, LoaderState } from '../data/loader.js';
import { crossEntropy } from '../ops/losses.js';
import { sum } from '../ops/reductions.js';
import { scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { decodeCheckpoint, encodeCheckpoint, type TrainingConfig } from '../train/checkpoint.js';
import { LossRing } from '../train/loss-ring.js';
import { applyMask } from '../train/mask.js';
import {
  checkLoop,
  type LoopEnd,
  type LoopOptions,
  type LoopRun,
  runLoop,
  type SaveCheckpoint,
} from '../train/step-loop.js';
import { readTensors, restoreTensors, stateTensors } from '../train/training-state.js';
import type { Population } from './population.js';
import type { PopulationOptimiser } from './population-optimiser.js';

/** The loss of every model, f32 [models], in training mode. */
export type PopulationLoss = (population: Population, batch: Batch, ownInputs: boolean) => Tensor;

/** A loader of shared batches, or one that says that its batches have the axis of models. */
export type PopulationBatches = Loader & { readonly ownInputs?: boolean };

/** What the models did in an epoch, one number each; NaN for models that had stopped before it began. */
export interface PopulationEpoch {
  /** Counted from 1. */
  epoch: number;
  /** Steps done at its end. */
  step: number;
  /** Means over its batches, as far as they were finite. */
  loss: number[];
  learningRate: number[];
  /** What `onEpoch` measured. */
  measured: Readonly<Record<string, readonly number[]>>;
}

export interface PopulationTrainOptions extends LoopOptions {
  /** Default: mean cross-entropy of each model's logits. */
  loss?: PopulationLoss;
  /** Called after every epoch; what it returns goes into the history (`{ accuracy: [0.98, …] }`). */
  onEpoch?: (record: PopulationEpoch) => Promise<Record<string, readonly number[]>>;
  /** Called when further losses are known, with those of the last step. */
  progress?: (at: { step: number; steps: number; losses: readonly number[] }) => void;
}

/** How one model ended. */
export interface MemberResult {
  status: LoopEnd;
  /** Steps done; of a model that diverged, the step (counted from 1) whose loss was not finite. */
  step: number;
  /** Of that step; NaN where none was done. */
  loss: number;
}

export interface PopulationTrainResult {
  /** `diverged`: no model was left. `stopped`: by the signal. */
  status: LoopEnd;
  step: number;
  models: MemberResult[];
  history: readonly PopulationEpoch[];
}

/**
 * One step of every model that has not stopped: losses, gradients, update. Models whose loss is not finite stop, and
 * keep the parameters, optimiser state and statistics that they had before the step. It may stand in a compiled step.
 *
 * @returns losses, f32 [models]
 */
export function populationStep(
  population: Population,
  optimiser: PopulationOptimiser,
  batch: Batch,
  options: { loss?: PopulationLoss; ownInputs?: boolean } = {},
): Tensor {
  const { loss = classification, ownInputs = false } = options;
  return scope(() => {
    const before = population.copyStatistics();
    const losses = loss(population, batch, ownInputs);
    optimiser.step(grad(sum(losses), population.parameters.list()), losses);
    population.restoreStopped(before, optimiser.stopped);
    return losses;
  });
}

const classification: PopulationLoss = (population, { inputs, targets }, ownInputs) =>
  crossEntropy(population.forward(inputs, { training: true, ownInputs }), targets, { leading: 1 });

/** Where a run stands, beside what is on the device. */
interface State {
  step: number;
  /** Of each model: sum and number of the epoch's finite losses, the last loss, and the step whose loss was not finite. */
  sums: number[];
  counts: number[];
  last: number[];
  stopped: number[];
  history: PopulationEpoch[];
  loader: LoaderState | null;
}

/**
 * Trains a population by one compiled step that is replayed. The same seeds give the same bytes, however often the run
 * was stopped and resumed. A model that diverges is a result, not an error, and the others go on without it.
 *
 * @throws ArgumentError for options out of range
 * @throws FormatError for a `resume` that is not a whole checkpoint
 * @throws CheckpointError for a `resume` of another run, naming what differs; no value is changed then
 */
export async function trainPopulation(
  population: Population,
  optimiser: PopulationOptimiser,
  loader: PopulationBatches,
  options: PopulationTrainOptions,
): Promise<PopulationTrainResult> {
  const run = new Run(population, optimiser, loader, options);
  try {
    return await run.toEnd();
  } finally {
    await run.dispose();
  }
}

class Run implements LoopRun {
  readonly ring: LossRing;
  readonly step: ReturnType<typeof compile<[], void>>;
  readonly state: State;
  private readonly config: TrainingConfig;
  /** Steps whose losses are known. */
  private known: number;

  constructor(
    private readonly population: Population,
    private readonly optimiser: PopulationOptimiser,
    readonly loader: PopulationBatches,
    private readonly options: PopulationTrainOptions,
  ) {
    const { readEvery = 8, mask, loss } = options;
    const { models, device, parameters } = population;
    checkLoop('trainPopulation', options);
    const { ownInputs = false } = loader;
    this.config = { models, batch: loader.batch, ownInputs, ...optimiser.config, ...options.config };
    if (mask) optimiser.setMask(mask);
    this.state = this.begin();
    this.known = this.state.step;
    if (mask) applyMask(parameters, mask);
    this.ring = new LossRing(device, readEvery, models);
    this.step = compile(device, () => {
      this.ring.push(populationStep(population, optimiser, loader.next(), { loss, ownInputs }));
    });
  }

  /** Step 0, or where the checkpoint to resume stands. */
  private begin(): State {
    const { resume } = this.options;
    const each = (value: number) => new Array<number>(this.population.models).fill(value);
    const none = { sums: each(0), counts: each(0), last: each(Number.NaN), stopped: each(0) };
    if (!resume) return { step: 0, ...none, history: [], loader: null };
    const checkpoint = decodeCheckpoint<State>(resume);
    restoreTensors(checkpoint, this.tensors(), this.config);
    const { state } = checkpoint;
    if (state.loader) this.loader.restore(state.loader);
    return state;
  }

  async toEnd(): Promise<PopulationTrainResult> {
    return this.result(await runLoop(this, this.options));
  }

  /** Models stop one by one; what the epoch and the checkpoint say of the last is still wanted. */
  isOver(): boolean {
    return this.state.stopped.every((step) => step > 0);
  }

  /** Takes up the losses of further steps, [steps, models]. */
  take(losses: readonly number[], steps: number): boolean {
    const { models } = this.population;
    const { sums, counts, last, stopped } = this.state;
    for (let from = 0; from < losses.length; from += models) {
      this.known++;
      for (let m = 0; m < models; m++) {
        if (stopped[m] > 0) continue;
        const loss = (last[m] = losses[from + m]);
        if (Number.isFinite(loss)) {
          sums[m] += loss;
          counts[m]++;
        } else stopped[m] = this.known;
      }
    }
    if (losses.length > 0) this.options.progress?.({ step: this.known, steps, losses: last });
    return false;
  }

  async endEpoch(): Promise<void> {
    const { state, loader, options } = this;
    const record: PopulationEpoch = {
      epoch: state.step / loader.batches,
      step: state.step,
      loss: state.sums.map((sum, m) => sum / state.counts[m]),
      learningRate: await this.optimiser.learningRates(),
      measured: {},
    };
    state.history.push({ ...record, measured: (await options.onEpoch?.(record)) ?? {} });
    state.sums.fill(0);
    state.counts.fill(0);
  }

  async save(save: SaveCheckpoint): Promise<void> {
    const state = { ...this.state, loader: await this.loader.state() };
    const tensors = await readTensors(this.tensors());
    await save(encodeCheckpoint<State>({ config: this.config, state, tensors }));
  }

  private tensors(): Map<string, Tensor> {
    return stateTensors(this.population, this.optimiser);
  }

  private result(status: PopulationTrainResult['status']): PopulationTrainResult {
    const { step, stopped, last, history } = this.state;
    const models = stopped.map((at, m): MemberResult => {
      if (at > 0) return { status: 'diverged', step: at, loss: last[m] };
      return { status: status === 'stopped' ? 'stopped' : 'finished', step, loss: last[m] };
    });
    return { status, step, models, history };
  }

  async dispose(): Promise<void> {
    await this.ring.dispose();
    this.step.dispose();
  }
}
