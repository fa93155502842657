import { describe, expect, it } from 'vitest';
import {
  countByOnes,
  denseParameters,
  enumerateCandidates,
  layerMasks,
  maskTriples,
  narrowerTriples,
  parameterMask,
  SCHEDULES,
  SEARCH_SPACES,
  searchRuns,
  widthTriples,
} from '../../../src/studies/cubist-spiral/enumerate.js';

/** Counts of masks, from `first` ones on, as the specification prints them. */
const COUNTS: [rows: number, columns: number, first: number, counts: number[]][] = [
  [3, 2, 3, [2, 3, 2, 1]],
  [2, 3, 3, [3, 6, 3, 1]],
  [2, 2, 2, [1, 2, 1]],
  [3, 3, 3, [1, 9, 18, 16, 9, 3, 1]],
  [6, 2, 6, [5, 6, 5, 4, 3, 2, 1]],
  [7, 2, 7, [6, 7, 6, 5, 4, 3, 2, 1]],
  [3, 6, 6, [90, 636, 1956, 3590, 4470, 4026, 2711, 1386, 540, 160, 36, 6, 1]],
  [3, 7, 7, [301, 2331, 8183, 17619, 26306, 29008, 24458, 16058, 8274, 3346, 1057, 259, 49, 7, 1]],
];

describe('masks of a layer', () => {
  it.each(COUNTS)('%i x %i', (rows, columns, first, counts) => {
    const masks = layerMasks(rows, columns);
    expect([...countByOnes(masks)]).toEqual(counts.map((n, i) => [first + i, n]));
    const keys = new Set(masks.map((m) => m.rows.join()));
    expect(keys.size).toBe(masks.length);
    for (const { rows: words } of masks) {
      expect(words.length).toBe(rows);
      expect(words.reduce((a, b) => a | b, 0)).toBe(2 ** columns - 1);
      expect(words.every((w) => w > 0)).toBe(true);
    }
  });

  it('are, by hand, for 3 x 2 with three ones and with six', () => {
    const masks = layerMasks(3, 2);
    const of = (n: number) => masks.filter((m) => m.ones === n).map((m) => m.rows);
    expect(of(3)).toEqual([
      [0b10, 0b10, 0b01],
      [0b10, 0b01, 0b01],
    ]);
    expect(of(6)).toEqual([[0b11, 0b11, 0b11]]);
  });

  it('are every admissible multiset of rows, and no other', () => {
    const brute = new Set<string>();
    for (let a = 0; a < 8; a++) {
      for (let b = 0; b < 8; b++) {
        for (let c = 0; c < 8; c++) {
          if (a && b && c && (a | b | c) === 7) brute.add([a, b, c].sort().join());
        }
      }
    }
    expect(new Set(layerMasks(3, 3).map((m) => [...m.rows].sort().join()))).toEqual(brute);
  });

  it('refuse a layer without columns', () => {
    expect(() => layerMasks(3, 0)).toThrow(/layerMasks: expected at least one row and 1 to 16 columns, got 3 x 0/);
  });
});

describe('the searches', () => {
  it('have the published sizes', () => {
    const phase1 = widthTriples().length * 6;
    expect(phase1).toBe(24_576);
    const candidates = SEARCH_SPACES.map((s) => enumerateCandidates(s).length);
    expect(candidates).toEqual([25_992, 416, 63_208, 23_528]);
    const runs = SEARCH_SPACES.map(searchRuns);
    expect(runs).toEqual([155_952, 2_496, 189_624, 70_584]);
    expect(SCHEDULES.length).toBe(3);
  });

  it('add up, with pruning, to 485,838 runs', () => {
    const [random95, fixed95, random995, fixed995] = SEARCH_SPACES.map(searchRuns);
    const phase1 = widthTriples().length * 6;
    // Phase 1 with a fixed initialisation tries the triples with fewer parameters than the random winner.
    const narrower = [SEARCH_SPACES[0], SEARCH_SPACES[2]].map(({ widths }) => narrowerTriples(widths).length * 6);
    expect(narrower).toEqual([558, 2_034]);
    // 11 widths x budgets below the number of weights x 9 settings x 9 methods; and the fixed-initialisation pruning.
    const widths = [3, 4, 5, 6, 7, 8, 16, 32, 64, 128, 256];
    const budgets = [15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 30, 33, 37, 40, 44, 50, 53, 55, 57, 60, 65];
    const weights = (w: number) => denseParameters([w, w, w]).weights;
    const pruning = widths.reduce((n, w) => n + budgets.filter((k) => k < weights(w)).length, 0) * 9 * 9;
    expect(pruning).toBe(18_954);
    const fixedPruning = [2 * 12, 2 * 14].map((cases) => cases * 9 * 9 * 5);
    expect(fixedPruning).toEqual([9_720, 11_340]);
    expect(pruning + phase1 + random95 + random995).toBe(389_106);
    expect(fixedPruning[0] + narrower[0] + fixed95).toBe(12_774);
    expect(fixedPruning[1] + narrower[1] + fixed995).toBe(83_958);
    expect(389_106 + 12_774 + 83_958).toBe(485_838);
  });

  it('give masks of the parameters, the last layer and all biases kept', () => {
    const triples = maskTriples([3, 2, 2]);
    expect(triples.length).toBe(416);
    for (const triple of triples) {
      const mask = parameterMask(triple);
      expect(mask.length).toBe(26);
      expect(mask.reduce((a, b) => a + b, 0)).toBe(triple.weights + 8);
    }
    expect(triples[0].weights).toBe(Math.min(...triples.map((t) => t.weights)));
    const dense = triples[triples.length - 1];
    expect(parameterMask(dense).every((v) => v === 1)).toBe(true);
    const rows = { layers: [layerMasks(3, 2)[2], layerMasks(2, 3)[3], layerMasks(2, 2)[1]] } as const;
    const [one, two, three] = rows.layers;
    const bits = (word: number, n: number) => Array.from({ length: n }, (_, j) => (word >> (n - 1 - j)) & 1);
    expect([...parameterMask({ layers: [one, two, three], weights: 0 })]).toEqual([
      ...one.rows.flatMap((w) => bits(w, 2)),
      ...[1, 1, 1],
      ...two.rows.flatMap((w) => bits(w, 3)),
      ...[1, 1],
      ...three.rows.flatMap((w) => bits(w, 2)),
      ...[1, 1],
      ...[1, 1, 1],
    ]);
  });
});
