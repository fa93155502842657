import type { Device } from '../../../gpu/device.js';
import { ArgumentError } from '../../../gpu/errors.js';
import { mlp } from '../../../nn/zoo/mlp.js';
import {
  type Batches,
  bytesPerModel,
  mlpCapacity,
  mlpFits,
  mlpParameterCount,
  type PopulationData,
  shuffledBatches,
} from '../../../population/index.js';
import type { ScheduleName, Widths } from '../enumerate.js';
import { FusedMembers } from './fused-members.js';
import { OrdinaryMembers } from './ordinary-members.js';
import { spiralShape, TRAINING } from './setting.js';

/** What steps of members depend on and change. */
export interface MemberState {
  /** Steps done, by which schedules go. */
  steps: number;
  /** Parameters [count, parameters], layer after layer, weights [out, in] before biases; and their momenta. */
  values: Float32Array;
  momenta: Float32Array;
  /** Step at which each diverged, or -1: it stays as it was then. */
  divergedAt: Float64Array;
}

export interface MemberTraining {
  /** Stops between launches: the promise rejects with its reason. */
  signal?: AbortSignal;
  /** Share of these steps that is done, from 0 to 1. */
  progress?: (share: number) => void;
}

/** Networks of one shape that are trained side by side, each with a rate, a schedule and a mask of its own. */
export interface Members {
  readonly count: number;
  /** Why the fused kernel does not train them, but the ordinary path; null where it does. */
  readonly fallback: string | null;
  /** Steps done since the start, those that were only counted included. */
  readonly steps: number;
  train(steps: number, options?: MemberTraining): Promise<void>;
  /** Counts a step, and takes its batch, without training. */
  skip(): void;
  state(): Promise<MemberState>;
  /** Exchanges all masks [count, parameters]; what they remove is exactly 0 from now on, and comes back without momentum. */
  setMasks(masks: ArrayLike<number>): void;
  /** Starts over from other parameters: step 0, no momentum, none diverged. Masks stay, and rows go on in their order. */
  restart(values: Float32Array): void;
  /** Measures all on the whole data set. */
  evaluate(): Promise<{ accuracy: ArrayLike<number>; loss: ArrayLike<number> }>;
  dispose(): void;
}

export interface MembersOptions {
  data: PopulationData;
  widths: Widths;
  rates: readonly number[];
  schedules: readonly ScheduleName[];
  order: RowOrder;
  /** Where they begin, and the step of `order` that their first batch is of. */
  start: MemberState;
  firstBatch?: number;
  masks?: ArrayLike<number>;
}

/** Parameters before any step. */
export const freshState = (values: Float32Array, count: number): MemberState => ({
  steps: 0,
  values,
  momenta: new Float32Array(values.length),
  divergedAt: new Float64Array(count).fill(-1),
});

/** Networks under training: in the fused kernel where it holds their shape, by the ordinary path elsewhere. */
export function openMembers(device: Device, options: MembersOptions): Members {
  const { widths, rates, schedules, start } = options;
  const parameters = mlpParameterCount(spiralShape(widths));
  const count = rates.length;
  for (const [what, got, expected] of [
    ['schedules', schedules.length, count],
    ['values', start.values.length, count * parameters],
    ['momenta', start.momenta.length, count * parameters],
    ['mask values', options.masks?.length ?? count * parameters, count * parameters],
  ] as const)
    if (got !== expected) throw new ArgumentError('openMembers', `${expected} ${what}`, `${got}`);
  const fits = mlpFits(device, spiralShape(widths));
  return fits.form ? new FusedMembers(device, options) : new OrdinaryMembers(device, options, fits.reason);
}

/** Bytes that networks of the ordinary path may take at a time. */
const MEMORY = 2 ** 30;

/** Most networks of a shape that are opened at a time. */
export function membersCapacity(device: Device, widths: Widths): number {
  const shape = spiralShape(widths);
  if (mlpFits(device, shape).form) return mlpCapacity(device, shape, 1);
  const { total, largest } = bytesPerModel(mlp([2, ...widths, 1]), { input: [2], batch: TRAINING.batch, slots: 1 });
  return Math.max(1, Math.min(Math.floor(MEMORY / total), Math.floor(device.limits.maxBinding / largest)));
}

/** The order of rows by steps; what was asked for last is kept, so that many may train by it. */
export class RowOrder {
  private epoch = -1;
  private ofEpoch: Uint32Array = new Uint32Array(0);
  private last = { from: -1, steps: 0, batches: { size: TRAINING.batch, order: this.ofEpoch } as Batches };

  constructor(
    private readonly rows: number,
    private readonly seed: number,
  ) {}

  /** Batches of the steps from `from` on. */
  batches(from: number, steps: number): Batches {
    if (this.last.from === from && this.last.steps === steps) return this.last.batches;
    const { batch, stepsPerEpoch } = TRAINING;
    const order = new Uint32Array(steps * batch);
    for (let done = 0; done < steps; ) {
      const within = (from + done) % stepsPerEpoch;
      const some = Math.min(steps - done, stepsPerEpoch - within);
      const rows = this.rowsOf(Math.floor((from + done) / stepsPerEpoch));
      order.set(rows.subarray(within * batch, (within + some) * batch), done * batch);
      done += some;
    }
    this.last = { from, steps, batches: { size: batch, order } };
    return this.last.batches;
  }

  private rowsOf(epoch: number): Uint32Array {
    if (this.epoch !== epoch) {
      const { batch, stepsPerEpoch } = TRAINING;
      this.ofEpoch = shuffledBatches(this.rows, batch, stepsPerEpoch, this.seed, {
        firstStep: epoch * stepsPerEpoch,
      }).order;
      this.epoch = epoch;
    }
    return this.ofEpoch;
  }
}
