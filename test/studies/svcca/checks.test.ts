import { describe, expect, it } from 'vitest';
import { analyse } from '../../../src/studies/svcca/analyse.js';
import { checks } from '../../../src/studies/svcca/checks.js';
import { HandMade } from './hand.js';
import { records } from './records.js';

const outcome = (made: HandMade, name: string) => {
  const found = checks(analyse(made.records)).find((c) => c.name === name);
  if (!found) throw new Error(`no check ${name}`);
  return found;
};

/** A dense network `p`, others like it by the floors given, and networks pruned from it. */
function study(floors: readonly number[] = []): HandMade {
  const made = new HandMade();
  made.network('p', { method: 'D', accuracy: 0.9 });
  floors.forEach((floor, i) => {
    made.network(`d${i}`, { method: 'D', seed: i + 1, accuracy: 0.9 });
    made.compare('p', `d${i}`, [floor, floor, floor, floor]);
  });
  return made;
}
type Kind = Parameters<HandMade['network']>[1]['method'];
const child = (made: HandMade, method: Kind, sparsity: number, s: number | readonly number[], accuracy = 0.9) => {
  const id = `${method}${sparsity}${made.records.size}`;
  made.network(id, { method, sparsity, parent: 'p', accuracy, seed: made.records.size });
  made.compare('p', id, typeof s === 'number' ? [s, s, s, s] : s);
};

it('nothing can be tested on nothing', () => {
  const all = checks([]);
  expect(all.map((c) => c.status)).toEqual(all.map(() => 'not testable'));
  expect(new Set(all.map((c) => c.name)).size).toBe(all.length);
  expect(checks(analyse(study().records)).every((c) => c.status === 'not testable')).toBe(true);
});

