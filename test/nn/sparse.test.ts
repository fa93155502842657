import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  compile,
  crossEntropy,
  DisposedError,
  grad,
  ShapeError,
  scope,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, Model, Sequential } from '../../src/nn/index.js';
import { sgd } from '../../src/optim/index.js';
import { magnitudeMask } from '../../src/prune/index.js';
import type { SparseKind } from '../../src/sparse/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

const SIDE = 8;
const CLASSES = 5;

const small = () =>
  new Sequential({
    conv1: new Conv2d(3, 8, 3, { padding: 1, activation: 'relu' }),
    conv2: new Conv2d(8, 16, 3, { padding: 1, bias: false }),
    bn: new BatchNorm2d(16, { activation: 'relu' }),
    pool: MaxPool2d(2),
    flatten: Flatten(),
    fc: new Linear(16 * 16, CLASSES),
  });

/** 3x3 convolutions of 64, 64, 128, 128, 256 and 256 channels, pooled twice, and a linear layer. */
const vgg = () =>
  new Sequential({
    ...{ conv1: new Conv2d(3, 64, 3, { padding: 1, activation: 'relu' }) },
    ...{ conv2: new Conv2d(64, 64, 3, { padding: 1, activation: 'relu' }), pool1: MaxPool2d(2) },
    ...{ conv3: new Conv2d(64, 128, 3, { padding: 1, activation: 'relu' }) },
    ...{ conv4: new Conv2d(128, 128, 3, { padding: 1, activation: 'relu' }), pool2: MaxPool2d(2) },
    ...{ conv5: new Conv2d(128, 256, 3, { padding: 1, activation: 'relu' }) },
    ...{ conv6: new Conv2d(256, 256, 3, { padding: 1, activation: 'relu' }), pool3: MaxPool2d(2) },
    ...{ flatten: Flatten(), fc: new Linear(256, CLASSES) },
  });

/** A batch of images and their labels. */
function batch(images: number): { x: Tensor; labels: Tensor; dispose(): void } {
  const inputs = new Inputs('batch');
  const x = tensor(t.device, inputs.normal(images * SIDE * SIDE * 3), { shape: [images, SIDE, SIDE, 3] });
  const labels = tensor(t.device, inputs.integers(images, CLASSES));
  return { x, labels, dispose: () => [x, labels].forEach((v) => void v.dispose()) };
}

const lossOf = (model: Model, { x, labels }: { x: Tensor; labels: Tensor }): Tensor =>
  crossEntropy(model.forward(x, { training: true }), labels);

/** Loss and every gradient, by name. */
async function gradients(model: Model, data: { x: Tensor; labels: Tensor }): Promise<Map<string, Float32Array>> {
  const [loss, ...grads] = scope(() => {
    const loss = lossOf(model, data);
    return [loss, ...grad(loss, model.parameters.list())];
  });
  const found = new Map([['loss', (await loss.data()) as Float32Array]]);
  for (const [i, name] of model.parameters.names.entries()) found.set(name, (await grads[i].data()) as Float32Array);
  for (const v of [loss, ...grads]) v.dispose();
  return found;
}

