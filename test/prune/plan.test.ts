import { describe, expect, it } from 'vitest';
import { Parameters } from '../../src/nn/index.js';
import {
  densityForCompression,
  erkDensities,
  planDensities,
  planErk,
  planLike,
  planSparsity,
  prunable,
} from '../../src/prune/index.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { SIZES, SPECS, TOTAL, WEIGHTS } from './networks.js';

const t = testDevice();

function withParameters(check: (parameters: Parameters) => void): void {
  const parameters = new Parameters(t.device, SPECS);
  try {
    check(parameters);
  } finally {
    parameters.dispose();
  }
}

describe(`pruning plans (seed ${SEED})`, () => {
  it('are printed before any work', () =>
    withParameters((p) => {
      expect(String(planDensities(p, { 'conv*': 0.5, 'fc.weight': 0.1 }))).toBe(
        [
          'weight        shape         total  kept  density',
          'conv1.weight  [6, 3, 3, 5]    270   135  50.00 %',
          'conv2.weight  [7, 1, 1, 6]     42    21  50.00 %',
          'fc.weight     [31, 47]       1457   146  10.02 %',
          'all (layer)                  1769   302  17.07 %',
        ].join('\n'),
      );
      const global = String(planSparsity(p, 0.9));
      expect(global).toContain('fc.weight     [31, 47]       1457  by score');
      expect(global).toContain('all (global)                 1769       177  10.01 %');
    }));

  it('keep exactly round(n - sparsity n) of all weights, or of each layer', () =>
    withParameters((p) => {
      expect(prunable(p)).toEqual(WEIGHTS);
      const sparsity = new Inputs('plan').uniform(1, 0, 0.99)[0];
      const global = planSparsity(p, sparsity);
      expect([global.kept, global.total]).toEqual([Math.round(TOTAL - sparsity * TOTAL), TOTAL]);
      expect(global.layers.map((l) => l.kept)).toEqual([null, null, null]);
      const uniform = planSparsity(p, sparsity, { scope: 'layer' });
      expect(uniform.layers.map((l) => l.kept)).toEqual(SIZES.map((n) => Math.round(n - sparsity * n)));
      expect(uniform.kept).toBe(uniform.layers.reduce((n, l) => n + l.kept!, 0));
    }));

  it('round half a weight up, in spite of 1 - 0.9 < 0.1', () => {
    const parameters = new Parameters(t.device, [{ name: 'w', shape: [5, 5] }]);
    expect(planSparsity(parameters, 0.9).kept).toBe(3);
    parameters.dispose();
  });

  it('take patterns and names, each weight once and in order', () =>
    withParameters((p) => {
      const names = (weights: string[]) => planSparsity(p, 0.5, { weights }).layers.map((l) => l.name);
      expect(names(['*'])).toEqual(WEIGHTS);
      expect(names(['fc*', 'conv?.weight', 'conv1*'])).toEqual(WEIGHTS);
      expect(names(['*2.weight'])).toEqual(['conv2.weight']);
      expect(names(['fc.bias', 'conv2*'])).toEqual(['conv2.weight', 'fc.bias']);
      for (const none of ['conv', 'fc.bia*', '*.bias', 'convX.weight', 'fc-weight', ''])
        expect(() => names(['*', none])).toThrow(
          `planSparsity: expected a name or pattern that fits some of ${WEIGHTS.join(', ')}, got '${none}'`,
        );
    }));

  it('let the last density that fits a layer count, and leave out layers without one', () =>
    withParameters((p) => {
      const plan = planDensities(p, { 'conv*': 0.25, 'conv2.weight': 1 });
      expect(plan.layers.map((l) => [l.name, l.kept])).toEqual([
        ['conv1.weight', 68],
        ['conv2.weight', 42],
      ]);
    }));

  it('of Erdős–Rényi kind keep more of small layers, and the rounded share of each', () =>
    withParameters((p) => {
      const densities = erkDensities(
        [
          [6, 3, 3, 5],
          [7, 1, 1, 6],
          [31, 47],
        ],
        0.25,
      );
      expect(densities[1]).toBe(1);
      const plan = planErk(p, 0.75);
      expect(plan.layers.map((l) => l.kept)).toEqual(densities.map((d, i) => Math.round(d * SIZES[i])));
      expect(Math.abs(plan.kept - 0.25 * TOTAL)).toBeLessThan(1.5);
    }));

  it('follow another mask layer by layer', () =>
    withParameters((p) => {
      const layers = [
        { name: 'fc.weight', kept: 0, total: 1457 },
        { name: 'conv1.weight', kept: 11, total: 270 },
      ];
      expect(planLike(p, { layers }).layers.map((l) => [l.name, l.kept])).toEqual([
        ['conv1.weight', 11],
        ['fc.weight', 0],
      ]);
      const other = (layer: object) => () => planLike(p, { layers: [{ ...layers[0], ...layer }] });
      expect(other({ total: 9 })).toThrow('planLike: expected 1457 weights of fc.weight, got 9');
      expect(other({ kept: 1458 })).toThrow('a whole number from 0 to 1457 kept of fc.weight, got 1458');
      expect(other({ name: 'gone' })).toThrow("got 'gone'");
    }));

  it.each([1, -0.1, Number.NaN, Number.POSITIVE_INFINITY])('refuse a sparsity of %s', (sparsity) =>
    withParameters((p) => {
      expect(() => planSparsity(p, sparsity)).toThrow(`planSparsity: expected a sparsity in [0, 1), got ${sparsity}`);
      expect(() => planErk(p, sparsity)).toThrow(`planErk: expected a sparsity in [0, 1), got ${sparsity}`);
    }),
  );

  it('refuse densities outside (0, 1], other scopes, and to keep nothing', () =>
    withParameters((p) => {
      for (const density of [0, 1.01, -1, Number.NaN])
        expect(() => planDensities(p, { '*': density })).toThrow(
          `planDensities: expected a density in (0, 1] for '*', got ${density}`,
        );
      expect(() => planDensities(p, {})).toThrow('at least one weight to prune');
      expect(() => planSparsity(p, 0.5, { scope: 'row' as 'layer' })).toThrow("scope 'global' or 'layer', got row");
      expect(() => planSparsity(p, 0.9999)).toThrow('a sparsity that keeps a weight, got 0 kept of 1769');
    }));
});

