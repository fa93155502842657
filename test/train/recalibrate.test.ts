import { describe, expect, it } from 'vitest';
import { ArgumentError, tensor } from '../../src/index.js';
import { BatchNorm2d, Dropout, Lambda, Model, Sequential, zeros } from '../../src/nn/index.js';
import { recalibrate } from '../../src/train/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice();

/** Mean over batches of each channel's mean and unbiased variance. */
function average(x: Float32Array, channels: number, batch: number, batches: number) {
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let b = 0; b < batches; b++)
    for (let c = 0; c < channels; c++) {
      const values = Array.from({ length: batch }, (_, i) => x[(b * batch + i) * channels + c]);
      const m = values.reduce((s, v) => s + v, 0) / batch;
      mean[c] += m / batches;
      variance[c] += values.reduce((s, v) => s + (v - m) ** 2, 0) / (batch - 1) / batches;
    }
  return { mean, variance };
}

describe('recalibrate', () => {
  it.each([
    [37, 5, 6, undefined, 0.1],
    [40, 3, 8, 2, 0.003],
    [9, 4, undefined, undefined, 1],
    [12, 2, 4, undefined, undefined],
  ])(
    'averages the statistics of whole batches: %i inputs, %i channels, batch %s',
    async (n, channels, batch, batches, momentum) => {
      const x = new Inputs(`recalibrate ${n}`).normal(n * channels).map((v, i) => 2 * v + (i % channels));
      const model = new Model(
        t.device,
        new Sequential({
          a: new BatchNorm2d(channels, { momentum }),
          drop: new Dropout(0.5),
          b: new BatchNorm2d(channels),
        }),
        { seed: 3 },
      );
      model.get('a.running_mean').write(new Float32Array(channels).fill(100));
      const before = await model.generator.state();
      const inputs = tensor(t.device, x, { shape: [n, channels] });
      await recalibrate(model, inputs, { batch, batches });
      const size = batch ?? n;
      const { mean, variance } = average(x, channels, size, batches ?? Math.floor(n / size));
      expectClose(await model.get('a.running_mean').data(), mean, { rtol: 3e-5 });
      expectClose(await model.get('a.running_var').data(), variance, { rtol: 3e-5 });
      const behind = (await model.get('b.running_var').data()) as Float32Array;
      expect(behind.reduce((sum, v) => sum + v, 0) / channels).toBeGreaterThan(0.2);
      expect(await model.generator.state()).toEqual(before);
      for (const thing of [model, inputs]) thing.dispose();
    },
  );

  it('refuses batches that there are not, and leaves the statistics', async () => {
    const model = new Model(t.device, new BatchNorm2d(2));
    const inputs = tensor(t.device, new Float32Array(20), { shape: [10, 2] });
    for (const options of [{ batch: 11 }, { batch: 0 }, { batch: 3, batches: 4 }, { batches: 1.5 }])
      await expect(recalibrate(model, inputs, options)).rejects.toThrow(ArgumentError);
    expect([...(await model.get('running_var').data())]).toEqual([1, 1]);
    for (const thing of [model, inputs]) thing.dispose();
  });

  it('leaves statistics of momentum 0', async () => {
    const network = new Sequential({ fixed: new BatchNorm2d(2, { momentum: 0 }), moving: new BatchNorm2d(2) });
    const model = new Model(t.device, network);
    model.get('fixed.running_mean').write([3, 4]);
    const inputs = tensor(t.device, new Inputs('fixed').normal(20), { shape: [10, 2] });
    await recalibrate(model, inputs);
    expect([...(await model.get('fixed.running_mean').data())]).toEqual([3, 4]);
    expect([...(await model.get('fixed.running_var').data())]).toEqual([1, 1]);
    expect([...(await model.get('moving.running_var').data())]).not.toEqual([1, 1]);
    for (const thing of [model, inputs]) thing.dispose();
  });

  it('refuses statistics of unknown momentum', async () => {
    class Counting extends Lambda {
      constructor() {
        super((x) => x);
        this.declare('statistic', 'seen', [1], zeros);
      }
    }
    const model = new Model(t.device, new Sequential({ norm: new BatchNorm2d(2), count: new Counting() }));
    const inputs = tensor(t.device, new Float32Array(20), { shape: [10, 2] });
    await expect(recalibrate(model, inputs)).rejects.toThrow(
      "recalibrate: expected statistics declared with their momentum, got 'count.seen'",
    );
    expect([...(await model.get('norm.running_var').data())]).toEqual([1, 1]);
    for (const thing of [model, inputs]) thing.dispose();
  });
});
