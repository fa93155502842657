import { describe, expect, it } from 'vitest';
import { bceWithLogits, matmul, mul, square, sub, sum, type Tensor, tensor } from '../../src/index.js';
import { type Module, mlp } from '../../src/nn/index.js';
import { Population } from '../../src/population/index.js';
import {
  graspMask,
  graspScores,
  iterativeSnipMask,
  type KeptSchedule,
  planSparsity,
  snipMask,
  snipScores,
  synflowMask,
  synflowScores,
} from '../../src/prune/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { countOf } from './networks.js';
import { drawPopulation, drawValues, keeping, SPIRAL } from './population-scoring.js';
import { chainNet, disposeBatches, linearNet, valuesOf, Weights } from './scoring.js';

const t = testDevice();

/** A population whose models have given values, [model][parameter]. */
function populationOf(network: Module, models: readonly (readonly number[])[][]): Population {
  const population = new Population(t.device, network, models.length);
  population.parameters.names.forEach((name, i) => void population.get(name).write(models.flatMap((m) => m[i])));
  return population;
}

/** Values of a flat tensor, [model][parameter]. */
async function byModel(population: Population, flat: Tensor): Promise<number[][][]> {
  const values = await valuesOf(population, flat);
  const { models } = population;
  return Array.from({ length: models }, (_, m) =>
    values.map((v) => v.slice((m * v.length) / models, ((m + 1) * v.length) / models)),
  );
}

/** The published network, the same with its first layer eightfold, and with its hidden units exchanged. */
const threeByTwo = () =>
  populationOf(linearNet([2, 2, 1], 'relu'), [
    [
      [1, -2, 3, 4],
      [-1, 2],
    ],
    [
      [8, -16, 24, 32],
      [-1, 2],
    ],
    [
      [3, 4, 1, -2],
      [2, -1],
    ],
  ]);

const KEPT = [
  [
    [0, 0, 1, 1],
    [0, 1],
  ],
  [
    [0, 0, 1, 1],
    [0, 1],
  ],
  [
    [1, 1, 0, 0],
    [1, 0],
  ],
];

