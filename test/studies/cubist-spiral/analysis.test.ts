import { describe, expect, it } from 'vitest';
import { SEARCH_SPACES } from '../../../src/studies/cubist-spiral/enumerate.js';
import {
  analyseStudy,
  foundBy,
  frontier,
  searchFor,
  sparsest,
  sparsestOf,
  winner,
} from '../../../src/studies/cubist-spiral/report/analysis.js';
import { coverages, isComplete, maskCounts, masksOf } from '../../../src/studies/cubist-spiral/report/coverage.js';
import { compareReferences, sharesOf } from '../../../src/studies/cubist-spiral/report/reference-check.js';
import { REFERENCE } from '../../../src/studies/cubist-spiral/report/reference-table.js';
import { asReference, HandMade, masksConfig, wholeStudy } from './records.js';

const total = (counts: ReadonlyMap<number, number>) => [...counts.values()].reduce((a, b) => a + b, 0);

describe('the search', () => {
  const made = new HandMade()
    .structured([
      [[3, 3, 3], 0.96],
      [[2, 2, 2], 0.8],
      [[4, 4, 4], 0.999],
    ])
    .structured([
      [[3, 3, 3], 0.962],
      [[5, 1, 1], 0.7],
    ])
    .masks({
      target: 0.95,
      widths: [3, 3, 3],
      classes: [
        [20, 4, 0.81],
        [21, 9, 0.955],
      ],
    })
    .continuation({ target: 0.95, widths: [3, 3, 3], slice: 0, classes: [[19, 2, 0.9]], waiting: 5 })
    .masks({ target: 0.95, initialisation: 'fixed', widths: [3, 2, 2], classes: [[17, 3, 0.96]] });
  const study = analyseStudy(made.records);
  const [random, fixed] = study.searches;

  it('keeps the best of each dense network, and finds the winner by parameters', () => {
    expect(random.triples.map((t) => [t.widths.join('-'), t.accuracy])).toEqual([
      ['2-2-2', 0.8],
      ['5-1-1', 0.7],
      ['3-3-3', 0.962],
      ['4-4-4', 0.999],
    ]);
    expect(winner(random, 0.95)?.widths).toEqual([3, 3, 3]);
    expect(winner(random, 0.995)?.widths).toEqual([4, 4, 4]);
    expect(winner(fixed, 0.95)).toBeNull();
  });

  it('has a frontier over all phases', () => {
    expect(frontier(foundBy(random)).map((f) => [f.weights, f.accuracy, f.phase])).toEqual([
      [14, 0.8, 'dense'],
      [19, 0.9, 'continuation'],
      [21, 0.955, 'masks'],
      [27, 0.962, 'dense'],
      [44, 0.999, 'dense'],
    ]);
    expect(sparsest(random, 0.95)).toMatchObject({ weights: 21, parameters: 31, phase: 'masks' });
    expect(sparsest(random, 0.995)).toMatchObject({ weights: 44, phase: 'dense', trained: null });
    expect(sparsest(fixed, 0.95)?.weights).toBe(17);
    expect(searchFor(study, { initialisation: 'fixed', target: 0.995 })).toBeNull();
    expect(searchFor(study, { initialisation: 'random', target: null })).toBe(random);
  });

  it('does not depend on the order of the records, and leaves out what is not finished', () => {
    expect(analyseStudy(new Map([...made.records].reverse()))).toEqual(study);
    const blocked = new HandMade().add({ kind: 'masks', target: 0.95, initialisation: 'random' }, {}, 'blocked');
    expect(analyseStudy(blocked.records)).toEqual({ epochs: null, references: [], searches: [], groups: [] });
  });

  it('says what was covered', () => {
    const [at95, givenAt95] = coverages(study.searches, made.plan);
    expect(at95).toMatchObject({ target: 0.95, widths: [3, 3, 3], parts: 1, finished: 1, slices: 1, waiting: 5 });
    expect(masksOf(at95)).toEqual({ there: 25_992, done: 15 });
    const of = (weights: number) => at95.classes.find((c) => c.weights === weights);
    expect(of(21)).toMatchObject({ trained: 9, continued: 0, runs: 54, reached: 2, best: 0.955 });
    expect(of(19)).toMatchObject({ trained: 0, continued: 2, best: 0.9 });
    expect(of(27)).toMatchObject({ candidates: 1, planned: 1, trained: 0, best: null });
    expect(isComplete(at95, 11)).toBe(true);
    expect(isComplete(at95, 12)).toBe(false);
    expect(givenAt95).toMatchObject({ target: 0.95, widths: [3, 2, 2] });
  });
});

it('coverage counts masks as the published searches do', () => {
  for (const [i, runs] of [155_952, 2496, 189_624, 70_584].entries()) {
    const { widths, truncation, rates } = SEARCH_SPACES[i];
    expect(total(maskCounts(widths, truncation ? { ...truncation } : null)) * rates.length * 3).toBe(runs);
  }
});

