import { describe, expect, it } from 'vitest';
import { duration } from '../../src/cli/training-bar.js';
import { ArgumentError, compile, crossEntropy, mul, type Tensor, tensor } from '../../src/index.js';
import { Linear, Model } from '../../src/nn/index.js';
import { adam, cosine, sgd } from '../../src/optim/index.js';
import {
  applyMask,
  decodeCheckpoint,
  type EpochRecord,
  evaluate,
  fit as fitModel,
  type Progress,
} from '../../src/train/index.js';
import { LossRing } from '../../src/train/loss-ring.js';
import { Meter } from '../../src/train/progress.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { images, network, upload } from './support.js';

const t = testDevice();

function setUp(name: string, count = 70, options = { lr: 0.05, momentum: 0.9, weightDecay: 1e-3 }) {
  const data = upload(t.device, images(name, count));
  const model = new Model(t.device, network(), { seed: 5 });
  const optimiser = sgd(model.parameters, options);
  const dispose = () => {
    for (const thing of [data.inputs, data.targets, model, optimiser]) thing.dispose();
  };
  return { ...data, model, optimiser, dispose };
}

describe('the losses of a compiled step', () => {
  it.each([1, 3, 8])('all arrive, in order, from a ring of %i', async (slots) => {
    const ring = new LossRing(t.device, slots);
    const value = tensor(t.device, new Float32Array([0.5]));
    const step = compile(t.device, (x: typeof value) => ring.push(mul(x, 2)));
    const found: number[] = [];
    for (let i = 0; i < 20; i++) {
      value.write([i]);
      step(value);
      // Parts of the ring are read as well.
      const full = ring.advance();
      if (full || i === 4) found.push(...(await ring.collect(i === 4 || i === 19)));
    }
    found.push(...(await ring.collect(true)), ...(await ring.collect(true)));
    expect(found).toEqual(Array.from({ length: 20 }, (_, i) => 2 * i));
    step.dispose();
    value.dispose();
    await ring.dispose();
  });
});

