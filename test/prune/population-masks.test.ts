import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/data/index.js';
import {
  forceMask,
  graspMask,
  iterativeSnipMask,
  planSparsity,
  prosprMask,
  snipMask,
  synflowMask,
} from '../../src/prune/index.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import {
  CASES,
  type Case,
  drawPopulation,
  drawValues,
  eachMember,
  type Method,
  partOfModel,
  saidOf,
} from './population-scoring.js';
import { disposeBatches, stateOf } from './scoring.js';

const t = testDevice();
const SPARSITIES = [0.5, 0.9, 0.97];

const METHODS = (batches: Batch[], { input, loss }: Case): Record<string, Method> => {
  const round = (pass: number) => [batches[pass % 4]];
  return {
    SNIP: (model, plan, values) => snipMask(model, plan, batches, { loss, values }),
    'SNIP in training mode': (model, plan) => snipMask(model, plan, batches, { loss, training: true }),
    GraSP: (model, plan, values) => graspMask(model, plan, batches.slice(0, 2), { loss, values }),
    'iterative SNIP': (model, plan) => iterativeSnipMask(model, plan, round, { loss, rounds: 4 }),
    FORCE: (model, plan, values) => forceMask(model, plan, round, { loss, rounds: 4, values }),
    SynFlow: (model, plan, values) => synflowMask(model, plan, input, { rounds: 5, values }),
    ProsPr: (model, plan, values) => prosprMask(model, plan, batches, { loss, values, momentum: 0.9 }),
    'ProsPr to first order': (model, plan) => prosprMask(model, plan, batches, { loss, firstOrder: true }),
  };
};

for (const [what, c] of Object.entries(CASES))
  describe(`masks of a population: ${what} (seed ${SEED})`, () => {
    for (const name of Object.keys(METHODS([], c)))
      it(`${name}: those of each model alone, by plans of their own`, async () => {
        const inputs = new Inputs(`${what} ${name}`);
        const population = drawPopulation(t.device, c.network(), inputs);
        const batches = c.batches(population, inputs);
        const method = METHODS(batches, c)[name];
        const values = drawValues(population, inputs);
        const plans = SPARSITIES.map((s) => planSparsity(population, s));
        const before = await stateOf(population);
        const pruned = await method(population, plans, values);
        expect(await stateOf(population)).toEqual(before);
        expect(pruned.kept).toEqual(plans.map((p) => p.kept));
        await eachMember(population, async (single, m) => {
          const own = partOfModel(population, values, m, single);
          const { mask, layers, kept, total, collapsed, rounds } = await method(single, plans[m], own);
          const part = partOfModel(population, pruned.mask, m, single);
          const [found, expected] = await Promise.all([part.data(), mask.data()]);
          // ProsPr may sum the gradients of many convolutions in another order: nearly equal scores change places then.
          const moved = found.filter((v, i) => v !== expected[i]).length;
          expect(moved).toBeLessThanOrEqual(name.startsWith('ProsPr') ? 2 : 0);
          if (moved === 0) expect(saidOf(pruned, m)).toEqual({ layers, kept, total, collapsed, rounds });
          for (const x of [own, mask, part]) x.dispose();
        });
        disposeBatches(batches);
        for (const x of [values, pruned.mask, population]) x.dispose();
      });
  });
