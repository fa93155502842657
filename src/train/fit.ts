import { grad } from '../autograd/grad.js';
import { compile } from '../compile/compile.js';
import { BatchLoader } from '../data/loader.js';
import { ArgumentError, SecateurError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import { crossEntropy } from '../ops/losses.js';
import type { Optimiser } from '../optim/optimiser.js';
import type { Seed } from '../tensor/philox.js';
import type { Tensor } from '../tensor/tensor.js';

export interface FitOptions {
  epochs: number;
  batch: number;
  seed?: Seed;
  /** Called every few steps with what has been done and the loss of a recent batch. */
  progress?: (state: { step: number; steps: number; loss: number }) => void;
}

/** A loss that is no longer finite; the run can only be abandoned. */
export class DivergedError extends SecateurError {
  constructor(
    readonly step: number,
    readonly loss: number,
  ) {
    super('diverged', `training diverged: the loss was ${loss} at step ${step}`);
  }
}

/** Steps between readbacks of the loss: often enough for a live display, rarely enough to keep the device busy. */
const REPORT_EVERY = 8;

/**
 * Trains a classifier with cross-entropy on inputs [n, ...] and targets i32 [n], as one compiled step.
 *
 * @returns the loss of the last batch
 * @throws DivergedError when the loss is no longer finite
 */
export async function fit(
  model: Model,
  optimiser: Optimiser,
  inputs: Tensor,
  targets: Tensor,
  options: FitOptions,
): Promise<number> {
  const { epochs, batch, seed = 0, progress } = options;
  if (!Number.isInteger(epochs) || epochs < 1) throw new ArgumentError('fit', 'epochs >= 1', String(epochs));
  const loader = new BatchLoader(inputs, targets, batch, { seed });
  const step = compile(model.device, () => {
    const { inputs: x, targets: y } = loader.next();
    const loss = crossEntropy(model.forward(x, { training: true }), y);
    optimiser.step(grad(loss, model.parameters.list()));
    return loss;
  });
  const steps = epochs * loader.batches;
  let last = Number.NaN;
  try {
    for (let done = 0; done < steps; ) {
      if (done % loader.batches === 0) loader.shuffle();
      const loss = step();
      done++;
      if (done % REPORT_EVERY === 0 || done === steps) {
        last = await loss.item();
        if (!Number.isFinite(last)) {
          loss.dispose();
          throw new DivergedError(done, last);
        }
        progress?.({ step: done, steps, loss: last });
      }
      loss.dispose();
    }
  } finally {
    step.dispose();
    loader.dispose();
  }
  return last;
}
