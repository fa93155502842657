import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/data/index.js';
import { bceWithLogits, mean, type Tensor } from '../../src/index.js';
import { mlp } from '../../src/nn/index.js';
import { Population } from '../../src/population/index.js';
import {
  forceMask,
  graspMask,
  graspScores,
  iterativeSnipMask,
  type Models,
  planSparsity,
  prosprMask,
  prosprScores,
  snipMask,
  snipScores,
  synflowMask,
  synflowScores,
} from '../../src/prune/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import {
  CASES,
  drawPopulation,
  drawValues,
  eachMember,
  keeping,
  partOfModel,
  SEEDS,
  SPIRAL,
} from './population-scoring.js';
import { disposeBatches, stateOf } from './scoring.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

type Scores = (model: Models, values: Tensor) => Tensor | Promise<Tensor>;

for (const [form, of] of [
  ['software', t],
  ['GPU', discrete],
] as const)
  describe(`scores of a population, ${form} forms (seed ${SEED})`, () => {
    for (const [what, c] of Object.entries(CASES))
      it(`are those of each model alone: ${what}`, async () => {
        const inputs = new Inputs(`scores ${what}`);
        const population = drawPopulation(of.device, c.network(), inputs);
        const batches = c.batches(population, inputs);
        const values = drawValues(population, inputs);
        const { loss } = c;
        const scores: Record<string, Scores> = {
          SNIP: (model, v) => snipScores(model, batches, { loss, values: v }),
          GraSP: (model, v) => graspScores(model, batches, { loss, values: v, temperature: 2 }),
          SynFlow: (model, v) => synflowScores(model, c.input, { values: v }),
          ProsPr: (model, v) => prosprScores(model, batches, { loss, values: v, steps: 2, training: false }),
        };
        for (const [name, score] of Object.entries(scores)) {
          const all = await score(population, values);
          await eachMember(population, async (single, m) => {
            const own = partOfModel(population, values, m, single);
            const alone = await score(single, own);
            const part = partOfModel(population, all, m, single);
            expectClose(await part.data(), await alone.data(), { rtol: 1e-4, what: `${name} of model ${m}` });
            for (const x of [own, alone, part]) x.dispose();
          });
          all.dispose();
        }
        disposeBatches(batches);
        for (const x of [values, population]) x.dispose();
      });
  });

describe(`a population (seed ${SEED})`, () => {
  it('looks ahead at a learning rate for each model', async () => {
    const inputs = new Inputs('rates');
    const population = drawPopulation(t.device, SPIRAL.network(), inputs);
    const batches = SPIRAL.batches(population, inputs);
    const lr = [0.05, 0.1, 0.4];
    const scores = prosprScores(population, batches, { loss: bceWithLogits, lr, momentum: 0.9 });
    const wrong = prosprScores(population, batches, { loss: bceWithLogits, lr: 0.1, momentum: 0.9 });
    const differ: boolean[] = [];
    await eachMember(population, async (single, m) => {
      const alone = prosprScores(single, batches, { loss: bceWithLogits, lr: lr[m], momentum: 0.9 });
      const [own, other] = [scores, wrong].map((s) => partOfModel(population, s, m, single));
      const values = await alone.data();
      expectClose(await own.data(), values, { rtol: 1e-4 });
      differ.push((await other.data()).some((v, i) => Math.abs(v - values[i]) > 0.01 * Math.abs(values[i])));
      for (const x of [alone, own, other]) x.dispose();
    });
    expect(differ).toEqual([true, false, true]);
    disposeBatches(batches);
    for (const x of [scores, wrong, population]) x.dispose();
  });

  it('is SNIP where the others have one round or no step, by one plan for all or layer by layer', async () => {
    const inputs = new Inputs('one round');
    const population = drawPopulation(t.device, SPIRAL.network(), inputs);
    const batches = SPIRAL.batches(population, inputs);
    const options = { loss: bceWithLogits, training: true };
    for (const plan of [keeping(population, 40), planSparsity(population, 0.8, { scope: 'layer' })]) {
      const masks = [
        await snipMask(population, plan, batches, options),
        await iterativeSnipMask(population, plan, batches, { ...options, rounds: 1 }),
        await forceMask(population, plan, batches, { ...options, rounds: 1 }),
        await prosprMask(population, plan, batches, { ...options, steps: 0 }),
      ];
      const [snip, ...others] = await Promise.all(masks.map((m) => m.mask.data()));
      for (const other of others) expect(other).toEqual(snip);
      expect(masks[0].kept).toEqual(SEEDS.map(() => plan.kept));
      for (const { mask } of masks) mask.dispose();
    }
    disposeBatches(batches);
    population.dispose();
  });

  it('takes only the weights asked for', async () => {
    const inputs = new Inputs('weights');
    const population = drawPopulation(t.device, SPIRAL.network(), inputs);
    const batches = SPIRAL.batches(population, inputs);
    const scores = await snipScores(population, batches, { loss: bceWithLogits, weights: ['1.*'] });
    const sums = await Promise.all(
      population.parameters.names.map(async (name) => {
        const part = population.parameters.part(scores, name);
        const values = await part.data();
        part.dispose();
        return values.some((v) => v > 0) ? [name] : [];
      }),
    );
    expect(sums.flat()).toEqual(['1.weight']);
    disposeBatches(batches);
    for (const x of [scores, population]) x.dispose();
  });
});

