import { describe, expect, it } from 'vitest';
import { compile, crossEntropy, grad, scope, type Tensor, tensor } from '../../src/index.js';
import { kaimingNormal, Linear, Model, mlp, Sequential } from '../../src/nn/index.js';
import { sgd } from '../../src/optim/index.js';
import {
  applyMask,
  copyMask,
  cubicSparsity,
  magnitudeMask,
  maskByMagnitude,
  type PruneResult,
  planDensities,
  planSparsity,
  reinitialise,
  rewind,
  snapshot,
} from '../../src/prune/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { maskValues, parametersOn } from './networks.js';

const t = testDevice();

const deviation = (values: readonly number[]) => Math.sqrt(values.reduce((s, v) => s + v * v, 0) / values.length);

/** A few steps on random data with a mask. */
function train(model: Model, mask: Tensor | null, inputs: Inputs): void {
  const optimiser = sgd(model.parameters, { lr: 0.1, momentum: 0.9, weightDecay: 0.01 });
  optimiser.setMask(mask);
  for (let i = 0; i < 3; i++)
    scope(() => {
      const x = tensor(t.device, inputs.normal(8 * 20), { shape: [8, 20] });
      const y = tensor(t.device, inputs.integers(8, 10));
      optimiser.step(grad(crossEntropy(model.forward(x, { training: true }), y), model.parameters.list()));
    });
  optimiser.dispose();
}

describe(`masks applied (seed ${SEED})`, () => {
  it('set masked weights to exactly +0, NaN included, and leave the others', async () => {
    const p = parametersOn(t.device, new Inputs('apply'));
    const pruned = await magnitudeMask(p, 0.7);
    const masks = await maskValues(p, pruned);
    const at = masks.get('fc.weight')!.indexOf(0);
    const values = (await p.read()).get('fc.weight')!;
    values[at] = Number.NaN;
    p.get('fc.weight').write(values);
    const before = await p.read();
    applyMask(p, pruned.mask);
    for (const [name, after] of await p.read())
      expect(after, name).toEqual(before.get(name)!.map((v, i) => (masks.get(name)![i] ? v : 0)));
    pruned.mask.dispose();
    p.dispose();
  });

  it('rewind to a snapshot exactly: the start of a ticket equals it where the mask is 1', async () => {
    const inputs = new Inputs('rewind');
    const model = new Model(t.device, mlp([20, 30, 10]), { seed: 3 });
    const start = snapshot(model.parameters);
    const first = await model.parameters.read();
    train(model, null, inputs);
    const pruned = await magnitudeMask(model.parameters, 0.8);
    const masks = await maskValues(model.parameters, pruned);
    rewind(model.parameters, start, pruned.mask);
    const ticket = await model.parameters.read();
    for (const [name, values] of ticket)
      expect(values, name).toEqual(first.get(name)!.map((v, i) => (masks.get(name)![i] ? v : 0)));
    train(model, pruned.mask, inputs);
    const trained = await model.parameters.read();
    for (const [name, values] of trained) {
      expect(
        values.every((v, i) => masks.get(name)![i] === 1 || Object.is(v, 0)),
        name,
      ).toBe(true);
      expect(values).not.toEqual(ticket.get(name));
    }
    rewind(model.parameters, start);
    expect(await model.parameters.read()).toEqual(first);
    for (const x of [start, pruned.mask, model]) x.dispose();
  });

  it('are exchanged under a compiled step, which prunes further from then on', async () => {
    const inputs = new Inputs('gradual');
    const model = new Model(t.device, mlp([20, 30, 10]), { seed: 4 });
    const p = model.parameters;
    const optimiser = sgd(p, { lr: 0.1, momentum: 0.9 });
    const mask = p.like(1);
    optimiser.setMask(mask);
    const x = tensor(t.device, inputs.normal(8 * 20), { shape: [8, 20] });
    const y = tensor(t.device, inputs.integers(8, 10));
    const step = compile(t.device, () => optimiser.step(grad(crossEntropy(model.forward(x), y), p.list())));
    let older: PruneResult | undefined;
    for (let at = 0; at < 6; at++) {
      step();
      const sparsity = cubicSparsity({ final: 0.9, end: 5 }, at);
      const next: PruneResult = await maskByMagnitude(p, planSparsity(p, sparsity), { within: older });
      copyMask(p, next.mask, mask);
      step();
      for (const [name, values] of await maskValues(p, next)) {
        const weights = (await p.read()).get(name)!;
        expect(
          weights.every((w, i) => values[i] === 1 || Object.is(w, 0)),
          `${name} at ${at}`,
        ).toBe(true);
      }
      older?.mask.dispose();
      older = next;
    }
    expect(older!.kept).toBe(90);
    for (const thing of [step, optimiser, mask, older!.mask, x, y, model]) thing.dispose();
  });

  it('refuse snapshots and masks of another layout before anything changes', async () => {
    const p = parametersOn(t.device, new Inputs('layouts'));
    const before = await p.flat.data();
    const other = tensor(t.device, new Float32Array(64));
    expect(() => rewind(p, other)).toThrow('rewind: expected a flat tensor f32');
    expect(() => applyMask(p, other)).toThrow('got f32[64]');
    expect(() => copyMask(p, p.flat, other)).toThrow('copyMask: expected a flat tensor f32');
    expect(await p.flat.data()).toEqual(before);
    other.dispose();
    p.dispose();
  });
});

