import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/index.js';
import { Model } from '../../src/nn/index.js';
import { planSparsity, prosprMask, prosprScores, snipScores } from '../../src/prune/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import {
  convNet,
  disposeBatches,
  drawStatistics,
  halfSquares,
  imageBatches,
  linearNet,
  mlpNet,
  setWeights,
  stateOf,
} from './scoring.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

/** Half squared error of w2 (w1 . x) after steps of SGD in float64, for one input a batch. */
function lookAhead(w: number[], batches: [number[], number][], lr: number, momentum: number): number {
  const at = [...w];
  const velocity = at.map(() => 0);
  const [x, y] = batches[batches.length - 1];
  const out = (z: number[]) => at[2] * (at[0] * z[0] + at[1] * z[1]);
  for (const [z, target] of batches.slice(0, -1)) {
    const e = out(z) - target;
    const g = [e * at[2] * z[0], e * at[2] * z[1], e * (at[0] * z[0] + at[1] * z[1])];
    g.forEach((v, i) => {
      velocity[i] = momentum * velocity[i] + v;
      at[i] -= lr * velocity[i];
    });
  }
  return 0.5 * (out(x) - y) ** 2;
}

describe(`ProsPr (seed ${SEED})`, () => {
  it.each([
    [1, 0],
    [3, 0],
    [3, 0.9],
  ])('is the gradient through %i steps with momentum %f: against float64 differences', async (steps, momentum) => {
    const inputs = new Inputs(`prospr ${steps} ${momentum}`);
    const model = new Model(t.device, linearNet([2, 1, 1]));
    const w = Array.from(inputs.uniform(3, 0.5, 1.5));
    setWeights(model, w.slice(0, 2), w.slice(2));
    const host = Array.from({ length: steps + 1 }, (): [number[], number] => [
      Array.from(inputs.uniform(2, 0.5, 1)),
      inputs.uniform(1)[0],
    ]);
    const batches = host.map(([x, y]) => ({ inputs: tensor(t.device, [x]), targets: tensor(t.device, [[y]]) }));
    const scores = prosprScores(model, batches, { steps, lr: 0.1, momentum, loss: halfSquares });
    const h = 1e-6;
    const expected = w.map((_, i) => {
      const at = (sign: number) =>
        lookAhead(
          w.map((v, k) => (k === i ? v * (1 + sign * h) : v)),
          host,
          0.1,
          momentum,
        );
      return Math.abs(at(1) - at(-1)) / (2 * h);
    });
    const flat = await scores.data();
    const { parameters } = model;
    expectClose([flat[0], flat[1], flat[parameters.offset('1.weight')]], expected, { rtol: 1e-4 });
    disposeBatches(batches);
    for (const x of [scores, model]) x.dispose();
  });

  it('of one weight that decays towards its target: through the steps, and to first order', async () => {
    const model = new Model(t.device, linearNet([1, 1]));
    setWeights(model, [3]);
    const batches = Array.from({ length: 5 }, () => ({
      inputs: tensor(t.device, [[1]]),
      targets: tensor(t.device, [[1]]),
    }));
    const options = { steps: 4, lr: 0.25, loss: halfSquares };
    const full = prosprScores(model, batches, options);
    const first = prosprScores(model, batches, { ...options, firstOrder: true });
    expectClose([(await full.data())[0], (await first.data())[0]], [3 * 0.75 ** 8 * 2, 3 * 0.75 ** 4 * 2]);
    disposeBatches(batches);
    for (const x of [full, first, model]) x.dispose();
  });

  for (const [name, of, network] of [
    ['residual network', t, convNet],
    ['residual network, GPU forms', discrete, convNet],
    ['MLP', t, mlpNet],
  ] as const)
    it(`is SNIP without steps, and leaves the model as it was: ${name}`, async () => {
      const inputs = new Inputs(`prospr ${name}`);
      const model = new Model(of.device, network(), { seed: 3 });
      drawStatistics(model, inputs);
      const batches = imageBatches(of.device, inputs, 4);
      const before = await stateOf(model);
      for (const training of [false, true]) {
        const none = prosprScores(model, batches, { steps: 0, training });
        const snip = await snipScores(model, batches, { training });
        expect(await none.data()).toEqual(await snip.data());
        none.dispose();
        snip.dispose();
      }
      const masks = [];
      for (let i = 0; i < 2; i++) masks.push(await prosprMask(model, planSparsity(model.parameters, 0.9), batches));
      expect(masks[0].kept).toBe(Math.round(0.1 * masks[0].total));
      expect(await masks[1].mask.data()).toEqual(await masks[0].mask.data());
      expect(await stateOf(model)).toEqual(before);
      disposeBatches(batches);
      for (const x of [...masks.map((m) => m.mask), model]) x.dispose();
    });

  it('refuses too few batches and options out of range', () => {
    const inputs = new Inputs('prospr refusals');
    const model = new Model(t.device, mlpNet(), { seed: 1 });
    const batches = imageBatches(t.device, inputs, 3);
    const refused = (options: Parameters<typeof prosprScores>[2]) => () => prosprScores(model, batches, options);
    expect(refused({})).toThrow('prosprScores: expected 4 batches, one a step and one for the loss, got 3');
    expect(refused({ steps: 1.5 })).toThrow('expected a whole number of steps >= 0, got 1.5');
    expect(refused({ steps: 1, lr: -1 })).toThrow('expected lr >= 0, got -1');
    expect(refused({ steps: 1, momentum: 1 })).toThrow('expected momentum in [0, 1), got 1');
    disposeBatches(batches);
    model.dispose();
  });
});