describe('a training run', () => {
  it('learns, reports every step once at least, and keeps a history without times', async () => {
    const { model, optimiser, inputs, targets, dispose } = setUp('learns', 140);
    const seen: Progress[] = [];
    const epochs: EpochRecord[] = [];
    let ended = 0;
    const result = await fitModel(model, optimiser, inputs, targets, {
      epochs: 6,
      batch: 20,
      readEvery: 3,
      onEpoch: async ({ epoch }) => ({ test: (await evaluate(model, inputs, targets)).accuracy, epoch }),
      reporters: [{ progress: (p) => seen.push(p), epoch: (e) => epochs.push(e), end: () => ended++ }],
    });
    expect(result.status).toBe('finished');
    expect(result.step).toBe(42);
    expect(result.history).toEqual(epochs);
    expect(epochs.map((e) => [e.epoch, e.step, e.measured.epoch])).toEqual(
      [1, 2, 3, 4, 5, 6].map((e) => [e, 7 * e, e]),
    );
    expect(epochs[5].loss).toBeLessThan(epochs[0].loss);
    expect(epochs[5].learningRate).toBeCloseTo(0.05, 6);
    expect(epochs[5].measured.test).toBeGreaterThan(0.4);
    expect(seen.at(-1)).toMatchObject({ step: 42, steps: 42, epoch: 6, epochs: 6, secondsLeft: 0, loss: result.loss });
    expect(seen.every((p) => p.rate > 0 && p.secondsLeft >= 0)).toBe(true);
    expect(seen.map((p) => p.step)).toEqual([...seen.map((p) => p.step)].sort((a, b) => a - b));
    expect(ended).toBe(1);
    dispose();
  });

  it('gives the same bytes whatever is read how often', async () => {
    const bytes: Uint8Array[] = [];
    for (const readEvery of [1, 8]) {
      const { model, optimiser, inputs, targets, dispose } = setUp('same bytes');
      await fitModel(model, optimiser, inputs, targets, { epochs: 2, batch: 16, readEvery });
      bytes.push(new Uint8Array((await model.parameters.flat.data()).buffer));
      dispose();
    }
    expect(Buffer.compare(bytes[0], bytes[1])).toBe(0);
  });

  it.each([
    ['SGD', (m: Model) => sgd(m.parameters, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 })],
    ['Adam', (m: Model) => adam(m.parameters, { lr: 0.01, weightDecay: 0.01, schedule: cosine(20) })],
  ])('keeps masked weights at exactly 0 before, during and after %s', async (name, make) => {
    const data = upload(t.device, images(`mask ${name}`, 50));
    const model = new Model(t.device, network(), { seed: 1 });
    const optimiser = make(model);
    const bits = new Inputs(`mask bits ${name}`).integers(model.parameters.flat.size, 2);
    const mask = tensor(t.device, Float32Array.from(bits));
    // Not a number times 0 is no 0: a mask removes whatever is there.
    const removed = bits.indexOf(0);
    const start = (await model.parameters.flat.data()) as Float32Array;
    start[removed] = Number.POSITIVE_INFINITY;
    model.parameters.flat.write(start);
    const zeros = async () => {
      const flat = await model.parameters.flat.data();
      expect(bits.every((keep, i) => keep === 1 || Object.is(flat[i], 0))).toBe(true);
      for (const [key, slot] of [...optimiser.tensors].filter(([k]) => k.startsWith('slot'))) {
        const state = await slot.data();
        expect(
          bits.every((keep, i) => keep === 1 || state[i] === 0),
          key,
        ).toBe(true);
      }
    };
    const between = { every: 1, run: (step: number) => (step < 3 ? zeros() : undefined) };
    const result = await fitModel(model, optimiser, data.inputs, data.targets, { epochs: 2, batch: 10, mask, between });
    expect(result.status).toBe('finished');
    await zeros();
    for (const thing of [data.inputs, data.targets, model, optimiser, mask]) thing.dispose();
  });

  it('follows a mask whose values change between steps', async () => {
    const { model, optimiser, inputs, targets, dispose } = setUp('gradual');
    const mask = model.parameters.like(1);
    const at: number[] = [];
    const between = {
      every: 4,
      run: (step: number) => {
        at.push(step);
        if (step === 4) mask.write(new Float32Array(mask.size));
      },
    };
    await fitModel(model, optimiser, inputs, targets, { epochs: 1, batch: 7, mask, between });
    expect(at).toEqual([0, 4, 8]);
    expect((await model.parameters.flat.data()).every((w) => w === 0)).toBe(true);
    mask.dispose();
    dispose();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'whose loss becomes %f ends with the step it did so at',
    async (bad) => {
      const { model, optimiser, inputs, targets, dispose } = setUp('diverges');
      const factor = tensor(t.device, new Float32Array([1]), { shape: [] });
      const saved: number[] = [];
      const losses: number[] = [];
      const result = await fitModel(model, optimiser, inputs, targets, {
        epochs: 10,
        batch: 14,
        readEvery: 3,
        loss: (m, batch) => mul(crossEntropy(m.forward(batch.inputs, { training: true }), batch.targets), factor),
        between: { every: 11, run: (step) => (step === 11 ? factor.write([bad]) : undefined) },
        checkpoint: { save: (bytes) => void saved.push(decodeCheckpoint(bytes).state.step) },
        reporters: [{ progress: ({ loss }) => losses.push(loss) }],
      });
      expect(result).toMatchObject({ status: 'diverged', step: 12, loss: bad });
      expect(result.history.map((e) => e.step)).toEqual([5, 10]);
      expect(saved).toEqual([5, 10]);
      expect(losses.every(Number.isFinite)).toBe(true);
      factor.dispose();
      dispose();
    },
  );

  it('with far too great a learning rate is a result, not an error', async () => {
    const { model, optimiser, inputs, targets, dispose } = setUp('far too great', 70, {
      ...{ lr: 1e30, momentum: 0.9, weightDecay: 0 },
    });
    const result = await fitModel(model, optimiser, inputs, targets, { epochs: 2, batch: 7 });
    expect(result.status).toBe('diverged');
    expect(result.step).toBeLessThan(6);
    dispose();
  });

  it('stops by a signal with a checkpoint of the step it stands at', async () => {
    const { model, optimiser, inputs, targets, dispose } = setUp('stops');
    const control = new AbortController();
    const saved: number[] = [];
    const result = await fitModel(model, optimiser, inputs, targets, {
      epochs: 3,
      batch: 7,
      readEvery: 2,
      signal: control.signal,
      reporters: [{ progress: ({ step }) => step >= 12 && control.abort() }],
      checkpoint: { save: (bytes) => void saved.push(decodeCheckpoint(bytes).state.step) },
    });
    expect(result.status).toBe('stopped');
    expect(result.step).toBeGreaterThanOrEqual(12);
    expect(result.step).toBeLessThan(20);
    expect(saved).toEqual([10, result.step]);
    dispose();
  });

  it('passes errors of callbacks on, and ends its reporters', async () => {
    const { model, optimiser, inputs, targets, dispose } = setUp('errors');
    let ended = 0;
    const failing = fitModel(model, optimiser, inputs, targets, {
      epochs: 1,
      batch: 7,
      readEvery: 2,
      between: { every: 5, run: (step) => (step === 5 ? Promise.reject(new Error('mine')) : undefined) },
      reporters: [{ end: () => ended++ }],
    });
    await expect(failing).rejects.toThrow('mine');
    expect(ended).toBe(1);
    dispose();
  });

  it('refuses options out of range, and losses that are not one number', async () => {
    const { model, optimiser, inputs, targets, dispose } = setUp('refuses');
    const run = (o: object) => fitModel(model, optimiser, inputs, targets, { epochs: 1, batch: 7, ...o });
    await expect(run({ epochs: 0 })).rejects.toThrow('train: expected epochs >= 1, got 0');
    await expect(run({ readEvery: 1.5 })).rejects.toThrow('readEvery >= 1');
    await expect(run({ between: { every: 0, run: () => {} } })).rejects.toThrow('between.every >= 1');
    await expect(run({ checkpoint: { every: -1, save: () => {} } })).rejects.toThrow('checkpoint.every >= 1');
    await expect(run({ batch: 71 })).rejects.toThrow(ArgumentError);
    await expect(run({ loss: (m: Model, b: { inputs: Tensor }) => m.forward(b.inputs) })).rejects.toThrow();
    dispose();
  });
});

