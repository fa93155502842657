import { describe, expect, it } from 'vitest';
import { bceWithLogits, crossEntropy, grad, noGrad, scope, tensor } from '../../src/index.js';
import { Model } from '../../src/nn/index.js';
import { planSparsity, snipMask, snipScores } from '../../src/prune/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import {
  convNet,
  disposeBatches,
  drawStatistics,
  halfSquares,
  imageBatches,
  linearNet,
  mlpNet,
  setWeights,
  stateOf,
  takeMasks,
  valuesOf,
} from './scoring.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

describe(`SNIP (seed ${SEED})`, () => {
  it('has the published values on a linear network', async () => {
    const model = new Model(t.device, linearNet([2, 2, 1]));
    setWeights(model, [1, -2, 3, 4], [-1, 2]);
    const batch = { inputs: tensor(t.device, [[1, 2]]), targets: tensor(t.device, [[1]]) };
    const scores = await snipScores(model, [batch], { loss: halfSquares });
    expect(await valuesOf(model, scores)).toEqual([
      [24, 96, 144, 384],
      [72, 528],
    ]);
    const pruned = await snipMask(model, planSparsity(model.parameters, 0.5), [batch], { loss: halfSquares });
    expect(pruned.collapsed).toEqual([]);
    expect(pruned.rounds).toEqual([{ kept: 3, collapsed: [] }]);
    expect(await takeMasks(model, pruned)).toEqual([
      [0, 0, 1, 1],
      [0, 1],
    ]);
    disposeBatches([batch]);
    for (const x of [scores, model]) x.dispose();
  });

  it('is |dL/dm| of one weight: 6 (sigmoid(6) - 1)', async () => {
    const model = new Model(t.device, linearNet([1, 1]));
    setWeights(model, [2]);
    const batch = { inputs: tensor(t.device, [[3]]), targets: tensor(t.device, [[1]]) };
    const scores = await snipScores(model, [batch], { loss: bceWithLogits });
    expectClose(await scores.data().then((v) => [v[0]]), [0.0148357], { rtol: 1e-5 });
    disposeBatches([batch]);
    for (const x of [scores, model]) x.dispose();
  });

  for (const [name, of, network] of [
    ['residual network', t, convNet],
    ['residual network, GPU forms', discrete, convNet],
    ['MLP', t, mlpNet],
  ] as const)
    it(`is |w g| of the summed gradients: ${name}`, async () => {
      const inputs = new Inputs(`snip ${name}`);
      const model = new Model(of.device, network(), { seed: 3 });
      drawStatistics(model, inputs);
      const batches = imageBatches(of.device, inputs, 3);
      const { parameters } = model;
      const expected = new Float64Array(parameters.flat.size);
      for (const { inputs: x, targets } of batches) {
        const grads = scope(() => grad(crossEntropy(model.forward(x), targets), parameters.list()));
        const flat = parameters.like();
        parameters.pack(grads, flat);
        (await flat.data()).forEach((g, i) => void (expected[i] += g));
        for (const g of [...grads, flat]) g.dispose();
      }
      const weights = await parameters.flat.data();
      for (const spec of parameters.specs.filter((s) => s.shape.length < 2))
        expected.fill(0, parameters.offset(spec.name), parameters.offset(spec.name) + spec.shape[0]);
      const before = await stateOf(model);
      const scores = await snipScores(model, batches);
      expectClose(
        await scores.data(),
        expected.map((g, i) => Math.abs(g * weights[i])),
        { rtol: 1e-5 },
      );
      const again = await snipScores(model, () => batches);
      expect(await again.data()).toEqual(await scores.data());
      expect(await stateOf(model)).toEqual(before);
      disposeBatches(batches);
      for (const x of [scores, again, model]) x.dispose();
    });

  it('takes batch statistics and dropout on demand, and leaves statistics and randomness as they were', async () => {
    const inputs = new Inputs('snip training');
    const model = new Model(t.device, convNet(), { seed: 3 });
    noGrad(() =>
      scope(() => {
        model.forward(tensor(t.device, inputs.normal(192), { shape: [1, 8, 8, 3] }), { training: true });
      }),
    );
    const batches = imageBatches(t.device, inputs, 2);
    const before = await stateOf(model);
    const scores = await Promise.all([
      await snipScores(model, batches, { training: true }),
      await snipScores(model, batches, { training: true }),
      await snipScores(model, batches),
    ]);
    const [first, again, evaluating] = await Promise.all(scores.map((s) => s.data()));
    expect(again).toEqual(first);
    expect(evaluating).not.toEqual(first);
    expect(await stateOf(model)).toEqual(before);
    const failing = async function* () {
      yield batches[0];
      throw new Error('no more');
    };
    await expect(snipScores(model, failing, { training: true })).rejects.toThrow('no more');
    expect(await stateOf(model)).toEqual(before);
    disposeBatches(batches);
    for (const x of [...scores, model]) x.dispose();
  });

  it('scores other values than the model has, and only the weights asked for', async () => {
    const inputs = new Inputs('snip values');
    const [model, other] = [1, 2].map((seed) => new Model(t.device, mlpNet(), { seed }));
    const batches = imageBatches(t.device, inputs, 1);
    const direct = await snipScores(other, batches);
    const scores = await snipScores(model, batches, { values: other.parameters.flat });
    expect(await scores.data()).toEqual(await direct.data());
    const one = await snipScores(model, batches, { weights: ['body.1.*'] });
    const totals = (await valuesOf(model, one)).map((v) => v.reduce((a, b) => a + b, 0));
    expect(model.parameters.names.filter((_, i) => totals[i] > 0)).toEqual(['body.1.weight']);
    disposeBatches(batches);
    for (const x of [direct, scores, one, model, other]) x.dispose();
  });

  it('reports layers that lose everything', async () => {
    const model = new Model(t.device, linearNet([2, 2, 1]));
    setWeights(model, [1, -2, 3, 4], [-1, 2]);
    const batch = { inputs: tensor(t.device, [[1, 2]]), targets: tensor(t.device, [[1]]) };
    const pruned = await snipMask(model, planSparsity(model.parameters, 5 / 6), [batch], { loss: halfSquares });
    expect(pruned.collapsed).toEqual(['0.weight']);
    expect(pruned.kept).toBe(1);
    pruned.mask.dispose();
    disposeBatches([batch]);
    model.dispose();
  });

  it('refuses no batches, unknown weights, values of another layout, NaN, and masked models', async () => {
    const inputs = new Inputs('snip refusals');
    const model = new Model(t.device, mlpNet(), { seed: 1 });
    const batches = imageBatches(t.device, inputs, 1);
    const plan = planSparsity(model.parameters, 0.9);
    const before = await stateOf(model);
    await expect(snipScores(model, [])).rejects.toThrow('snipScores: expected at least one batch, got none');
    await expect(snipScores(model, batches, { weights: ['no'] })).rejects.toThrow("got 'no'");
    await expect(snipScores(model, batches, { values: batches[0].inputs })).rejects.toThrow('expected a flat tensor');
    const bad = {
      ...batches[0],
      inputs: tensor(t.device, new Float32Array(6 * 192).fill(Number.NaN), { shape: [6, 8, 8, 3] }),
    };
    await expect(snipMask(model, plan, [bad])).rejects.toThrow('snipMask: expected scores without NaN');
    const pruned = await snipMask(model, plan, batches);
    await model.sparsify(pruned.mask);
    await expect(snipMask(model, plan, batches)).rejects.toThrow(
      'snipMask: expected a model that computes densely (Model.densify), got 3 masked layers',
    );
    expect(await stateOf(model)).toEqual(before);
    disposeBatches([...batches, { ...bad, targets: bad.inputs }]);
    pruned.mask.dispose();
    model.dispose();
  });
});
