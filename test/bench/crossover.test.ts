import { describe, expect, test } from 'vitest';
import { crossoverOf, crossovers, series } from '../../bench/crossover.js';
import type { Row } from '../../bench/harness.js';
import { summarise } from '../../bench/stats.js';

const points = (...pairs: [sparsity: number, ratio: number][]) =>
  pairs.map(([sparsity, ratio]) => ({ sparsity, ratio }));

describe('crossoverOf', () => {
  test('lies where the logarithms cross', () => {
    // ratio = 5 density: a form whose time is proportional to its nonzeros breaks even at a density of 1/5.
    expect(crossoverOf(points([0.5, 2.5], [0.9, 0.5], [0.99, 0.05]))).toBeCloseTo(0.8, 12);
    expect(crossoverOf(points([0.9, 0.5], [0.5, 2.5]))).toBeCloseTo(0.8, 12);
    // Equal at a measured point.
    expect(crossoverOf(points([0.7, 1], [0.9, 0.5]))).toBeCloseTo(0.7, 12);
  });

  test('is the last crossing: from there on the form stays faster', () => {
    const last = crossoverOf(points([0.5, 0.9], [0.7, 1.1], [0.9, 0.8]));
    expect(last).toBeGreaterThan(0.7);
    expect(last).toBeLessThan(0.9);
  });

  test('is the lowest sparsity where the form is always faster, and null where it never is or nothing is known', () => {
    expect(crossoverOf(points([0.5, 0.9], [0.9, 0.2]))).toBe(0.5);
    expect(crossoverOf(points([0.5, 3], [0.9, 1.2]))).toBeNull();
    expect(crossoverOf(points([0.5, 0.8], [0.9, 1.2]))).toBeNull();
    expect(crossoverOf(points([0.9, 1]))).toBeNull();
    expect(crossoverOf([])).toBeNull();
  });

  test.each([
    [1, 1],
    [-0.1, 1],
    [Number.NaN, 1],
    [0.5, 0],
    [0.5, Number.NaN],
    [0.5, Number.POSITIVE_INFINITY],
  ])('refuses sparsity %d with ratio %d', (sparsity, ratio) => {
    expect(() => crossoverOf([{ sparsity, ratio }])).toThrow(RangeError);
  });
});

describe('of rows', () => {
  const row = (candidate: string, sparsity: number, ms: number, flops: number, more: Partial<Row> = {}): Row => ({
    suite: 'spmm',
    case: `512, ${sparsity}`,
    candidate,
    kind: 'variant',
    unit: 'ms',
    point: { group: '512', sparsity },
    reference: 'dense',
    wall: summarise([ms]),
    cost: { flops, bytes: 1 },
    ...more,
  });
  const rows = [
    row('dense', 0.9, 10, 100),
    row('masked', 0.9, 11, 100),
    row('CSR', 0.9, 5, 10),
    row('dense', 0.5, 10, 100),
    row('CSR', 0.5, 25, 50),
    row('masked', 0.5, 9, 100),
    row('failed', 0.5, 1, 50, { wall: undefined, error: 'wrong' }),
    row('elsewhere', 0.5, 1, 50, { reference: 'nobody' }),
  ];

  test('series rise by sparsity, with the reference left out', () => {
    expect(series(rows).map((s) => [s.candidate, s.sparse, s.points])).toEqual([
      ['masked', false, points([0.5, 0.9], [0.9, 1.1])],
      ['CSR', true, points([0.5, 2.5], [0.9, 0.5])],
    ]);
  });

  test('only forms that do less work have break-evens', () => {
    const [csr, ...others] = crossovers(rows);
    expect(others).toEqual([]);
    expect(csr.candidate).toBe('CSR');
    expect(csr.sparsity).toBeCloseTo(0.8, 12);
  });

  test("times are the GPU's where both sides have them", () => {
    const timed = [
      row('dense', 0.9, 10, 100, { gpu: summarise([8]) }),
      row('CSR', 0.9, 10, 10, { gpu: summarise([2]) }),
      row('BSR', 0.9, 5, 10),
    ];
    expect(series(timed).map((s) => s.points[0].ratio)).toEqual([0.25, 0.5]);
  });
});