describe('bad input for a population', () => {
  const refusing = async (run: (population: Population, batches: Batch[]) => Promise<void>) => {
    const inputs = new Inputs('bad input');
    const population = drawPopulation(t.device, SPIRAL.network(), inputs);
    const batches = SPIRAL.batches(population, inputs);
    const before = await stateOf(population);
    await run(population, batches);
    expect(await stateOf(population)).toEqual(before);
    disposeBatches(batches);
    population.dispose();
  };

  it('is refused: too few plans, of other weights, of all models together, of different scopes', () =>
    refusing(async (population, batches) => {
      const plan = planSparsity(population, 0.5);
      const other = new Population(t.device, mlp([2, 8, 1]), 1);
      for (const [plans, message] of [
        [[plan, plan], 'expected 3 plans, got 2'],
        [planSparsity(other, 0.5), "expected plans of one model's weights: 32 of 0.weight, got 16"],
        [planSparsity(population.parameters, 0.5), "expected plans of one model's weights: 32 of 0.weight, got 96"],
        [[plan, plan, planSparsity(population, 0.5, { scope: 'layer' })], 'plans of the same scope and weights'],
      ] as const) {
        for (const mask of [snipMask, graspMask, iterativeSnipMask, forceMask, prosprMask])
          await expect(mask(population, plans, batches)).rejects.toThrow(message);
        await expect(synflowMask(population, plans, [2])).rejects.toThrow(message);
      }
      other.dispose();
    }));

  it('is refused: rates, values and losses that are not of the models', () =>
    refusing(async (population, batches) => {
      const plan = planSparsity(population, 0.5);
      const loss = bceWithLogits;
      const lr = [0.1, 0.1];
      await expect(prosprMask(population, plan, batches, { loss, lr })).rejects.toThrow('3 learning rates, got 2');
      await expect(prosprMask(population, plan, batches, { loss, lr: [0, 0, -1] })).rejects.toThrow('lr >= 0, got -1');
      const single = population.member(0);
      const values = single.parameters.flat;
      await expect(snipMask(population, plan, batches, { loss, values })).rejects.toThrow('expected a flat tensor');
      await expect(synflowMask(population, plan, [2], { values })).rejects.toThrow('expected a flat tensor');
      single.dispose();
      const ofAll = (y: Tensor) => mean(y, 2);
      await expect(snipMask(population, plan, batches, { loss: ofAll })).rejects.toThrow(
        'snipMask: expected a loss a model, [3], got [3, 16]',
      );
      await expect(snipMask(population, plan, [], { loss })).rejects.toThrow('at least one batch');
    }));

  it('names the models whose scores are NaN', () =>
    refusing(async (population, batches) => {
      const plan = planSparsity(population, 0.5);
      const values = population.parameters.like(1);
      const part = population.parameters.part(values, '2.weight');
      part.write(Float32Array.from({ length: part.size }, (_, i) => (i === 16 * 16 + 3 ? Number.NaN : 0.5)));
      part.dispose();
      const options = { loss: bceWithLogits, values };
      for (const mask of [snipMask, graspMask, iterativeSnipMask, forceMask, prosprMask])
        await expect(mask(population, plan, batches, options)).rejects.toThrow(
          'scores without NaN, got NaN in models 1',
        );
      await expect(synflowMask(population, plan, [2], { values })).rejects.toThrow(
        'synflowMask: expected scores without NaN, got NaN in models 1',
      );
      values.dispose();
    }));
});