describe(`weights drawn anew (seed ${SEED})`, () => {
  const network = () => new Sequential({ fc1: new Linear(100, 200), fc2: new Linear(200, 10) });

  it('are those that the model would begin with, from another seed, masked', async () => {
    const model = new Model(t.device, network(), { seed: 1 });
    const other = new Model(t.device, network(), { seed: 2 });
    const pruned = await magnitudeMask(model.parameters, 0.9);
    const masks = await maskValues(model.parameters, pruned);
    reinitialise(model, pruned, { seed: 2 });
    const fresh = await other.parameters.read();
    for (const [name, values] of await model.parameters.read())
      expect(values, name).toEqual(fresh.get(name)!.map((v, i) => (masks.get(name)![i] ? v : 0)));
    for (const x of [model, other, pruned.mask]) x.dispose();
  });

  it('have the deviation of He of the dense shape, and 1 / sqrt(density) of it when rescaled', async () => {
    const model = new Model(t.device, network(), { seed: 1 });
    const pruned = await maskByMagnitude(model.parameters, planDensities(model.parameters, { 'fc1*': 0.25 }));
    reinitialise(model, pruned, { seed: 5, init: kaimingNormal('fanIn') });
    const plain = (await model.parameters.read()).get('fc1.weight')!;
    const kept = Array.from(plain).filter((v) => v !== 0);
    expect(kept.length).toBe(5000);
    // The deviation of a sample of 5000 is within 5 % of the true one by five of its own deviations.
    expectClose([deviation(kept)], [Math.sqrt(2 / 100)], { rtol: 0.05 });
    reinitialise(model, pruned, { seed: 5, init: kaimingNormal('fanIn'), rescale: true });
    const rescaled = (await model.parameters.read()).get('fc1.weight')!;
    expect(rescaled).toEqual(plain.map((v) => v * 2));
    for (const x of [model, pruned.mask]) x.dispose();
  });

  it('are the same for a seed, and others for another', async () => {
    const model = new Model(t.device, network(), { seed: 1 });
    const pruned = await magnitudeMask(model.parameters, 0.5);
    const draw = async (seed: number) => {
      reinitialise(model, pruned, { seed, init: kaimingNormal('fanIn'), rescale: true });
      return model.parameters.flat.data();
    };
    const first = await draw(7);
    expect(await draw(8)).not.toEqual(first);
    expect(await draw(7)).toEqual(first);
    for (const x of [model, pruned.mask]) x.dispose();
  });
});
