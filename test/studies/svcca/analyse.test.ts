import { describe, expect, it } from 'vitest';
import { accuracy, analyse, curve, LENSES, lensesFor, SVCCA } from '../../../src/studies/svcca/analyse.js';
import { trajectory } from '../../../src/studies/svcca/trajectory.js';
import { evolution } from '../../../src/studies/svcca/verdict.js';
import { answer } from '../../../src/studies/svcca/wording.js';
import { HandMade } from './hand.js';
import { records } from './records.js';

/** Two parents, p and q, alike by 0.5 and 0.2 in two layers; one M1 child of p, two of q. */
function study(): HandMade {
  const made = new HandMade();
  made.network('p', { method: 'D', accuracy: 0.9, seed: 0 });
  made.network('q', { method: 'D', accuracy: 0.8, seed: 1 });
  made.compare('p', 'q', [0.5, 0.2]);
  made.compare('p', 'p', [1, 1]);
  made.network('p1', { method: 'M1', sparsity: 0.9, parent: 'p', accuracy: 0.7 });
  made.network('q1', { method: 'M1', sparsity: 0.9, parent: 'q', accuracy: 0.6 });
  made.network('q2', { method: 'M1', sparsity: 0.9, parent: 'q', accuracy: 0.4 });
  made.compare('p', 'p1', [0.75, 0.6]);
  made.compare('q', 'q1', [0.5, 0.2]);
  made.compare('q', 'q2', [0.6, 0.36]);
  return made;
}
const first = (made: HandMade) => analyse(made.records)[0];

describe('aggregates', () => {
  it('average children within their parent, and parents with each other', () => {
    const net = first(study());
    expect(net).toMatchObject({ label: 'net', sparsities: [0.9] });
    // Children: p 0.7; q (0.6 + 0.4) / 2 = 0.5. Mean 0.6; sd over 0.7, 0.6, 0.4.
    expect(accuracy(net, 'M1', 0.9)).toMatchObject({ n: 3, groups: 2 });
    expect(accuracy(net, 'M1', 0.9)!.mean).toBeCloseTo(0.6, 12);
    expect(accuracy(net, 'M1', 0.9)!.sd).toBeCloseTo(0.152753, 6);
    expect(accuracy(net, 'D')!.mean).toBeCloseTo(0.85, 12);
    expect(accuracy(net, 'M2', 0.9)).toBeNull();
  });

  it('give similarity by layer and over layers, under each measure', () => {
    const net = first(study());
    const found = curve(net, SVCCA, 'M1', 0.9)!;
    // Layer 0: p 0.75, q 0.55; layer 1: p 0.6, q 0.28.
    expect(found.points.map((p) => p.similarity.mean)).toEqual([expect.closeTo(0.65, 12), expect.closeTo(0.44, 12)]);
    expect(found.overall.mean).toBeCloseTo(0.545, 12);
    const pwcca = LENSES.find((l) => l.key === 'pwcca')!;
    expect(curve(net, pwcca, 'M1', 0.9)!.overall.mean).toBeCloseTo(0.2725, 12);
    expect(lensesFor([net]).map((l) => l.key)).toEqual(['svcca', 'pwcca', 'cka', 'fixed']);
    // The comparison of p with itself is no floor.
    expect(curve(net, SVCCA, 'D')!.overall).toMatchObject({ n: 1, mean: 0.35 });
  });

  it('leave out what diverged, what compares it, and runs of other recipes', () => {
    const made = study();
    made.network('q3', { method: 'M1', sparsity: 0.9, parent: 'q', accuracy: 0, status: 'diverged' });
    made.compare('q', 'q3', [0, 0]);
    made.network('slow', { method: 'M1', sparsity: 0.9, parent: 'p', accuracy: 0, variant: 'tiny learning rate' });
    made.compare('p', 'slow', [0, 0]);
    const net = first(made);
    expect(accuracy(net, 'M1', 0.9)!.n).toBe(3);
    expect(curve(net, SVCCA, 'M1', 0.9)!.overall.mean).toBeCloseTo(0.545, 12);
    expect(net.variants.map((r) => r.id)).toEqual(['slow']);
  });

  it('do not depend on the order of the records', () => {
    const made = study();
    const turned = new Map([...made.records].reverse());
    expect(JSON.stringify(analyse(turned))).toBe(JSON.stringify(analyse(made.records)));
  });
});

