import { describe, expect, it } from 'vitest';
import { crossEntropy, grad, scope, type Tensor } from '../../src/index.js';
import { lenet5Mini, Model, mlp, resnetCifar } from '../../src/nn/index.js';
import { adam, adamw, cosine, multiStep, type Schedule, sgd, warmUp } from '../../src/optim/index.js';
import {
  maskPopulation,
  Population,
  type PopulationOptimiser,
  populationAdam,
  populationAdamw,
  populationSgd,
} from '../../src/population/index.js';
import { planSparsity } from '../../src/prune/index.js';
import { applyMask } from '../../src/train/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { type Case, type HostBatch, hostBatches, onDevice, trainShared } from './model-axis-support.js';

const SEEDS = [5, 9, 2];
const STEPS = 10;
const BATCH = 6;
const SCHEDULES: Schedule[] = [multiStep([4]), warmUp(3, cosine(8)), cosine(12, 0.1)];

const CASES: Case[] = [
  { name: 'an MLP', network: mlp([12, 17, 8, 5]), input: [12], classes: 5 },
  { name: 'LeNet5-Mini', network: lenet5Mini(), input: [32, 32, 1], classes: 10 },
  { name: 'a ResNet with batch normalisation', network: resnetCifar(8, { width: 4 }), input: [8, 8, 3], classes: 10 },
];

/** Adam divides by the root of squared gradients: with its usual eps, the rounding of the smallest ones decides steps. */
const eps = 1e-3;

const RULES = {
  'SGD with momentum': {
    lr: [0.05, 0.02, 0.1],
    many: (p: Population, o: object, lr: number[]) =>
      populationSgd(p, { ...o, lr, momentum: 0.9, schedule: SCHEDULES }),
    one: (m: Model, o: object, lr: number, schedule: Schedule) =>
      sgd(m.parameters, { ...o, lr, momentum: 0.9, schedule }),
  },
  Adam: {
    lr: [0.005, 0.002, 0.01],
    many: (p: Population, o: object, lr: number[]) => populationAdam(p, { ...o, lr, eps, schedule: SCHEDULES }),
    one: (m: Model, o: object, lr: number, schedule: Schedule) => adam(m.parameters, { ...o, lr, eps, schedule }),
  },
  'AdamW, decay of weights alone, clipped gradients': {
    lr: [0.005, 0.002, 0.01],
    many: (p: Population, o: object, lr: number[]) =>
      populationAdamw(p, { ...o, lr, eps, clipNorm: 0.5, decays: (n) => n.endsWith('weight'), schedule: SCHEDULES }),
    one: (m: Model, o: object, lr: number, schedule: Schedule) =>
      adamw(m.parameters, { ...o, lr, eps, clipNorm: 0.5, decays: (n) => n.endsWith('weight'), schedule }),
  },
};

/** What is left of one model after training alone, and its losses. */
async function alone(
  model: Model,
  optimiser: ReturnType<typeof sgd>,
  batches: readonly HostBatch[],
): Promise<{ losses: number[]; values: Map<string, ArrayLike<number>> }> {
  const losses: number[] = [];
  for (const batch of batches) {
    const { inputs, targets } = onDevice(model.device, batch);
    const loss = scope(() => {
      const value = crossEntropy(model.forward(inputs, { training: true }), targets);
      optimiser.step(grad(value, model.parameters.list()));
      return value;
    });
    losses.push(await loss.item());
    for (const t of [inputs, targets, loss]) t.dispose();
  }
  const values = new Map<string, ArrayLike<number>>();
  for (const d of model.declared) values.set(d.name, await model.get(d.name).data());
  return { losses, values };
}

/** A population against as many models one after the other. @returns whether every value is the same number */
async function compare(
  population: Population,
  many: PopulationOptimiser,
  batches: readonly HostBatch[],
  mask: Tensor | null,
  optimiserOf: (model: Model, i: number) => ReturnType<typeof sgd>,
): Promise<boolean> {
  const { device, network } = population;
  if (mask) {
    many.setMask(mask);
    applyMask(population.parameters, mask);
  }
  const losses = await trainShared(population, many, batches);
  let equal = true;
  for (const [i, seed] of SEEDS.entries()) {
    const model = new Model(device, network, { seed });
    const one = optimiserOf(model, i);
    const own = mask && model.parameters.like();
    if (mask && own) {
      population.takeFlat(mask, i, model.parameters, own);
      one.setMask(own);
      applyMask(model.parameters, own);
    }
    const result = await alone(model, one, batches);
    expectClose(
      losses.map((row) => row[i]),
      result.losses,
      { rtol: 1e-5, what: `losses of model ${i}` },
    );
    for (const [name, values] of result.values) {
      const all = await population.get(name).data();
      const mine = all.slice(i * values.length, (i + 1) * values.length);
      expectClose(mine, values, { rtol: 2e-4, atol: 1e-6, what: `${name} of model ${i}` });
      equal &&= Array.from(mine).every((v, k) => v === values[k]);
    }
    for (const t of [model, one, ...(own ? [own] : [])]) t.dispose();
  }
  return equal;
}

