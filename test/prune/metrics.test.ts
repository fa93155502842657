import { describe, expect, it } from 'vitest';
import { describe as describeNetwork } from '../../src/nn/describe.js';
import { Conv2d, Flatten, Linear, Model, Sequential } from '../../src/nn/index.js';
import { macsByWeight, measureSpeedup, planDensities, pruningCost, randomMask } from '../../src/prune/index.js';
import { testDevice } from '../support/device.js';

const t = testDevice();

describe('costs of pruned networks', () => {
  it('count kept weights at every output position: two axes, two answers', () => {
    const macs = new Map([
      ['conv.weight', 216],
      ['fc.weight', 24],
    ]);
    const cost = pruningCost(83, [{ name: 'conv.weight', kept: 27, total: 54 }], macs);
    expect(cost).toMatchObject({ size: 83, sizeKept: 56, sparsity: 0.5, macs: 240, macsKept: 132 });
    expect(cost.compression).toBeCloseTo(1.482, 3);
    expect(cost.speedup).toBeCloseTo(1.818, 3);
  });

  it('of LeNet-5-Caffe at a compression of 4 without its classifier', () => {
    const macs = new Map([['rest', 1]]);
    const cost = pruningCost(431080, [{ name: 'rest', kept: 102760, total: 426070 }], macs);
    expect([cost.sizeKept, cost.compression.toFixed(4)]).toEqual([107770, '4.0000']);
  });

  it('are 1 and 0 where nothing is removed, and infinite where nothing is left to compute', () => {
    const macs = new Map([['w', 100]]);
    const whole = pruningCost(12, [{ name: 'w', kept: 10, total: 10 }], macs);
    expect([whole.compression, whole.speedup, whole.sparsity, whole.macsKept]).toEqual([1, 1, 0, 100]);
    const none = pruningCost(12, [{ name: 'w', kept: 0, total: 10 }], macs);
    expect([none.compression, none.speedup, none.sparsity, none.macsKept]).toEqual([6, Infinity, 1, 0]);
  });

  it('agree with what the network says of itself', async () => {
    const network = new Sequential({
      conv: new Conv2d(2, 3, 3),
      flatten: Flatten(),
      fc: new Linear(12, 2),
    });
    const model = new Model(t.device, network);
    const pruned = await randomMask(model.parameters, planDensities(model.parameters, { 'conv*': 0.5 }), 1);
    const { layers } = describeNetwork(network, [4, 4, 2]);
    const cost = pruningCost(model.count, pruned.layers, macsByWeight(layers));
    expect(cost).toMatchObject({ size: 83, sizeKept: 56, macs: 240, macsKept: 132 });
    const { total } = describeNetwork(network, [4, 4, 2], pruned.layers);
    expect(total).toMatchObject({ parameters: 83, kept: 56, macs: 240, keptMacs: 132 });
    for (const x of [model, pruned.mask]) x.dispose();
  });

  it('refuse layers without multiply-adds, and more weights than there are', () => {
    const layers = [{ name: 'fc', kept: 1, total: 10 }];
    expect(() => pruningCost(12, layers, new Map())).toThrow(
      'pruningCost: expected multiply-adds of every pruned layer, got none of fc',
    );
    expect(() => pruningCost(9, layers, new Map([['fc', 1]]))).toThrow('pruned layers of at most 9 weights, got 10');
  });
});

describe('measured speed-up', () => {
  /** Runs that take the given milliseconds by a clock of their own. */
  function runs(times: { dense: number[]; pruned: number[] }) {
    let clock = 0;
    const order: string[] = [];
    const run = (name: 'dense' | 'pruned') => async () => {
      order.push(name);
      clock += times[name].shift()!;
    };
    return { dense: run('dense'), pruned: run('pruned'), order, now: () => clock };
  }

  it('is the ratio of medians, warm-up apart, of runs that take turns', async () => {
    const { dense, pruned, order, now } = runs({ dense: [900, 6, 8, 10, 100], pruned: [500, 1, 2, 3, 4] });
    const result = await measureSpeedup(dense, pruned, { rounds: 4, warmUp: 1, now });
    expect(result.dense).toEqual({ median: 9, quartiles: [7.5, 32.5], samples: 4 });
    expect(result.pruned).toEqual({ median: 2.5, quartiles: [1.75, 3.25], samples: 4 });
    expect(result.speedup).toBe(3.6);
    expect(order.join()).toBe(new Array(5).fill('dense,pruned').join());
  });

  it('refuses to measure nothing', async () => {
    const run = async () => {};
    await expect(measureSpeedup(run, run, { rounds: 0 })).rejects.toThrow(
      'measureSpeedup: expected a whole number of rounds >= 1, got 0',
    );
  });
});