describe('evo', () => {
  it('is the way from the parent to the floor, averaged over layers', () => {
    // p1: layers 1 - 0.25 / 0.5 = 0.5 and 1 - 0.4 / 0.8 = 0.5. q1: 1 and 1. q2: 0.8 and 0.8. Mean of 0.5 and 0.9.
    const e = evolution(first(study()), SVCCA, 0.9)!;
    expect(e.value).toMatchObject({ n: 3, groups: 2 });
    expect(e.value.mean).toBeCloseTo(0.7, 12);
    // sd of 0.5 and 0.9 over sqrt(2) is 0.2; times 12.7062.
    expect(e.value.high! - e.value.mean).toBeCloseTo(2.541241, 5);
    expect(e.layers.map((l) => l.value.mean)).toEqual([expect.closeTo(0.7, 12), expect.closeTo(0.7, 12)]);
    expect(e.floor.mean).toBeCloseTo(0.35, 12);
    expect(e.leftOut).toEqual([]);
  });

  it('leaves out layers without room above the floor, and is nothing without a floor', () => {
    const made = new HandMade();
    made.network('p', { method: 'D' });
    made.network('c', { method: 'M1', sparsity: 0.5, parent: 'p' });
    made.compare('p', 'c', [0.8, 0.995]);
    expect(evolution(first(made), SVCCA, 0.5)).toBeNull();
    made.network('other', { method: 'D', seed: 1 });
    made.compare('p', 'other', [0.6, 0.99]);
    const e = evolution(first(made), SVCCA, 0.5)!;
    expect(e.value.mean).toBeCloseTo(0.5, 12);
    expect(e.value.low).toBeNull();
    expect(e.leftOut).toEqual(['layer1']);
  });
});

it('a trajectory starts at the parent, and its last stage is the final network', () => {
  const made = new HandMade();
  made.network('p', { method: 'D', accuracy: 0.9 });
  const stages = [
    { stage: 'round1-pruned', round: 1, sparsity: 0.5, epoch: 0, accuracy: 0.5 },
    { stage: 'round1-tuned', round: 1, sparsity: 0.5, epoch: 2, accuracy: 0.8 },
    { stage: 'round2-pruned', round: 2, sparsity: 0.75, epoch: 0, accuracy: 0.4 },
    { stage: 'round2-tuned', round: 2, sparsity: 0.75, epoch: 2, accuracy: 0.7 },
  ];
  made.network('c', { method: 'M1', sparsity: 0.75, parent: 'p', result: { stages } });
  for (const [i, { stage }] of stages.slice(0, 3).entries()) made.compare('p', 'c', [0.9 - i / 10], { stage });
  made.compare('p', 'c', [0.6]);
  const moments = trajectory(first(made), SVCCA, 0.75);
  expect(moments.map((m) => [m.elapsed, m.similarity.mean, m.accuracy?.mean])).toEqual([
    [0, 1, 0.9],
    [0, 0.9, 0.5],
    [2, 0.8, 0.8],
    [2, expect.closeTo(0.7, 12), 0.4],
    [4, 0.6, 0.7],
  ]);
  expect(trajectory(first(made), SVCCA, 0.5)).toEqual([]);
});

describe('the answer', () => {
  const oneChild = (similarity: number, parents: number) => {
    const made = new HandMade();
    for (let i = 0; i < parents; i++) {
      made.network(`p${i}`, { method: 'D', seed: i });
      made.network(`c${i}`, { method: 'M1', sparsity: 0.9, parent: `p${i}`, accuracy: 0.895 });
      made.compare(`p${i}`, `c${i}`, [similarity, similarity + i / 1000]);
    }
    made.network('other', { method: 'D', seed: 99 });
    for (let i = 0; i < parents; i++) made.compare(`p${i}`, 'other', [0.5, 0.5]);
    return answer(analyse(made.records));
  };

  it('is worded by the numbers, and careful with few seeds', () => {
    expect(oneChild(0.98, 3).headline).toBe('Compression');
    expect(oneChild(0.51, 3).headline).toBe('Evolution');
    expect(oneChild(0.98, 1).headline).toBe('Compression, as far as so few seeds can tell');
    expect(oneChild(0.98, 1).paragraphs[1]).toContain('one parent');
    expect(oneChild(0.65, 3).paragraphs.join(' ')).toMatch(/went 0\.70 of the way.*stayed within a point/s);
  });

  it('calls the structure of masks needed, not needed, or unsettled', () => {
    const structure = (matched: number, shuffled: number) => {
      const made = study();
      made.network('m2', { method: 'M2', sparsity: 0.9, parent: 'p', accuracy: 0.8 });
      made.network('m3m', { method: 'M3-matched', sparsity: 0.9, parent: 'p', accuracy: matched });
      made.network('m3s', { method: 'M3-shuffled', sparsity: 0.9, parent: 'p', accuracy: shuffled });
      return answer(analyse(made.records)).paragraphs.at(-1);
    };
    expect(structure(0.795, 0.805)).toMatch(/did not matter: .* −0\.5 to \+0\.5 points/);
    expect(structure(0.7, 0.75)).toMatch(/ mattered: .* −10\.0 to −5\.0 points/);
    expect(structure(0.82, 0.85)).toContain('did not help');
    expect(structure(0.7, 0.85)).toContain('cannot be said');
  });

  it('does not call an interval that covers several answers decided', () => {
    const { headline, paragraphs } = answer(analyse(study().records));
    expect(headline).toMatch(/, as far as so few seeds can tell$/);
    expect(paragraphs[1]).toContain('too wide');
  });

  it('says what is missing instead of answering', () => {
    expect(answer([])).toMatchObject({ headline: 'No answer yet' });
    expect(answer(analyse(records({ methods: ['P0'] }))).headline).toBe('No answer yet');
  });
});
