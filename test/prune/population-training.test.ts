import { describe, expect, it } from 'vitest';
import { BatchLoader } from '../../src/data/index.js';
import { type Device, keep, scope, type Tensor, tensor } from '../../src/index.js';
import type { Model } from '../../src/nn/index.js';
import { sgd } from '../../src/optim/index.js';
import { Population, populationSgd, readModels, trainPopulation, writeModels } from '../../src/population/index.js';
import {
  gmp,
  type MaskDriver,
  maskPopulation,
  type PopulationMask,
  type PruneResult,
  planErk,
  planLike,
  planSparsity,
  rigl,
  set,
} from '../../src/prune/index.js';
import { populationTickets } from '../../src/prune/population-lottery.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { CLASSES, convNet } from './scoring.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const SEEDS = [3, 8, 5];
const SPARSITIES = [0.5, 0.8, 0.93];
const BATCH = 5;

/** A population of small residual networks with random images, and what single models of it have. */
function setting(device: Device, name: string) {
  const inputs = new Inputs(name);
  const images = tensor(device, inputs.normal(30 * 192), { shape: [30, 8, 8, 3] });
  const targets = tensor(device, inputs.integers(30, CLASSES));
  const population = new Population(device, convNet(), SEEDS.length, { seeds: SEEDS });
  const plans = SPARSITIES.map((sparsity) => planSparsity(population, sparsity));
  const loader = () => new BatchLoader(images, targets, BATCH, { seed: 9 });
  const dispose = () => {
    for (const t of [images, targets, population]) t.dispose();
  };
  return { inputs, population, plans, loader, dispose };
}

/** Of each model, a part of values [models, count]. */
const rowOf = <T extends Float32Array>(values: T, m: number) => [
  ...values.subarray((m * values.length) / SEEDS.length, ((m + 1) * values.length) / SEEDS.length),
];

/** A single model's flat values without what lies between parameters. */
async function dense({ parameters }: Model, flat: Tensor): Promise<number[]> {
  const all = await flat.data();
  return parameters.specs.flatMap(({ name }) => {
    const at = parameters.offset(name);
    return Array.from(all.slice(at, at + parameters.get(name).size));
  });
}

const members = (population: Population) => SEEDS.map((_, m) => population.member(m));

