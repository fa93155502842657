import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { channelStatistics } from '../../src/data/index.js';
import { countDataset, FILE_DATASETS, openDataset } from '../../src/data/node.js';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'secateur-data-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), bytes);
}
const idxImages = (n: number) => Uint8Array.of(0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 1, 0, 0, 0, 2, ...Array(2 * n).keys());
const idxLabels = (...labels: number[]) => Uint8Array.of(0, 0, 8, 1, 0, 0, 0, labels.length, ...labels);
/** A CIFAR record of one label, or two, and pixels that are all equal in a plane. */
const record = (...labels: number[]) =>
  Uint8Array.of(...labels, ...[10, 20, 30].flatMap((v) => new Array<number>(1024).fill(v)));

describe('openDataset', () => {
  it.each(['MNIST/raw', 'mnist', 'MNIST'])('reads the MNIST family from %s, gzipped or plain', async (folder) => {
    put(`${folder}/train-images-idx3-ubyte.gz`, gzipSync(idxImages(3)));
    put(`${folder}/train-labels-idx1-ubyte`, idxLabels(7, 0, 9));
    put(`${folder}/t10k-images-idx3-ubyte`, idxImages(1));
    put(`${folder}/t10k-labels-idx1-ubyte.gz`, gzipSync(idxLabels(4)));
    const { train, test, complete, folder: found } = await openDataset('mnist', { root });
    expect(found).toBe(join(root, folder));
    expect(complete).toBe(false);
    expect(train).toMatchObject({ name: 'mnist', count: 3, height: 1, width: 2, channels: 1 });
    expect([...train.labels]).toEqual([7, 0, 9]);
    expect([...test.labels]).toEqual([4]);
  });

  it('names the file that is missing or damaged', async () => {
    put('FashionMNIST/raw/t10k-images-idx3-ubyte', idxImages(1));
    await expect(openDataset('fashion-mnist', { root })).rejects.toThrow(
      `${join(root, 'FashionMNIST/raw/train-images-idx3-ubyte')}(.gz) is missing`,
    );
    put('FashionMNIST/raw/train-images-idx3-ubyte', idxImages(2).subarray(0, 18));
    put('FashionMNIST/raw/train-labels-idx1-ubyte', idxLabels(1, 2));
    await expect(openDataset('fashion-mnist', { root })).rejects.toThrow(
      `${join(root, 'FashionMNIST/raw/train-images-idx3-ubyte')}: byte 16: expected 4 bytes of elements`,
    );
  });

  it.each(['cifar-10-batches-bin', 'cifar10'])('reads the batches of CIFAR-10 that are in %s', async (folder) => {
    put(`${folder}/data_batch_1.bin`, Uint8Array.of(...record(3), ...record(1)));
    put(`${folder}/data_batch_3.bin`, record(9));
    put(`${folder}/test_batch.bin`, record(0));
    const { train, test, complete } = await openDataset('cifar10', { root });
    expect([...train.labels]).toEqual([3, 1, 9]);
    expect([...train.images.subarray(0, 4)]).toEqual([10, 20, 30, 10]);
    expect(train.classNames[9]).toBe('truck');
    expect([test.count, complete]).toEqual([1, false]);
    put(`${folder}/batches.meta.txt`, 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n');
    expect((await openDataset('cifar10', { root })).train.classNames[9]).toBe('j');
    put(`${folder}/data_batch_3.bin`, record(9).subarray(0, 3000));
    await expect(openDataset('cifar10', { root })).rejects.toThrow(join(root, folder, 'data_batch_3.bin'));
  });

  it('reads CIFAR-100 by its fine labels', async () => {
    put('cifar-100-binary/train.bin', record(19, 99));
    put('cifar-100-binary/test.bin', record(0, 5));
    const { train, test } = await openDataset('cifar100', { root });
    expect([train.labels[0], test.labels[0], train.classNames.length]).toEqual([99, 5, 100]);
  });

  it('reads the UCI digits, the first four fifths for training', async () => {
    const rows = Array.from({ length: 10 }, (_, i) => [...new Array<number>(64).fill(i), i].join(','));
    put('digits/digits.csv', rows.join('\n'));
    const { train, test } = await openDataset('uci-digits', { root });
    expect([[...train.labels], [...test.labels]]).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [8, 9],
    ]);
  });

  it('reads KMNIST, and a part of each class', async () => {
    for (const part of ['train', 't10k']) {
      put(`KMNIST/raw/${part}-images-idx3-ubyte`, idxImages(5));
      put(`KMNIST/raw/${part}-labels-idx1-ubyte`, idxLabels(1, 1, 0, 1, 0));
    }
    const { train, test } = await openDataset('kmnist', { root, perClass: 1 });
    expect([train.classNames[9], [...train.labels], [...train.images]]).toEqual(['wo', [1, 0], [0, 1, 4, 5]]);
    expect([...test.labels]).toEqual([1, 0]);
    const small = await openDataset('kmnist', { root, perClass: 2, size: [1, 1] });
    expect([small.train.count, small.train.width, small.train.images[0]]).toEqual([4, 1, 1]);
    for (const perClass of [0, 1.5])
      await expect(openDataset('kmnist', { root, perClass })).rejects.toThrow(`> 0 of images a class, got ${perClass}`);
    expect(await countDataset('kmnist', root)).toMatchObject({ train: 5, test: 5, complete: false });
  });

  it('says where it looked, and how to get what is not there', async () => {
    mkdirSync(join(root, 'cifar-10-batches-py'));
    const message = await openDataset('cifar10', { root }).catch((error: Error) => error.message);
    const [bin, py, bare] = ['cifar-10-batches-bin', 'cifar-10-batches-py', 'cifar10'].map((f) => join(root, f));
    expect(message).toBe(
      `cifar10 was not found: looked for test_batch.bin in ${bin}, ${bare}; test_batch in ${py}, ${bare}.
To get it: secateur data fetch cifar10 --root ${root}`,
    );
    await expect(openDataset('imagenet', { root })).rejects.toThrow(
      `openDataset: expected ${FILE_DATASETS.join(', ')} or folder:PATH, got imagenet`,
    );
    await expect(countDataset('imagenet', root)).rejects.toThrow('countDataset: expected mnist');
  });
});

