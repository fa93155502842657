import { describe, expect, it } from 'vitest';
import { CIFAR10_NAMES, decodeCifar } from '../../src/data/index.js';
import { FormatError } from '../../src/index.js';
import { Inputs } from '../support/random.js';

const PIXELS = 1024;

/** A file of random pixels with these label bytes before each image. */
function file(labels: number[][]): { bytes: Uint8Array; pixels: Uint8Array[] } {
  const inputs = new Inputs('cifar');
  const pixels = labels.map(() => Uint8Array.from(inputs.integers(3 * PIXELS, 256)));
  return { bytes: Uint8Array.from(labels.flatMap((head, i) => [...head, ...pixels[i]])), pixels };
}

describe('decodeCifar', () => {
  it('gives labels and images with channels last', () => {
    const { bytes, pixels } = file([[3], [9], [0]]);
    const set = decodeCifar(bytes, 'cifar10');
    expect(set).toMatchObject({ name: 'cifar10', count: 3, height: 32, width: 32, channels: 3, white: 255 });
    expect([...set.labels]).toEqual([3, 9, 0]);
    expect(set.classNames).toEqual(CIFAR10_NAMES);
    const expected = pixels.flatMap((planes) =>
      Array.from({ length: 3 * PIXELS }, (_, k) => planes[(k % 3) * PIXELS + Math.floor(k / 3)]),
    );
    expect([...set.images]).toEqual(expected);
  });

  it('takes the fine labels of CIFAR-100, and names of classes', () => {
    const { bytes, pixels } = file([
      [19, 99],
      [0, 7],
    ]);
    const set = decodeCifar(bytes, 'cifar100');
    expect([...set.labels]).toEqual([99, 7]);
    expect(set.classNames).toHaveLength(100);
    expect([...set.images.subarray(0, 3)]).toEqual([0, 1, 2].map((c) => pixels[0][c * PIXELS]));
    const classNames = Array.from({ length: 100 }, (_, i) => `class ${i}`);
    expect(decodeCifar(bytes, 'cifar100', { classNames }).classNames).toBe(classNames);
  });

  it('refuses damaged files by the byte, and options that do not fit', () => {
    const { bytes } = file([[3], [10]]);
    const decode = (some: Uint8Array) => () => decodeCifar(some, 'cifar10', { name: 'b.bin' });
    expect(decode(bytes)).toThrow(FormatError);
    expect(decode(bytes)).toThrow('b.bin: byte 3073: expected a label from 0 to 9, got 10');
    expect(decode(bytes.subarray(0, 5000))).toThrow('b.bin: byte 3073: expected a record of 3073 bytes, got 1927');
    expect(decode(new Uint8Array(0))).toThrow('b.bin: byte 0: expected a record of 3073 bytes, got 0');
    const coarse = file([[20, 4]]).bytes;
    expect(() => decodeCifar(coarse, 'cifar100')).toThrow('cifar100: byte 0: expected a label from 0 to 19, got 20');
    expect(() => decodeCifar(bytes, 'cifar10', { classNames: ['cat'] })).toThrow('expected 10 class names, got 1');
    expect(() => decodeCifar(bytes, 'cifar' as 'cifar10')).toThrow('expected cifar10 or cifar100, got cifar');
    expect(() => decodeCifar(file([[1], [2]]).bytes, 'cifar10', { maxBytes: 5000 })).toThrow('maxBytes');
  });
});
