import { createHash } from 'node:crypto';
import type { JsonObject, RunRecord, RunSpec, RunStatus } from '../../../src/store/record.js';
import { denseParameters, maskTriples, type Widths } from '../../../src/studies/cubist-spiral/enumerate.js';
import { REFERENCE } from '../../../src/studies/cubist-spiral/report/reference-table.js';
import { trainedNetwork } from '../../../src/studies/cubist-spiral/trained.js';
import {
  type BudgetResult,
  type Initialisation,
  type MaskClass,
  PRUNERS,
  type Pruner,
  type ReferenceResult,
  type Target,
  type TrainedNetwork,
  type TripleResult,
} from '../../../src/studies/cubist-spiral/types.js';
import { HostRandom } from '../../../src/tensor/philox.js';

/** A number in [0, 1) that depends on the text alone. */
export const noise = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;

const COMMON = { study: 'cubist-spiral', revision: 1, epochs: 50, seed: 0 };
const SETTINGS = { rates: [0.05, 0.1], schedules: ['cosine', 'constant'] };
const about = {
  started: '2026-01-02T03:04:05.000Z',
  seconds: 12.5,
  worker: 'w0',
  adapter: 'llvmpipe (LLVM 19)',
  driver: 'Mesa 25',
};

/** A network of so many weights at any places, none of which means anything, and all biases. */
export function network(widths: Widths, keep: number, accuracy: number, name: string): TrainedNetwork {
  const sizes = [2, ...widths, 1];
  const { weights, biases } = denseParameters(widths);
  const random = new HostRandom(Math.floor(2 ** 31 * noise(name)), 0);
  const kept = new Set<number>();
  while (kept.size < keep) kept.add(random.integer(weights));
  const flat = new Float32Array(weights + biases);
  let [at, w] = [0, 0];
  sizes.slice(1).forEach((out, l) => {
    for (let i = 0; i < out * sizes[l]; i++, w++) flat[at + i] = kept.has(w) ? 4 * random.uniform() - 2 : 0;
    for (let o = 0; o < out; o++) flat[at + out * sizes[l] + o] = random.uniform() - 0.5;
    at += out * (sizes[l] + 1);
  });
  return trainedNetwork(widths, flat, { accuracy, loss: 0.1, rate: 0.1, schedule: 'cosine', seed: 7 });
}

/** Records of a study, put together piece by piece. */
export class HandMade {
  readonly records = new Map<string, RunRecord>();
  readonly plan: (RunSpec & { label: string })[] = [];

  add(config: JsonObject, result: JsonObject, status: RunStatus = 'finished'): this {
    const full = { ...COMMON, ...config };
    const id = this.planned(full);
    this.records.set(id, { id, config: full, status, result, about });
    return this;
  }

  /** In the plan only. */
  planned(config: JsonObject): string {
    const full = { ...COMMON, ...config };
    const id = createHash('sha256').update(JSON.stringify(full)).digest('hex').slice(0, 16);
    this.plan.push({ id, config: full, needs: [], label: `${config.kind} ${this.plan.length}` });
    return id;
  }

  reference(row: (typeof REFERENCE)[number], accuracies: readonly number[], epochs = 50): this {
    const { widths, rate, schedule } = row;
    const result: ReferenceResult = { runs: accuracies.length, diverged: 0, accuracies };
    return this.add({ kind: 'reference', widths, rate, schedule, seeds: accuracies.length, epochs }, result);
  }

  structured(triples: readonly (readonly [Widths, number])[], target: Target | null = null): this {
    const found = triples.map(([widths, accuracy]): TripleResult => {
      const { weights, biases } = denseParameters(widths);
      return { widths, weights, parameters: weights + biases, accuracy, rate: 0.1, schedule: 'cosine' };
    });
    const setting = { initialisation: target ? 'fixed' : 'random', target, fixedSeed: target ? 1 : null };
    const config = { kind: 'structured', ...setting, within: around(triples.map(([w]) => w)), below: null, most: 16 };
    return this.add({ ...config, ...SETTINGS }, { runs: 6 * found.length, diverged: 0, triples: found });
  }

