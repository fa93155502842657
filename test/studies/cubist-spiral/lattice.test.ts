import { describe, expect, it } from 'vitest';
import { type MaskTriple, maskTriples, type Widths } from '../../../src/studies/cubist-spiral/enumerate.js';
import { maskOf } from '../../../src/studies/cubist-spiral/search/continuation.js';
import { Frontier } from '../../../src/studies/cubist-spiral/search/frontier.js';
import { canonical, denseMask, latticeSizes, sparser } from '../../../src/studies/cubist-spiral/search/lattice.js';
import { keyOf } from '../../../src/studies/cubist-spiral/search/masks.js';

const SHAPES: Widths[] = [
  [3, 2, 2],
  [2, 3, 2],
  [3, 3, 3],
];

/** Paths from input to output through each first-layer weight: invariant under the order of units. */
const signature = ({ layers }: MaskTriple): string => {
  const bit = (l: number, o: number, i: number) => (layers[l].rows[o] >> (layers[l].columns - 1 - i)) & 1;
  const counts: number[] = [];
  layers[0].rows.forEach((_, a) => {
    for (let x = 0; x < 2; x++) {
      let paths = 0;
      layers[1].rows.forEach((_, b) => {
        layers[2].rows.forEach((_, c) => {
          paths += bit(0, a, x) * bit(1, b, a) * bit(2, c, b);
        });
      });
      counts.push(2 * paths + x);
    }
  });
  return counts.sort((p, q) => p - q).join();
};

describe('masks as a lattice', () => {
  it.each(SHAPES)(
    'from the dense one down, all of the enumeration is reached and nothing else: %i-%i-%i',
    (...widths) => {
      const enumerated = new Map(maskTriples(widths).map((t) => [keyOf(t), t.weights]));
      let level = new Map([[keyOf(denseMask(widths)), denseMask(widths)]]);
      const reached = new Set<string>();
      while (level.size > 0) {
        const next = new Map<string, MaskTriple>();
        for (const [key, mask] of level) {
          expect(enumerated.get(key)).toBe(mask.weights);
          reached.add(key);
          for (const below of sparser(mask)) {
            expect(below.weights).toBe(mask.weights - 1);
            next.set(keyOf(below), below);
          }
        }
        level = next;
      }
      // The enumeration has some masks twice, in orders that repeated rows leave open: these need not be met.
      const classes = (keys: Iterable<string>) => new Set([...keys].map((key) => signature(maskOf(key, widths))));
      expect(classes(reached)).toEqual(classes(enumerated.keys()));
      expect(reached.size).toBeGreaterThan(enumerated.size / 2);
    },
  );

  it.each(SHAPES)('knows how many masks there are of every size: %i-%i-%i', (...widths) => {
    const counted = new Map<number, number>();
    for (const { weights } of maskTriples(widths)) counted.set(weights, (counted.get(weights) ?? 0) + 1);
    expect([...latticeSizes(widths)]).toEqual([...counted].sort(([a], [b]) => a - b));
  });

  it('keeps the network when it sorts its units', () => {
    const layers = [
      { rows: [0b01, 0b11, 0b10], columns: 2, ones: 4 },
      { rows: [0b001, 0b110], columns: 3, ones: 3 },
      { rows: [0b01, 0b11], columns: 2, ones: 3 },
    ];
    const sorted = canonical(layers);
    expect(sorted.layers.map(({ rows }) => rows)).toEqual([
      [0b11, 0b10, 0b01],
      [0b101, 0b010],
      [0b11, 0b10],
    ]);
    const [one, two, three] = layers;
    expect(signature(sorted)).toBe(signature({ layers: [one, two, three], weights: 12 }));
    expect(canonical(sorted.layers)).toEqual(sorted);
  });

  it('reads masks back from their keys', () => {
    for (const mask of maskTriples([3, 2, 2])) expect(maskOf(keyOf(mask), [3, 2, 2])).toEqual(mask);
  });
});

describe('what is searched next', () => {
  const widths: Widths = [3, 2, 2];

  it('is below what reached the target, sparsest first; then below the most accurate', () => {
    const frontier = new Frontier(0.9);
    const dense = denseMask(widths);
    frontier.learn([{ mask: dense, accuracy: 1 }]);
    const first = frontier.take(100);
    expect(first.map(keyOf).sort()).toEqual(sparser(dense).map(keyOf).sort());
    const [good, fair, poor] = first;
    frontier.learn([
      { mask: poor, accuracy: 0.5 },
      { mask: fair, accuracy: 0.7 },
      { mask: good, accuracy: 0.95 },
    ]);
    const below = (mask: MaskTriple) => new Set(sparser(mask).map(keyOf));
    const next = frontier.take(100).map(keyOf);
    const places = (keys: Set<string>, not: Set<string>[]) =>
      next.flatMap((key, i) => (keys.has(key) && !not.some((other) => other.has(key)) ? [i] : []));
    const [a, b, c] = [below(good), below(fair), below(poor)];
    expect(Math.max(...places(a, []))).toBeLessThan(Math.min(...places(b, [a])));
    expect(Math.max(...places(b, [a]))).toBeLessThan(Math.min(...places(c, [a, b])));
    expect(frontier.waiting).toBe(0);
  });

  it('never offers a mask that is trained, and remembers the best accuracy', () => {
    const frontier = new Frontier(0.9);
    const dense = denseMask(widths);
    const [one] = sparser(dense);
    frontier.learn([
      { mask: dense, accuracy: 1 },
      { mask: one, accuracy: 0.4 },
    ]);
    expect(frontier.take(1000).map(keyOf)).not.toContain(keyOf(one));
    frontier.learn([{ mask: one, accuracy: 0.3 }]);
    expect(frontier.waiting).toBe(0);
  });
});
