import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/index.js';
import { mlp } from '../../src/nn/index.js';
import {
  MlpPopulation,
  type MlpPopulationOptions,
  Population,
  PopulationData,
  readModels,
  writeModels,
} from '../../src/population/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { SEED } from '../support/random.js';
import { bytes, draw } from './mlp-cases.js';

const t = testDevice();
const SHAPE = { inputs: 2, widths: [5, 3], loss: 'bce' } as const;
const COUNT = 3;

function options(name: string) {
  const drawn = draw(name, SHAPE, COUNT);
  const optimiser = { rule: 'sgd', lr: [0.1, 0.05, 0.2], momentum: 0.9, weightDecay: 1e-3 } as const;
  const given: MlpPopulationOptions = {
    ...{ ...SHAPE, count: COUNT, optimiser, weights: drawn.weights },
    schedules: [{ factor: (step) => 1 / (1 + step) }],
  };
  return { drawn, given };
}

describe(`models of a fused population on the host (seed ${SEED})`, () => {
  it('go from one population to another, single ones too, which trains on as if it were the first', async () => {
    const { drawn, given } = options('models');
    using data = new PopulationData(t.device, drawn.x, drawn.y);
    using first = new MlpPopulation(t.device, given);
    await first.train({ data, steps: 5, batches: { size: drawn.batch, order: drawn.order } });
    const [weights, momenta] = await first.models();
    expect(bytes(weights)).toEqual(bytes(await first.weights()));
    expect(momenta.some((v) => v !== 0)).toBe(true);
    const rest = { data, steps: 4, batches: { size: drawn.batch, order: drawn.order.slice(5 * drawn.batch) } };
    await first.train(rest);
    const expected = await first.models();
    // Model 1 alone, with the step that schedules go by.
    const P = drawn.parameters;
    using alone = new MlpPopulation(t.device, { ...given, count: 1, weights: undefined, optimiser: one(given) });
    const part = (values: Float32Array) => values.slice(P, 2 * P);
    alone.restoreModels(5, [part(weights), part(momenta)], [-1]);
    await alone.train(rest);
    expect(alone.steps).toBe(9);
    expect((await alone.models()).map(bytes)).toEqual(expected.map((values) => bytes(part(values))));
  });

  it('stay as they were where they had diverged, and obey masks', async () => {
    const { drawn, given } = options('diverged');
    using data = new PopulationData(t.device, drawn.x, drawn.y);
    using population = new MlpPopulation(t.device, { ...given, masks: drawn.masks });
    const momenta = new Float32Array(drawn.weights.length).fill(0.5);
    population.restoreModels(7, [drawn.weights, momenta], [-1, 4, -1]);
    const before = await population.models();
    for (const values of before) expect(values.every((v, i) => drawn.masks[i] === 1 || Object.is(v, 0))).toBe(true);
    await population.train({ data, steps: 2 });
    const [weights] = await population.models();
    expect([...(await population.outcome()).divergedAt]).toEqual([-1, 4, -1]);
    const P = drawn.parameters;
    expect(bytes(weights.slice(P, 2 * P))).toEqual(bytes(before[0].slice(P, 2 * P)));
    expect(bytes(weights.slice(0, P))).not.toEqual(bytes(before[0].slice(0, P)));
  });

  it('count steps that nobody does', async () => {
    const { drawn, given } = options('skipped');
    using data = new PopulationData(t.device, drawn.x, drawn.y);
    using skipping = new MlpPopulation(t.device, given);
    skipping.skip();
    skipping.skip(3);
    expect(skipping.steps).toBe(4);
    await skipping.train({ data, steps: 2 });
    using ahead = new MlpPopulation(t.device, { ...given, schedules: [{ factor: (step) => 1 / (5 + step) }] });
    await ahead.train({ data, steps: 2 });
    expect(bytes(await skipping.weights())).toEqual(bytes(await ahead.weights()));
    expect(() => skipping.skip(-1)).toThrow('MlpPopulation.skip: expected steps as a whole number >= 0, got -1');
  });

  it('lie as those of an ordinary population do', async () => {
    const { drawn, given } = options('bridge');
    using fused = new MlpPopulation(t.device, given);
    using ordinary = new Population(t.device, mlp([2, 5, 3, 1]), COUNT);
    writeModels(ordinary, await fused.weights());
    expect(bytes(await readModels(ordinary))).toEqual(bytes(drawn.weights));
    const inputs = tensor(t.device, drawn.x, { shape: [drawn.rows, 2] });
    const logits = ordinary.predict(inputs);
    using data = new PopulationData(t.device, drawn.x, drawn.y);
    const { loss } = await fused.evaluate(data);
    const values = await logits.data();
    const mean = (m: number) =>
      drawn.y.reduce((n, y, r) => {
        const x = values[m * drawn.rows + r];
        return n + Math.log1p(Math.exp(x)) - x * y;
      }, 0) / drawn.rows;
    expectClose(loss, Float64Array.from([0, 1, 2], mean), { rtol: 1e-5, atol: 1e-6 });
    const mask = ordinary.parameters.like();
    writeModels(ordinary, drawn.masks, mask);
    expect(bytes(await readModels(ordinary, mask))).toEqual(bytes(drawn.masks));
    for (const x of [mask, inputs, logits]) x.dispose();
  });

  it('refuse other numbers of values, before anything changes', async () => {
    const { drawn, given } = options('refused');
    using population = new MlpPopulation(t.device, given);
    const none = [-1, -1, -1];
    expect(() => population.restoreModels(0, [drawn.weights], none)).toThrow('expected 2 arrays, got 1');
    expect(() => population.restoreModels(0, [drawn.weights, [1]], none)).toThrow(/expected \d+ values, got 1/);
    expect(() => population.restoreModels(0, [drawn.weights, drawn.weights], [1])).toThrow(
      'expected 3 steps of divergence, got 1',
    );
    expect(() => population.restoreModels(0.5, [drawn.weights, drawn.weights], none)).toThrow('steps >= 0, got 0.5');
    expect(bytes(await population.weights())).toEqual(bytes(drawn.weights));
  });
});

/** The optimiser of model 1. */
const one = ({ optimiser }: MlpPopulationOptions) => ({ ...optimiser, lr: (optimiser.lr as number[])[1] });
