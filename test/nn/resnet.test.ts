import { describe, expect, it } from 'vitest';
import { compile, crossEntropy, grad, type Tensor, tensor } from '../../src/index.js';
import { Model, resnetCifar } from '../../src/nn/index.js';
import { sgd } from '../../src/optim/index.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice({ poison: false });
const BATCH = 4;

describe('ResNet-20', () => {
  it('trains by a compiled step of at most 300 dispatches, and learns a batch by heart', async () => {
    const inputs = new Inputs('resnet');
    const model = new Model(t.device, resnetCifar(20), { seed: 1 });
    const optimiser = sgd(model.parameters, { lr: 0.05, momentum: 0.9, weightDecay: 1e-4 });
    const x = tensor(t.device, inputs.normal(BATCH * 32 * 32 * 3), { shape: [BATCH, 32, 32, 3] });
    const labels = tensor(t.device, inputs.integers(BATCH, 10));
    const step = compile(t.device, (images: Tensor, classes: Tensor) => {
      const loss = crossEntropy(model.forward(images, { training: true }), classes);
      optimiser.step(grad(loss, model.parameters.list()));
      return loss;
    });
    const losses: number[] = [];
    for (let i = 0; i < 10; i++) {
      const loss = step(x, labels);
      losses.push(await loss.item());
      loss.dispose();
    }
    const report = step.report();
    expect(report.dispatches).toBeLessThanOrEqual(300);
    expect(report.kernels.update).toBe(1);
    // Three products for every layer, but no gradient of the images: at least these flops are in it.
    const forward = 2 * BATCH * 40.5e6;
    expect(report.flops).toBeGreaterThan(2.9 * forward);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses[0]).toBeGreaterThan(1);
    expect(losses[9], losses.map((l) => l.toFixed(3)).join(' ')).toBeLessThan(0.3 * losses[0]);
    for (const thing of [x, labels, step, optimiser, model]) thing.dispose();
  });
});
