import { describe, expect, it } from 'vitest';
import { pictureFile } from '../../../src/report/picture.js';
import {
  type Corner,
  type Grid,
  regionsAbove,
  simplified,
} from '../../../src/studies/cubist-spiral/report/contours.js';
import { decisionRegions, logitOf } from '../../../src/studies/cubist-spiral/report/decision-regions.js';
import type { SparseNetwork } from '../../../src/studies/cubist-spiral/types.js';
import { assertWellFormed } from '../../report/well-formed.js';
import { Inputs } from '../../support/random.js';
import { network } from './records.js';

const grid = (columns: number, rows: number, f: (x: number, y: number) => number): Grid => ({
  columns,
  rows,
  values: Float64Array.from({ length: columns * rows }, (_, i) => f(i % columns, Math.floor(i / columns))),
});

/** Area inside by the even-odd rule, of loops that do not cross: holes run the other way round. */
const area = (loops: readonly (readonly Corner[])[]): number =>
  Math.abs(
    loops.reduce(
      (sum, loop) =>
        sum +
        loop.reduce((a, [x, y], i) => {
          const [u, v] = loop[(i + 1) % loop.length];
          return a + (x * v - u * y) / 2;
        }, 0),
      0,
    ),
  );

/** Whether a point is inside by the even-odd rule. */
function isInside(loops: readonly (readonly Corner[])[], x: number, y: number): boolean {
  let inside = false;
  for (const loop of loops)
    loop.forEach(([a, b], i) => {
      const [c, d] = loop[(i + 1) % loop.length];
      if (b > y !== d > y && x < a + ((y - b) / (d - b)) * (c - a)) inside = !inside;
    });
  return inside;
}

describe('contours', () => {
  it('are exact for a half plane, for everything and for nothing', () => {
    expect(area(regionsAbove(grid(11, 6, (x, y) => x + 2 * y - 7.5)))).toBeCloseTo(50 - areaBelow(7.5), 9);
    expect(area(regionsAbove(grid(5, 4, () => 1)))).toBeCloseTo(12, 9);
    expect(regionsAbove(grid(5, 4, () => -1))).toEqual([]);
    expect(regionsAbove(grid(5, 4, () => 0))).toEqual([]);
  });

  it('go round a disc and its hole', () => {
    const ring = (x: number, y: number) => {
      const r = Math.hypot(x - 50, y - 50);
      return Math.min(r - 15, 40 - r);
    };
    const loops = regionsAbove(grid(101, 101, ring));
    expect(loops).toHaveLength(2);
    expect(area(loops)).toBeCloseTo(Math.PI * (40 ** 2 - 15 ** 2), -1);
    const thin = loops.map((loop) => simplified(loop, 0.2));
    expect(thin.flat().length).toBeLessThan(loops.flat().length / 4);
    expect(Math.abs(area(thin) / area(loops) - 1)).toBeLessThan(0.02);
  });

  it('tell every point of random grids right, saddles and edges too', () => {
    const inputs = new Inputs('contours');
    for (let trial = 0; trial < 30; trial++) {
      const [columns, rows] = [2 + inputs.integer(8), 2 + inputs.integer(8)];
      const values = inputs.uniform(columns * rows, -1, 1);
      const made = grid(columns, rows, (x, y) => values[y * columns + x]);
      const loops = regionsAbove(made);
      for (let y = 1; y < rows - 1; y++)
        for (let x = 1; x < columns - 1; x++)
          expect(isInside(loops, x + 1e-9, y + 1e-9), `${x}, ${y}`).toBe(values[y * columns + x] > 0);
    }
  });
});

/** Of the rectangle [0, 10] x [0, 5], the part where x + 2 y is below a level under 10. */
const areaBelow = (level: number): number => (level * level) / 4;

describe('decision regions', () => {
  it('evaluate the network in double precision', () => {
    // relu(2x - 1), relu(y); then passed on twice; their difference.
    const net: SparseNetwork = {
      widths: [2, 2, 2],
      weights: [
        [
          [0, 0, 2],
          [1, 1, 1],
        ],
        [
          [0, 0, 1],
          [1, 1, 1],
        ],
        [
          [0, 0, 1],
          [1, 1, 1],
        ],
        [
          [0, 0, 1],
          [0, 1, -1],
        ],
      ],
      biases: [[[0, -1]], [], [], [[0, 0.25]]],
    };
    const logit = logitOf(net);
    expect(logit(1, 0.5)).toBe(0.75);
    expect(logit(0.1, 3)).toBe(-2.75);
    expect(logit(0.1, -3)).toBe(0.25);
    const svg = pictureFile(decisionRegions('d', 'regions', net));
    // The boundary is y = 0.25 up to x = 0.5, then a slope: few corners say it.
    const path = /<path d="([^"]*)" fill="var\(--softred\)"/.exec(svg)![1];
    expect(path.match(/[ML]/g)!.length).toBeLessThan(9);
  });

  it('are small and well-formed, of constant networks too', () => {
    for (const keep of [0, 5, 40, 65]) {
      const svg = pictureFile(decisionRegions('d', '<alt>', network([16, 16, 16], keep, 0.9, `net ${keep}`).network));
      assertWellFormed(svg);
      expect(svg.length).toBeLessThan(30_000);
      expect(svg).not.toMatch(/NaN|Infinity/);
      expect(svg).toContain('<title>class 1</title>');
    }
    const dense = network([16, 16, 16], 560, 0.9, 'dense').network;
    expect(pictureFile(decisionRegions('d', '', dense)).length).toBeLessThan(30_000);
  });
});
