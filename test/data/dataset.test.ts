import { describe, expect, it } from 'vitest';
import { Dataset, type ImageSet, imageSet, takeImages } from '../../src/data/index.js';
import { Generator, tensor } from '../../src/index.js';
import { HostRandom, philoxBits } from '../../src/tensor/philox.js';
import { testDevice } from '../support/device.js';

const t = testDevice();
const gpu = testDevice({ deviceClass: 'discrete' });

/** Random images of `classes` 5. */
function images(count: number, height: number, width: number, channels: number, seed = 1, white = 255): ImageSet {
  const random = new HostRandom(seed);
  const bytes = Uint8Array.from({ length: count * height * width * channels }, () => random.integer(white + 1));
  const labels = Int32Array.from({ length: count }, () => random.integer(5));
  return imageSet({
    name: 'random',
    count,
    height,
    width,
    channels,
    images: bytes,
    white,
    labels,
    classNames: ['a', 'b', 'c', 'd', 'e'],
  });
}

interface Change {
  dy: number;
  dx: number;
  flip: boolean;
}
const NONE: Change = { dy: 0, dx: 0, flip: false };

/** What a batch ought to hold: pad, crop, flip, then (value / white - mean) / std. */
function reference(set: ImageSet, mean: number[], std: number[], rows: number[], changes: Change[]): Float64Array {
  const { height, width, channels } = set;
  const out = new Float64Array(rows.length * height * width * channels);
  let at = 0;
  for (const [b, row] of rows.entries()) {
    const { dy, dx, flip } = changes[b];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < channels; c++) {
          const [sy, sx] = [y + dy, (flip ? width - 1 - x : x) + dx];
          const inside = sy >= 0 && sy < height && sx >= 0 && sx < width;
          const byte = inside ? set.images[((row * height + sy) * width + sx) * channels + c] : 0;
          out[at++] = (byte / set.white - mean[c]) / std[c];
        }
  }
  return out;
}

function greatestError(found: ArrayLike<number>, expected: Float64Array): number {
  expect(found.length).toBe(expected.length);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i])), 0);
}

describe.each([
  ['software', t],
  ['discrete', gpu],
] as const)('Dataset on a %s device', (_, on) => {
  const device = () => on.device;

  it.each([
    [1, 1, 1, 1],
    [7, 3, 5, 1],
    [9, 5, 3, 3],
    [6, 7, 7, 4],
    [11, 32, 32, 3],
    [5, 28, 28, 1],
    [4, 2, 9, 2],
  ])('gives %i images of %i x %i x %i normalised, in any order', async (count, height, width, channels) => {
    const set = images(count, height, width, channels, count, count === 7 ? 16 : 255);
    const mean = [0.1, 0.4, 0.5, 0.9].slice(0, channels);
    const std = [0.2, 0.3, 1, 0.05].slice(0, channels);
    using data = new Dataset(device(), set, { statistics: { mean, std } });
    const rows = [count - 1, 0, count >> 1, 0];
    using at = tensor(device(), Int32Array.from(rows));
    const { inputs, targets } = data.batch(at);
    expect(inputs.shape).toEqual([4, height, width, channels]);
    expect(
      greatestError(
        await inputs.data(),
        reference(
          set,
          mean,
          std,
          rows,
          rows.map(() => NONE),
        ),
      ),
    ).toBeLessThan(5e-6);
    expect([...(await targets.data())]).toEqual(rows.map((row) => set.labels[row]));
    inputs.dispose();
    targets.dispose();
  });

  it.each([
    [4, true],
    [0, true],
    [4, false],
    [40, true],
  ])('crops with padding %i and flips (%s) by the draws of its generator', async (crop, flip) => {
    const set = images(13, 9, 10, 3);
    using data = new Dataset(device(), set);
    using generator = new Generator(device(), 77, { stream: 5 });
    const rows = Array.from({ length: 40 }, (_, i) => (i * 5) % 13);
    using at = tensor(device(), Int32Array.from(rows));
    for (let draw = 0; draw < 2; draw++) {
      const { inputs, targets } = data.batch(at, { crop, flip }, generator);
      const bits = philoxBits(77, 5, draw, 80);
      const changes = rows.map((_, b) => ({
        dy: crop && Math.floor(((bits[2 * b] & 0xffff) * (2 * crop + 1)) / 65536) - crop,
        dx: crop && Math.floor(((bits[2 * b] >>> 16) * (2 * crop + 1)) / 65536) - crop,
        flip: flip && (bits[2 * b + 1] & 1) === 1,
      }));
      if (crop === 4) expect(new Set(changes.map((c) => c.dy)).size).toBeGreaterThan(6);
      const { mean, std } = data.statistics;
      const expected = reference(set, [...mean], [...std], rows, changes);
      expect(greatestError(await inputs.data(), expected)).toBeLessThan(5e-6);
      inputs.dispose();
      targets.dispose();
    }
  });

  it('spreads a set over up to four buffers, with the same bytes', async () => {
    const set = images(23, 4, 4, 3);
    const rows = Int32Array.of(22, 0, 5, 6, 11, 12, 17, 18, 3);
    using at = tensor(device(), rows);
    const results: Float32Array[] = [];
    for (const partBytes of [undefined, 6 * 48, 12 * 48, 23 * 48 + 5]) {
      using data = new Dataset(device(), set, { partBytes });
      const { inputs, targets } = data.batch(at);
      results.push((await inputs.data()) as Float32Array);
      inputs.dispose();
      targets.dispose();
    }
    for (const other of results.slice(1)) expect(other).toEqual(results[0]);
    expect(() => new Dataset(device(), set, { partBytes: 5 * 48 })).toThrow(
      'Dataset: bytes of images is limited to 960 on this device, got 1104',
    );
  });
});

