import { describe, expect, it } from 'vitest';
import type { Widths } from '../../../src/studies/cubist-spiral/enumerate.js';
import { maskBiases } from '../../../src/studies/cubist-spiral/methods/bias-rule.js';
import { executeMethod } from '../../../src/studies/cubist-spiral/methods/execute-method.js';
import { initialParameters, methodRuns } from '../../../src/studies/cubist-spiral/methods/method-runs.js';
import {
  erkCounts,
  gmpKept,
  gmpSteps,
  lthKept,
  riglUntil,
  sensitivityKept,
} from '../../../src/studies/cubist-spiral/methods/method-schedules.js';
import { parametersOf } from '../../../src/studies/cubist-spiral/trained.js';
import { subNetworkInitial } from '../../../src/studies/cubist-spiral/training/setting.js';
import { type MethodResult, PRUNERS } from '../../../src/studies/cubist-spiral/types.js';
import { testDevice } from '../../support/device.js';
import { MemoryContext, methodConfig } from './method-context.js';

const t = testDevice();

describe('schedules of the published methods', () => {
  it('are the whole numbers of a width-16 network with 20 weights', () => {
    const [n, k] = [560, 20];
    expect(gmpSteps(19_500)).toEqual({ every: 97, end: 199 * 97 });
    expect([1, 50, 100, 150, 199].map((i) => gmpKept(n, k, i / 199))).toEqual([551, 246, 86, 28, 20]);
    expect([1, 2, 3, 4].map((j) => lthKept(n, k, j))).toEqual([243, 105, 46, 20]);
    const rounds = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((r) => sensitivityKept(n, k, r / 10));
    expect(rounds).toEqual([401, 287, 206, 147, 105, 75, 54, 38, 27]);
    expect(riglUntil(19_500)).toBe(14_625);
    // 3.64, 6.46, 6.46 and 3.43 weights.
    expect(erkCounts([16, 16, 16], 20)).toEqual([4, 7, 6, 3]);
  });

  it('of Erdős–Rényi densities add up, and fill no layer beyond its weights', () => {
    for (let budget = 1; budget <= 27; budget++) {
      const counts = erkCounts([3, 3, 3], budget);
      expect(counts.reduce((a, b) => a + b, 0)).toBe(budget);
      expect(counts.every((n, l) => n <= [6, 9, 9, 3][l])).toBe(true);
    }
    expect(() => erkCounts([3, 3, 3], 28)).toThrow(/a budget from 1 to 27, got 28/);
  });
});

describe('the rule for biases', () => {
  it('removes those of hidden neurons that nothing leads on from, and no others', () => {
    const widths: Widths = [2, 2, 2];
    const masks = Float32Array.from([
      ...[1, 0, 0, 0, 0, 0],
      ...[0, 1, 0, 0, 9, 9],
      ...[0, 1, 0, 0, 9, 9],
      ...[0, 1, 9],
    ]);
    expect([...maskBiases(widths, masks)]).toEqual([
      ...[1, 0, 0, 0, 0, 1],
      ...[0, 1, 0, 0, 0, 1],
      ...[0, 1, 0, 0, 0, 1],
      ...[0, 1, 1],
    ]);
  });
});

describe('runs', () => {
  it('have seeds of their own where initial weights are random, and one network otherwise', () => {
    const random = methodConfig({ repeats: 2 });
    const runs = [0, 1].flatMap((repeat) => methodRuns(random, repeat));
    expect(runs).toHaveLength(8);
    expect(new Set(runs.map((run) => run.seed)).size).toBe(8);
    expect(methodRuns(random, 0)).toEqual(runs.slice(0, 4));
    const fixed = methodConfig({ initialisation: 'fixed', fixedSeed: 11, target: 0.95 });
    const full = subNetworkInitial([16, 16, 16], [11]);
    const values = initialParameters(fixed, methodRuns(fixed, 0));
    // Layers of the full network begin at 0, 48, 320 and 592.
    expect([...values.slice(0, 8)]).toEqual([...full.slice(0, 8)]);
    expect([...values.slice(12, 20)]).toEqual([...full.slice(48, 52), ...full.slice(64, 68)]);
    expect(values.slice(57, 114)).toEqual(values.slice(0, 57));
  });

  it('of SNIP and GraSP draw random weights anew by Xavier, biases as they are', () => {
    const wide = { width: 64, budgets: [60] } as const;
    const drawn = methodConfig({ ...wide, method: 'grasp' });
    const own = methodConfig({ ...wide, method: 'force' });
    const [a, b] = [drawn, own].map((c) => initialParameters(c, methodRuns(own, 0)));
    const deviation = (from: number, to: number) =>
      Math.sqrt(a.slice(from, to).reduce((n, v) => n + v * v, 0) / (to - from));
    expect(a.slice(128, 192)).toEqual(b.slice(128, 192));
    expect(deviation(192, 192 + 4096)).toBeCloseTo(Math.sqrt(2 / 128), 2);
    expect(deviation(0, 128)).toBeCloseTo(Math.sqrt(2 / 66), 1);
    // Fixed weights are scored as they are.
    const fixed = { initialisation: 'fixed', fixedSeed: 4 } as const;
    const [c, d] = (['grasp', 'force'] as const).map((method) => {
      const config = methodConfig({ ...fixed, method });
      return initialParameters(config, methodRuns(config, 0));
    });
    expect(c).toEqual(d);
  });
});

