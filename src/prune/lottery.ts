import type { Loader } from '../data/loader.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import type { Optimiser } from '../optim/optimiser.js';
import type { FileArray } from '../sparse/files/elements.js';
import type { Tensor } from '../tensor/tensor.js';
import { encodeCheckpoint, type TrainingState } from '../train/checkpoint.js';
import { type TrainOptions, type TrainResult, train } from '../train/train.js';
import { readTensors, stateTensors } from '../train/training-state.js';
import { copyMask } from './apply.js';
import { maskByMagnitude } from './magnitude.js';
import type { PruneResult } from './mask-by-scores.js';
import { type PrunePlan, planSparsity, type SparsityPlanOptions } from './plan.js';
import { collapsedLayers } from './rounds.js';
import { lotterySparsity } from './schedules.js';

/** One level of iterative magnitude pruning: a mask, and the network trained with it. */
export interface Ticket {
  /** 0 is the dense network. */
  level: number;
  /** The mask, borrowed, and what it keeps; null for the dense network. */
  pruned: PruneResult | null;
  collapsed: string[];
  result: TrainResult;
}

export interface LotteryOptions extends SparsityPlanOptions {
  /** Prunings, each with a training after it; the dense training comes first. */
  levels: number;
  /** Share of the weights left that each level removes; 0.2 by default. */
  share?: number;
  /** What level `level` (from 1) keeps, instead of `share`, `scope` and `weights`. */
  plan?: (level: number) => PrunePlan;
  /** The step that every level begins from, with its values and its place in the schedule; 0, the start, by default. */
  rewindTo?: number;
  /** A new optimiser and a new loader for each level, the same ones every time. */
  optimiser: () => Optimiser;
  loader: () => Loader;
  train: Omit<TrainOptions, 'mask' | 'resume' | 'checkpoint'>;
  /** Called after each level's training, while the model has its values. */
  onLevel?: (ticket: Ticket) => void | Promise<void>;
}

/**
 * Iterative magnitude pruning with rewinding: the search for lottery tickets (Frankle & Carbin 2019; Frankle et al. 2020
 * for rewinding to a later step). Train; remove the smallest weights; go back to the values of step `rewindTo`, the
 * statistics, the schedule and the order of the data included, with a fresh optimiser state; train to the end again.
 * Masks are nested. A level that diverges ends the search.
 *
 * @returns the last mask, owned by the caller, or null where the search ended with the dense network
 * @throws ArgumentError for levels or a step out of range, and what `train` throws
 */
export async function lotteryTickets(model: Model, options: LotteryOptions): Promise<PruneResult | null> {
  const op = 'lotteryTickets';
  const { levels, rewindTo = 0, share } = options;
  for (const [name, value] of Object.entries({ levels, rewindTo }))
    if (!Number.isInteger(value) || value < 0)
      throw new ArgumentError(op, `${name} as a whole number >= 0`, `${value}`);
  lotterySparsity(0, share);
  const { parameters } = model;
  const planOf = options.plan ?? ((level: number) => planSparsity(parameters, lotterySparsity(level, share), options));
  const plans = Array.from({ length: levels }, (_, l) => planOf(l + 1));
  const mask = parameters.like(1);
  let pruned: PruneResult | null = null;
  try {
    const start = new Start(op, model, mask, options);
    for (let level = 0; ; level++) {
      const result = await start.train(level);
      await options.onLevel?.({ level, pruned, collapsed: pruned ? collapsedLayers(pruned) : [], result });
      if (level === levels || result.status !== 'finished') return pruned;
      const next: PruneResult = await maskByMagnitude(parameters, plans[level], { within: pruned ?? undefined });
      pruned?.mask.dispose();
      pruned = next;
      copyMask(parameters, pruned.mask, mask);
    }
  } catch (error) {
    pruned?.mask.dispose();
    throw error;
  } finally {
    mask.dispose();
  }
}

/** The point that levels are rewound to: met in the first training, and what the later ones resume. */
class Start {
  private tensors: ReadonlyMap<string, FileArray> | null = null;
  private state: TrainingState = { step: 0, lossSum: 0, losses: 0, history: [], loader: null };

  constructor(
    private readonly op: string,
    private readonly model: Model,
    private readonly mask: Tensor,
    private readonly options: LotteryOptions,
  ) {}

  async train(level: number): Promise<TrainResult> {
    const optimiser = this.options.optimiser();
    const loader = this.options.loader();
    try {
      const { epochs, ...others } = this.options.train;
      const steps = epochs * loader.batches;
      const { rewindTo = 0 } = this.options;
      if (rewindTo >= steps) throw new ArgumentError(this.op, `rewindTo below ${steps} steps`, `${rewindTo}`);
      const own =
        level === 0 ? { between: this.meeting(optimiser, loader) } : { resume: await this.resumed(optimiser, loader) };
      const result = await train(this.model, optimiser, loader, { epochs, ...others, ...own, mask: this.mask });
      if (level === 0) this.state.history = result.history.filter((e) => e.step <= rewindTo);
      return result;
    } finally {
      optimiser.dispose();
      loader.dispose();
    }
  }

  /** Takes up where the run stands before the step to rewind to, and does what else there is to do between steps. */
  private meeting(optimiser: Optimiser, loader: Loader): NonNullable<TrainOptions['between']> {
    const { rewindTo = 0, train } = this.options;
    return {
      every: 1,
      run: async (step) => {
        if (step === rewindTo) {
          this.tensors = await readTensors(stateTensors(this.model, optimiser));
          this.state.step = step;
          this.state.loader = await positionBefore(step, loader);
        }
        if (train.between && step % train.between.every === 0) await train.between.run(step);
      },
    };
  }

  /** That point as a checkpoint with the present mask and a fresh optimiser state. */
  private async resumed(optimiser: Optimiser, loader: Loader): Promise<Uint8Array> {
    const tensors = new Map(this.tensors);
    tensors.set('optimiser/mask', { ...tensors.get('optimiser/mask')!, data: await this.mask.data() });
    for (const [name, array] of tensors)
      if (name.startsWith('optimiser/slot')) tensors.set(name, { ...array, data: new Float32Array(array.data.length) });
    const config = { batch: loader.batch, batches: loader.batches, ...optimiser.config, ...this.options.train.config };
    return encodeCheckpoint({ config, state: this.state, tensors });
  }
}

/** A loader's position before a step; where an epoch begins the shuffle is done already, and will be done again. */
async function positionBefore(step: number, loader: Loader): Promise<TrainingState['loader']> {
  const position = await loader.state();
  if (step % loader.batches !== 0) return position;
  return step === 0 ? null : { ...position, shuffles: position.shuffles - 1 };
}
