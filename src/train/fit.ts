import { BatchLoader } from '../data/loader.js';
import type { Model } from '../nn/model.js';
import type { Optimiser } from '../optim/optimiser.js';
import type { Seed } from '../tensor/philox.js';
import type { Tensor } from '../tensor/tensor.js';
import { type TrainOptions, type TrainResult, train } from './train.js';

export interface FitOptions extends TrainOptions {
  batch: number;
  /** Of the order of the inputs. */
  seed?: Seed;
}

/** `train` on a data set as it is: inputs [n, ...] and targets [n, ...], in a new order every epoch. */
export async function fit(
  model: Model,
  optimiser: Optimiser,
  inputs: Tensor,
  targets: Tensor,
  options: FitOptions,
): Promise<TrainResult> {
  const { batch, seed = 0, ...others } = options;
  const loader = new BatchLoader(inputs, targets, batch, { seed });
  try {
    const config = { inputs: inputs.shape[0], seed: String(seed), ...options.config };
    return await train(model, optimiser, loader, { ...others, config });
  } finally {
    loader.dispose();
  }
}
