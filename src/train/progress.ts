/** Where a run stands. */
export interface Progress {
  /** Steps whose loss is known, of `steps` in all. */
  step: number;
  steps: number;
  /** Counted from 1. */
  epoch: number;
  epochs: number;
  /** Of the last step known. */
  loss: number;
  /** Inputs a second, over the last while; 0 as long as it is not known. */
  rate: number;
  secondsLeft: number;
}

/** What training did in an epoch. It holds no times, so that a resumed run has the same. */
export interface EpochRecord {
  /** Counted from 1. */
  epoch: number;
  /** Steps done at its end. */
  step: number;
  /** Mean over its batches. */
  loss: number;
  /** Of its last step. */
  learningRate: number;
  /** What `onEpoch` measured. */
  measured: Readonly<Record<string, number>>;
}

/** Watches a run; every method may be left out. */
export interface Reporter {
  progress?(progress: Progress): void;
  epoch?(record: EpochRecord): void;
  /** The run ended, in whatever way. */
  end?(): void;
}

/** Weight of the newest interval in the rate. */
const NEWEST = 0.3;

/** Inputs a second as a moving average of intervals between reports. The first holds compilation, and is replaced. */
export class Meter {
  private last: number;
  private rate = 0;
  private intervals = 0;

  /** @param now milliseconds, from any start */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.last = now();
  }

  /** Inputs done since the last call. @returns inputs a second */
  count(inputs: number): number {
    const time = this.now();
    const rate = (1000 * inputs) / Math.max(1e-3, time - this.last);
    this.rate = this.intervals++ < 2 ? rate : this.rate + NEWEST * (rate - this.rate);
    this.last = time;
    return this.rate;
  }

  /** The time from here on does not count: something else than training takes place. @returns what lets it count again */
  pause(): () => void {
    const begun = this.now();
    return () => {
      this.last += this.now() - begun;
    };
  }
}
