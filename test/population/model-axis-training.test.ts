import { describe, expect, it } from 'vitest';
import { BatchLoader } from '../../src/data/index.js';
import { crossEntropy, type Device, grad, mean, scope, type Tensor, tensor } from '../../src/index.js';
import { encodeWeights, loadWeights, Model, mlp, resnetCifar } from '../../src/nn/index.js';
import { cosine, multiStep, sgd } from '../../src/optim/index.js';
import {
  bytesPerModel,
  evaluatePopulation,
  inBlocks,
  Population,
  PopulationLoader,
  population,
  populationAdam,
  populationBlocks,
  populationSgd,
  populationStep,
  trainPopulation,
} from '../../src/population/index.js';
import { evaluate, train } from '../../src/train/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { CLASSES, images, network, upload } from '../train/support.js';
import { hostBatches, onDevice, trainShared } from './model-axis-support.js';

const SEEDS = [3, 8, 4, 6];
const N = 45;
const BATCH = 10;

/** Everything of a population that training changes, one copy a model. */
async function stateOf(p: Population, slots: readonly Tensor[]): Promise<number[][]> {
  const rows: number[][] = Array.from({ length: p.models }, () => []);
  const take = async (t: Tensor) => {
    const values = await t.data();
    const size = values.length / p.models;
    for (const [i, row] of rows.entries()) row.push(...values.slice(i * size, (i + 1) * size));
  };
  for (const { name } of p.declared) await take(p.get(name));
  for (const slot of slots)
    for (const name of p.parameters.names) {
      const part = p.parameters.part(slot, name);
      await take(part);
      part.dispose();
    }
  return rows;
}

const dataOn = (device: Device) => upload(device, images('population', N));

