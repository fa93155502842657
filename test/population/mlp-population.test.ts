import { describe, expect, it } from 'vitest';
import { bceWithLogits, grad, openDevice, scope, tensor } from '../../src/index.js';
import { Model, mlp } from '../../src/nn/index.js';
import { cosine, multiStep, sgd } from '../../src/optim/index.js';
import {
  type MlpOptimiser,
  MlpPopulation,
  type MlpPopulationOptions,
  type MlpShape,
  PopulationData,
} from '../../src/population/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { bytes, draw, SHAPES, sizesOf } from './mlp-cases.js';
import { type HostOptimiserOptions, hostScores, hostTrain } from './mlp-reference.js';

const RULES: [string, HostOptimiserOptions][] = [
  ['plain SGD', { rule: 'sgd' }],
  ['momentum and decay', { rule: 'sgd', momentum: 0.9, weightDecay: 0.05 }],
  ['Nesterov momentum', { rule: 'sgd', momentum: 0.8, nesterov: true }],
  ['Adam with decay', { rule: 'adam', betas: [0.85, 0.97], weightDecay: 0.05 }],
];

for (const deviceClass of ['software', 'discrete'] as const) {
  describe(`MlpPopulation on a ${deviceClass} device`, () => {
    const t = testDevice({ deviceClass });
    const make = (options: MlpPopulationOptions) => new MlpPopulation(t.device, options);

    /** Trains a population and every member on the host, and compares weights and last losses. */
    async function check(name: string, shape: MlpShape, count: number, rule: HostOptimiserOptions, masked: boolean) {
      const d = draw(name, shape, count);
      const lr = Float32Array.from({ length: count }, (_, m) => (rule.rule === 'adam' ? 0.005 : 0.03) * (1 + (m % 3)));
      const schedules = [cosine(15), multiStep([5], 0.25)];
      const scheduleOf = Array.from({ length: count }, (_, m) => m % 2);
      const optimiser: MlpOptimiser = { ...rule, lr };
      using data = new PopulationData(t.device, d.x, d.y);
      using p = make({
        ...shape,
        ...{ count, optimiser, schedules, scheduleOf, weights: d.weights },
        ...(masked && { masks: d.masks }),
      });
      await p.train({ data, steps: d.steps, batches: { size: d.batch, order: d.order }, stepsPerLaunch: 5 });
      const weights = await p.weights();
      const { loss, divergedAt } = await p.outcome();
      expect([...divergedAt]).toEqual(Array(count).fill(-1));
      for (let m = 0; m < count; m++) {
        const rate = (s: number) => lr[m] * schedules[scheduleOf[m]].factor(s);
        const mask = masked ? d.member(d.masks, m) : undefined;
        const mlp = { sizes: sizesOf(shape), loss: shape.loss };
        const host = hostTrain(mlp, d.member(d.weights, m), d, d.rowsOf, rate, rule, mask);
        const own = d.member(weights, m);
        expectClose(own, host.weights, { rtol: 3e-5, what: `${name}, weights of model ${m}` });
        expectClose([loss[m]], [host.loss], { rtol: 2e-5, what: `${name}, loss of model ${m}` });
        if (mask) expect(bytes(own).every((word, i) => mask[i] === 1 || word === 0)).toBe(true);
      }
    }

    it.each(SHAPES)('trains as float64 does: %s', async (name, shape) => {
      await check(name, shape, 3, RULES[1][1], false);
    });
    it.each(RULES)('trains as float64 does: %s', async (name, rule) => {
      await check(name, SHAPES[0][1], 11, rule, false);
      await check(`${name}, masked`, SHAPES[0][1], 7, rule, true);
    });
    it.each([1, 7, 8, 9, 67])('holds %i models', async (count) => {
      await check(`${count} models`, { inputs: 2, widths: [3], loss: 'bce' }, count, RULES[1][1], true);
    });

    it('drifts little from float64 over 60 steps', async () => {
      const shape = SHAPES[0][1];
      const d = draw('drift', shape, 2, { rows: 200, batch: 128, steps: 60 });
      using data = new PopulationData(t.device, d.x, d.y);
      const rule = { rule: 'sgd', momentum: 0.9, weightDecay: 5e-4 } as const;
      using p = make({ ...shape, count: 2, optimiser: { ...rule, lr: 0.05 }, weights: d.weights });
      await p.train({ data, steps: 60, batches: { size: 128, order: d.order } });
      const weights = await p.weights();
      for (let m = 0; m < 2; m++) {
        const mlp = { sizes: sizesOf(shape), loss: shape.loss };
        const host = hostTrain(mlp, d.member(d.weights, m), d, d.rowsOf, () => 0.05, rule);
        expectClose(d.member(weights, m), host.weights, { rtol: 1e-4, what: `model ${m}` });
      }
    });

    it('takes all rows of the data where there are no batches', async () => {
      const shape: MlpShape = { inputs: 4, widths: [3], outputs: 2, loss: 'crossEntropy' };
      const d = draw('full', shape, 2, { rows: 137 });
      using data = new PopulationData(t.device, d.x, d.y);
      using p = make({ ...shape, count: 2, optimiser: { rule: 'sgd', lr: 0.1 }, weights: d.weights });
      await p.train({ data, steps: 5 });
      const all = Array.from({ length: 5 }, () => Array.from({ length: 137 }, (_, r) => r));
      const mlp = { sizes: sizesOf(shape), loss: shape.loss };
      const weights = await p.weights();
      for (let m = 0; m < 2; m++) {
        const host = hostTrain(mlp, d.member(d.weights, m), d, all, () => 0.1, { rule: 'sgd' });
        expectClose(d.member(weights, m), host.weights, { rtol: 2e-5, what: `model ${m}` });
      }
    });

    it.each([
      ['binary', { inputs: 2, widths: [5, 3], loss: 'bce' }],
      ['classes', { inputs: 3, widths: [4], outputs: 5, loss: 'crossEntropy' }],
    ] as [string, MlpShape][])('measures loss and accuracy: %s', async (name, shape) => {
      const d = draw(`evaluate ${name}`, shape, 9, { rows: 517 });
      using data = new PopulationData(t.device, d.x, d.y);
      using p = make({ ...shape, count: 9, optimiser: { rule: 'sgd', lr: 0.1 }, weights: d.weights });
      const scores = await p.evaluate(data);
      for (let m = 0; m < 9; m++) {
        const host = hostScores({ sizes: sizesOf(shape), loss: shape.loss }, d.member(d.weights, m), d.x, d.y);
        expectClose([scores.loss[m]], [host.loss], { rtol: 5e-6 });
        // A logit within rounding of another may fall on either side.
        expect(Math.abs(scores.correct[m] - host.correct)).toBeLessThanOrEqual(1);
        expect(scores.accuracy[m]).toBe(scores.correct[m] / 517);
      }
      const again = await p.evaluate(data);
      expect(bytes(again.loss)).toEqual(bytes(scores.loss));
    });

    it('gives the same bytes whatever the length of launches, and goes on from a state', async () => {
      const shape = SHAPES[0][1];
      const d = draw('lengths', shape, 19, { steps: 23 });
      using data = new PopulationData(t.device, d.x, d.y);
      const options = { ...shape, count: 19, weights: d.weights, masks: d.masks, schedules: [cosine(23)] };
      for (const rule of [RULES[1][1], RULES[3][1]]) {
        const run = async (lengths: (number | undefined)[]) => {
          using p = make({ ...options, optimiser: { ...rule, lr: 0.05 } });
          let done = 0;
          for (const [i, stepsPerLaunch] of lengths.entries()) {
            const steps = i < lengths.length - 1 ? 7 : 23 - done;
            const order = d.order.slice(done * d.batch);
            await p.train({ data, steps, batches: { size: d.batch, order }, stepsPerLaunch });
            done += steps;
            const state = await p.state();
            p.restart(d.weights);
            p.restore(state);
          }
          expect(p.steps).toBe(23);
          const { values, outcomes } = await p.state();
          return [...bytes(values), ...outcomes];
        };
        const one = await run([23]);
        expect(await run([1])).toEqual(one);
        expect(await run([4])).toEqual(one);
        expect(await run([undefined])).toEqual(one);
        expect(await run([3, 2, undefined])).toEqual(one);
      }
    });

    it('marks models that diverge and leaves the others as they would be alone', async () => {
      const shape = SHAPES[0][1];
      const d = draw('diverging', shape, 10, { steps: 30 });
      // Every target is 1. Model 1 has no weights: its first step makes its logit so large that the gradient is 0, and
      // momentum takes the output's bias on to 6e38 (1 - 0.9^n) after n steps, beyond f32 in the eighth. Model 4 starts
      // from an infinite logit.
      const weights = Float32Array.from(d.weights);
      weights.fill(0, d.parameters, 2 * d.parameters);
      weights[5 * d.parameters - 1] = Number.POSITIVE_INFINITY;
      const lr = Array.from({ length: 10 }, (_, m) => (m === 1 ? 1.2e38 : 0.05));
      using data = new PopulationData(
        t.device,
        d.x,
        Float32Array.from({ length: d.rows }, () => 1),
      );
      const batches = { size: d.batch, order: d.order };
      const train = async (start: Float32Array, rates: number[]) => {
        using p = make({ ...shape, count: 10, optimiser: { rule: 'sgd', lr: rates, momentum: 0.9 }, weights: start });
        const early: Float32Array[] = [];
        for (const steps of [7, 1, 22]) {
          await p.train({ data, steps, batches, stepsPerLaunch: 4 });
          early.push(await p.weights());
        }
        return { ...(await p.outcome()), early };
      };
      const calm = await train(d.weights, Array(10).fill(0.05));
      const mixed = await train(weights, lr);
      expect([...calm.divergedAt]).toEqual(Array(10).fill(-1));
      expect([...mixed.divergedAt]).toEqual([-1, 7, -1, -1, 0, -1, -1, -1, -1, -1]);
      const [seven, eight, all] = mixed.early;
      for (let m = 0; m < 10; m++) {
        const wild = m === 1 || m === 4;
        const expected = wild ? eight : calm.early[2];
        expect(bytes(d.member(all, m)), `model ${m}`).toEqual(bytes(d.member(expected, m)));
      }
      const bias = 2 * d.parameters - 1;
      expect(seven[bias]).toBeGreaterThan(3e38);
      expect(seven[bias]).toBeLessThan(3.3e38);
      expect(all[bias]).toBe(Number.POSITIVE_INFINITY);
      expect(bytes(d.member(all, 4))).toEqual(bytes(d.member(weights, 4)));
      expect(Number.isFinite(mixed.loss[4])).toBe(false);
    });

    it('exchanges masks, and what they remove stays exactly 0 with its state', async () => {
      const shape = SHAPES[0][1];
      const d = draw('masks', shape, 5);
      using data = new PopulationData(t.device, d.x, d.y);
      const optimiser: MlpOptimiser = { rule: 'sgd', lr: 0.1, momentum: 0.9, weightDecay: 0.1 };
      using p = make({ ...shape, count: 5, optimiser, weights: d.weights });
      const batches = { size: d.batch, order: d.order };
      await p.train({ data, steps: 3, batches });
      const before = await p.weights();
      p.setMasks(d.masks);
      const zeroed = await p.weights();
      expect(bytes(zeroed)).toEqual(bytes(before.map((w, i) => (d.masks[i] ? w : 0))));
      await p.train({ data, steps: 3, batches });
      const { values } = await p.state();
      for (let m = 0; m < 5; m++) {
        for (let i = 0; i < p.parameters; i++) {
          const slots = [values[i * 5 + m], values[(p.parameters + i) * 5 + m]];
          if (d.masks[m * p.parameters + i] === 0) expect(bytes(slots)).toEqual([0, 0]);
          else expect(slots[0]).not.toBe(zeroed[m * p.parameters + i]);
        }
      }
      p.setMasks(null);
      await p.train({ data, steps: 1, batches });
      expect((await p.weights()).filter((w) => w !== 0).length).toBeGreaterThan(
        values.filter((w) => w !== 0).length / 2,
      );
    });

    it('takes an empty mask: such a model keeps still', async () => {
      const shape = SHAPES[0][1];
      const d = draw('empty', shape, 2);
      using data = new PopulationData(t.device, d.x, d.y);
      const masks = Float32Array.from({ length: d.masks.length }, (_, i) => (i < d.parameters ? 0 : 1));
      using p = make({ ...shape, count: 2, optimiser: { rule: 'sgd', lr: 0.1 }, weights: d.weights, masks });
      await p.train({ data, steps: 4, batches: { size: d.batch, order: d.order } });
      const weights = await p.weights();
      expect(bytes(d.member(weights, 0)).every((w) => w === 0)).toBe(true);
      expectClose((await p.evaluate(data)).loss.slice(0, 1), [Math.log(2)], { rtol: 1e-6 });
    });

    it('holds no models at all', async () => {
      const d = draw('none', SHAPES[0][1], 0);
      using data = new PopulationData(t.device, d.x, d.y);
      using p = make({ ...SHAPES[0][1], count: 0, optimiser: { rule: 'adam', lr: 0.1 } });
      await p.train({ data, steps: 4 });
      expect((await p.evaluate(data)).loss.length).toBe(0);
      expect((await p.weights()).length).toBe(0);
      expect(p.steps).toBe(4);
    });
  });
}

