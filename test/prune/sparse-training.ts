import { BatchLoader } from '../../src/data/index.js';
import { type Device, tensor } from '../../src/index.js';
import { Model } from '../../src/nn/index.js';
import { type Optimiser, sgd } from '../../src/optim/index.js';
import { Inputs } from '../support/random.js';
import { CLASSES, convNet } from './scoring.js';

export const STEPS_AN_EPOCH = 6;

/** A small residual network, its optimiser and a loader over random images, six batches of five an epoch. */
export function training(device: Device, name: string) {
  const inputs = new Inputs(name);
  const count = 5 * STEPS_AN_EPOCH;
  const images = tensor(device, inputs.normal(count * 192), { shape: [count, 8, 8, 3] });
  const targets = tensor(device, inputs.integers(count, CLASSES));
  const made: { dispose(): void }[] = [images, targets];
  const own = <T extends { dispose(): void }>(thing: T): T => {
    made.push(thing);
    return thing;
  };
  return {
    model: (): Model => own(new Model(device, convNet(), { seed: 7 })),
    optimiser: (model: Model): Optimiser => own(sgd(model.parameters, { lr: 0.05, momentum: 0.9, weightDecay: 1e-3 })),
    loader: (): BatchLoader => own(new BatchLoader(images, targets, 5, { seed: 9 })),
    dispose: () => {
      for (const thing of made) thing.dispose();
    },
  };
}