  masks(options: {
    target: Target;
    initialisation?: Initialisation;
    widths: Widths | null;
    classes: readonly (readonly [weights: number, candidates: number, accuracy: number])[];
    part?: { index: number; count: number };
    truncation?: { onesBelow: number; secondLayer: number } | null;
  }): this {
    const { target, initialisation = 'random', widths, part = { index: 0, count: 1 }, truncation = null } = options;
    const classes = options.classes.map((c) => maskClass(widths!, target, c));
    const runs = classes.reduce((n, c) => n + c.runs, 0);
    return this.add(
      { ...masksConfig(target, initialisation, part), truncation },
      { widths, candidates: classes.reduce((n, c) => n + c.candidates, 0), runs, diverged: 1, classes },
    );
  }

  continuation(options: {
    target: Target;
    widths: Widths;
    slice: number;
    classes: readonly (readonly [number, number, number])[];
    waiting: number;
  }): this {
    const { target, widths, slice, waiting } = options;
    const classes = options.classes.map((c) => maskClass(widths, target, c));
    return this.add(
      {
        ...{ kind: 'continuation', target, initialisation: 'random', fixedSeed: null, widths, slice },
        ...{ seconds: 60, from: [], ...SETTINGS },
      },
      { runs: classes.reduce((n, c) => n + c.runs, 0), diverged: 0, classes, coverage: [], waiting },
    );
  }

  method(
    method: Pruner,
    width: number,
    budgets: readonly (readonly [budget: number, accuracy: number, dead?: number])[],
    target: Target | null = null,
  ): this {
    const results = budgets.map(([budget, accuracy, dead = 0.1]) =>
      budgetResult(width, budget, accuracy, dead, `${method} ${width} ${budget}`),
    );
    const config = { kind: 'method', method, width, initialisation: target ? 'fixed' : 'random', target };
    return this.add(
      { ...config, fixedSeed: null, budgets: budgets.map(([k]) => k), repeats: 1, ...SETTINGS },
      { runs: 9 * budgets.length, diverged: 0, budgets: results },
    );
  }
}

const around = (all: readonly Widths[]): Widths =>
  [0, 1, 2].map((l) => Math.max(...all.map((w) => w[l]))) as unknown as Widths;

export const masksConfig = (
  target: Target,
  initialisation: Initialisation,
  part: { index: number; count: number },
) => ({
  ...{ kind: 'masks', target, initialisation, fixedSeed: null, widths: 'winner', structured: [] },
  ...{ truncation: null, weights: null, repeats: 1, part, ...SETTINGS },
});

function maskClass(
  widths: Widths,
  target: Target,
  [weights, candidates, accuracy]: readonly [number, number, number],
): MaskClass {
  const best = network(widths, weights, accuracy, `mask ${weights}`);
  return { weights, candidates, runs: 6 * candidates, reached: accuracy >= target ? 2 : 0, best };
}

function budgetResult(width: number, budget: number, accuracy: number, dead: number, name: string): BudgetResult {
  const best = network([width, width, width], budget, accuracy, name);
  return {
    ...{ budget, runs: 9, weights: { least: budget - 1, most: budget }, meanAccuracy: accuracy - 0.1 },
    reached: { '0.95': accuracy >= 0.95 ? 1 : 0, '0.995': accuracy >= 0.995 ? 1 : 0 },
    ...{ deadFraction: dead, biasFedFraction: dead / 3, disconnected: dead / 2, best },
  };
}

/** Accuracies with the quantiles and shares of a row of the reference, as near as 200 networks can have them. */
export function asReference(row: (typeof REFERENCE)[number], n = 200): number[] {
  const known: [p: number, x: number][] = [
    [0, Math.min(0.5, row.median)],
    [row.dead, Math.min(0.55, row.max)],
    [0.5, row.median],
    [0.9, row.p90],
    [1 - row.good, Math.min(0.9499, row.max)],
    [1 - row.perfect, Math.min(0.9949, row.max)],
    [1, row.max],
  ];
  known.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return Array.from({ length: n }, (_, i) => {
    const p = (i + 0.5) / n;
    if (p >= 1 - row.perfect) return Math.max(0.995, row.max);
    if (p >= 1 - row.good) return Math.max(0.95, Math.min(row.max, 0.96));
    const k = known.findIndex(([q]) => q >= p);
    const [[p0, x0], [p1, x1]] = [known[Math.max(0, k - 1)], known[Math.max(0, k)]];
    const x = p1 === p0 ? x1 : x0 + ((p - p0) / (p1 - p0)) * (x1 - x0);
    return Math.min(x, p < row.dead ? 0.55 : 0.9499);
  }).sort((a, b) => a - b);
}

