import type { Loader } from '../data/loader.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Tensor } from '../tensor/tensor.js';
import type { TrainingConfig } from './checkpoint.js';
import type { LossRing } from './loss-ring.js';

/** What every training loop has in common: of one model, or of a population. */
export interface LoopOptions {
  /** Epochs in all, those of a checkpoint included. */
  epochs: number;
  /** Flat mask laid out like the parameters: where it is 0, weights are exactly 0 from before the first step on. */
  mask?: Tensor;
  /** Called before step 0, `every`, 2 `every`, …; it may change the values of the mask, or learning rates. */
  between?: { every: number; run: (step: number) => void | Promise<void> };
  /** Steps between readbacks of the losses: often enough to be live, seldom enough to keep the device busy. Default 8. */
  readEvery?: number;
  /** Called with a checkpoint's bytes every so many steps (default: an epoch), at the end, and when it is stopped. */
  checkpoint?: { every?: number; save: SaveCheckpoint };
  /** A checkpoint to go on from, of a run with the same model or population, optimiser, loader and `config`. */
  resume?: Uint8Array;
  /** What else must be equal for a run to go on: the data, the loader's seed and augmentation, … */
  config?: TrainingConfig;
  /** Stops the run after the step under way, with a checkpoint. */
  signal?: AbortSignal;
}

export type SaveCheckpoint = (bytes: Uint8Array) => void | Promise<void>;

/** How a loop ended. `diverged`: there was nothing left to train. `stopped`: by the signal. */
export type LoopEnd = 'finished' | 'diverged' | 'stopped';

/** A run as its loop sees it. */
export interface LoopRun {
  readonly loader: Loader;
  readonly ring: LossRing;
  /** Where it stands: steps done. */
  readonly state: { step: number };
  /** Submits a step, which leaves its losses in the ring. */
  step(): void;
  /** Takes up the losses of further steps, in order. @returns whether the run is over at once */
  take(losses: readonly number[], steps: number): boolean;
  endEpoch(): Promise<void>;
  save(save: SaveCheckpoint): Promise<void>;
  /** Whether there is nothing left to train, once epoch and checkpoint are done. */
  isOver(): boolean;
}

/** @throws ArgumentError for options out of range */
export function checkLoop(op: string, { epochs, readEvery, between, checkpoint }: LoopOptions): void {
  const whole = (name: string, value: number) => {
    if (!Number.isInteger(value) || value < 1) throw new ArgumentError(op, `${name} >= 1`, String(value));
  };
  whole('epochs', epochs);
  if (readEvery !== undefined) whole('readEvery', readEvery);
  if (between) whole('between.every', between.every);
  if (checkpoint?.every !== undefined) whole('checkpoint.every', checkpoint.every);
}

/** Runs steps until the last epoch, the signal, or a run that is over; epochs and checkpoints in between. */
export async function runLoop(run: LoopRun, { epochs, between, checkpoint, signal }: LoopOptions): Promise<LoopEnd> {
  const { loader, ring, state } = run;
  const { batches } = loader;
  const steps = epochs * batches;
  while (state.step < steps) {
    if (state.step % batches === 0) loader.shuffle();
    if (between && state.step % between.every === 0) await between.run(state.step);
    run.step();
    state.step++;
    const full = ring.advance();
    const epochEnds = state.step % batches === 0;
    const saves = !!checkpoint && (state.step % (checkpoint.every ?? batches) === 0 || state.step === steps);
    const stops = signal?.aborted ?? false;
    const all = epochEnds || saves || stops;
    if ((full || all) && run.take(await ring.collect(all), steps)) return 'diverged';
    if (epochEnds) await run.endEpoch();
    if (checkpoint && (saves || stops)) await run.save(checkpoint.save);
    if (run.isOver()) return 'diverged';
    if (stops) return 'stopped';
  }
  return 'finished';
}
