import type { PopulationData } from '../../../population/index.js';
import type { ScheduleName, Widths } from '../enumerate.js';
import type { RowOrder } from './row-order.js';

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
