import { describe, expect, test } from 'vitest';
import { quantile, summarise } from '../../bench/stats.js';

describe('summarise', () => {
  test('quantiles are linear between neighbours, as numpy computes them', () => {
    expect(quantile([1, 2, 4, 8], 0.5)).toBe(3);
    expect(quantile([1, 2, 4, 8], 0.9)).toBeCloseTo(6.8, 12);
    expect(quantile([5], 0.1)).toBe(5);
  });

  test('the order of samples does not matter', () => {
    const sorted = summarise([1, 2, 3, 4, 10]);
    expect(summarise([10, 3, 1, 4, 2])).toEqual(sorted);
    expect(sorted).toEqual({ n: 5, median: 3, p10: 1.4, p90: expect.closeTo(7.6, 12), mean: 4, min: 1 });
  });

  test('no sample and NaN are refused', () => {
    expect(() => summarise([])).toThrow('finite samples');
    expect(() => summarise([1, Number.NaN])).toThrow('finite samples');
  });
});