/** How accuracy climbs with the budget: methods that prune while training are ahead of the others. */
const SLOPE: Readonly<Record<Pruner, number>> = {
  gmp: 26,
  lth: 24,
  rigl: 30,
  'iterative-snip': 37,
  force: 37,
  prospr: 40,
  snip: 44,
  synflow: 50,
  grasp: 57,
};

/** A whole study: both searches at 95 %, a part of that at 99.5 %, all methods at some widths, and given first weights. */
export function wholeStudy(widths: readonly number[] = [3, 8, 16, 64]): HandMade {
  const made = new HandMade();
  for (const row of REFERENCE) made.reference(row, asReference(row));
  const triples = [1, 2, 3, 4, 6, 8].flatMap((a) =>
    [1, 2, 3].flatMap((b) =>
      [2, 3].map((c): [Widths, number] => {
        const { weights } = denseParameters([a, b, c]);
        const accuracy = a >= 6 && b >= 3 ? 0.997 : a >= 3 && b >= 3 && c >= 3 ? 0.961 : 0.5 + weights / 90;
        return [[a, b, c], Math.min(accuracy, 0.999)];
      }),
    ),
  );
  made.structured(triples);
  made.structured(
    [
      [[3, 2, 2], 0.965],
      [[2, 2, 2], 0.81],
    ] as [Widths, number][],
    0.95,
  );
  const counts = countsOf([3, 3, 3]);
  made.masks({
    target: 0.95,
    widths: [3, 3, 3],
    classes: counts.map(([n, count]) => [n, count, n >= 21 ? 0.9641 : 0.79 + n / 1000]),
  });
  made.masks({
    target: 0.95,
    initialisation: 'fixed',
    widths: [3, 2, 2],
    classes: countsOf([3, 2, 2]).map(([n, count]) => [n, count, n >= 17 ? 0.965 : 0.6 + n / 75]),
  });
  made.masks({
    target: 0.995,
    widths: [6, 3, 2],
    part: { index: 0, count: 3 },
    truncation: { onesBelow: 31, secondLayer: 6 },
    classes: [28, 29, 30].map((n) => [n, 40 * n, n >= 30 ? 0.9967 : 0.96]),
  });
  for (const index of [1, 2]) made.planned(masksConfig(0.995, 'random', { index, count: 3 }));
  made.continuation({ target: 0.995, widths: [6, 3, 2], slice: 0, classes: [[27, 60, 0.9955]], waiting: 812 });
  const budgets = [15, 17, 19, 21, 23, 26, 33, 40, 50, 60];
  for (const method of PRUNERS)
    for (const width of widths) {
      const needs = SLOPE[method] * (1 + 0.06 * Math.log2(width / 3)) * (1 + 0.1 * noise(`${method} ${width}`));
      const kept = budgets.filter((k) => k < denseParameters([width, width, width]).weights);
      const half = Math.ceil(kept.length / 2);
      const results = kept.map((k): [number, number, number] => [
        k,
        k >= 1.4 * needs ? 0.9985 : k >= needs ? 0.962 : Math.min(0.93, 0.5 + (0.42 * k) / needs),
        Math.max(0, 0.7 - k / 60) * (method === 'gmp' ? 0.3 : 1),
      ]);
      made.method(method, width, results.slice(0, half)).method(method, width, results.slice(half));
      if (width === 3 || width === 16)
        made.method(
          method,
          width,
          results.map(([k, , dead]) => [k, k >= 0.85 * needs ? 0.964 : 0.8, dead]),
          0.95,
        );
    }
  return made;
}

const countsOf = (widths: Widths): [number, number][] => {
  const counts = new Map<number, number>();
  for (const { weights } of maskTriples(widths)) counts.set(weights, (counts.get(weights) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b);
};
