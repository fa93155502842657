import { describe, expect, it } from 'vitest';
import { maskTriples, parameterMask, type Widths } from '../../../src/studies/cubist-spiral/enumerate.js';
import {
  type BlockRun,
  FULL_WIDTH,
  scheduleFactor,
  spiralData,
  subNetworkInitial,
  TRAINING,
  topLeftBlock,
  trainBlock,
} from '../../../src/studies/cubist-spiral/training/train.js';
import { testDevice } from '../../support/device.js';

const t = testDevice();

describe('trainBlock', () => {
  it('trains runs with masks, rates and schedules of their own, each as it would be alone', async () => {
    using data = spiralData(t.device);
    const widths: Widths = [3, 2, 2];
    const triples = maskTriples(widths);
    const runs = [0, 5, 100, 415].map(
      (k, i): BlockRun => ({
        rate: i % 2 ? 0.05 : 0.1,
        schedule: (['cosine', 'milestones', 'constant'] as const)[i % 3],
        seed: 10 + i,
        mask: parameterMask(triples[k]),
      }),
    );
    const shares: number[] = [];
    const results = await trainBlock(t.device, data, widths, runs, { epochs: 1, progress: (s) => shares.push(s) });
    expect(shares[shares.length - 1]).toBe(1);
    [0, 5, 100, 415].forEach((k, i) => {
      expect(results[i].weights).toBe(triples[k].weights);
      expect(results[i].parameters).toBe(triples[k].weights + 8);
      expect(results[i].accuracy).toBeGreaterThan(0.3);
      expect(results[i].divergedAt).toBe(-1);
      const mask = parameterMask(triples[k]);
      expect(results[i].values.every((v, at) => mask[at] === 1 || Object.is(v, 0))).toBe(true);
    });
    const [alone] = await trainBlock(t.device, data, widths, [runs[2]], { epochs: 1 });
    expect(alone).toEqual(results[2]);
  });

  it('learns: an epoch of a wider network takes the loss well below that of guessing', async () => {
    using data = spiralData(t.device);
    const runs = Array.from({ length: 8 }, (_, seed): BlockRun => ({ rate: 0.1, schedule: 'cosine', seed }));
    const results = await trainBlock(t.device, data, [7, 3, 3], runs, { epochs: 2 });
    expect(Math.max(...results.map((r) => r.accuracy))).toBeGreaterThan(0.6);
    expect(Math.min(...results.map((r) => r.loss))).toBeLessThan(0.66);
  });

  it('refuses no runs, and masks of another network', async () => {
    using data = spiralData(t.device);
    await expect(trainBlock(t.device, data, [3, 2, 2], [])).rejects.toThrow(/at least one run, got none/);
    const run: BlockRun = { rate: 0.1, schedule: 'cosine', seed: 0, mask: [1, 1] };
    await expect(trainBlock(t.device, data, [3, 2, 2], [run])).rejects.toThrow(/26 values of mask, got 2/);
  });
});

describe('what runs start from and go by', () => {
  it('is the top-left block of the width-16 network', () => {
    const full: Widths = [FULL_WIDTH, FULL_WIDTH, FULL_WIDTH];
    const numbered = Float32Array.from({ length: 609 }, (_, i) => i);
    expect([...topLeftBlock(numbered, full, full)]).toEqual([...numbered]);
    // Layers of the full network begin at 0, 48, 320 and 592, their biases at 32, 304, 576 and 608.
    expect([...topLeftBlock(numbered, full, [2, 1, 2])]).toEqual([
      ...[0, 1, 2, 3, 32, 33],
      ...[48, 49, 304],
      ...[320, 336, 576, 577],
      ...[592, 593, 608],
    ]);
    expect(() => topLeftBlock(numbered, full, [17, 1, 1])).toThrow(/widths up to 16,16,16, got 17,1,1/);
    const initial = subNetworkInitial([3, 3, 3], [1, 2, 3, 4]);
    expect(Math.max(...initial.map(Math.abs))).toBeLessThanOrEqual(Math.SQRT1_2);
    const deep = [0, 1, 2, 3].flatMap((m) => [...initial.subarray(m * 37 + 9, (m + 1) * 37)]);
    expect(Math.max(...deep.map(Math.abs))).toBeLessThanOrEqual(0.25);
    expect(Math.max(...deep.map(Math.abs))).toBeGreaterThan(0.22);
  });

  it('is a rate that changes from epoch to epoch', () => {
    const e = TRAINING.stepsPerEpoch;
    const cosine = scheduleFactor('cosine');
    expect([0, e - 1, 25 * e, 50 * e].map((s) => cosine.factor(s).toFixed(12))).toEqual(
      [1, 1, 0.5, 0].map((v) => v.toFixed(12)),
    );
    expect(cosine.factor(e)).toBeLessThan(1);
    const steps = [0, 15 * e - 1, 15 * e, 30 * e - 1, 30 * e];
    expect(steps.map((s) => scheduleFactor('milestones').factor(s).toFixed(12))).toEqual(
      [1, 1, 0.1, 0.1, 0.01].map((v) => v.toFixed(12)),
    );
  });
});