describe(`models with masks (seed ${SEED})`, () => {
  it.each([
    ['a small network at 70 %', small, 0.7, 6],
    ['a VGG-like network at 95 %', vgg, 0.95, 2],
  ] as const)('%s: every form gives the masked-dense gradients', async (_, network, sparsity, images) => {
    const model = new Model(t.device, network(), { seed: 3 });
    const data = batch(images);
    const { mask, layers } = await magnitudeMask(model.parameters, sparsity);
    await model.sparsify(mask, { kind: 'dense' });
    const expected = await gradients(model, data);
    const flags = (await mask.data()) as Float32Array;
    for (const kind of ['auto', 'csr'] as const) {
      await model.sparsify(mask, { kind });
      const found = await gradients(model, data);
      for (const [name, values] of expected)
        expectClose(found.get(name)!, values, { rtol: 1e-5, what: `${kind}: ${name}` });
      for (const { name } of layers) {
        const at = model.parameters.offset(name);
        expect(found.get(name)!.every((g, i) => flags[at + i] === 1 || g === 0)).toBe(true);
      }
    }
    for (const thing of [model, data, mask]) thing.dispose();
  });

  it('train as with masked weights, optimiser and all, and compiled to the same bytes', async () => {
    const data = batch(6);
    const train = async (kind: SparseKind | 'auto', compiled: boolean) => {
      const model = new Model(t.device, small(), { seed: 5 });
      const { mask } = await magnitudeMask(model.parameters, 0.8);
      const optimiser = sgd(model.parameters, { lr: 0.05, momentum: 0.9, weightDecay: 1e-3 });
      optimiser.setMask(mask);
      await model.sparsify(mask, { kind });
      const plain = () => {
        const loss = lossOf(model, data);
        optimiser.step(grad(loss, model.parameters.list()));
        return loss;
      };
      const step = compiled ? compile(t.device, plain) : Object.assign(() => scope(plain), { dispose() {} });
      for (let i = 0; i < 5; i++) step().dispose();
      const values = (await model.parameters.flat.data()) as Float32Array;
      for (const thing of [step, optimiser, model, mask]) thing.dispose();
      return values;
    };
    const csr = await train('csr', true);
    expect(csr).toEqual(await train('csr', false));
    expectClose(csr, await train('dense', false), { rtol: 1e-4 });
    data.dispose();
  });

  it('say what each layer does, and can be made dense again', async () => {
    const model = new Model(t.device, small(), { seed: 1 });
    const data = batch(2);
    const before = await gradients(model, data);
    expect(model.describeSparsity()).toEqual([]);
    const { mask } = await magnitudeMask(model.parameters, 0.75, ['conv2.weight', 'fc.weight']);
    await model.sparsify(mask, (name) => ({ kind: name === 'fc.weight' ? 'csr' : 'dense' }));
    expect(model.describeSparsity().map(({ name, kind, why }) => [name, kind, why])).toEqual([
      ['conv2.weight', null, 'has not run yet'],
      ['fc.weight', null, 'has not run yet'],
    ]);
    scope(() => void model.predict(data.x));
    const rows = model.describeSparsity();
    expect(rows.map(({ name, kind, shape }) => [name, kind, shape])).toEqual([
      ['conv2.weight', 'dense', [16, 3, 3, 8]],
      ['fc.weight', 'csr', [CLASSES, 256]],
    ]);
    const kept = rows.reduce((n, { shape, sparsity }) => n + (1 - sparsity) * shape.reduce((a, b) => a * b, 1), 0);
    expect(Math.round(kept)).toBe(Math.round(0.25 * (16 * 72 + CLASSES * 256)));
    model.densify();
    expect(model.describeSparsity()).toEqual([]);
    expect(await gradients(model, data)).toEqual(before);
    for (const thing of [model, data, mask]) thing.dispose();
  });

  it('take masks by name, of flags or numbers, and exchange all of them', async () => {
    const model = new Model(t.device, small(), { seed: 1 });
    const flags = new Inputs('flags').uniform(CLASSES * 256, 0, 1).map((u) => (u < 0.2 ? 1 : 0));
    const mask = tensor(t.device, flags, { shape: [CLASSES, 256], dtype: 'bool' });
    const numbers = tensor(t.device, flags.subarray(0, 8 * 27), { shape: [8, 3, 3, 3] });
    await model.sparsify({ 'fc.weight': mask });
    await model.sparsify(new Map([['conv1.weight', numbers]]));
    expect(model.describeSparsity().map((l) => l.name)).toEqual(['conv1.weight']);
    await expect(model.sparsify({ 'bn.weight': mask })).rejects.toThrow(ArgumentError);
    await expect(model.sparsify({ 'fc.weight': numbers })).rejects.toThrow(ShapeError);
    await expect(model.sparsify({ 'fc.weight': mask }, { kind: 'block' })).rejects.toThrow('divisible by one of');
    expect(model.describeSparsity().map((l) => l.name)).toEqual(['conv1.weight']);
    for (const thing of [model, mask, numbers]) thing.dispose();
  });
});

describe('compiled steps', () => {
  it.each([
    ['sparsify after a dense capture', false, true],
    ['other masks', true, true],
    ['densify', true, false],
  ] as const)('are refused after %s', async (_, first, second) => {
    const model = new Model(t.device, small(), { seed: 1 });
    const data = batch(2);
    const { mask } = await magnitudeMask(model.parameters, 0.75);
    if (first) await model.sparsify(mask);
    const step = compile(t.device, (x: Tensor) => model.forward(x));
    for (let i = 0; i < 3; i++) step(data.x).dispose();
    if (second) await model.sparsify(mask);
    else model.densify();
    expect(() => step(data.x)).toThrow(DisposedError);
    const again = compile(t.device, (x: Tensor) => model.forward(x));
    for (let i = 0; i < 3; i++) again(data.x).dispose();
    for (const thing of [step, again, model, data, mask]) thing.dispose();
  });
});
