import { describe, expect, it } from 'vitest';
import { commonFrequencies } from '../../src/similarity/frequencies.js';
import { cca, dftCca, type HostActivations } from '../../src/similarity/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { host, messageOf } from './data.js';

const hold = testDevice();
const gpu = testDevice({ deviceClass: 'discrete' });

/** Every cyclic shift of `images` random maps [h, w, channels]: a data set closed under translation. */
function allShifts(inputs: Inputs, images: number, h: number, w: number, channels: number): HostActivations {
  const base = inputs.normal(images * h * w * channels);
  const data: number[] = [];
  for (let n = 0; n < images; n++)
    for (let dy = 0; dy < h; dy++)
      for (let dx = 0; dx < w; dx++)
        for (let y = 0; y < h; y++)
          for (let x = 0; x < w; x++)
            for (let c = 0; c < channels; c++)
              data.push(base[((n * h + ((y + dy) % h)) * w + ((x + dx) % w)) * channels + c]);
  return host(data, [images * h * w, h, w, channels]);
}

/** A layer of one circular convolution: at each position, maps of the pixel and of its neighbours by `shifts`. */
function circular(
  inputs: Inputs,
  { data, shape: [n, h, w, ci] }: HostActivations,
  co: number,
  shifts: number[][],
): HostActivations {
  const weights = shifts.map(() => inputs.normal(ci * co));
  const out = new Float64Array(n * h * w * co);
  for (let i = 0; i < n; i++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++)
        shifts.forEach(([dy, dx], k) => {
          const from = ((i * h + ((y + dy) % h)) * w + ((x + dx) % w)) * ci;
          const to = ((i * h + y) * w + x) * co;
          for (let a = 0; a < ci; a++)
            for (let b = 0; b < co; b++) out[to + b] += data[from + a] * weights[k][a * co + b];
        });
  return { data: out, shape: [n, h, w, co] };
}

const flattened = ({ data, shape: [n, h, w, c] }: HostActivations): HostActivations => ({
  data,
  shape: [n, h * w * c],
});