describe('the ordinary path', () => {
  const t = testDevice();

  it('gives the same networks', async () => {
    const shape = SHAPES[0][1];
    const d = draw('ordinary', shape, 2, { rows: 90, batch: 32, steps: 20 });
    const hyper = { momentum: 0.9, nesterov: true, weightDecay: 0.01 };
    using data = new PopulationData(t.device, d.x, d.y);
    using p = new MlpPopulation(t.device, {
      ...shape,
      ...{ count: 2, weights: d.weights, optimiser: { rule: 'sgd', lr: 0.05, ...hyper } },
    });
    await p.train({ data, steps: d.steps, batches: { size: d.batch, order: d.order } });
    const weights = await p.weights();
    for (let m = 0; m < 2; m++) {
      using model = new Model(t.device, mlp(sizesOf(shape)));
      using optimiser = sgd(model.parameters, { lr: 0.05, ...hyper });
      const parameters = model.parameters.list();
      // Layer after layer, weights [out, in] before biases: the order of the population's parameters too.
      let at = m * p.parameters;
      for (const q of parameters) q.write(d.weights.subarray(at, (at += q.size)));
      for (const rows of d.rowsOf) {
        const [x, y] = [[...rows].flatMap((r) => [d.x[2 * r], d.x[2 * r + 1]]), [...rows].map((r) => [d.y[r]])];
        scope(() => {
          const logits = model.forward(tensor(t.device, Float32Array.from(x), { shape: [d.batch, 2] }), {
            training: true,
          });
          optimiser.step(grad(bceWithLogits(logits, tensor(t.device, y)), parameters));
        });
      }
      const own: number[] = [];
      for (const q of parameters) own.push(...(await q.data()));
      expectClose(d.member(weights, m), own, { rtol: 2e-5, what: `model ${m}` });
    }
  });
});

