import { crossEntropy, type Device, grad, type Tensor, tensor } from '../../src/index.js';
import { BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, Model, Sequential } from '../../src/nn/index.js';
import { adamw, cosine, warmUp } from '../../src/optim/index.js';
import { Inputs } from '../support/random.js';

export const BATCH = 6;
const SIDE = 8;
const CLASSES = 4;

/** A small network with everything that changes from step to step: running statistics, dropout, schedule, optimiser, mask. */
export function trainer(device: Device) {
  const model = new Model(
    device,
    new Sequential({
      conv: new Conv2d(1, 5, 3, { padding: 1, bias: false }),
      bn: new BatchNorm2d(5, { activation: 'relu' }),
      pool: MaxPool2d(2),
      flatten: Flatten(),
      drop: new Dropout(0.25),
      fc: new Linear(80, CLASSES),
    }),
    { seed: 7 },
  );
  const optimiser = adamw(model.parameters, {
    lr: 0.02,
    weightDecay: 0.05,
    decays: (name) => name.endsWith('.weight'),
    clipNorm: 0.5,
    schedule: warmUp(4, cosine(12, 0.1)),
  });
  const mask = model.parameters.like(1);
  const part = model.parameters.part(mask, 'fc.weight');
  part.write(Float32Array.from({ length: part.size }, (_, i) => (i % 3 === 0 ? 0 : 1)));
  part.dispose();
  optimiser.setMask(mask);
  const step = (x: Tensor, labels: Tensor): Tensor => {
    const loss = crossEntropy(model.forward(x, { training: true }), labels, { labelSmoothing: 0.1 });
    optimiser.step(grad(loss, model.parameters.list()));
    return loss;
  };
  /** Everything that training changes, in bytes. */
  const state = async () => {
    const tensors = [model.parameters.flat, ...model.statistics.values(), ...optimiser.slots];
    const values = await Promise.all(tensors.map((t) => t.data()));
    return {
      values,
      generator: await model.generator.state(),
      steps: await optimiser.stepCount(),
      rate: await optimiser.learningRate(),
    };
  };
  const dispose = () => {
    for (const thing of [model, optimiser, mask]) thing.dispose();
  };
  return { model, optimiser, step, state, dispose };
}

/** Seeded batches, the same for every device. */
export function batches(device: Device, count: number): { x: Tensor; labels: Tensor; dispose(): void }[] {
  const inputs = new Inputs('batches');
  return Array.from({ length: count }, () => {
    const x = tensor(device, inputs.normal(BATCH * SIDE * SIDE), { shape: [BATCH, SIDE, SIDE, 1] });
    const labels = tensor(device, inputs.integers(BATCH, CLASSES));
    return { x, labels, dispose: () => [x, labels].forEach((t) => void t.dispose()) };
  });
}
