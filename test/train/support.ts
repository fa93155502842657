import type { Device } from '../../src/index.js';
import { tensor } from '../../src/index.js';
import { BatchNorm2d, Conv2d, Dropout, Flatten, Linear, type Module, ReLU, Sequential } from '../../src/nn/index.js';
import { Inputs } from '../support/random.js';

export const CLASSES = 7;

/** A network with everything whose state a checkpoint must hold: statistics, and randomness in the forward pass. */
export const network = (hidden = 12): Module =>
  new Sequential({
    conv: new Conv2d(1, 4, 3, { padding: 1, bias: false }),
    bn: new BatchNorm2d(4),
    relu: ReLU(),
    flatten: Flatten(),
    drop: new Dropout(0.2),
    fc1: new Linear(64, hidden, { activation: 'relu' }),
    fc2: new Linear(hidden, CLASSES),
  });

/** Images whose class shows in their values, as host arrays. */
export function images(name: string, count: number): { inputs: Float32Array; targets: Int32Array } {
  const random = new Inputs(name);
  const targets = random.integers(count, CLASSES);
  const inputs = random.normal(count * 16).map((v, i) => 0.5 * v + Math.cos((targets[i >> 4] + 1) * (i & 15)));
  return { inputs, targets };
}

export const upload = (device: Device, { inputs, targets }: ReturnType<typeof images>) => ({
  inputs: tensor(device, inputs, { shape: [targets.length, 4, 4, 1] }),
  targets: tensor(device, targets),
});
