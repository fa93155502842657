import { type Batches, shuffledBatches } from '../../../population/index.js';
import { TRAINING } from './setting.js';

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