describe('a block of a method', () => {
  for (const method of PRUNERS)
    it(`keeps what it is to keep, and tells of every run: ${method}`, async () => {
      const memory = new MemoryContext(t.device);
      const config = methodConfig({ method });
      const { status, result } = await executeMethod(config, memory.context());
      expect(status).toBe('finished');
      const { runs, diverged, budgets } = result as MethodResult;
      expect([runs, diverged]).toEqual([4, 0]);
      const { lines } = memory;
      expect(lines.map((line) => [line.budget, line.rate])).toEqual([
        [15, 0.1],
        [15, 0.2],
        [30, 0.1],
        [30, 0.2],
      ]);
      for (const line of lines) {
        // RigL's youngest weights may still be 0.
        expect(line.weights).toBeLessThanOrEqual(line.budget);
        expect(line.weights).toBeGreaterThanOrEqual(method === 'rigl' ? line.budget - 3 : line.budget);
        expect(line.accuracy).toBeGreaterThan(0.3);
        expect(line.deadFraction).toBeCloseTo((line.weights - line.live) / line.weights, 12);
        expect(line.deadNeurons).toHaveLength(3);
      }
      for (const [b, { budget, best, weights, meanAccuracy }] of budgets.entries()) {
        const own = lines.filter((line) => line.budget === budget);
        expect(best.accuracy).toBe(Math.max(...own.map((line) => line.accuracy)));
        expect(meanAccuracy).toBeCloseTo((own[0].accuracy + own[1].accuracy) / 2, 12);
        expect(weights.most).toBe(Math.max(...own.map((line) => line.weights)));
        const values = parametersOf(best.network);
        expect(values.filter((v) => v !== 0)).toHaveLength(best.parameters);
        // No neuron that nothing leads on from has a bias.
        const mask = values.map((v) => (v === 0 ? 0 : 1));
        const rule = maskBiases([4, 4, 4], mask.slice());
        expect(
          mask.every((m, i) => m <= rule[i]),
          `${method} ${b}`,
        ).toBe(true);
      }
      expect(memory.shares[memory.shares.length - 1]).toBeCloseTo(1, 9);
      expect(memory.shares.every((s, i) => s >= (memory.shares[i - 1] ?? 0) && s <= 1 + 1e-9)).toBe(true);
      await memory.dispose();
    });

  it('gives the same bytes twice, and other repeats other orders of rows', async () => {
    for (const method of ['rigl', 'prospr'] as const) {
      const config = methodConfig({
        ...{ method, budgets: [20], rates: [0.1], repeats: 2 },
        ...{ initialisation: 'fixed', fixedSeed: 5, target: 0.95 },
      });
      const run = async () => {
        const memory = new MemoryContext(t.device);
        const outcome = await executeMethod(config, memory.context());
        await memory.dispose();
        return { outcome, files: [...memory.written], lines: memory.lines };
      };
      const first = await run();
      expect(await run()).toEqual(first);
      expect(first.lines.map((line) => line.repeat)).toEqual([0, 1]);
      expect(first.lines[0].loss).not.toBe(first.lines[1].loss);
    }
  });

  it('goes on when a run diverges, and says when that was', async () => {
    for (const method of ['gmp', 'lth', 'rigl'] as const) {
      const memory = new MemoryContext(t.device);
      const config = methodConfig({ method, budgets: [20], rates: [0.1, 1e20] });
      const { result } = await executeMethod(config, memory.context());
      expect((result as MethodResult).diverged, method).toBe(1);
      const [good, bad] = memory.lines;
      expect(good.divergedAt).toBe(-1);
      expect(bad.divergedAt).toBeGreaterThanOrEqual(0);
      expect(bad.loss === null || Number.isFinite(bad.loss)).toBe(true);
      expect(good.accuracy).toBeGreaterThan(0.4);
      await memory.dispose();
    }
  });

  it('stops when it is asked to, and leaves nothing', async () => {
    const memory = new MemoryContext(t.device);
    const context = memory.context({ progress: () => memory.controller.abort() });
    await expect(executeMethod(methodConfig({ method: 'gmp', epochs: 20 }), context)).rejects.toThrow(/stopped/);
    expect(memory.written.size).toBe(0);
    await memory.dispose();
  });

  it('refuses budgets that the network does not have', async () => {
    const memory = new MemoryContext(t.device);
    await expect(executeMethod(methodConfig({ budgets: [44] }), memory.context())).rejects.toThrow(
      /budgets from 1 to 43 at width 4, got 44/,
    );
    await memory.dispose();
  });
});
