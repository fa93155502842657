import { describe, expect, it } from 'vitest';
import { maskTriples, type Widths } from '../../../src/studies/cubist-spiral/enumerate.js';
import { analyseStudy } from '../../../src/studies/cubist-spiral/report/analysis.js';
import { checks } from '../../../src/studies/cubist-spiral/report/checks.js';
import { coverages } from '../../../src/studies/cubist-spiral/report/coverage.js';
import { REFERENCE } from '../../../src/studies/cubist-spiral/report/reference-table.js';
import { answer } from '../../../src/studies/cubist-spiral/report/wording.js';
import { asReference, HandMade, wholeStudy } from './records.js';

const told = (made: HandMade) => {
  const study = analyseStudy(made.records);
  const covered = coverages(study.searches, made.plan);
  return { checks: checks(study, covered), answer: answer(study, covered) };
};
const outcome = (made: HandMade, name: string) => {
  const found = told(made).checks.find((c) => c.name === name);
  if (!found) throw new Error(`no check ${name}`);
  return found;
};
const study = () => new HandMade();
const search = (weights: number) => study().masks({ target: 0.95, widths: [3, 3, 3], classes: [[weights, 9, 0.96]] });
const given = (weights: number) =>
  study().masks({ target: 0.95, initialisation: 'fixed', widths: [3, 2, 2], classes: [[weights, 9, 0.96]] });

it('nothing can be tested on nothing', () => {
  const all = told(study()).checks;
  expect(all.map((c) => c.status)).toEqual(all.map(() => 'not testable'));
  expect(new Set(all.map((c) => c.name)).size).toBe(all.length);
});

describe('each expectation can hold, and can fail', () => {
  /** Makes records by a number: `good` must hold, `bad` must not. */
  const cases: [name: string, make: (x: number) => HandMade, good: number, bad: number][] = [
    [
      'reference',
      (x) =>
        study().reference(
          REFERENCE[7],
          asReference(REFERENCE[7]).map((a) => a - x),
        ),
      0,
      0.02,
    ],
    [
      'winners',
      (x) =>
        study().structured([
          [[3, 3, 3], x],
          [[3, 3, 4], 0.96],
        ]),
      0.96,
      0.9,
    ],
    ['search-random', (x) => (x > 21 ? triedAll(x) : search(x)), 21, 22],
    ['search-fixed', (x) => (x > 17 ? triedAll(x, 'fixed') : given(x)), 17, 18],
    ['frontier-left', (x) => search(21).method('gmp', 16, [[x, 0.96]]), 22, 21],
    [
      'training-beats-start',
      (x) =>
        study()
          .method('gmp', 16, [[25, 0.96]])
          .method('snip', 16, [[x, 0.96]]),
      26,
      25,
    ],
    [
      'width',
      (x) =>
        study()
          .method('gmp', 8, [[30, 0.96]])
          .method('gmp', 64, [[x, 0.96]]),
      30,
      29,
    ],
    [
      'dead-grow',
      (x) =>
        study().method('gmp', 8, [
          [15, 0.6, x],
          [40, 0.9, 0.2],
        ]),
      0.3,
      0.1,
    ],
    ['given-mask-missed', (x) => given(17).method('lth', 16, [[x, 0.96]], 0.95), 18, 17],
  ];
  it.each(cases)('%s', (name, make, good, bad) => {
    expect(outcome(make(good), name)).toMatchObject({ status: 'held', evidence: [{ held: true }] });
    expect(outcome(make(bad), name)).toMatchObject({ status: 'not held', evidence: [{ held: false }] });
  });
  it('in the number of cases above', () => {
    expect(cases.map(([name]) => name)).toEqual(told(study()).checks.map((c) => c.name));
  });
});