describe('the published toys, in every model of a population', () => {
  it.each([true, false])('A: scores of synaptic flow, with rescaling %s', async (rescale) => {
    const population = threeByTwo();
    const scores = synflowScores(population, [2], { rescale });
    const found = await byModel(population, scores);
    // Those of each model divided by one power of two, exactly.
    const first = [3, 24, 14];
    const whole = found.map((layers, m) => {
      const by = first[m] / layers[1][0];
      expect(Math.log2(by)).toBe(rescale ? Math.round(Math.log2(by)) : 0);
      return layers.map((layer) => layer.map((v) => v * by));
    });
    expect(whole).toEqual([
      [
        [1, 2, 6, 8],
        [3, 14],
      ],
      [
        [8, 16, 48, 64],
        [24, 112],
      ],
      [
        [6, 8, 1, 2],
        [14, 3],
      ],
    ]);
    for (const x of [scores, population]) x.dispose();
  });

  it.each([1, 3])('A: three of six weights in %i rounds', async (rounds) => {
    const population = threeByTwo();
    const pruned = await synflowMask(population, keeping(population, 3), [2], { rounds });
    const flow = rounds === 1 ? [17] : [17, 16, 14];
    expectClose(
      pruned.logR.flat().map(Math.exp),
      flow.flatMap((r) => [r, 8 * r, r]),
      { rtol: 1e-5 },
    );
    expect(pruned.collapsed).toEqual([[], [], []]);
    expect(await byModel(population, pruned.mask)).toEqual(KEPT);
    for (const x of [pruned.mask, population]) x.dispose();
  });

  it.each([
    [1, 1],
    [2, 0.671],
    [3, 0.591],
    [5, 0.327],
    [100, 0.247],
  ])('B: four of twenty in %i rounds beside two and all: the greatest prune ratio is %f', async (rounds, ratio) => {
    const first = Array.from({ length: 16 }, (_, i) => 1 + 0.01 * i);
    const toy = [first, [1, 1.001, 1.002, 1.003]];
    const population = populationOf(linearNet([4, 4, 1], 'relu'), [toy, toy, toy]);
    const schedule: KeptSchedule = (n, kept, at) => Math.ceil(n * (kept / n) ** at);
    const plans = [2, 4, 20].map((kept) => keeping(population, kept));
    const pruned = await synflowMask(population, plans, [4], { rounds, schedule });
    expectClose(pruned.logR[0].map(Math.exp), [17.2266, 17.2266, 17.2266], { rtol: 1e-5 });
    const ratios = [1, 2].map((m) => Math.max(...pruned.pruneRatios.map((r) => r[m])));
    expect(ratios[0]).toBeCloseTo(ratio, 3);
    expect(ratios[1]).toBe(0);
    const once = rounds === 1;
    expect(pruned.layers[0].kept.slice(1)).toEqual(once ? [0, 16] : [3, 16]);
    expect(pruned.layers[1].kept.slice(1)).toEqual(once ? [4, 4] : [1, 4]);
    expect(pruned.collapsed.slice(1)).toEqual([once ? ['0.weight'] : [], []]);
    expect(pruned.collapsed[0]).toEqual(rounds < 5 ? expect.any(Array) : []);
    for (const x of [pruned.mask, population]) x.dispose();
  });

  it('C: SNIP of a linear network, and of one with its units exchanged', async () => {
    const population = populationOf(linearNet([2, 2, 1]), [
      [
        [1, -2, 3, 4],
        [-1, 2],
      ],
      [
        [3, 4, 1, -2],
        [2, -1],
      ],
    ]);
    const batch = { inputs: tensor(t.device, [[1, 2]]), targets: tensor(t.device, [[1]]) };
    const loss = (y: Tensor, target: Tensor) => mul(sum(square(sub(y, target)), [1, 2]), 0.5);
    const scores = await snipScores(population, [batch], { loss });
    expect(await byModel(population, scores)).toEqual([
      [
        [24, 96, 144, 384],
        [72, 528],
      ],
      [
        [144, 384, 24, 96],
        [528, 72],
      ],
    ]);
    const pruned = await snipMask(
      population,
      [3, 1].map((kept) => keeping(population, kept)),
      [batch],
      { loss },
    );
    expect(pruned.rounds).toEqual([{ kept: [3, 1], collapsed: [[], ['0.weight']] }]);
    expect(await byModel(population, pruned.mask)).toEqual([
      [
        [0, 0, 1, 1],
        [0, 1],
      ],
      [
        [0, 0, 0, 0],
        [1, 0],
      ],
    ]);
    disposeBatches([batch]);
    for (const x of [scores, pruned.mask, population]) x.dispose();
  });

  it('D: GraSP of half [[2, 1], [1, 3]] at (1, -1), and at (1, 1)', async () => {
    const population = populationOf(new Weights([2, 1]), [[[1, -1]], [[1, 1]]]);
    const a = [
      [2, 1],
      [1, 3],
    ];
    const batch = { inputs: tensor(t.device, [0]), targets: tensor(t.device, a) };
    const loss = (w: Tensor, matrix: Tensor) => mul(sum(mul(matmul(matrix, w), w), [1, 2]), 0.5);
    const options = { loss, temperature: 1 };
    const scores = await graspScores(population, [batch], options);
    // At (1, 1) g = (3, 4) and H g = (10, 15).
    expect(await byModel(population, scores)).toEqual([[[0, 5]], [[10, 15]]]);
    const pruned = await graspMask(population, planSparsity(population, 0.5), [batch], options);
    expect(await byModel(population, pruned.mask)).toEqual([[[0, 1]], [[0, 1]]]);
    disposeBatches([batch]);
    for (const x of [scores, pruned.mask, population]) x.dispose();
  });
});