describe('forms', () => {
  it('include one for GPUs with straight-line accesses to workgroup memory', async () => {
    const shape: MlpShape = { inputs: 2, widths: [2], loss: 'bce' };
    const d = draw('straight', shape, 3);
    const optimiser: MlpOptimiser = { rule: 'sgd', lr: 0.1, momentum: 0.9 };
    const results: Float32Array[] = [];
    await using device = await openDevice({ deviceClass: 'discrete' });
    using data = new PopulationData(device, d.x, d.y);
    for (const adapter of ['software', 'discrete'] as const) {
      Object.assign(device.facts, { deviceClass: adapter });
      using p = new MlpPopulation(device, { ...shape, count: 3, optimiser, weights: d.weights, masks: d.masks });
      await p.train({ data, steps: d.steps, batches: { size: d.batch, order: d.order } });
      results.push(await p.weights());
    }
    expect(bytes(results[1])).toEqual(bytes(results[0]));
  });

  it('agree with each other', async () => {
    const shape = SHAPES[1][1];
    const d = draw('forms', shape, 6, { rows: 300, batch: 150, steps: 10 });
    const results: Float32Array[] = [];
    for (const deviceClass of ['software', 'discrete'] as const) {
      await using device = await openDevice({ deviceClass });
      using data = new PopulationData(device, d.x, d.y);
      using p = new MlpPopulation(device, {
        ...shape,
        ...{ count: 6, optimiser: { rule: 'sgd', lr: 0.05, momentum: 0.9 }, weights: d.weights },
      });
      expect(p.form.kind).toBe(deviceClass === 'software' ? 'lanes' : 'workgroup');
      await p.train({ data, steps: 10, batches: { size: 150, order: d.order } });
      results.push(await p.weights());
    }
    expectClose(results[1], results[0], { rtol: 1e-5 });
  });
});