/** All masks tried, those of fewer weights in vain. */
function triedAll(least: number, initialisation: 'random' | 'fixed' = 'random'): HandMade {
  const widths: Widths = initialisation === 'random' ? [3, 3, 3] : [3, 2, 2];
  const counts = new Map<number, number>();
  for (const { weights } of maskTriples(widths)) counts.set(weights, (counts.get(weights) ?? 0) + 1);
  const classes = [...counts].map(([n, count]): [number, number, number] => [n, count, n >= least ? 0.96 : 0.8]);
  return study().masks({ target: 0.95, initialisation, widths, classes });
}

it('a search that is not through says nothing against sparse networks', () => {
  expect(outcome(search(22), 'search-random').status).toBe('not testable');
  expect(outcome(given(18), 'search-fixed').status).toBe('not testable');
});

it('dense networks that leave out the published ones say nothing against them', () => {
  expect(outcome(study().structured([[[3, 3, 4], 0.96]]), 'winners').status).toBe('not testable');
  expect(outcome(study().structured([[[3, 3, 3], 0.9]]), 'winners').status).toBe('not held');
});

it('a method that does not get there is behind, with the most that was tried', () => {
  const made = search(21).method('snip', 16, [[50, 0.8]]);
  expect(outcome(made, 'frontier-left')).toMatchObject({
    status: 'held',
    evidence: [{ values: { search: 21, 'not reached up to': 50 } }],
  });
});

describe('the answer', () => {
  const headline = (made: HandMade) => told(made).answer.headline;
  const text = (made: HandMade) => told(made).answer.paragraphs.join(' ');

  it('says what there is', () => {
    expect(headline(study())).toBe('No answer yet');
    expect(headline(search(21))).toBe('21 weights are enough for 95 %');
    expect(headline(given(17))).toBe('17 weights are enough for 95 %, given the right first weights');
    expect(headline(study().method('gmp', 8, [[30, 0.96]]))).toBe(
      'The best pruning method reaches 95 % with 30 weights',
    );
    expect(headline(study().method('gmp', 8, [[30, 0.6]]))).toBe('Nothing reached 95 %');
    expect(headline(search(21).method('gmp', 8, [[30, 0.6]]))).toBe(
      '21 weights are enough for 95 %; no pruning method got there',
    );
    expect(headline(search(21).method('gmp', 8, [[21, 0.96]]))).toBe(
      'Pruning gets by with 21 weights for 95 %, as few as the search found (21)',
    );
    // The sparsest of all widths counts, not only of the one that the text dwells on.
    expect(
      headline(
        search(21)
          .method('gmp', 8, [[40, 0.96]])
          .method('prospr', 3, [[24, 0.96]]),
      ),
    ).toBe('21 weights are enough for 95 %; the best pruning method needs 24');
    expect(
      headline(
        search(24)
          .method('gmp', 8, [[40, 0.96]])
          .method('prospr', 3, [[24, 0.96]]),
      ),
    ).toBe('Pruning gets by with 24 weights for 95 %, as few as the search found (24)');
    expect(headline(wholeStudy([3, 16]))).toMatch(
      /^21 weights are enough for 95 %; the best pruning method needs \d+$/,
    );
  });

  it('says what there is not', () => {
    expect(text(search(21))).toContain('No pruning method is finished.');
    expect(text(search(21))).toContain('It has found none for 99.5 %.');
    expect(text(search(21))).toContain(
      'The search was run in part only, its numbers are the best found so far and may still fall: it has trained 9 of 25,992 masks within 3-3-3 (95 %, random first weights).',
    );
    expect(text(study().reference(REFERENCE[0], [0.5], 2))).toContain('trained for 2 epochs where the published');
    expect(text(given(17))).toContain('The search from random first weights was not run');
    expect(text(triedAll(21))).toContain('All masks within the dense winners were trained.');
  });

  it('counts the difference to the search, and names who is not there', () => {
    const made = search(21)
      .method('gmp', 16, [[26, 0.96]])
      .method('lth', 16, [[26, 0.96]])
      .method('snip', 16, [[50, 0.9]]);
    expect(text(made)).toContain(
      'Of the methods at width 16: GMP and LTH reach 95 % with 26 weights, 5 more than the search (not reached by SNIP); none of 3 methods reaches 99.5 %.',
    );
  });
});
