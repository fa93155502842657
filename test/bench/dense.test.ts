import { describe, expect, test } from 'vitest';
import { attrsOf, type ConvLayer, checkConvolution, shapesOf } from '../../bench/conv-reference.js';
import { trainingCandidate } from '../../bench/dense/training.js';
import { engineValues } from '../../bench/engine-values.mjs';
import { measure } from '../../bench/harness.js';
import { ladderProduct } from '../../bench/ladder-kernels.js';
import { initialValues, network } from '../../bench/peers/lib/networks.mjs';
import { checkProduct, productCandidate } from '../../bench/products.js';
import { measureRoofline } from '../../bench/roofline.js';
import { matmul, mul, scope, tensor } from '../../src/index.js';
import { convNet, Model, mlp, resnetCifar } from '../../src/nn/index.js';
import { conv2dInput, conv2dLike, conv2dWeight } from '../../src/ops/conv.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice({ toggles: { disable: ['timestamp_quantization'] } });
const budget = { ms: 20, most: 3 };

describe('references', () => {
  test('a right product passes, a wrong element does not', async () => {
    const inputs = new Inputs('bench product');
    const shape = { m: 13, n: 17, k: 11, transA: true, transB: true };
    const [a, b] = [inputs.uniform(13 * 11), inputs.uniform(11 * 17)];
    const c = scope(() =>
      matmul(tensor(t.device, a, { shape: [11, 13] }), tensor(t.device, b, { shape: [17, 11] }), {
        transA: true,
        transB: true,
      }),
    );
    const values = await c.data();
    c.dispose();
    expect(checkProduct(shape, a, b, values).error).toBeLessThan(1e-6);
    values[values.length - 1] += 0.01;
    expect(checkProduct(shape, a, b, values).error).toBeGreaterThan(1e-5);
    expect(checkProduct(shape, a, b, values.slice(1)).error).toBeNaN();
  });

  test.each([1, 2])('convolutions of stride %i pass, a wrong element does not', async (stride) => {
    const layer: ConvLayer = { name: '', images: 2, size: 7, channels: 3, out: 5, kernel: 3, stride, pad: 1 };
    const inputs = new Inputs('bench conv');
    for (const [result, op] of [
      ['y', conv2dLike],
      ['dx', conv2dInput],
      ['dw', conv2dWeight],
    ] as const) {
      const [first, second] = shapesOf(layer, result);
      const hosts = [first, second].map((s) => inputs.uniform(s.reduce((p, q) => p * q, 1)));
      const y = scope(() =>
        op(tensor(t.device, hosts[0], { shape: first }), tensor(t.device, hosts[1], { shape: second }), attrsOf(layer)),
      );
      const values = await y.data();
      y.dispose();
      expect(checkConvolution(layer, result, hosts[0], hosts[1], values).error, result).toBeLessThan(1e-6);
      values[values.length - 1] += 0.01;
      expect(checkConvolution(layer, result, hosts[0], hosts[1], values).error, result).toBeGreaterThan(1e-5);
    }
  });
});

test.each(['naive', 'shared', 'registers'] as const)('ladder: %s multiplies', async (step) => {
  const shape = { m: 48, n: 80, k: 32 };
  const candidate = productCandidate(t.device, { name: step, kind: 'variant' }, shape, (a, b) =>
    ladderProduct(t.device, step, a, b),
  );
  const [row] = await measure({ name: 'ladder', candidates: [candidate] }, budget);
  expect(row.error).toBeUndefined();
  expect(row.wall?.median).toBeGreaterThan(0);
  expect(row.gpu?.median).toBeGreaterThan(0);
});

test('the ladder refuses sizes that its kernels cannot do', () => {
  scope(() => {
    const a = tensor(t.device, new Float32Array(15 * 16), { shape: [15, 16] });
    const b = tensor(t.device, new Float32Array(256), { shape: [16, 16] });
    expect(() => ladderProduct(t.device, 'naive', a, b)).toThrow('multiples of 16, got 15 x 16 x 16');
  });
});

test('a candidate that computes something else is a failed row', async () => {
  const wrong = productCandidate(t.device, { name: 'wrong', kind: 'engine' }, { m: 16, n: 16, k: 16 }, (a, b) =>
    mul(a, b),
  );
  const [row] = await measure({ name: 'product', candidates: [wrong] }, budget);
  expect(row.error).toMatch(/wrong result: product, against float64: expected an error of at most 0.00001/);
  expect(row.wall).toBeUndefined();
});

test('the roofs are measured, and above what a small product reaches', async () => {
  const roofline = await measureRoofline(t.device, 100);
  expect(roofline.gflops).toBeGreaterThan(1);
  expect(roofline.gbps).toBeGreaterThan(0.1);
  expect(roofline.detail.fma).toMatch(/chains/);
});

describe('training steps', () => {
  const networks = { mlp: mlp([784, 256, 128, 10]), convnet: convNet(), resnet20: resnetCifar(20) } as const;

  test.each(['mlp', 'convnet', 'resnet20'] as const)("%s: the peers' initial values fill every parameter", (name) => {
    const net = network(name, { batch: 1 });
    const model = new Model(t.device, networks[name]);
    const sizes = Object.entries(engineValues(net, initialValues(net, 1))).map(([n, v]) => [n, v.length]);
    expect(new Map(sizes as [string, number][])).toEqual(
      new Map(model.parameters.names.map((n) => [n, model.get(n).size])),
    );
    model.dispose();
  });

  test.each(['mlp', 'convnet', 'resnet20'] as const)(
    '%s: the first loss is that of float64, and steps are sampled',
    async (name) => {
      const [row] = await measure(
        { name, least: 1, candidates: [trainingCandidate(t.device, name, 4)] },
        { ms: 1, most: 1 },
      );
      expect(row.error).toBeUndefined();
      expect(row.check?.error).toBeLessThan(1e-4);
      expect(row.cost?.flops).toBeGreaterThan(1e6);
      expect(row.facts?.dispatches).toBeLessThanOrEqual(300);
    },
  );
});
