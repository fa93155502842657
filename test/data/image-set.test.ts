import { describe, expect, it } from 'vitest';
import {
  channelStatistics,
  concatImages,
  digitImages,
  firstOfClasses,
  type ImageSet,
  imageSet,
  splitImages,
  takeImages,
} from '../../src/data/index.js';

/** Images of 1x2 pixels and 2 channels whose bytes tell the image's number. */
function numbered(labels: number[], classes = 3): ImageSet {
  return imageSet({
    name: 'numbered',
    count: labels.length,
    height: 1,
    width: 2,
    channels: 2,
    images: Uint8Array.from({ length: 4 * labels.length }, (_, i) => 10 * Math.floor(i / 4) + (i % 4)),
    white: 200,
    labels: Int32Array.from(labels),
    classNames: Array.from({ length: classes }, (_, i) => `class ${i}`),
  });
}

describe('imageSet', () => {
  it('refuses parts that do not fit', () => {
    const good = numbered([0, 1, 2]);
    for (const [change, message] of [
      [{ count: 2 }, 'expected 8 bytes of images, got 12'],
      [{ labels: Int32Array.of(0) }, 'expected 3 labels, got 1'],
      [{ labels: Int32Array.of(0, 3, 1) }, 'expected labels from 0 to 2, got 3 for image 1'],
      [{ labels: Int32Array.of(0, 0, -1) }, 'got -1 for image 2'],
      [{ channels: 5 }, 'expected channels from 1 to 4, got 5'],
      [{ height: 0 }, 'expected a height from 1 to 65535, got 0'],
      [{ white: 0 }, 'expected a white from 1 to 255, got 0'],
      [{ count: 1.5 }, 'got 1.5'],
    ] as const)
      expect(() => imageSet({ ...good, ...change })).toThrow(message);
  });
});

describe('takeImages and concatImages', () => {
  it('take, repeat and join', () => {
    const set = numbered([0, 1, 2]);
    const taken = takeImages(set, [2, 0, 2]);
    expect([...taken.images]).toEqual([20, 21, 22, 23, 0, 1, 2, 3, 20, 21, 22, 23]);
    expect([...taken.labels]).toEqual([2, 0, 2]);
    expect(concatImages([takeImages(set, [0]), takeImages(set, [1, 2])])).toEqual(set);
    expect(takeImages(set, []).count).toBe(0);
  });
  it('refuse places outside, sets of other forms, and none', () => {
    const set = numbered([0, 1]);
    expect(() => takeImages(set, [0, 2])).toThrow('takeImages: expected places from 0 to 1, got 2 at 1');
    expect(() => takeImages(set, [0.5])).toThrow('got 0.5 at 0');
    expect(() => concatImages([set, { ...set, white: 255 }])).toThrow('expected 1x2x2, white 200');
    expect(() => concatImages([])).toThrow('at least one set');
  });
});

describe('splitImages', () => {
  const set = numbered(Array.from({ length: 100 }, (_, i) => (i < 10 ? 0 : i < 40 ? 1 : 2)));
  const first = (s: ImageSet) => Array.from({ length: s.count }, (_, i) => s.images[4 * i]);
  // Numbers above 25 wrap in a byte; labels and order still tell images apart.
  const counts = (s: ImageSet) => [0, 1, 2].map((c) => s.labels.filter((l) => l === c).length);

  it('takes each class in proportion, every image once, in order', () => {
    const small = takeImages(set, [...Array(25).keys()]);
    const { taken, rest } = splitImages(small, 10, 5);
    expect([...first(taken), ...first(rest)].sort((a, b) => a - b)).toEqual(first(small));
    expect(first(taken)).toEqual(first(taken).toSorted((a, b) => a - b));
    expect(counts(splitImages(set, 20, 1).taken)).toEqual([2, 6, 12]);
    expect(counts(splitImages(set, 5, 1).taken)).toEqual([1, 1, 3]);
    expect(counts(splitImages(set, 100, 1).taken)).toEqual([10, 30, 60]);
    expect(splitImages(set, 0).taken.count).toBe(0);
  });
  it('is a function of the seed', () => {
    expect(splitImages(set, 50, 3)).toEqual(splitImages(set, 50, 3n));
    expect(first(splitImages(set, 50, 3).taken)).not.toEqual(first(splitImages(set, 50, 4).taken));
  });
  it('refuses other counts', () => {
    for (const n of [-1, 101, 1.5]) expect(() => splitImages(set, n)).toThrow(`from 0 to 100 images, got ${n}`);
  });
});

describe('firstOfClasses', () => {
  it('takes the first images of each class in order', () => {
    const set = numbered([2, 0, 2, 2, 0, 1]);
    const taken = firstOfClasses(set, 2);
    expect([...taken.labels]).toEqual([2, 0, 2, 0, 1]);
    expect(Array.from({ length: 5 }, (_, i) => taken.images[4 * i])).toEqual([0, 10, 20, 40, 50]);
    expect(firstOfClasses(set, 0).count).toBe(0);
    for (const n of [-1, 1.5]) expect(() => firstOfClasses(set, n)).toThrow(`images a class, got ${n}`);
  });
});

describe('channelStatistics', () => {
  it('equals the definition', () => {
    const set = digitImages({ count: 50, seed: 2 });
    const values = Array.from(set.images, (v) => v / 255);
    const mean = values.reduce((s, v) => s + v, 0) / values.length;
    const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length;
    const found = channelStatistics(set);
    expect(found.mean[0]).toBeCloseTo(mean, 10);
    expect(found.std[0]).toBeCloseTo(Math.sqrt(variance), 10);
  });
  it('keeps channels apart, and needs an image', () => {
    const set = numbered([0]);
    expect(channelStatistics(set)).toEqual({ mean: [1 / 200, 2 / 200], std: [1 / 200, 1 / 200] });
    expect(() => channelStatistics(takeImages(set, []))).toThrow('at least one image');
  });
});
