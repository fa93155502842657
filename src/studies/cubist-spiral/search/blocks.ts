import { type RunContext, StoppedError } from '../../study.js';
import type { ScheduleName, Widths } from '../enumerate.js';
import { trainedNetwork } from '../trained.js';
import { FULL_WIDTH } from '../training/setting.js';
import {
  type BlockResult,
  type BlockRun,
  spiralData,
  subNetworkInitial,
  topLeftBlock,
  trainBlock,
} from '../training/train.js';
import type { TrainedNetwork } from '../types.js';

/** The network that fixed first weights are blocks of. */
const FULL: Widths = [FULL_WIDTH, FULL_WIDTH, FULL_WIDTH];

export interface Setting {
  readonly rate: number;
  readonly schedule: ScheduleName;
}

/** Every rate with every schedule. */
export const settingsOf = ({ rates, schedules }: { rates: readonly number[]; schedules: readonly ScheduleName[] }) =>
  rates.flatMap((rate) => schedules.map((schedule): Setting => ({ rate, schedule })));

/** First weights of a sub-network out of those of the width-16 network of a seed. */
export const fixedInitial = (seed: number, widths: Widths): Float32Array =>
  topLeftBlock(subNetworkInitial(FULL, [seed]), FULL, widths);

export interface TrainingOptions {
  readonly widths: Widths;
  readonly epochs: number;
  /** Seed of the order of points, which all runs share. */
  readonly orderSeed: number;
  /** Which part of the whole run's work this training is, for progress: from, to, of 1. */
  readonly share?: readonly [from: number, to: number];
}

/** Trains runs side by side, reports how far they are, and stops when the study does. */
export async function trainRuns(
  context: RunContext,
  runs: readonly BlockRun[],
  { widths, epochs, orderSeed, share: [from, to] = [0, 1] }: TrainingOptions,
): Promise<BlockResult[]> {
  const { device, signal } = context;
  const data = await context.shared('cubist spiral', async () => spiralData(device));
  try {
    const progress = (done: number) => context.progress(from + (to - from) * done);
    return await trainBlock(device, data, widths, runs, { orderSeed, epochs, signal, progress });
  } catch (error) {
    throw signal.aborted ? new StoppedError() : error;
  }
}

/** Whether a run is the better one of two: more accurate, or as accurate with less loss. */
export const isBetter = (a: BlockResult, b: BlockResult): boolean =>
  a.accuracy > b.accuracy || (a.accuracy === b.accuracy && a.loss < b.loss);

/** A trained run as records show it. */
export const describeRun = (widths: Widths, run: BlockRun, { values, accuracy, loss }: BlockResult): TrainedNetwork =>
  trainedNetwork(widths, values, { accuracy, loss, rate: run.rate, schedule: run.schedule, seed: run.seed });

export const countDiverged = (results: readonly BlockResult[]): number =>
  results.filter(({ divergedAt }) => divergedAt >= 0).length;

/** JSON has no NaN or infinity: a diverged run has no loss. */
export const lossOf = ({ loss }: BlockResult): number | null => (Number.isFinite(loss) ? loss : null);

/** Lines of JSON as the bytes of a file. */
export const linesOf = (rows: readonly unknown[]): Uint8Array =>
  new TextEncoder().encode(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