describe('Dataset', () => {
  it('gives ranges for evaluation, the last one shorter, and none', async () => {
    const set = images(10, 3, 3, 1);
    using data = new Dataset(t.device, set);
    for (const [from, to] of [
      [0, 10],
      [8, 10],
      [4, 4],
    ]) {
      const { inputs, targets } = data.range(from, to);
      const part = takeImages(
        set,
        [...Array(to - from).keys()].map((i) => from + i),
      );
      expect(inputs.shape).toEqual([to - from, 3, 3, 1]);
      expect([...(await targets.data())]).toEqual([...part.labels]);
      inputs.dispose();
      targets.dispose();
    }
    expect(() => data.range(3, 11)).toThrow('Dataset.range: expected 0 <= from <= to <= 10, got 3 and 11');
    expect(() => data.range(4, 3)).toThrow('got 4 and 3');
  });

  it('describes itself, and normalises by its own statistics unless told otherwise', async () => {
    const set = images(50, 6, 6, 3);
    using data = new Dataset(t.device, set);
    expect(data).toMatchObject({ name: 'random', count: 50, shape: [6, 6, 3], classNames: ['a', 'b', 'c', 'd', 'e'] });
    expect(data.bytes).toBe(50 * 108 + 50 * 4);
    const { inputs, targets } = data.range(0, 50);
    const values = [...(await inputs.data())];
    const mean = values.reduce((s, v) => s + v, 0) / values.length;
    const square = values.reduce((s, v) => s + v * v, 0) / values.length;
    expect(mean).toBeCloseTo(0, 5);
    expect(square).toBeCloseTo(1, 4);
    inputs.dispose();
    targets.dispose();
  });

  it('refuses what it cannot do', () => {
    const set = images(4, 3, 3, 3);
    const one = [1, 1, 1];
    expect(() => new Dataset(t.device, takeImages(set, []))).toThrow('at least one image');
    for (const statistics of [
      { mean: [0], std: one },
      { mean: one, std: [1, 0, 1] },
      { mean: [0, Number.NaN, 0], std: one },
    ])
      expect(() => new Dataset(t.device, set, { statistics })).toThrow(
        /Dataset: expected 3 (finite means|standard deviations > 0)/,
      );
    using data = new Dataset(t.device, set);
    using generator = new Generator(t.device, 1);
    using rows = tensor(t.device, Int32Array.of(0, 1));
    using floats = tensor(t.device, [0, 1]);
    using square = tensor(t.device, Int32Array.of(0, 1), { shape: [2, 1] });
    expect(() => data.batch(floats)).toThrow('expected rows of dtype i32, got f32');
    expect(() => data.batch(square)).toThrow('expected rows [batch]');
    expect(() => data.batch(rows, { flip: true })).toThrow('a generator for the augmentation');
    for (const crop of [-1, 1.5, 1001])
      expect(() => data.batch(rows, { crop }, generator)).toThrow(`expected a crop from 0 to 1000, got ${crop}`);
  });
});