describe('each ordering can hold, and can fail', () => {
  /** Makes records by a number: `good` must hold, `bad` must not. */
  const cases: [name: string, make: (x: number) => HandMade, good: number, bad: number][] = [
    ['identity', (x) => made(study(), (m) => m.compare('p', 'p', [1, x])), 1, 0.9999],
    [
      'p0-falls',
      (x) => made(study(), (m) => [0.9, x].forEach((s, i) => child(m, 'P0', 0.5 + 0.4 * i, s))),
      0.904,
      0.906,
    ],
    ['p0-near-1', (x) => made(study(), (m) => child(m, 'P0', 0.5, x)), 0.9, 0.89],
    ['p0-above-m1', (x) => made(study(), (m) => [child(m, 'P0', 0.5, 0.9), child(m, 'M1', 0.5, x)]), 0.89, 0.9],
    ['m1-falls', (x) => made(study(), (m) => [child(m, 'M1', 0.5, 0.8), child(m, 'M1', 0.95, x)]), 0.79, 0.8],
    ['m1-between', (x) => made(study([0.5]), (m) => child(m, 'M1', 0.5, x)), 0.495, 0.48],
    // Floors 0.48 and 0.52: mean 0.5, sd 0.0283; a single child has none.
    ['m2-at-floor', (x) => made(study([0.48, 0.52]), (m) => child(m, 'M2', 0.5, x)), 0.556, 0.557],
    ['m3-uniform-at-floor', (x) => made(study([0.48, 0.52]), (m) => child(m, 'M3-uniform', 0.5, x)), 0.444, 0.443],
    ['m3-matched-at-floor', (x) => made(study([0.48, 0.52]), (m) => child(m, 'M3-matched', 0.5, x)), 0.5, 0.6],
    [
      'lottery-ticket',
      (x) => made(study([0.5]), (m) => [child(m, 'M2', 0.5, 0.6), child(m, 'M1-LT', 0.5, x)]),
      0.61,
      0.59,
    ],
    ['first-highest', (x) => made(study(), (m) => child(m, 'M1', 0.5, [x, 0.5, 0.6, 0.9])), 0.6, 0.58],
    ['middle-lowest', (x) => made(study(), (m) => child(m, 'M1', 0.5, [0.9, x, 0.8, 0.7])), 0.7, 0.72],
    ['last-rises', (x) => made(study(), (m) => child(m, 'M1', 0.5, [0.9, 0.5, 0.6, x])), 0.5, 0.48],
    ['evo-sparsity', (x) => made(study([0.5]), (m) => [child(m, 'M1', 0.5, 0.8), child(m, 'M1', 0.9, x)]), 0.7, 0.85],
    [
      'structure-matched',
      (x) => made(study(), (m) => [child(m, 'M2', 0.9, 0.5, 0.8), child(m, 'M3-matched', 0.9, 0.5, x)]),
      0.79,
      0.789,
    ],
    [
      'structure-shuffled',
      (x) => made(study(), (m) => [child(m, 'M2', 0.9, 0.5, 0.8), child(m, 'M3-shuffled', 0.9, 0.5, x)]),
      0.81,
      0.811,
    ],
    [
      'uniform-worse',
      (x) => made(study(), (m) => [child(m, 'M3-matched', 0.95, 0.5, 0.8), child(m, 'M3-uniform', 0.95, 0.5, x)]),
      0.79,
      0.8,
    ],
    ['random-reasonable', (x) => made(study(), (m) => child(m, 'M3-uniform', 0.9, 0.5, x)), 0.865, 0.864],
  ];
  it.each(cases)('%s', (name, make, good, bad) => {
    expect(outcome(make(good), name)).toMatchObject({ status: 'held', evidence: [{ held: true }] });
    expect(outcome(make(bad), name)).toMatchObject({ status: 'not held', evidence: [{ held: false }] });
  });

  it('evo-epochs, evo-rate and evo-tiny-rate', () => {
    const tuned = (pruned: number, end: number, slow: number) => {
      const m = study([0.5]);
      const stages = ['pruned', 'tuned'].map((s, i) => ({
        stage: `round1-${s}`,
        round: 1,
        sparsity: 0.5,
        epoch: 2 * i,
        accuracy: 0.8,
      }));
      const history = (learningRate: number) => [{ round: 1, epoch: 2, loss: 1, learningRate, accuracy: null }];
      const of = { method: 'M1' as const, sparsity: 0.5, parent: 'p' };
      m.network('c', {
        ...of,
        recipe: { training: { lr: 0.01, batch: 8 } },
        result: { stages, history: history(0.01) },
      });
      m.compare('p', 'c', [pruned], { stage: 'round1-pruned' });
      m.compare('p', 'c', [end]);
      const result = { history: history(1e-6) };
      m.network('t', { ...of, recipe: { training: { lr: 1e-6, batch: 8 } }, variant: 'tiny learning rate', result });
      m.compare('p', 't', [slow]);
      return m;
    };
    const good = tuned(0.95, 0.8, 0.96);
    expect(['evo-epochs', 'evo-rate', 'evo-tiny-rate'].map((n) => outcome(good, n).status)).toEqual([
      'held',
      'held',
      'held',
    ]);
    const bad = tuned(0.7, 0.8, 0.78);
    expect(['evo-epochs', 'evo-rate', 'evo-tiny-rate'].map((n) => outcome(bad, n).status)).toEqual([
      'not held',
      'not held',
      'not held',
    ]);
    expect(outcome(good, 'evo-tiny-rate').evidence[0].values.evo).toBeCloseTo(0.08, 12);
  });
});

function made(m: HandMade, fill: (m: HandMade) => unknown): HandMade {
  fill(m);
  return m;
}

it('a spread is needed before anything is called within two of them', () => {
  const m = study([0.5]);
  child(m, 'M2', 0.5, 0.5);
  expect(outcome(m, 'm2-at-floor').status).toBe('not testable');
});

it('a whole study is tested in every network and sparsity', () => {
  const found = new Map(checks(analyse(records())).map((c) => [c.name, c]));
  expect(found.get('m1-between')).toMatchObject({ status: 'held' });
  expect(found.get('m1-between')!.evidence).toHaveLength(9);
  expect(found.get('p0-falls')!.evidence.map((e) => e.where)).toEqual(['convnet', 'resnet8 x0.5', 'vgg11_bn x0.25']);
  expect(found.get('evo-tiny-rate')!.status).toBe('not testable');
});