describe('training a population', () => {
  const t = testDevice();

  it('a model that diverges keeps its last finite state and is marked; the others go on as if it were not there', async () => {
    const net = resnetCifar(8, { width: 4 });
    const lr = [0.05, 1e9, 0.02];
    const batches = hostBatches('diverge', 8, [6, 8, 8, 3], 10);
    const run = async (steps: number, rates = lr, seeds = [1, 2, 3]) => {
      const p = new Population(t.device, net, rates.length, { seeds });
      const optimiser = populationSgd(p, { lr: rates, momentum: 0.9 });
      const losses = await trainShared(p, optimiser, batches.slice(0, steps));
      const result = { losses, state: await stateOf(p, optimiser.slots), stopped: await optimiser.stoppedAt() };
      const shown = await optimiser.learningRates();
      p.dispose();
      optimiser.dispose();
      return { ...result, rates: shown };
    };
    const whole = await run(8);
    const at = whole.losses.findIndex((row) => !Number.isFinite(row[1])) + 1;
    expect(at).toBeGreaterThan(1);
    expect(at).toBeLessThan(8);
    expect(whole.stopped).toEqual([0, at, 0]);
    expect(whole.rates[1]).toBeNaN();
    const before = await run(at - 1);
    expect(before.stopped).toEqual([0, 0, 0]);
    expect(whole.state[1]).toEqual(before.state[1]);
    const others = await run(8, [lr[0], lr[2]], [1, 3]);
    expect([whole.state[0], whole.state[2]]).toEqual(others.state);
    expect(whole.state[0]).not.toEqual(before.state[0]);
  });

  it('draws for dropout what separate models draw, and takes batches in orders of their own', async () => {
    const { inputs, targets } = dataOn(t.device);
    const p = population({ device: t.device, network: network() }, SEEDS.length, { seeds: SEEDS });
    const lr = [0.1, 0.05, 0.02, 0.2];
    const optimiser = populationSgd(p, { lr, momentum: 0.9, schedule: multiStep([6]) });
    const loader = new PopulationLoader(inputs, targets, BATCH, SEEDS);
    const result = await trainPopulation(p, optimiser, loader, { epochs: 3, readEvery: 3 });
    expect(result.status).toBe('finished');
    const scores = await evaluatePopulation(p, inputs, targets, 20);
    for (const [i, seed] of SEEDS.entries()) {
      const model = new Model(t.device, network(), { seed });
      const one = sgd(model.parameters, { lr: lr[i], momentum: 0.9, schedule: multiStep([6]) });
      const own = new BatchLoader(inputs, targets, BATCH, { seed });
      const alone = await train(model, one, own, { epochs: 3 });
      expectClose([result.models[i].loss], [alone.loss], { rtol: 1e-4 });
      expectClose(
        result.history.map((e) => e.loss[i]),
        alone.history.map((e) => e.loss),
        { rtol: 1e-4 },
      );
      expect(result.history.map((e) => e.learningRate[i])).toEqual(alone.history.map((e) => e.learningRate));
      for (const d of model.declared) {
        const mine = await p.get(d.name).data();
        const values = await model.get(d.name).data();
        expectClose(mine.slice(i * values.length, (i + 1) * values.length), values, { rtol: 1e-3, what: d.name });
      }
      const score = await evaluate(model, inputs, targets);
      expect(scores[i].count).toBe(N);
      expect(Math.abs(scores[i].correct - score.correct)).toBeLessThanOrEqual(1);
      expectClose([scores[i].loss], [score.loss], { rtol: 1e-3 });
      for (const owned of [model, one, own]) owned.dispose();
    }
    for (const owned of [p, optimiser, loader, inputs, targets]) owned.dispose();
  });

  it('goes on from a checkpoint with the same bytes, and refuses that of another population', async () => {
    const { inputs, targets } = dataOn(t.device);
    const run = async (options: { epochs: number; resume?: Uint8Array; stopAt?: number }, seeds = SEEDS) => {
      const p = new Population(t.device, network(), seeds.length, { seeds });
      const optimiser = populationAdam(p, {
        lr: [0.01, 0.02, 1e30, 0.005].slice(0, seeds.length),
        schedule: cosine(12),
      });
      const loader = new PopulationLoader(inputs, targets, BATCH, seeds);
      const abort = new AbortController();
      let saved: Uint8Array | undefined;
      try {
        const result = await trainPopulation(p, optimiser, loader, {
          epochs: options.epochs,
          resume: options.resume,
          signal: abort.signal,
          between: { every: 1, run: (step) => (step + 1 === options.stopAt ? abort.abort() : undefined) },
          onEpoch: async () => ({ seven: seeds.map(() => 7) }),
          checkpoint: { every: 100, save: (bytes) => void (saved = bytes) },
        });
        return { result, saved: saved!, state: await stateOf(p, optimiser.slots) };
      } finally {
        for (const owned of [p, optimiser, loader]) owned.dispose();
      }
    };
    const whole = await run({ epochs: 3 });
    const part = await run({ epochs: 3, stopAt: 7 });
    expect(part.result.status).toBe('stopped');
    expect(part.result.step).toBe(7);
    const rest = await run({ epochs: 3, resume: part.saved });
    expect(rest.state).toEqual(whole.state);
    expect(rest.result).toEqual(whole.result);
    expect(whole.result.models[2].status).toBe('diverged');
    expect(whole.result.history[0].measured).toEqual({ seven: [7, 7, 7, 7] });
    await expect(run({ epochs: 3, resume: part.saved }, [3, 8])).rejects.toThrow('another run');
    inputs.dispose();
    targets.dispose();
  });

  it('a member is an ordinary model: it goes on alone with the same numbers, and its file loads', async () => {
    const net = resnetCifar(8, { width: 4 });
    const p = new Population(t.device, net, 3, { seeds: [4, 5, 6] });
    const optimiser = populationAdam(p, { lr: [0.01, 0.02, 0.03], weightDecay: 1e-3, schedule: cosine(20) });
    const batches = hostBatches('member', 6, [6, 8, 8, 3], 10);
    await trainShared(p, optimiser, batches.slice(0, 3));
    const model = p.member(1);
    const one = await optimiser.member(1, model);
    await trainShared(p, optimiser, batches.slice(3));
    for (const batch of batches.slice(3)) {
      const { inputs, targets } = onDevice(t.device, batch);
      scope(() => {
        const loss = crossEntropy(model.forward(inputs, { training: true }), targets);
        one.step(grad(loss, model.parameters.list()));
      });
      inputs.dispose();
      targets.dispose();
    }
    const later = p.member(1);
    for (const d of model.declared)
      expectClose(await model.get(d.name).data(), await later.get(d.name).data(), { rtol: 1e-5, what: d.name });
    // Saved, loaded, and put back in another's place.
    const copy = new Model(t.device, net, { seed: 99 });
    loadWeights(copy, await encodeWeights(later));
    p.assign(copy, 2);
    const [x] = hostBatches('probe', 1, [4, 8, 8, 3], 10).map((b) => tensor(t.device, b.x, { shape: b.shape }));
    const all = p.predict(x);
    const single = scope(() => copy.predict(x));
    const logits = Array.from(await all.data());
    expect(logits.slice(80)).toEqual(logits.slice(40, 80));
    expectClose(logits.slice(40, 80), await single.data(), { rtol: 1e-6 });
    p.assign(copy);
    const same = p.predict(x);
    expect((await same.data()).slice(0, 40)).toEqual((await same.data()).slice(80));
    for (const owned of [p, optimiser, model, one, later, copy, x, all, single, same]) owned.dispose();
  });

  it('a member that had stopped goes on from the step at which it did', async () => {
    const p = new Population(t.device, mlp([6, 5, 3]), 2);
    const optimiser = populationSgd(p, { lr: [0.1, 0.1], momentum: 0.5 });
    const batches = hostBatches('stopped', 4, [5, 6], 3);
    batches[2].x.fill(Number.NaN);
    await trainShared(p, optimiser, batches);
    expect(await optimiser.stoppedAt()).toEqual([3, 3]);
    const model = p.member(0);
    const one = await optimiser.member(0, model);
    expect(await one.stepCount()).toBe(2);
    const values = await model.parameters.flat.data();
    expect(values.every(Number.isFinite)).toBe(true);
    for (const owned of [p, optimiser, model, one]) owned.dispose();
  });

  it('takes inputs that are shared or each model’s own', async () => {
    const p = new Population(t.device, network(), 2);
    const random = hostBatches('own', 2, [3, 4, 4, 1], CLASSES);
    const x = tensor(t.device, [...random[0].x, ...random[1].x], { shape: [2, 3, 4, 4, 1] });
    const own = p.predict(x, { ownInputs: true });
    for (const i of [0, 1]) {
      const shared = tensor(t.device, random[i].x, { shape: [3, 4, 4, 1] });
      const y = p.predict(shared);
      const mine = (v: ArrayLike<number>) => Array.from(v).slice(i * 3 * CLASSES, (i + 1) * 3 * CLASSES);
      expectClose(mine(await own.data()), mine(await y.data()), { rtol: 1e-6 });
      y.dispose();
      shared.dispose();
    }
    expect(() => p.forward(own, { ownInputs: true })).toThrow();
    for (const owned of [p, x, own]) owned.dispose();
  });

  it('splits what is too large into blocks, and gives the results of all models in order', async () => {
    const net = mlp([20, 30, 10]);
    const { parameters, activations, total } = bytesPerModel(net, { input: [20], batch: 16, slots: 1 });
    expect(parameters).toBe(4 * 940 * 6);
    expect(activations).toBe(2 * 4 * 16 * 40);
    expect(total).toBe(parameters + activations);
    const options = { input: [20], batch: 16, slots: 1, memory: 3 * total };
    expect(populationBlocks(t.device, net, 7, options)).toEqual([
      { from: 0, to: 2 },
      { from: 2, to: 5 },
      { from: 5, to: 7 },
    ]);
    expect(populationBlocks(t.device, net, 1000)).toEqual([{ from: 0, to: 1000 }]);
    const seeds = [11, 12, 13, 14, 15, 16, 17];
    const read = async (p: Population) => {
      const w = await p.get('0.weight').data();
      return p.seeds.map((_, i) => w[i * 600]);
    };
    const parts = await inBlocks(t.device, net, seeds, options, read);
    const whole = new Population(t.device, net, 7, { seeds });
    expect(parts).toEqual(await read(whole));
    whole.dispose();
    expect(() => populationBlocks(t.device, net, 7, { memory: 1000 })).toThrow('room for one model');
    expect(() => populationBlocks(t.device, net, 0)).toThrow('at least one model');
    const most = Math.ceil(t.device.limits.maxBinding / (4 * 940)) + 1;
    expect(() => new Population(t.device, net, most)).toThrow('split them by populationBlocks');
  });

  it('refuses what does not fit, before anything is made', async () => {
    const net = mlp([4, 3]);
    expect(() => new Population(t.device, net, 0)).toThrow('at least one model');
    expect(() => new Population(t.device, net, 2, { seeds: [1] })).toThrow('2 seeds');
    const p = new Population(t.device, net, 2);
    expect(() => populationSgd(p, { lr: [0.1] })).toThrow('2 learning rates');
    expect(() => populationSgd(p, { lr: [0.1, Number.NaN] })).toThrow('lr >= 0');
    expect(() => populationSgd(p, { lr: 0.1, schedule: [cosine(3)] })).toThrow('2 schedules');
    expect(() => populationSgd(p, { lr: 0.1, weightDecay: 0.1, decays: () => false })).toThrow('none picked');
    expect(() => p.member(2)).toThrow('a model from 0 to 1');
    const x = tensor(t.device, new Float32Array(20), { shape: [5, 4] });
    const targets = tensor(t.device, new Int32Array(5));
    expect(() => new PopulationLoader(x, targets, 6, [0, 1])).toThrow('a batch from 1 to 5');
    const optimiser = populationSgd(p, { lr: 0.1 });
    const loss = () => mean(p.forward(x));
    expect(() => populationStep(p, optimiser, { inputs: x, targets }, { loss })).toThrow('losses of shape [2]');
    const other = new Model(t.device, mlp([5, 3]));
    expect(() => p.assign(other)).toThrow('0.weight of shape [3, 4]');
    for (const owned of [p, optimiser, x, targets, other]) owned.dispose();
  });
});