describe('densities', () => {
  it('of Erdős–Rényi-kernel kind are proportional to axes over product', () => {
    const shapes = [
      [64, 3, 3, 32],
      [10, 640],
    ];
    const [a, b] = erkDensities(shapes, 0.02);
    expect(a / b).toBeCloseTo(102 / 18432 / (650 / 6400), 12);
    expect(a * 18432 + b * 6400).toBeCloseTo(0.02 * 24832, 8);
  });

  it('stay at most 1, and together at the density asked for', () => {
    const inputs = new Inputs('erk');
    for (let trial = 0; trial < 50; trial++) {
      const shapes = Array.from({ length: 1 + inputs.integer(6) }, () => [
        1 + inputs.integer(64),
        3,
        3,
        1 + inputs.integer(64),
      ]);
      const sizes = shapes.map((s) => s.reduce((x, y) => x * y, 1));
      const density = inputs.uniform(1, 0.01, 1)[0];
      const densities = erkDensities(shapes, density);
      for (const d of densities) expect(d).toBeLessThanOrEqual(1 + 1e-12);
      const kept = densities.reduce((n, d, i) => n + d * sizes[i], 0);
      expect(kept / sizes.reduce((x, y) => x + y, 0)).toBeCloseTo(density, 10);
    }
  });

  it('for a compression of LeNet-5-Caffe without its classifier', () => {
    const at = (c: number) => Number(densityForCompression(c, 431080, 426070).toFixed(6));
    expect([2, 4, 8, 16, 32, 64].map(at)).toEqual([0.494121, 0.241181, 0.114711, 0.051476, 0.019859, 0.00405]);
    expect(at(1)).toBe(1);
    expect(() => at(86.1)).toThrow(
      'densityForCompression: expected a compression below 86.04, the most there is, got 86.1',
    );
    expect(() => at(0.5)).toThrow('a compression >= 1, got 0.5');
    expect(() => densityForCompression(2, 10, 11)).toThrow('prunable weights, at most 10, got 11');
  });
});