const REAL = process.env.SECATEUR_DATA;
describe.skipIf(!REAL)('real files (skipped unless SECATEUR_DATA names their folder)', () => {
  // Images a class in training, and the mean of their pixels (white being 1) that is generally known.
  it.each([
    ['mnist', [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949], 0.1307],
    ['fashion-mnist', new Array<number>(10).fill(6000), 0.286],
  ])('%s reads whole', async (name, perClass, mean) => {
    const { train, test, complete } = await openDataset(name, { root: REAL });
    expect([complete, test.count]).toEqual([true, 10_000]);
    expect(train.classNames.map((_, c) => train.labels.filter((label) => label === c).length)).toEqual(perClass);
    expect(channelStatistics(train).mean[0]).toBeCloseTo(mean, 4);
  });
  it.each(['cifar10', 'cifar100'] as const)('%s reads, with as many images of each class', async (name) => {
    const { train } = await openDataset(name, { root: REAL });
    const counts = train.classNames.map((_, c) => train.labels.filter((label) => label === c).length);
    expect(new Set(counts).size).toBe(1);
    // Known of the whole sets: red 0.491 and 0.507, green 0.482 and 0.487, blue 0.447 and 0.441.
    const { mean } = channelStatistics(train);
    const known = name === 'cifar10' ? [0.491, 0.482, 0.447] : [0.507, 0.487, 0.441];
    for (const [c, value] of known.entries()) expect(Math.abs(mean[c] - value)).toBeLessThan(0.01);
  });
  it('the UCI digits read whole', async () => {
    const { train, test } = await openDataset('uci-digits', { root: REAL });
    expect([train.count, test.count]).toEqual([1437, 360]);
    const sum = [train, test].flatMap((set) => [...set.images]).reduce((total, v) => total + v, 0);
    expect(sum).toBe(561_718);
  });
  it('covers every data set that is read from files', () => {
    const rest = ['kmnist', 'tiny-imagenet']; // of which there are no real files
    expect(FILE_DATASETS.filter((name) => !rest.includes(name)).sort()).toEqual(
      ['mnist', 'fashion-mnist', 'cifar10', 'cifar100', 'uci-digits'].sort(),
    );
  });
});
