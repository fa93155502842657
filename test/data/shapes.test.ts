import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { generateShapes, type ImageSet, SHAPE_NAMES, takeImages } from '../../src/data/index.js';

const BYTES = 3072;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** SHA-256 of the first 100 images of the training and test split, and their first labels. */
const RECORD = [
  ['5af025eea840df713be431a6c544c448c44dcda23ce0462c1d7c3cc90c15e37b', '3785120469'],
  ['e03d224cef951b4f29d34099877a0b052322089e9b20aeaffdeb257d6bbdae1b', '4103296578'],
];

/** Accuracy on `test` of choosing the class whose mean training image is nearest. */
function centroidAccuracy(train: ImageSet, test: ImageSet): number {
  const means = Array.from({ length: 10 }, () => new Float64Array(BYTES));
  for (let i = 0; i < train.count; i++)
    for (let p = 0; p < BYTES; p++) means[train.labels[i]][p] += train.images[i * BYTES + p] / (train.count / 10);
  let right = 0;
  for (let i = 0; i < test.count; i++) {
    const image = test.images.subarray(i * BYTES, (i + 1) * BYTES);
    const distances = means.map((mean) => mean.reduce((d, m, p) => d + (m - image[p]) ** 2, 0));
    if (distances.indexOf(Math.min(...distances)) === test.labels[i]) right++;
  }
  return right / test.count;
}

afterEach(() => vi.restoreAllMocks());

describe('generateShapes', () => {
  it('gives the bytes on record', () => {
    const found = (['train', 'test'] as const).map((split) => {
      const { images, labels } = generateShapes({ count: 100, split });
      return [sha256(images), [...labels.subarray(0, 10)].join('')];
    });
    expect(found).toEqual(RECORD);
  });

  it('uses no function whose last bits differ between engines', () => {
    const expected = sha256(generateShapes({ count: 30 }).images);
    for (const name of ['sin', 'cos', 'tan', 'atan2', 'exp', 'log', 'pow', 'hypot', 'cbrt'] as const)
      vi.spyOn(Math, name).mockReturnValue(Number.NaN);
    expect(sha256(generateShapes({ count: 30 }).images)).toBe(expected);
  });

  it('makes a smaller set the beginning of a larger one, and describes it', () => {
    const large = generateShapes({ count: 37, seed: 4 });
    expect(large).toMatchObject({ name: 'shapes', height: 32, width: 32, channels: 3, white: 255 });
    expect(large.classNames).toEqual(SHAPE_NAMES);
    expect(SHAPE_NAMES.slice(0, 3)).toEqual(['striped disc', 'checked disc', 'striped square']);
    for (const count of [0, 1, 23])
      expect(generateShapes({ count, seed: 4 })).toEqual(takeImages(large, [...Array(count).keys()]));
  });

  it('balances the classes in every ten images', () => {
    const { labels } = generateShapes({ count: 200, seed: 12 });
    for (let i = 0; i < 200; i += 10)
      expect([...labels.subarray(i, i + 10)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('never repeats an image, within or across splits and seeds', () => {
    const hashes = new Set<string>();
    for (const seed of [0, 1, 2 ** 32])
      for (const split of ['train', 'test'] as const) {
        const { images } = generateShapes({ count: 50, seed, split });
        for (let i = 0; i < 50; i++) hashes.add(sha256(images.subarray(i * BYTES, (i + 1) * BYTES)));
      }
    expect(hashes.size).toBe(300);
  });

  it('tells nothing of the class by colour and place alone', () => {
    const accuracy = centroidAccuracy(
      generateShapes({ count: 1500, seed: 5 }),
      generateShapes({ count: 500, seed: 5, split: 'test' }),
    );
    expect(accuracy).toBeLessThan(0.2);
  });

  it('refuses bad options', () => {
    for (const count of [-1, 1.5, Number.NaN, 1_398_102])
      expect(() => generateShapes({ count })).toThrow(
        `generateShapes: expected a count from 0 to 1398101, got ${count}`,
      );
    expect(() => generateShapes({ count: 1, split: 'toString' as 'test' })).toThrow('expected a split of train, test');
    expect(() => generateShapes({ count: 0, seed: -1 })).toThrow(/seed must be a safe integer/);
  });
});
