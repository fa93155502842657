import type { RunRecord, RunSpec } from '../store/record.js';

/** What a runner tells while it works. All of it is for people; nothing depends on it. */
export interface StudyReporter {
  /** Once: the runs to do, and how many of them are done already. */
  begin?(runs: readonly RunSpec[], done: ReadonlyMap<string, RunRecord>): void;
  /** How far a run is, from 0 to 1, and what it is doing. */
  progress?(run: RunSpec, share: number, text: string): void;
  /** A run has a record, made by this worker or by another. */
  done?(run: RunSpec, record: RunRecord): void;
  /** Something that the user should know: a lost device, records that differ. */
  notice?(text: string): void;
  end?(): void;
}

/** How far a whole study is, by the weights of its runs, and how long the rest takes at the pace so far. */
export class Overall {
  private readonly weights = new Map<string, number>();
  private readonly total: number;
  /** Weight of the runs that have a record. */
  private finished = 0;
  /** Shares of runs under way: where each was when it was first heard of (a checkpoint), and is now. */
  private readonly underWay = new Map<string, { from: number; share: number }>();
  /** Weight of work done since the beginning. */
  private gained = 0;

  constructor(
    runs: readonly RunSpec[],
    isDone: (id: string) => boolean,
    weight: (run: RunSpec) => number,
    private readonly begun = performance.now(),
  ) {
    let total = 0;
    for (const run of runs) {
      this.weights.set(run.id, weight(run));
      total += weight(run);
      if (isDone(run.id)) this.finished += weight(run);
    }
    this.total = total;
  }

  progress(id: string, share: number): void {
    const from = this.underWay.get(id)?.from ?? share;
    this.underWay.set(id, { from, share });
  }

  done(id: string): void {
    const weight = this.weights.get(id) ?? 0;
    this.finished += weight;
    this.gained += weight * (1 - (this.underWay.get(id)?.from ?? 0));
    this.underWay.delete(id);
  }

  /** From 0 to 1. */
  get share(): number {
    return this.total > 0 ? Math.min(1, (this.finished + this.partial(0)) / this.total) : 1;
  }

  /** Null as long as nothing was done. */
  secondsLeft(now = performance.now()): number | null {
    const gained = this.gained + this.partial(1);
    if (gained <= 0) return null;
    return ((this.total * (1 - this.share)) / gained) * ((now - this.begun) / 1000);
  }

  /** Weight done in the runs under way; `since` 1 counts from where they began this time. */
  private partial(since: 0 | 1): number {
    let sum = 0;
    for (const [id, { from, share }] of this.underWay) sum += (this.weights.get(id) ?? 0) * (share - since * from);
    return sum;
  }
}
