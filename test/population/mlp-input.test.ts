import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/index.js';
import {
  initialWeights,
  type MlpOptimiser,
  MlpPopulation,
  type MlpPopulationOptions,
  type MlpShape,
  mlpCapacity,
  mlpFits,
  mlpLayers,
  PopulationData,
  shuffledBatches,
} from '../../src/population/index.js';
import { testDevice } from '../support/device.js';
import { SHAPES } from './mlp-cases.js';

describe('bad input', () => {
  const t = testDevice();
  const shape: MlpShape = { inputs: 2, widths: [3], loss: 'bce' };
  const optimiser: MlpOptimiser = { rule: 'sgd', lr: 0.1 };
  const make = (o: Partial<MlpPopulationOptions>) => () =>
    new MlpPopulation(t.device, { ...shape, count: 2, optimiser, ...o }).dispose();

  it('is refused when a population is made', () => {
    expect(make({ count: -1 })).toThrow(/a count of models >= 0, got -1/);
    expect(make({ widths: [3, 0] })).toThrow(/whole numbers of units from 1 on, got 2-3-0-1/);
    expect(make({ widths: [40, 40] })).toThrow(
      /a shape that the fused kernel holds, got the fused kernel holds networks of at most 1024 parameters, 2-40-40-1 has 1801/,
    );
    expect(make({ outputs: 2 })).toThrow(/one output with bce, got 2/);
    expect(make({ loss: 'crossEntropy' })).toThrow(/at least two outputs with crossEntropy, got 1/);
    expect(make({ weights: [1, 2] })).toThrow(/expected 26 weights, got 2/);
    expect(make({ masks: new Float32Array(26).fill(0.5) })).toThrow(/masks of 0 and 1, got 0.5/);
    expect(make({ optimiser: { rule: 'sgd', lr: [0.1] } })).toThrow(/expected 2 learning rates, got 1/);
    expect(make({ optimiser: { rule: 'sgd', lr: -1 } })).toThrow(/lr >= 0, got -1/);
    expect(make({ optimiser: { rule: 'sgd', lr: 1, nesterov: true } })).toThrow(/momentum > 0 with nesterov/);
    expect(make({ scheduleOf: [0, 1] })).toThrow(/a schedule below 1, got 1/);
    const most = mlpCapacity(t.device, shape, 0);
    expect(make({ count: most + 1 })).toThrow(`is limited to ${most} on this device, got ${most + 1}`);
  });

  it('is refused where memory for a workgroup is short', () => {
    const small = { ...t.device, deviceClass: 'discrete', limits: { ...t.device.limits, workgroupStorage: 4096 } };
    const fits = mlpFits(small as unknown as Device, { inputs: 2, widths: [16, 16, 16], loss: 'bce' });
    expect(fits).toEqual({
      form: null,
      reason: '2-16-16-16-1 takes 15372 bytes of workgroup memory, this device has 4096',
    });
  });

  it('is refused when a population is trained', async () => {
    using data = new PopulationData(t.device, [0, 1, 2, 3], [0, 1]);
    using wide = new PopulationData(t.device, [0, 1, 2, 3], [1]);
    using classes = new PopulationData(t.device, [0, 1], [2]);
    using p = new MlpPopulation(t.device, { ...shape, count: 1, optimiser });
    const batches = { size: 2, order: Uint32Array.of(0, 1) };
    await expect(p.train({ data, steps: 2, batches })).rejects.toThrow(
      /batches for 2 steps of 2 rows, got 2 row numbers/,
    );
    const stray = { size: 2, order: Uint32Array.of(0, 2) };
    await expect(p.train({ data, steps: 1, batches: stray })).rejects.toThrow(/row numbers below 2, got 2/);
    await expect(p.train({ data: wide, steps: 1 })).rejects.toThrow(/data of 2 inputs, got 4/);
    await expect(p.train({ data: classes, steps: 1 })).rejects.toThrow(/targets in \[0, 1\], got 2/);
    await expect(p.train({ data, steps: -1 })).rejects.toThrow(/steps as a whole number >= 0, got -1/);
    expect(() => shuffledBatches(10, 11, 1, 0)).toThrow(/a batch of 1 to 10 rows, got 11/);
    expect(() => new PopulationData(t.device, [], [])).toThrow(/at least one row/);
    expect(() => p.restore({ steps: 0, values: new Float32Array(3), outcomes: new Uint32Array(2) })).toThrow(
      /expected 13 values, got 3/,
    );
    expect(p.steps).toBe(0);
  });

  it('stops between launches where it is told to', async () => {
    using data = new PopulationData(t.device, [0, 1, 2, 3], [0, 1]);
    using p = new MlpPopulation(t.device, { ...shape, count: 3, optimiser });
    const stop = new AbortController();
    const progress = (done: number) => {
      if (done >= 8) stop.abort(new Error('enough'));
    };
    const training = p.train({ data, steps: 1000, stepsPerLaunch: 2, signal: stop.signal, progress });
    await expect(training).rejects.toThrow('enough');
    expect(p.steps).toBe(8);
    expect((await p.outcome()).divergedAt.every((at) => at === -1)).toBe(true);
  });
});

describe('shuffledBatches', () => {
  it('takes each row at most once an epoch, in an order of its own, and resumes anywhere', () => {
    const { order } = shuffledBatches(23, 5, 12, 7);
    const epoch = (e: number) => [...order.subarray(e * 20, e * 20 + 20)];
    for (const e of [0, 1, 2]) expect(new Set(epoch(e)).size).toBe(20);
    expect(epoch(1)).not.toEqual(epoch(0));
    expect(order.every((row) => row < 23)).toBe(true);
    expect([...shuffledBatches(23, 5, 5, 7, { firstStep: 6 }).order]).toEqual([...order.subarray(30, 55)]);
    expect([...shuffledBatches(23, 5, 12, 8).order]).not.toEqual([...order]);
  });
});

describe('initialWeights', () => {
  it('depends on the seed alone, within the bounds of each layer', () => {
    const shape = SHAPES[0][1];
    const three = initialWeights(shape, [5, 6, 7]);
    expect([...initialWeights(shape, [6])]).toEqual([...three.subarray(37, 74)]);
    const wide = initialWeights(shape, [6], [2, 16, 16, 16]);
    mlpLayers(shape).forEach(({ weights, biases, outputs, inputs }, l) => {
      const bound = (values: Float32Array) =>
        Math.max(...values.subarray(weights, biases + outputs).map((v) => Math.abs(v)));
      expect(bound(three.subarray(37, 74))).toBeLessThanOrEqual(1 / Math.sqrt(inputs));
      expect(bound(wide)).toBeLessThanOrEqual(l === 0 ? 1 / Math.sqrt(2) : 0.25);
    });
  });
});
