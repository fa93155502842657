import { describe, expect, it } from 'vitest';
import { crossEntropy, div, grad, matmul, mul, scope, sum, type Tensor, tensor } from '../../src/index.js';
import { AvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, Model, Sequential } from '../../src/nn/index.js';
import { graspMask, graspScores, planSparsity } from '../../src/prune/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import {
  convNet,
  disposeBatches,
  drawStatistics,
  imageBatches,
  mlpNet,
  setWeights,
  stateOf,
  takeMasks,
  valuesOf,
  Weights,
} from './scoring.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

/** Without ReLUs, whose switching would spoil differences of gradients. */
const smoothNet = () =>
  new Sequential({
    conv1: new Conv2d(3, 6, 3, { padding: 1, stride: 2, activation: 'tanh' }),
    bn: new BatchNorm2d(6),
    conv2: new Conv2d(6, 8, 3, { padding: 1, activation: 'tanh' }),
    pool: AvgPool2d(2),
    flatten: Flatten(),
    out: new Linear([2, 2, 8], 5),
  });
const smoothMlp = () =>
  new Sequential({
    flatten: Flatten(),
    fc1: new Linear([8, 8, 3], 20, { activation: 'tanh' }),
    fc2: new Linear(20, 5),
  });

describe(`GraSP (seed ${SEED})`, () => {
  it('prunes the first weight of half [[2, 1], [1, 3]] at (1, -1), where SNIP would prune it as well by 1 to 2', async () => {
    const model = new Model(t.device, new Weights([2, 1]));
    setWeights(model, [1, -1]);
    const batch = {
      inputs: tensor(t.device, [0]),
      targets: tensor(t.device, [
        [2, 1],
        [1, 3],
      ]),
    };
    const loss = (w: Tensor, a: Tensor) => mul(sum(mul(matmul(a, w), w)), 0.5);
    const scores = await graspScores(model, [batch], { loss, temperature: 1 });
    expect(await valuesOf(model, scores)).toEqual([[0, 5]]);
    const pruned = await graspMask(model, planSparsity(model.parameters, 0.5), [batch], { loss, temperature: 1 });
    expect(await takeMasks(model, pruned)).toEqual([[0, 1]]);
    disposeBatches([batch]);
    for (const x of [scores, model]) x.dispose();
  });

  for (const [name, of, network] of [
    ['convolutions', t, smoothNet],
    ['convolutions, GPU forms', discrete, smoothNet],
    ['MLP', t, smoothMlp],
  ] as const)
    it(`is w H g of the weights, g summed over batches: ${name}`, async () => {
      const inputs = new Inputs(`grasp ${name}`);
      const model = new Model(of.device, network(), { seed: 3 });
      drawStatistics(model, inputs);
      const { parameters } = model;
      const batches = imageBatches(of.device, inputs, 2);
      const before = await stateOf(model);
      const temperature = 2;
      const scores = await graspScores(model, batches, { temperature });
      expect(await stateOf(model)).toEqual(before);

      const names = parameters.specs.filter((s) => s.shape.length > 1).map((s) => s.name);
      const weights = names.map((n) => parameters.get(n));
      const gradients = async () => {
        const parts = scope(() =>
          batches.map(({ inputs: x, targets }) => {
            const loss = crossEntropy(div(model.forward(x), temperature), targets);
            return grad(loss, weights);
          }),
        );
        const values = await Promise.all(parts.map((p) => Promise.all(p.map((g) => g.data()))));
        for (const g of parts.flat()) g.dispose();
        return names.map((_, i) => Float64Array.from(values[0][i], (v, k) => v + values[1][i][k]));
      };
      // Central differences of the gradient along itself.
      const first = await Promise.all(weights.map((w) => w.data()));
      const g = await gradients();
      const size = Math.sqrt(g.flatMap((v) => [...v]).reduce((s, v) => s + v * v, 0));
      const step = 1e-2 / size;
      const sides: Float64Array[][] = [];
      for (const sign of [1, -1]) {
        weights.forEach((w, i) => void w.write(Float32Array.from(first[i], (v, k) => v + sign * step * g[i][k])));
        sides.push(await gradients());
      }
      const expected = names.map((_, i) =>
        Array.from(first[i], (w, k) => (w * (sides[0][i][k] - sides[1][i][k])) / (2 * step)),
      );
      const flat = await valuesOf(model, scores);
      const found = names.map((n) => flat[parameters.names.indexOf(n)]);
      const [a, b] = [found.flat(), expected.flat()];
      // Differences of f32 gradients are rough in small entries: the vectors as wholes agree.
      const dot = (u: number[], v: number[]) => u.reduce((s, x, i) => s + x * v[i], 0);
      expect(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))).toBeGreaterThan(0.999);
      expectClose([Math.sqrt(dot(a, a))], [Math.sqrt(dot(b, b))], { rtol: 0.01 });
      disposeBatches(batches);
      for (const x of [scores, model]) x.dispose();
    });

  it('takes the batches of each pass, in training mode as well, and the same bytes twice', async () => {
    const inputs = new Inputs('grasp passes');
    const model = new Model(t.device, convNet(), { seed: 3 });
    const batches = imageBatches(t.device, inputs, 2);
    const before = await stateOf(model);
    const passes: number[] = [];
    const source = (pass: number) => {
      passes.push(pass);
      return batches;
    };
    const all = [
      await graspScores(model, source, { training: true }),
      await graspScores(model, batches, { training: true }),
      await graspScores(model, batches),
    ];
    expect(passes).toEqual([0, 1]);
    const [first, again, evaluating] = await Promise.all(all.map((s) => s.data()));
    expect(again).toEqual(first);
    expect(evaluating).not.toEqual(first);
    expect(first.some((v) => v < 0)).toBe(true);
    expect(await stateOf(model)).toEqual(before);
    disposeBatches(batches);
    for (const x of [...all, model]) x.dispose();
  });

  it('refuses a temperature that is not positive, and no batches in either pass', async () => {
    const inputs = new Inputs('grasp refusals');
    const model = new Model(t.device, mlpNet(), { seed: 1 });
    const batches = imageBatches(t.device, inputs, 1);
    await expect(graspScores(model, batches, { temperature: 0 })).rejects.toThrow('expected a temperature > 0, got 0');
    await expect(graspScores(model, (pass) => (pass === 0 ? batches : []))).rejects.toThrow('at least one batch');
    disposeBatches(batches);
    model.dispose();
  });
});
