import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type DigitSet, type DigitSplit, generateDigits } from '../../src/data/digits.js';

const PIXELS = 784;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const image = (set: DigitSet, i: number) => set.images.subarray(i * PIXELS, (i + 1) * PIXELS);

/** Accuracy on `test` of choosing the class whose mean training image is nearest. */
function centroidAccuracy(train: DigitSet, test: DigitSet): number {
  const sums = Array.from({ length: 10 }, () => new Float64Array(PIXELS));
  const counts = new Array(10).fill(0);
  train.labels.forEach((label, i) => {
    counts[label]++;
    image(train, i).forEach((grey, pixel) => {
      sums[label][pixel] += grey;
    });
  });
  let right = 0;
  test.labels.forEach((label, i) => {
    const grey = image(test, i);
    const distances = sums.map((sum, c) => sum.reduce((d, s, pixel) => d + (s / counts[c] - grey[pixel]) ** 2, 0));
    if (distances.indexOf(Math.min(...distances)) === label) right++;
  });
  return right / test.labels.length;
}

afterEach(() => vi.restoreAllMocks());

describe('generateDigits', () => {
  it.each<[DigitSplit, string, string]>([
    [
      'train',
      'a2988d8c07800016594e9f5b3c1d26e1915ed4a4c0400cbdd13e6ba65dbf6615',
      '7a143970424e2cb037fcf6a77037b35ea7b76b5d43bf4d9d076f403983fbb12f',
    ],
    [
      'test',
      'f490d1b72e9a72b1a6e90ad70c5fb0bdd586840e061458a6c55a999c9df6f9cf',
      '69bb0b3dc85aff67c38f920e0cf98b8aca1e3ab534c19179f952672335066350',
    ],
  ])('gives the %s bytes on record', (split, images, labels) => {
    const set = generateDigits({ count: 200, seed: 0, split });
    expect([sha256(set.images), sha256(set.labels)]).toEqual([images, labels]);
  });

  it('describes its arrays, with training split and seed 0 as defaults', () => {
    const set = generateDigits({ count: 30 });
    expect(set).toMatchObject({ height: 28, width: 28, classes: 10 });
    expect(set.images.length).toBe(30 * PIXELS);
    expect(set.labels.length).toBe(30);
    expect(set).toEqual(generateDigits({ count: 30, seed: 0n, split: 'train' }));
  });

  it('uses no function whose last bits differ between engines', () => {
    const expected = sha256(generateDigits({ count: 100 }).images);
    for (const name of ['sin', 'cos', 'tan', 'atan2', 'exp', 'log', 'pow', 'hypot', 'cbrt'] as const) {
      vi.spyOn(Math, name).mockReturnValue(Number.NaN);
    }
    expect(sha256(generateDigits({ count: 100 }).images)).toBe(expected);
  });

  it('makes a smaller set the beginning of a larger one', () => {
    const large = generateDigits({ count: 57, seed: 4 });
    for (const count of [0, 1, 23]) {
      const small = generateDigits({ count, seed: 4 });
      expect(small.images).toEqual(large.images.slice(0, count * PIXELS));
      expect(small.labels).toEqual(large.labels.slice(0, count));
    }
  });

  it('balances the classes in every ten images, in changing order', () => {
    const { labels } = generateDigits({ count: 500, seed: 12 });
    const orders = new Set<string>();
    for (let i = 0; i < 500; i += 10) {
      const ten = Array.from(labels.subarray(i, i + 10));
      orders.add(ten.join(''));
      expect(ten.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    expect(orders.size).toBe(50);
  });

  it('never repeats an image, within or across splits and seeds', () => {
    const hashes = new Set<string>();
    for (const seed of [0, 1, 2 ** 32]) {
      for (const split of ['train', 'test'] as const) {
        const set = generateDigits({ count: 300, seed, split });
        for (let i = 0; i < 300; i++) hashes.add(sha256(image(set, i)));
      }
    }
    expect(hashes.size).toBe(6 * 300);
  });

  it('puts ink inside the frame and paper around it', () => {
    const set = generateDigits({ count: 1000, seed: 21 });
    let clipped = 0;
    for (let i = 0; i < 1000; i++) {
      const grey = image(set, i);
      const inked = grey.filter((g) => g > 127).length;
      expect(inked).toBeGreaterThan(10);
      expect(inked).toBeLessThan(PIXELS / 2);
      const border = grey.filter((_, p) => p < 28 || p >= PIXELS - 28 || p % 28 === 0 || p % 28 === 27);
      if (Math.max(...border) > 127) clipped++;
    }
    expect(clipped).toBeLessThan(20);
  });

  it.each([3, 1234, 99_999])('is learnable but not trivial (seed %i)', (seed) => {
    const train = generateDigits({ count: 2000, seed });
    const test = generateDigits({ count: 600, seed, split: 'test' });
    const accuracy = centroidAccuracy(train, test);
    expect(accuracy).toBeGreaterThan(0.55);
    expect(accuracy).toBeLessThan(0.75);
  });

  it('refuses bad options', () => {
    for (const count of [-1, 1.5, Number.NaN, 5_478_275, '3' as unknown as number]) {
      expect(() => generateDigits({ count })).toThrow(
        new RangeError(`generateDigits: count must be an integer from 0 to 5478274, got ${count}`),
      );
    }
    for (const split of ['validation', 'toString']) {
      expect(() => generateDigits({ count: 1, split: split as DigitSplit })).toThrow(
        new RangeError(`generateDigits: split must be one of train, test, got ${split}`),
      );
    }
    for (const seed of [0.5, -1, 2 ** 53, -1n]) {
      expect(() => generateDigits({ count: 0, seed })).toThrow(/seed must be a safe integer >= 0 .* got /);
    }
  });
});