for (const [name, device] of [
  ['software', software],
  ['GPU forms', discrete],
] as const)
  describe(`mask drivers of a population, model by model as single ones (${name}, seed ${SEED})`, () => {
    it('gradual magnitude pruning', async () => {
      const { inputs, population, plans, dispose } = setting(device.device, `gmp ${name}`);
      const singles = members(population);
      const options = { every: 3, end: 9 };
      const driver = gmp(population, plans, options);
      const alone = singles.map((model, m) =>
        gmp(model.parameters, planSparsity(model.parameters, SPARSITIES[m]), options),
      );
      for (const step of [0, 3, 6, 9, 12]) {
        const moves = inputs.normal(SEEDS.length * population.count);
        const moved = (await readModels(population)).map((w, i) => (w === 0 ? 0 : w + 0.1 * moves[i]));
        writeModels(population, moved);
        for (const [m, model] of singles.entries()) {
          const own = rowOf(moved, m);
          let at = 0;
          for (const p of model.parameters.list()) p.write(own.slice(at, (at += p.size)));
        }
        await driver.run(step);
        const [masks, values] = [await readModels(population, driver.mask), await readModels(population)];
        for (const [m, single] of alone.entries()) {
          await single.run(step);
          expect(rowOf(masks, m), `masks at ${step}`).toEqual(await dense(singles[m], single.mask));
          expect(rowOf(values, m)).toEqual(await dense(singles[m], singles[m].parameters.flat));
          expect(driver.layers.map((l) => ({ ...l, kept: l.kept[m] }))).toEqual(single.layers);
          expect(driver.collapsed[m]).toEqual(single.collapsed);
        }
      }
      const kept = SEEDS.map((_, m) => driver.layers.reduce((n, l) => n + l.kept[m], 0));
      expect(kept).toEqual(plans.map((plan) => plan.kept));
      for (const thing of [driver, ...alone, ...singles]) thing.dispose();
      dispose();
    });

    it('RigL, with momenta', async () => {
      const { inputs, population, loader, dispose } = setting(device.device, `rigl ${name}`);
      const singles = members(population);
      const start = await randomStart(inputs, population);
      const optimiser = populationSgd(population, { lr: 0.05, momentum: 0.9 });
      const batches = loader();
      batches.shuffle();
      const batch = scope(() => batches.next());
      for (const t of [batch.inputs, batch.targets]) keep(t);
      const options = { every: 2, until: 9, batch: () => batch, training: false };
      const driver = rigl(population, optimiser, start, options);
      const held: { dispose(): void }[] = [];
      const alone = await Promise.all(
        singles.map(async (model, m) => {
          const own = sgd(model.parameters, { lr: 0.05, momentum: 0.9 });
          const mask = model.parameters.like();
          population.takeFlat(start.mask, m, model.parameters, mask);
          const layers = start.layers.map((l) => ({ ...l, kept: l.kept[m] }));
          const begun: PruneResult = { mask, layers, kept: start.kept[m], total: start.total };
          held.push(own, mask);
          return { own, driver: rigl(model, own, begun, options) };
        }),
      );
      let changed = 0;
      for (const step of [2, 4, 6, 10]) {
        const slots = inputs.normal(SEEDS.length * population.count);
        const mask = await readModels(population, driver.mask);
        const within = (values: Float32Array) => values.map((v, i) => (mask[i] ? v : 0));
        writeModels(population, within(await readModels(population)));
        writeModels(population, within(slots), optimiser.slots[0]);
        for (const [m, model] of singles.entries()) {
          population.takeFlat(population.parameters.flat, m, model.parameters, model.parameters.flat);
          population.takeFlat(optimiser.slots[0], m, model.parameters, alone[m].own.slots[0]);
        }
        await driver.run(step);
        const after = await readModels(population, driver.mask);
        const momenta = await readModels(population, optimiser.slots[0]);
        const values = await readModels(population);
        for (const [m, single] of alone.entries()) {
          await single.driver.run(step);
          expect(rowOf(after, m), `masks at ${step}`).toEqual(await dense(singles[m], single.driver.mask));
          expect(rowOf(momenta, m)).toEqual(await dense(singles[m], single.own.slots[0]));
          expect(rowOf(values, m)).toEqual(await dense(singles[m], singles[m].parameters.flat));
        }
        changed += after.filter((v, i) => v !== mask[i]).length;
      }
      expect(changed).toBeGreaterThan(20);
      expect(driver.layers).toEqual(start.layers);
      for (const { driver: d } of alone) held.push(d);
      for (const thing of [...held, ...singles, driver, optimiser, batches, start.mask, batch.inputs, batch.targets])
        thing.dispose();
      dispose();
    });
  });

/** Random masks of other sparsities a model. */
async function randomStart(inputs: Inputs, population: Population): Promise<PopulationMask> {
  const plans = SPARSITIES.map((sparsity) => planErk(population, sparsity));
  const scores = population.parameters.like();
  writeModels(population, inputs.uniform(population.models * population.count, 0, 1), scores);
  const start = await maskPopulation(population, plans, { scores });
  scores.dispose();
  return start;
}

