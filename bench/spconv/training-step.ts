import { compile, crossEntropy, type Device, grad, scope, tensor } from '../../src/index.js';
import {
  Conv2d,
  Flatten,
  kaimingNormal,
  Linear,
  MaxPool2d,
  Model,
  type Module,
  Sequential,
} from '../../src/nn/index.js';
import { sgd } from '../../src/optim/index.js';
import { magnitudeMask, prunable } from '../../src/prune/index.js';
import type { SparseKind } from '../../src/sparse/index.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import type { Candidate, Family } from '../case.js';
import { deviceWork } from '../device-work.js';
import { integers, uniform } from '../peers/lib/random.mjs';
import { SEED } from '../sparse-problems.js';

const SPARSITY = 0.95;
const CLASSES = 10;
/** Largest difference of a gradient from the masked-dense one, relative to the largest element of its tensor. */
const TOLERANCE = 1e-5;

/** How the layers compute: masked in a form or by choice, or dense with weights that only the optimiser holds at 0. */
type Way = SparseKind | 'auto' | 'plain';

/** 3x3 convolutions of 64, 64, 128, 128, 256 and 256 channels, three poolings, and a linear layer. */
function vgg(size: number): Module {
  const conv = (inputs: number, outputs: number) =>
    new Conv2d(inputs, outputs, 3, { padding: 1, activation: 'relu', init: kaimingNormal('fanIn') });
  return new Sequential({
    ...{ conv1: conv(3, 64), conv2: conv(64, 64), pool1: MaxPool2d(2) },
    ...{ conv3: conv(64, 128), conv4: conv(128, 128), pool2: MaxPool2d(2) },
    ...{ conv5: conv(128, 256), conv6: conv(256, 256), pool3: MaxPool2d(2) },
    ...{ flatten: Flatten(), fc: new Linear(256 * (size / 8) ** 2, CLASSES) },
  });
}

/** The least weights of every layer are removed, the same share of each. */
async function masksOf(model: Model): Promise<Tensor> {
  const { parameters } = model;
  const whole = await parameters.flat.data();
  const flags = new Float32Array(whole.length).fill(1);
  for (const name of prunable(parameters)) {
    const { mask } = await magnitudeMask(parameters, SPARSITY, [name]);
    const values = await mask.data();
    for (let i = 0; i < flags.length; i++) flags[i] *= values[i];
    mask.dispose();
  }
  parameters.flat.write(flags.map((f, i) => f * whole[i]));
  return tensor(model.device, flags);
}

async function gradients(model: Model, x: Tensor, labels: Tensor): Promise<Float32Array[]> {
  const grads = scope(() => grad(crossEntropy(model.forward(x, { training: true }), labels), model.parameters.list()));
  const values = await Promise.all(grads.map((g) => g.data()));
  for (const g of grads) g.dispose();
  return values as Float32Array[];
}

function difference(found: readonly Float32Array[], expected: readonly Float32Array[]): number {
  let worst = 0;
  found.forEach((values, i) => {
    const scale = expected[i].reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    values.forEach((v, j) => (worst = Math.max(worst, Math.abs(v - expected[i][j]) / scale)));
  });
  return worst;
}

function candidate(device: Device, name: string, way: Way, size: number, batch: number): Candidate {
  return {
    name,
    kind: way === 'auto' ? 'engine' : 'variant',
    async prepare() {
      const model = new Model(device, vgg(size), { seed: SEED });
      const mask = await masksOf(model);
      const x = tensor(device, uniform(batch * size * size * 3, -1, 1, SEED, 2), { shape: [batch, size, size, 3] });
      const labels = tensor(device, integers(batch, CLASSES, SEED, 3));
      const optimiser = sgd(model.parameters, { lr: 0.01, momentum: 0.9 });
      optimiser.setMask(mask);
      await model.sparsify(mask, { kind: 'dense' });
      const expected = await gradients(model, x, labels);
      if (way === 'plain') model.densify();
      else await model.sparsify(mask, { kind: way });
      const step = compile(device, () => {
        const loss = crossEntropy(model.forward(x, { training: true }), labels);
        optimiser.step(grad(loss, model.parameters.list()));
        return loss;
      });
      const dispose = () => {
        for (const thing of [step, optimiser, model, mask, x, labels]) thing.dispose();
      };
      try {
        const found = await gradients(model, x, labels);
        if (way === 'plain') await maskAll(found, model, mask);
        const forms = Object.fromEntries(model.describeSparsity().map((l) => [l.name, l.kind]));
        for (let i = 0; i < 3; i++) step().dispose();
        return deviceWork(device, {
          call: () => step().dispose(),
          check: { what: 'gradients, against masked dense', error: difference(found, expected), tolerance: TOLERANCE },
          cost: { flops: step.report().flops, bytes: 0 },
          waitEach: true,
          facts: { forms },
          dispose,
        });
      } catch (error) {
        dispose();
        throw error;
      }
    },
  };
}

async function maskAll(values: readonly Float32Array[], model: Model, mask: Tensor): Promise<void> {
  const flags = await mask.data();
  model.parameters.names.forEach((name, i) => {
    const at = model.parameters.offset(name);
    values[i].forEach((v, j) => (values[i][j] = v * flags[at + j]));
  });
}

/** A whole training step of a masked network: forward, backward, and momentum with masks. */
const family: Family = ({ device, quick }) => {
  const sizes = quick
    ? ([[16, 32]] as const)
    : ([
        [16, 32],
        [16, 128],
        [32, 32],
      ] as const);
  const ways: [string, Way][] = [
    ['masked dense', 'dense'],
    ['dense, masked by the optimiser', 'plain'],
    ['CSR', 'csr'],
    ['auto', 'auto'],
  ];
  return sizes.map(([size, batch]) => ({
    name: `training step: VGG-like, ${size}x${size}, batch ${batch}, 95 %`,
    reference: 'masked dense',
    least: 5,
    long: size * batch > 16 * 32,
    candidates: ways.map(([name, way]) => candidate(device, name, way, size, batch)),
  }));
};

export default family;