describe('applyMask', () => {
  it('removes infinite weights, and keeps the others as they are', async () => {
    const model = new Model(t.device, new Linear(3, 2, { bias: false }));
    model.get('weight').write([1, -2, Number.POSITIVE_INFINITY, Number.NaN, -0, 6]);
    const mask = model.parameters.like();
    const part = model.parameters.part(mask, 'weight');
    part.write([1, 0, 0, 0, 1, 1]);
    applyMask(model.parameters, mask);
    expect([...(await model.get('weight').data())]).toEqual([1, 0, 0, 0, -0, 6]);
    for (const thing of [part, mask, model]) thing.dispose();
  });
});

describe('the meter', () => {
  it('leaves pauses and the first interval out, and follows changes', () => {
    let now = 0;
    const meter = new Meter(() => now);
    now = 5000;
    expect(meter.count(10)).toBe(2);
    now = 6000;
    expect(meter.count(10)).toBe(10);
    const goOn = meter.pause();
    now = 60_000;
    goOn();
    now = 61_000;
    expect(meter.count(20)).toBeCloseTo(13, 9);
  });
});

describe('the time left', () => {
  it.each([
    [0, '0 s'],
    [59.4, '59 s'],
    [59.6, '1:00 min'],
    [185, '3:05 min'],
    [3599.7, '1:00 h'],
    [7800, '2:10 h'],
  ])('of %f seconds is shown as %s', (seconds, shown) => {
    expect(duration(seconds)).toBe(shown);
  });
});