describe(`training a population under a moving mask (seed ${SEED})`, () => {
  const run = async (name: string, make: (s: ReturnType<typeof setting>) => Promise<[MaskLike, () => void]>) => {
    const s = setting(software.device, name);
    const optimiser = populationSgd(s.population, { lr: [0.05, 0.02, 0.1], momentum: 0.9 });
    const [driver, release] = await make(s);
    const loader = s.loader();
    const result = await trainPopulation(s.population, optimiser, loader, {
      epochs: 2,
      mask: driver.mask,
      between: driver,
    });
    expect(result.status).toBe('finished');
    const [mask, values] = [await readModels(s.population, driver.mask), await readModels(s.population)];
    expect(values.every((v, i) => mask[i] === 1 || Object.is(v, 0))).toBe(true);
    const kept = SEEDS.map((_, m) => driver.layers.reduce((n, l) => n + l.kept[m], 0));
    // Counted in the mask, biases and the like aside, which no plan names.
    const others = s.population.count - s.plans[0].total;
    expect(SEEDS.map((_, m) => rowOf(mask, m).reduce((a, b) => a + b, 0) - others)).toEqual(kept);
    for (const thing of [driver, loader, optimiser, s]) thing.dispose();
    release();
    return { values, kept, plans: s.plans };
  };
  type MaskLike = Pick<MaskDriver, 'mask' | 'every' | 'run' | 'dispose'> & {
    layers: readonly { kept: number[] }[];
  };

  it('ends at every model its own number, masked weights exactly 0, the same bytes twice', async () => {
    const once = () =>
      run('gmp trains', async ({ population, plans }) => [gmp(population, plans, { every: 2, end: 8 }), () => {}]);
    const first = await once();
    expect(first.kept).toEqual(first.plans.map((plan) => plan.kept));
    expect(await once()).toEqual(first);
  });

  it('keeps every layer to its number with SET', async () => {
    const starts: PopulationMask[] = [];
    const { kept } = await run('set trains', async ({ inputs, population }) => {
      const start = await randomStart(inputs, population);
      starts.push(start);
      return [set(population, null, start, { every: 2, until: 9, seed: 4 }), () => start.mask.dispose()];
    });
    expect(kept).toEqual(starts[0].kept);
  });

  it('rewinds lottery tickets to the first values, with nested masks and numbers of their own', async () => {
    const { population, loader, dispose } = setting(software.device, 'tickets');
    const total = planSparsity(population, 0).total;
    const numbers = [1, 2].map((level) => SPARSITIES.map((s) => Math.round(total * (1 - s) ** (level / 2))));
    const first = await readModels(population);
    const seen: { mask: Float32Array; start: Float32Array; end: Float32Array }[] = [];
    const last = await populationTickets(population, {
      levels: 2,
      plan: (level) => numbers[level - 1].map((kept) => planSparsity(population, 1 - kept / total)),
      train: async (level, mask) => {
        expect(level).toBe(seen.length);
        const start = await readModels(population);
        const batches = loader();
        const optimiser = populationSgd(population, { lr: 0.05, momentum: 0.9 });
        await trainPopulation(population, optimiser, batches, { epochs: 1, mask });
        for (const thing of [batches, optimiser]) thing.dispose();
        seen.push({ mask: await readModels(population, mask), start, end: await readModels(population) });
      },
    });
    expect(seen).toHaveLength(3);
    expect(last.kept).toEqual(numbers[1]);
    seen.forEach(({ mask, start, end }, level) => {
      expect(start).toEqual(first.map((v, i) => (mask[i] ? v : 0)));
      expect(end).not.toEqual(start);
      if (level === 0) expect(mask.every((v) => v === 1)).toBe(true);
      else expect(mask.every((v, i) => v <= seen[level - 1].mask[i])).toBe(true);
    });
    expect(await readModels(population, last.mask)).toEqual(seen[2].mask);
    last.mask.dispose();
    dispose();
  });

  it('refuses what does not fit, before anything changes', async () => {
    const { inputs, population, plans, dispose } = setting(software.device, 'refusals');
    expect(() => gmp(population, plans.slice(1), { end: 4 })).toThrow('gmp: expected 3 plans, got 2');
    expect(() => gmp(population, plans, { every: 3, end: 4 })).toThrow('both multiples of 3');
    const start = await randomStart(inputs, population);
    const other = new Population(software.device, convNet(), 3);
    const optimiser = populationSgd(other, { lr: 0.1 });
    expect(() => set(population, optimiser, start, { until: 5, seed: 1 })).toThrow(
      "set: expected an optimiser of the model's parameters, got of others",
    );
    const train = async () => {};
    await expect(populationTickets(population, { levels: 0, plan: () => plans, train })).rejects.toThrow(
      'levels as a whole number >= 1, got 0',
    );
    const rising = (level: number) => planLike(population, { layers: layersOf(start, level) });
    await expect(populationTickets(population, { levels: 2, plan: rising, train })).rejects.toThrow('weights left');
    expect(() => writeModels(population, [1])).toThrow(/writeModels: expected \d+ values, got 1/);
    await expect(readModels(population, other.statisticStore.flat)).rejects.toThrow(/a flat tensor/);
    for (const thing of [optimiser, other, start.mask]) thing.dispose();
    dispose();
  });
});

/** Layers of the first model, of which level 2 keeps more than level 1. */
const layersOf = ({ layers }: PopulationMask, level: number) =>
  layers.map(({ name, kept, total }) => ({ name, total, kept: Math.min(total, kept[0] + level) }));