for (const deviceClass of ['software', 'discrete'] as const)
  describe(`a population, forms for ${deviceClass} devices`, () => {
    const t = testDevice({ deviceClass });
    for (const c of CASES)
      for (const [rule, { lr, many, one }] of Object.entries(RULES)) {
        // The forms for GPUs differ in kernels alone, and one rule shows them.
        if (deviceClass === 'discrete' && rule !== 'Adam') continue;
        it(`trains ${c.name} by ${rule} to the numbers of separate runs`, async () => {
          const population = new Population(t.device, c.network, SEEDS.length, { seeds: SEEDS });
          const options = { weightDecay: 1e-3 };
          const optimiser = many(population, options, lr);
          const plans = [0, 0.5, 0.9].map((sparsity) => planSparsity(population, sparsity));
          const { mask } = await maskPopulation(population, plans);
          const batches = hostBatches(`${c.name} ${rule}`, STEPS, [BATCH, ...c.input], c.classes);
          const equal = await compare(population, optimiser, batches, mask, (model, i) =>
            one(model, options, lr[i], SCHEDULES[i]),
          );
          // The same kernels in the same tiles give the same bytes; LeNet's products take other tiles for more models.
          if (deviceClass === 'software' && c.name !== 'LeNet5-Mini' && !rule.includes('clipped'))
            expect(equal).toBe(true);
          for (const owned of [population, optimiser, mask]) owned.dispose();
        });
      }
  });

describe('masks of a population', () => {
  const t = testDevice();

  it('keep exactly the planned number of each model’s greatest weights, and stay in training', async () => {
    const network = mlp([9, 11, 4]);
    const population = new Population(t.device, network, SEEDS.length, { seeds: SEEDS });
    const plans = [0.25, 0.9, 0.995].map((sparsity) => planSparsity(population, sparsity));
    const result = await maskPopulation(population, plans);
    const total = 9 * 11 + 11 * 4;
    expect(result.total).toBe(total);
    expect(result.kept).toEqual([0.25, 0.9, 0.995].map((s) => Math.round(total - s * total)));
    const weights = await population.parameters.read();
    const flat = await result.mask.data();
    const part = (name: string, i: number, size: number) => {
      const at = population.parameters.offset(name) + i * size;
      return Array.from({ length: size }, (_, k) => [Math.abs(weights.get(name)![i * size + k]), flat[at + k]]);
    };
    for (let i = 0; i < SEEDS.length; i++) {
      const all = [...part('0.weight', i, 99), ...part('1.weight', i, 44)];
      const kept = all.filter(([, m]) => m === 1).map(([w]) => w);
      const gone = all.filter(([, m]) => m === 0).map(([w]) => w);
      expect(kept.length).toBe(result.kept[i]);
      expect(Math.min(...kept)).toBeGreaterThanOrEqual(Math.max(...gone));
      expect(part('0.bias', i, 11).every(([, m]) => m === 1)).toBe(true);
    }
    const optimiser = populationSgd(population, { lr: 0.1, momentum: 0.9 });
    optimiser.setMask(result.mask);
    await trainShared(population, optimiser, hostBatches('masks', 3, [5, 9], 4));
    const after = (await population.parameters.flat.data()) as Float32Array;
    expect(after.every((w, k) => flat[k] === 1 || w === 0)).toBe(true);
    // Further pruning keeps within the older mask.
    const tighter = [0.5, 0.95, 0.995].map((sparsity) => planSparsity(population, sparsity));
    const next = await maskPopulation(population, tighter, { within: result.mask });
    const narrow = await next.mask.data();
    expect(next.kept).toEqual(tighter.map((p) => p.kept));
    expect(Array.from(narrow).every((m, k) => m <= flat[k])).toBe(true);
    for (const owned of [population, optimiser, result.mask, next.mask]) owned.dispose();
  });

  it('by layer, with a number of its own for each model', async () => {
    const population = new Population(t.device, lenet5Mini(), 2);
    const plans = [0.5, 0.9].map((sparsity) => planSparsity(population, sparsity, { scope: 'layer' }));
    const result = await maskPopulation(population, plans);
    for (const [l, layer] of result.layers.entries()) expect(layer.kept).toEqual(plans.map((p) => p.layers[l].kept));
    population.dispose();
    result.mask.dispose();
  });

  it('refuse NaN, mixed plans and masks that are too narrow, naming the models', async () => {
    const population = new Population(t.device, mlp([4, 3]), 2);
    const plan = planSparsity(population, 0.5);
    await expect(maskPopulation(population, [plan])).rejects.toThrow('2 plans');
    const layered = planSparsity(population, 0.5, { scope: 'layer' });
    await expect(maskPopulation(population, [plan, layered])).rejects.toThrow('same scope and weights');
    expect(() => planSparsity(population, 0.99)).toThrow('a sparsity that keeps a weight');
    const { mask } = await maskPopulation(population, planSparsity(population, 0.75));
    await expect(maskPopulation(population, plan, { within: mask })).rejects.toThrow(
      '3 of model 0, 3 of model 1 missing',
    );
    const values = (await population.get('0.weight').data()) as Float32Array;
    values[13] = Number.NaN;
    population.get('0.weight').write(values);
    await expect(maskPopulation(population, plan)).rejects.toThrow('NaN in models 1');
    population.dispose();
    mask.dispose();
  });
});
