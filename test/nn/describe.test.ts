import { expect, it, describe as suite } from 'vitest';
import { relu, scope, tensor } from '../../src/index.js';
import {
  Conv2d,
  Dropout,
  describe,
  Flatten,
  Lambda,
  Linear,
  lenet5,
  MaxPool2d,
  Model,
  matchNames,
  resnetCifar,
  Sequential,
} from '../../src/nn/index.js';
import { magnitudeMask } from '../../src/prune/index.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice();

/** The example of the counting rules: conv 2 -> 3, 3x3 without padding on 4x4, then a linear layer of 12 -> 2. */
const example = () =>
  new Sequential({
    conv: new Conv2d(2, 3, 3, { bias: false }),
    flatten: Flatten(),
    fc: new Linear([2, 2, 3], 2, { bias: false }),
  });

suite('describe', () => {
  it('counts values and multiply-adds, and what masks leave of them', () => {
    const table = describe(example(), [4, 4, 2], [{ name: 'conv.weight', kept: 27 }]);
    expect(table.layers).toEqual([
      { name: 'conv', output: [2, 2, 3], parameters: 54, kept: 27, macs: 216, keptMacs: 108, sparsity: 0.5 },
      { name: 'flatten', output: [12], parameters: 0, kept: 0, macs: 0, keptMacs: 0, sparsity: null },
      { name: 'fc', output: [2], parameters: 24, kept: 24, macs: 24, keptMacs: 24, sparsity: null },
    ]);
    expect(table.total).toEqual({ parameters: 78, kept: 51, macs: 240, keptMacs: 132, sparsity: 0.5 });
  });

  it('takes strides, groups, dilation and biases into account', () => {
    const conv = new Conv2d(4, 6, 3, { stride: 2, padding: 1, dilation: 2, groups: 2 });
    const { layers, total } = describe(new Sequential({ conv, pool: MaxPool2d(2) }), [11, 9, 4]);
    // floor((11 + 2 - 2 * 2 - 1) / 2) + 1 = 5 rows, floor((9 + 2 - 2 * 2 - 1) / 2) + 1 = 4 columns.
    expect(layers[0].output).toEqual([5, 4, 6]);
    expect(layers[1].output).toEqual([2, 2, 6]);
    expect(total).toMatchObject({ parameters: 6 * 9 * 2 + 6, macs: 5 * 4 * 6 * 9 * 2 });
  });

  it('takes what pruning gives, and what sparsify set', async () => {
    const model = new Model(t.device, lenet5(), { seed: 1 });
    const dense = model.describe([28, 28, 1]);
    expect(dense.total.kept).toBe(dense.total.parameters);
    const pruned = await magnitudeMask(model.parameters, 0.75);
    const given = model.describe([28, 28, 1], pruned.layers);
    expect(given.total.parameters - given.total.kept).toBe(pruned.total - pruned.kept);
    expect(given.total.sparsity).toBeCloseTo(0.75, 4);
    await model.sparsify(pruned.mask);
    expect(model.describe([28, 28, 1])).toEqual(given);
    for (const thing of [pruned.mask, model]) thing.dispose();
  });

  it('refuses inputs, masks and modules that do not fit, in words', () => {
    expect(() => describe(example(), [4, 4, 3])).toThrow('conv: expected channels = 2 x groups');
    expect(() => describe(example(), [5, 4, 2])).toThrow('fc: expected 12 inputs on the last axis, got [1, 18]');
    expect(() => describe(new Sequential({ pool: MaxPool2d(5) }), [4, 4, 2])).toThrow('images of at least 5 x 5');
    const mask = (name: string, kept: number) => () => describe(example(), [4, 4, 2], [{ name, kept }]);
    expect(mask('conv.bias', 1)).toThrow("describe: expected masks of conv.weight, fc.weight, got 'conv.bias'");
    expect(mask('fc.weight', 25)).toThrow('describe: expected 0 to 24 values kept of fc.weight, got 25');
    const own = new Sequential({ mine: new Lambda((x) => relu(x)) });
    expect(() => describe(own, [3])).toThrow("modules that say their output shape, got 'mine', which does not");
  });
});

suite('capture', () => {
  it('gives results by name, each a tensor of its own', async () => {
    const network = new Sequential({
      drop: new Dropout(0.5),
      fc1: new Linear(6, 4),
      same: new Dropout(),
      fc2: new Linear(4, 3),
    });
    const model = new Model(t.device, network, { seed: 2 });
    const x = tensor(t.device, new Inputs('capture').normal(12), { shape: [2, 6] });
    const { output, activations } = scope(() => model.capture(x, ['drop', 'fc*', 'same']));
    expect([...activations.keys()]).toEqual(['drop', 'fc1', 'same', 'fc2']);
    const values = async (name: string) => [...(await activations.get(name)!.data())];
    expect(await values('drop')).toEqual([...(await x.data())]);
    expect(await values('same')).toEqual(await values('fc1'));
    expect(await values('fc2')).toEqual([...(await output.data())]);
    for (const a of activations.values()) a.dispose();
    expect(x.isDisposed || output.isDisposed).toBe(false);
    for (const thing of [output, x, model]) thing.dispose();
  });

  it('finds layers deep in a network, in order, and refuses patterns without one', () => {
    const model = new Model(t.device, resnetCifar(8, { width: 4 }));
    const x = tensor(t.device, new Float32Array(8 * 8 * 3), { shape: [1, 8, 8, 3] });
    scope(() => {
      const { activations } = model.capture(x, ['**.bn2', /^layer.$/]);
      expect([...activations].map(([name, a]) => [name, a.shape])).toEqual(
        [1, 2, 3].flatMap((k) => {
          const side = 8 / 2 ** (k - 1);
          const shape = [1, side, side, 4 * 2 ** (k - 1)];
          return [
            [`layer${k}`, shape],
            [`layer${k}.0.bn2`, shape],
          ];
        }),
      );
      expect(() => model.capture(x, ['layer1', 'layer9'])).toThrow(/one of conv1, bn1, layer1, .*, got 'layer9'/);
    });
    for (const thing of [x, model]) thing.dispose();
  });
});

suite('matchNames', () => {
  const names = ['a', 'a.b', 'a.b.c', 'x+y', 'ab'];
  it.each([
    ['a', ['a']],
    ['*', ['a', 'x+y', 'ab']],
    ['a.*', ['a.b']],
    ['a**', ['a', 'a.b', 'a.b.c', 'ab']],
    ['**.c', ['a.b.c']],
    ['x+y', ['x+y']],
  ])('%s', (pattern, expected) => {
    expect(matchNames('test', names, [pattern])).toEqual(expected);
  });

  it('keeps the order of the names, and does not depend on the state of an expression', () => {
    expect(matchNames('test', names, ['ab', /^a\.b/g])).toEqual(['a.b', 'a.b.c', 'ab']);
    expect(() => matchNames('test', names, ['a', 'b*'])).toThrow(
      "test: expected a pattern that matches one of a, a.b, a.b.c, x+y, ab, got 'b*'",
    );
  });
});