describe('DFT-CCA', () => {
  const inputs = new Inputs('dft cca');

  it('is CCA of the whole maps where the data is closed under translation: 40 images, all shifts of 4 x 4', async () => {
    const images = allShifts(inputs, 40, 4, 4, 5);
    const x = circular(inputs, images, 2, [
      [0, 0],
      [0, 1],
    ]);
    const y = circular(inputs, images, 3, [
      [0, 0],
      [1, 0],
      [3, 2],
    ]);
    const found = await dftCca(x, y);
    const whole = await cca(flattened(x), flattened(y));
    expect(found.correlations).toHaveLength(16 * 2);
    expectClose(found.correlations, whole.correlations, { atol: 1e-12, rtol: 0 });
    expect(found.frequencies).toBe(16);
    for (const device of [hold.device, gpu.device]) {
      const fast = await dftCca(x, y, { precision: 'float32', device });
      expectClose(fast.correlations, whole.correlations, { atol: 1e-5, rtol: 0 });
      expect([fast.precision, fast.flags]).toEqual(['float32', []]);
    }
  });

  it('maps of odd and unequal sides', async () => {
    const images = allShifts(inputs, 24, 3, 5, 3);
    const x = circular(inputs, images, 2, [
      [0, 0],
      [1, 2],
    ]);
    const y = circular(inputs, images, 1, [
      [0, 0],
      [2, 4],
    ]);
    const [found, whole] = [await dftCca(x, y), await cca(flattened(x), flattened(y))];
    expectClose(found.correlations, whole.correlations, { atol: 1e-12, rtol: 0 });
  });

  it('gives 1 for invertible maps of channels and for itself', async () => {
    const images = allShifts(inputs, 12, 2, 3, 4);
    const y = circular(inputs, images, 4, [[0, 0]]);
    for (const side of [images, y])
      expectClose((await dftCca(images, side)).correlations, new Float64Array(24).fill(1), { atol: 1e-10, rtol: 0 });
  });

  it('one pixel is CCA of the channels', async () => {
    const [x, y] = [host(inputs.normal(60), [20, 1, 1, 3]), host(inputs.normal(40), [20, 1, 1, 2])];
    expectClose((await dftCca(x, y)).correlations, (await cca(flattened(x), flattened(y))).correlations, {
      atol: 1e-12,
    });
  });

  it('compares maps of two sizes in their low band', async () => {
    // The larger maps hold the smaller ones' frequencies, and others of their own.
    const n = 30;
    const signals = inputs.normal(n * 3);
    const own = inputs.normal(n);
    const waves = (size: number) =>
      Array.from({ length: n * size * size }, (_, at) => {
        const [i, y, x] = [Math.floor(at / size ** 2), Math.floor(at / size) % size, at % size];
        const [a, b, c] = signals.subarray(3 * i, 3 * i + 3);
        const low = a + b * Math.cos((2 * Math.PI * x) / size) + c * Math.sin((2 * Math.PI * (y + x)) / size);
        return low + (size > 4 ? own[i] * Math.cos((2 * Math.PI * 3 * x) / size) : 0);
      });
    const [x, y] = [host(waves(8), [n, 8, 8, 1]), host(waves(4), [n, 4, 4, 1])];
    const found = await dftCca(x, y);
    // Constant, two of b's and two of c's: the other frequencies do not vary.
    expectClose(found.correlations, new Float64Array(5).fill(1), { atol: 1e-10, rtol: 0 });
    expect(found.frequencies).toBe(16);
    expectClose(
      (await dftCca(y, x, { precision: 'float32', device: hold.device })).correlations,
      new Float64Array(5).fill(1),
      { atol: 1e-5 },
    );
  });

  it('computes one of each conjugate pair', () => {
    const weights = (x: number[], y: number[]) => {
      const all = commonFrequencies('t', [1, ...x, 1], [1, ...y, 1]);
      return [all.length, all.reduce((sum, f) => sum + f.weight, 0)];
    };
    expect(weights([4, 4], [4, 4])).toEqual([10, 16]);
    expect(weights([5, 3], [5, 3])).toEqual([8, 15]);
    expect(weights([1, 1], [1, 1])).toEqual([1, 1]);
    // -2 has no partner in the band of a larger map: 16 = 7 without + 1 for (0, 0) + 4 pairs.
    expect(weights([8, 8], [4, 4])).toEqual([12, 16]);
  });

  it('gives 0 where nothing varies, and names what is wrong', async () => {
    const maps = host(inputs.normal(80), [20, 2, 2, 1]);
    const flat = host(new Float64Array(80).fill(3), [20, 2, 2, 1]);
    for (const options of [{}, { precision: 'float32', device: hold.device } as const]) {
      const found = await dftCca(maps, flat, options);
      expect([found.similarity, found.correlations.length, found.flags]).toEqual([0, 0, ['degenerate']]);
    }
    const says = async (work: () => unknown, message: string) => expect(await messageOf(work)).toBe(message);
    await says(
      () => dftCca(host([1], [1, 1]), maps),
      'ShapeError: dftCca: expected x as [points, h, w, channels], got [1, 1]',
    );
    await says(
      () => dftCca(maps, host(inputs.normal(40), [20, 2, 1, 1])),
      'ShapeError: dftCca: expected maps of one size, or square ones, got [20, 2, 2, 1] and [20, 2, 1, 1]',
    );
    const few = host(inputs.normal(120), [5, 2, 2, 6]);
    await says(
      () => dftCca(few, few),
      'ArgumentError: dftCca: expected at least 12 points, twice the neurons of the larger side (or force: true), got 5 points',
    );
    expect((await dftCca(few, few, { force: true })).flags).toContain('few points');
    expect((await dftCca(maps, maps)).flags).toEqual([]);
  });
});
