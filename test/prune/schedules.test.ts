import { describe, expect, it } from 'vitest';
import {
  cubicSparsity,
  exponentialSparsity,
  linearSparsity,
  lotterySparsity,
  roundSparsities,
} from '../../src/prune/index.js';

const densities = (sparsities: readonly number[]) => sparsities.map((s) => Number((1 - s).toFixed(4)));

describe('rounds', () => {
  it('reach the final sparsity in equal steps, or by equal shares of what is left', () => {
    expect(densities(roundSparsities('linear', 0.8, 5))).toEqual([0.84, 0.68, 0.52, 0.36, 0.2]);
    expect(densities(roundSparsities('exponential', 0.8, 5))).toEqual([0.7248, 0.5253, 0.3807, 0.2759, 0.2]);
    expect(roundSparsities('one-shot', 0.8)).toEqual([0.8]);
  });

  it('rise from 0 and end exactly at the final sparsity', () => {
    for (const at of [linearSparsity, exponentialSparsity]) {
      expect(at(0.97, 7, 0)).toBe(0);
      expect(at(0.97, 7, 7)).toBe(0.97);
      for (let r = 1; r <= 7; r++) expect(at(0.97, 7, r)).toBeGreaterThan(at(0.97, 7, r - 1));
    }
  });

  it('of lottery tickets remove a share of what is left', () => {
    const levels = Array.from({ length: 10 }, (_, l) => lotterySparsity(l + 1));
    expect(densities(levels)).toEqual([0.8, 0.64, 0.512, 0.4096, 0.3277, 0.2621, 0.2097, 0.1678, 0.1342, 0.1074]);
    expect(lotterySparsity(0)).toBe(0);
    expect(lotterySparsity(2, 0.1)).toBeCloseTo(0.19, 12);
  });

  it('refuse other numbers', () => {
    expect(() => linearSparsity(1, 5, 1)).toThrow('linearSparsity: expected a sparsity in [0, 1), got 1');
    expect(() => exponentialSparsity(-0.1, 5, 1)).toThrow('expected a sparsity in [0, 1), got -0.1');
    expect(() => exponentialSparsity(Number.NaN, 5, 1)).toThrow('got NaN');
    expect(() => linearSparsity(0.5, 0, 0)).toThrow('a whole number of rounds >= 1, got 0');
    expect(() => linearSparsity(0.5, 5, 6)).toThrow('a whole round from 0 to 5, got 6');
    expect(() => roundSparsities('one-shot', 0.5, 2)).toThrow('one round of one-shot pruning, got 2');
    expect(() => roundSparsities('cosine' as 'linear', 0.5, 2)).toThrow(
      "'one-shot', 'linear' or 'exponential', got cosine",
    );
    expect(() => lotterySparsity(1, 1)).toThrow('a share in (0, 1), got 1');
    expect(() => lotterySparsity(0.5)).toThrow('a whole level >= 0, got 0.5');
  });
});

describe('gradual cubic pruning', () => {
  it('has the published values', () => {
    const at = Array.from({ length: 11 }, (_, t) => Number(cubicSparsity({ final: 0.9, end: 10 }, t).toFixed(4)));
    expect(at).toEqual([0, 0.2439, 0.4392, 0.5913, 0.7056, 0.7875, 0.8424, 0.8757, 0.8928, 0.8991, 0.9]);
  });

  it('is constant outside of its steps and between changes', () => {
    const options = { initial: 0.2, final: 0.7, begin: 100, end: 450, every: 100 };
    const at = (step: number) => cubicSparsity(options, step);
    expect([at(0), at(100), at(199)]).toEqual([0.2, 0.2, 0.2]);
    expect(at(200)).toBeCloseTo(0.7 - 0.5 * (1 - 100 / 350) ** 3, 14);
    expect(at(299)).toBe(at(200));
    expect(at(449)).toBe(at(400));
    expect([at(450), at(1e6)]).toEqual([0.7, 0.7]);
  });

  it('refuses other numbers', () => {
    expect(() => cubicSparsity({ final: 1, end: 10 }, 0)).toThrow(
      'cubicSparsity: expected a sparsity in [0, 1), got 1',
    );
    expect(() => cubicSparsity({ initial: 0.9, final: 0.5, end: 10 }, 0)).toThrow('initial sparsity <= the final one');
    expect(() => cubicSparsity({ final: 0.5, begin: 10, end: 10 }, 0)).toThrow('0 <= begin < end, got 10 and 10');
    expect(() => cubicSparsity({ final: 0.5, end: 10, every: 0 }, 0)).toThrow('every as a whole number >= 1, got 0');
    expect(() => cubicSparsity({ final: 0.5, end: 10 }, Number.NaN)).toThrow('a step >= 0, got NaN');
  });
});
