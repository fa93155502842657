import { describe, expect, it } from 'vitest';
import { digitImages, type ImageSet, imageSet, resizeImages } from '../../src/data/index.js';
import { Inputs } from '../support/random.js';

function random(count: number, height: number, width: number, channels: number): ImageSet {
  const inputs = new Inputs(`resize ${height} ${width}`);
  return imageSet({
    name: 'random',
    count,
    height,
    width,
    channels,
    images: Uint8Array.from(inputs.integers(count * height * width * channels, 256)),
    white: 255,
    labels: new Int32Array(count),
    classNames: ['a'],
  });
}

/** Share of each input pixel in output pixel i of an axis, from the definition in real numbers. */
function shares(before: number, after: number, i: number): number[] {
  const scale = before / after;
  if (after < before)
    return Array.from(
      { length: before },
      (_, k) => Math.max(0, Math.min((i + 1) * scale, k + 1) - Math.max(i * scale, k)) / scale,
    );
  const place = Math.min(before - 1, Math.max(0, (i + 0.5) * scale - 0.5));
  return Array.from({ length: before }, (_, k) => Math.max(0, 1 - Math.abs(place - k)));
}

/** The value of one output pixel before rounding. */
function reference(set: ImageSet, to: [number, number], image: number, y: number, x: number, c: number): number {
  const down = shares(set.height, to[0], y);
  const across = shares(set.width, to[1], x);
  let sum = 0;
  for (const [r, a] of down.entries())
    for (const [s, b] of across.entries())
      sum += a * b * set.images[((image * set.height + r) * set.width + s) * set.channels + c];
  return sum;
}

describe('resizeImages', () => {
  it.each([
    [[28, 28], [14, 14], 1],
    [[28, 28], [20, 12], 1],
    [[7, 5], [3, 2], 3],
    [[5, 7], [13, 11], 3],
    [[8, 8], [9, 7], 4],
    [[6, 3], [2, 9], 2],
    [[1, 1], [4, 3], 3],
    [[13, 17], [1, 1], 1],
    [[2, 1], [5, 1], 1],
  ] as [[number, number], [number, number], number][])('from %j to %j in %i channels', (from, to, channels) => {
    const set = random(2, ...from, channels);
    const resized = imageSet(resizeImages(set, ...to));
    expect(resized).toMatchObject({ name: 'random', count: 2, height: to[0], width: to[1], channels, white: 255 });
    let at = 0;
    for (let image = 0; image < 2; image++)
      for (let y = 0; y < to[0]; y++)
        for (let x = 0; x < to[1]; x++)
          for (let c = 0; c < channels; c++)
            expect(Math.abs(resized.images[at++] - reference(set, to, image, y, x, c))).toBeLessThan(0.5 + 1e-9);
  });

  it('keeps an image of its own size, an even one, and the mean when it shrinks by a whole factor', () => {
    const set = random(3, 12, 8, 3);
    expect(resizeImages(set, 12, 8)).toBe(set);
    const even = { ...set, images: set.images.map(() => 77) };
    for (const [h, w] of [
      [5, 5],
      [30, 3],
      [12, 9],
    ])
      expect(new Set(resizeImages(even, h, w).images)).toEqual(new Set([77]));
    const mean = (bytes: Uint8Array) => bytes.reduce((s, v) => s + v, 0) / bytes.length;
    expect(Math.abs(mean(resizeImages(set, 4, 2).images) - mean(set.images))).toBeLessThan(0.5);
  });

  it('rounds halves up', () => {
    const set = { ...random(1, 1, 2, 1), images: Uint8Array.of(1, 2) };
    expect([...resizeImages(set, 1, 1).images]).toEqual([2]);
    expect([...resizeImages(set, 1, 4).images]).toEqual([1, 1, 2, 2]);
  });

  it('makes digits small, with the same labels', () => {
    const digits = digitImages({ count: 50, seed: 1 });
    const small = resizeImages(digits, 14, 14);
    expect(small.labels).toBe(digits.labels);
    expect(Math.max(...small.images)).toBeGreaterThan(200);
    expect(resizeImages(digits, 14, 14).images).toEqual(small.images);
  });

  it('refuses other sizes', () => {
    const set = random(1, 2, 2, 1);
    for (const size of [0, 1.5, 65536, Number.NaN]) {
      expect(() => resizeImages(set, size, 4)).toThrow(`resizeImages: expected a height from 1 to 65535, got ${size}`);
      expect(() => resizeImages(set, 4, size)).toThrow(`expected a width from 1 to 65535, got ${size}`);
    }
    expect(resizeImages({ ...set, count: 0, images: new Uint8Array(0), labels: new Int32Array(0) }, 4, 4).count).toBe(
      0,
    );
  });
});