it('coverage of planned parts only, before there is a winner', () => {
  const made = new HandMade().structured([[[1, 1, 1], 0.5]]);
  for (const index of [0, 1, 2]) made.planned(masksConfig(0.95, 'random', { index, count: 3 }));
  const [only] = coverages(analyseStudy(made.records).searches, made.plan);
  expect(only).toMatchObject({ widths: null, parts: 3, finished: 0, classes: [] });
  expect(isComplete(only, 5)).toBe(false);
});

describe('methods', () => {
  const made = new HandMade()
    .method('gmp', 16, [
      [15, 0.8, 0.5],
      [30, 0.96],
    ])
    .method('gmp', 16, [
      [40, 0.997],
      [30, 0.94, 0.3],
    ])
    .method('gmp', 3, [[26, 0.96]])
    .method('rigl', 16, [[20, 0.9]], 0.95);
  const { groups } = analyseStudy(made.records);

  it('are grouped by first weights and width, blocks of one method put together', () => {
    expect(groups.map((g) => g.label)).toEqual(['width 3', 'width 16', 'width 16, first weights given for 95 %']);
    const [{ budgets }] = groups[1].methods;
    expect(budgets.map((b) => [b.budget, b.runs, b.best.accuracy])).toEqual([
      [15, 9, 0.8],
      [30, 18, 0.96],
      [40, 9, 0.997],
    ]);
    expect(budgets[1].deadFraction).toBeCloseTo(0.2, 12);
    expect(budgets[1].reached).toEqual({ '0.95': 1, '0.995': 0 });
  });

  it('need as many weights as the sparsest of the best runs', () => {
    const [gmp] = groups[1].methods;
    expect(sparsestOf(gmp, 0.95)?.weights).toBe(30);
    expect(sparsestOf(gmp, 0.995)?.weights).toBe(40);
    expect(sparsestOf(groups[2].methods[0], 0.95)).toBeNull();
  });
});

describe('the reference', () => {
  const compare = (row: number, accuracies: readonly number[], epochs = 50) =>
    compareReferences(analyseStudy(new HandMade().reference(REFERENCE[row], accuracies, epochs).records));

  it('is met by networks like it, in every row', () => {
    const made = new HandMade();
    for (const row of REFERENCE) made.reference(row, asReference(row));
    const rows = compareReferences(analyseStudy(made.records));
    expect(rows.map((r) => [r.label, r.passed])).toEqual(rows.map((r) => [r.label, true]));
    expect(rows).toHaveLength(9);
  });

  it('is not met when a share or a quantile is off by more than the tolerance', () => {
    const like = asReference(REFERENCE[2]);
    const moved = (by: number) => like.map((a, i) => (i < by ? 0.5 : a)).sort((a, b) => a - b);
    expect(compare(2, like)).toMatchObject([{ passed: true }]);
    // 17 of 200 more networks below the median's accuracy are more than 0.08.
    const shifted = like.map((a, i) => (i >= 100 && i < 118 ? 0.56 : a)).sort((a, b) => a - b);
    expect(compare(2, shifted)[0]).toMatchObject({ passed: false });
    expect(compare(2, shifted)[0].distance).toBeCloseTo(0.09, 9);
    expect(compare(2, moved(69 + 16))[0].passed).toBe(true);
    expect(compare(2, moved(69 + 17))[0].passed).toBe(false);
  });

  it('has bounds of its own for some shares', () => {
    const without = asReference(REFERENCE[1]).map((a) => Math.min(a, 0.94));
    expect(compare(1, without)[0]).toMatchObject({ passed: false, distance: 0.015 });
    const often = asReference(REFERENCE[1]).map((a, i) => (i >= 189 ? 0.96 : a));
    expect(compare(1, often)[0]).toMatchObject({ passed: false });
  });

  it('takes neither too few networks nor other lengths of training', () => {
    expect(compare(1, asReference(REFERENCE[1], 60))).toMatchObject([{ passed: null, seeds: 60 }]);
    expect(compare(1, asReference(REFERENCE[1]), 5)).toEqual([]);
  });

  it('describes accuracies by shares and quantiles', () => {
    const found = sharesOf([0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995, 1]);
    expect(found).toMatchObject({ max: 1, good: 0.4, perfect: 0.2, dead: 0.2 });
    expect(found.median).toBeCloseTo(0.85, 12);
    expect(found.p90).toBeCloseTo(0.9955, 12);
  });
});

it('a whole study has all of it', () => {
  const study = analyseStudy(wholeStudy([3, 16]).records);
  expect(study.searches.map((s) => s.label)).toEqual(['random first weights', 'first weights given for 95 %']);
  expect(study.groups).toHaveLength(4);
});
