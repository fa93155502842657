import { describe, expect, it } from 'vitest';
import { Model, Parameters } from '../../src/nn/index.js';
import {
  cubicKept,
  exponentialKept,
  forceMask,
  iterativeSnipMask,
  type KeptSchedule,
  linearKept,
  planDensities,
  planRounds,
  planSparsity,
  snipMask,
} from '../../src/prune/index.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { convNet, disposeBatches, imageBatches, mlpNet, stateOf, takeMasks } from './scoring.js';

const t = testDevice();

/** A plan that keeps 20 of 560 weights. */
const spiralPlan = () => {
  const parameters = new Parameters(t.device, [{ name: 'w', shape: [56, 10] }]);
  const plan = planSparsity(parameters, 1 - 20 / 560);
  parameters.dispose();
  return plan;
};
const counts = (rounds: number, schedule: KeptSchedule) =>
  planRounds('test', spiralPlan(), rounds, schedule).map((p) => p.kept);
const down =
  (of: (total: number, kept: number, progress: number) => number): KeptSchedule =>
  (...args) =>
    Math.floor(of(...args));

describe('schedules of rounds', () => {
  it('are those of the Cubist Spiral study where counts are cut off', () => {
    const exponential = down((n, k, at) => Math.exp(Math.log(k / n) * at) * n);
    expect(counts(10, exponential)).toEqual([401, 287, 206, 147, 105, 75, 54, 38, 27, 20]);
    expect(counts(4, exponential)).toEqual([243, 105, 46, 20]);
    const cubic = counts(
      199,
      down((n, k, at) => k + (n - k) * (1 - at) ** 3),
    );
    expect([1, 50, 100, 150, 199].map((i) => cubic[i - 1])).toEqual([551, 246, 86, 28, 20]);
  });

  it('round by default, and end at the plan', () => {
    expect(counts(4, exponentialKept)).toEqual([243, 106, 46, 20]);
    expect(counts(4, linearKept)).toEqual([425, 290, 155, 20]);
    expect(counts(2, cubicKept)).toEqual([88, 20]);
    expect(counts(1, exponentialKept)).toEqual([20]);
  });

  it('go layer by layer where the plan does', () => {
    const parameters = new Parameters(t.device, [
      { name: 'a', shape: [10, 10] },
      { name: 'b', shape: [20, 20] },
    ]);
    const plans = planRounds('test', planDensities(parameters, { a: 0.25, b: 0.01 }), 2);
    expect(plans.map((p) => p.layers.map((l) => l.kept))).toEqual([
      [50, 40],
      [25, 4],
    ]);
    parameters.dispose();
  });

  it('must be whole numbers that do not rise', () => {
    expect(() => counts(0, linearKept)).toThrow('test: expected a whole number of rounds >= 1, got 0');
    expect(() => counts(3, (n) => n + 1)).toThrow(
      'test: expected a schedule of whole numbers from 560 down to 20, got 561 after 560',
    );
    expect(() => counts(3, (n, _, at) => n * at + 0.5)).toThrow('whole numbers');
  });
});

describe(`iterative SNIP and FORCE (seed ${SEED})`, () => {
  for (const [name, network] of [
    ['residual network', convNet],
    ['MLP', mlpNet],
  ] as const)
    it(`are SNIP in one round, keep exact numbers in many, and leave the model as it was: ${name}`, async () => {
      const inputs = new Inputs(`iterative ${name}`);
      const model = new Model(t.device, network(), { seed: 3 });
      const batches = imageBatches(t.device, inputs, 2);
      const before = await stateOf(model);
      const plan = planSparsity(model.parameters, 0.95);
      const masks = (sparsity: number, rounds: number) => {
        const at = planSparsity(model.parameters, sparsity);
        return Promise.all([
          iterativeSnipMask(model, at, batches, { rounds, training: true }).then((p) => takeMasks(model, p)),
          forceMask(model, at, batches, { rounds, training: true }).then((p) => takeMasks(model, p)),
        ]);
      };
      const one = await takeMasks(model, await snipMask(model, plan, batches, { training: true }));
      expect(await masks(0.95, 1)).toEqual([one, one]);
      const passes: number[] = [];
      const pruned = await iterativeSnipMask(
        model,
        plan,
        (pass) => {
          passes.push(pass);
          return [batches[pass % 2]];
        },
        { rounds: 5 },
      );
      expect(passes).toEqual([0, 1, 2, 3, 4]);
      const kept = planRounds('test', plan, 5).map((p) => p.kept);
      expect(pruned.rounds.map((r) => r.kept)).toEqual(kept);
      expect((await takeMasks(model, pruned)).flat().filter((m) => m === 0).length).toBe(plan.total - plan.kept);
      expect(await stateOf(model)).toEqual(before);
      disposeBatches(batches);
      model.dispose();
    });

  it('differ in that weights return in FORCE, and in nothing else: masks of iterative SNIP are nested', async () => {
    const inputs = new Inputs('force');
    const model = new Model(t.device, mlpNet(), { seed: 3 });
    const batches = imageBatches(t.device, inputs, 1);
    // Rounds of a plan of their own end with the masks of the first rounds of a longer one.
    const history = async (method: typeof forceMask) => {
      const plans = planRounds('test', planSparsity(model.parameters, 0.98), 6);
      const masks: number[][] = [];
      for (let round = 1; round <= 6; round++) {
        const schedule: KeptSchedule = (_, __, at) => plans[Math.round(at * round) - 1].kept;
        const plan = planSparsity(model.parameters, 1 - plans[round - 1].kept / plans[0].total);
        masks.push((await takeMasks(model, await method(model, plan, batches, { rounds: round, schedule }))).flat());
      }
      return masks;
    };
    const returned = (masks: number[][]) =>
      masks.slice(1).reduce((n, mask, i) => n + mask.filter((m, k) => m > masks[i][k]).length, 0);
    expect(returned(await history(iterativeSnipMask))).toBe(0);
    expect(returned(await history(forceMask))).toBeGreaterThan(0);
    disposeBatches(batches);
    model.dispose();
  });
});