describe(`synaptic flow of a population (seed ${SEED})`, () => {
  it('is conserved: every layer of a model has the same total', async () => {
    const inputs = new Inputs('population conserved');
    const population = drawPopulation(t.device, mlp([2, 16, 16, 16, 1]), inputs);
    const values = drawValues(population, inputs);
    for (const name of population.parameters.names.filter((n) => n.endsWith('bias'))) {
      const part = population.parameters.part(values, name);
      part.write(new Float32Array(part.size));
      part.dispose();
    }
    const scores = synflowScores(population, [2], { values });
    for (const layers of await byModel(population, scores)) {
      const sums = layers.map(countOf).filter((s) => s > 0);
      expect(sums).toHaveLength(4);
      for (const s of sums) expectClose([s], [sums[0]], { rtol: 1e-5 });
    }
    for (const x of [values, scores, population]) x.dispose();
  });

  it('has a divisor for each model: one may exceed f32 beside others, and another have no flow at all', async () => {
    const population = new Population(t.device, chainNet(12), 3);
    // An ordinary flow, one that f32 has no room for (nor for both, divided by one number), and none.
    const scale = [1, 1e4, 0];
    for (const { name, shape } of population.specs.filter((s) => s.name.endsWith('bn.weight')))
      population.get(name).write(scale.flatMap((s) => new Array<number>(shape[0]).fill(s)));
    const plan = planSparsity(population, 0.9);
    await expect(synflowMask(population, plan, [8, 8, 3], { rounds: 1, rescale: false })).rejects.toThrow(
      'NaN in models 1',
    );
    const pruned = await synflowMask(population, plan, [8, 8, 3], { rounds: 2 });
    expect(pruned.logR[0][0]).toBeLessThan(Math.log(3.4e38));
    expect(pruned.logR[0][1]).toBeGreaterThan(Math.log(3.4e38));
    expect(pruned.logR[0][2]).toBe(Number.NEGATIVE_INFINITY);
    const scores = synflowScores(population, [8, 8, 3]);
    const [small, great, none] = (await byModel(population, scores)).map((l) => l.map(countOf).filter((s) => s > 0));
    for (const sums of [small, great]) {
      expect(sums).toHaveLength(13);
      for (const s of sums) expectClose([s], [sums[0]], { rtol: 1e-4 });
    }
    expect(none).toEqual([]);
    for (const x of [pruned.mask, scores, population]) x.dispose();
  });
});

describe(`rounds of the Cubist Spiral study (seed ${SEED})`, () => {
  /** Rounded down, but for a product that is whole up to the last bit. */
  const down =
    (of: KeptSchedule): KeptSchedule =>
    (...args) =>
      Math.floor(of(...args) + 1e-9);

  it('of iterative SNIP and SynFlow keep the published numbers, of each model for its own budget', async () => {
    const inputs = new Inputs('spiral rounds');
    const population = drawPopulation(t.device, SPIRAL.network(), inputs);
    const batches = SPIRAL.batches(population, inputs);
    const budgets = [20, 60, 15];
    const plans = budgets.map((kept) => keeping(population, kept));
    const snip = await iterativeSnipMask(population, plans, batches, {
      loss: bceWithLogits,
      rounds: 10,
      schedule: down((n, kept, at) => n * Math.exp(Math.log(kept / n) * at)),
    });
    expect(snip.rounds.map((r) => r.kept[0])).toEqual([401, 287, 206, 147, 105, 75, 54, 38, 27, 20]);
    expect(snip.kept).toEqual(budgets);
    const flow = await synflowMask(population, plans, [2], {
      rounds: 100,
      schedule: down((n, kept, at) => kept ** at * n ** (1 - at)),
    });
    for (const [m, k] of budgets.entries()) {
      const expected = Array.from({ length: 100 }, (_, i) => {
        const at = (i + 1) / 100;
        return Math.floor(k ** at * 560 ** (1 - at) + 1e-9);
      });
      expect(flow.rounds.map((r) => r.kept[m])).toEqual(expected);
    }
    expect(flow.kept).toEqual(budgets);
    expect(flow.collapsed).toEqual([[], [], []]);
    for (const { mask } of [snip, flow]) mask.dispose();
    disposeBatches(batches);
    population.dispose();
  });
});
