import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encode } from 'fast-png';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resizeImages } from '../../src/data/index.js';
import { countDataset, openDataset, readImageFolder } from '../../src/data/node.js';
import { JPEG } from './file-fixtures.js';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'secateur-folder-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), bytes);
}
/** A PNG of one colour. */
const plain = (value: number, height = 2, width = 3) =>
  encode({ height, width, channels: 3, depth: 8, data: new Uint8Array(3 * height * width).fill(value) });
/** The first byte of each image. */
const firsts = (set: { count: number; images: Uint8Array }) =>
  Array.from({ length: set.count }, (_, i) => set.images[(i * set.images.length) / set.count]);

describe('readImageFolder', () => {
  it('takes classes and files in sorted order, and passes over what is no image', () => {
    put('set/dog/2.png', plain(5));
    put('set/dog/10.PNG', plain(4));
    put('set/cat/a.png', plain(3));
    put('set/Zebra/a.jpeg', plain(1)); // told apart by its bytes, not by its name
    put('set/cat/notes.txt', 'no image');
    put('set/cat/.hidden.png', 'no image');
    put('set/readme.md', 'no class');
    const set = readImageFolder(join(root, 'set'));
    expect(set).toMatchObject({ name: 'folder', count: 4, height: 2, width: 3, channels: 3, white: 255 });
    expect(set.classNames).toEqual(['Zebra', 'cat', 'dog']);
    expect([...set.labels]).toEqual([0, 1, 2, 2]);
    expect(firsts(set)).toEqual([1, 3, 4, 5]);
    const some = readImageFolder(join(root, 'set'), { perClass: 1, channels: 1, classes: ['dog', 'Zebra', 'cat'] });
    expect([some.count, some.channels]).toEqual([3, 1]);
    expect([...some.labels]).toEqual([1, 2, 0]);
  });

  it('refuses another size, or resizes', () => {
    put('set/a/1.png', plain(9));
    put('set/a/2.jpg', Buffer.from(JPEG, 'base64'));
    const [first, second] = ['1.png', '2.jpg'].map((name) => join(root, 'set/a', name));
    expect(() => readImageFolder(join(root, 'set'))).toThrow(
      `${second}: header: expected 2x3 pixels as in ${first} (the option size resizes), got 9x11`,
    );
    const set = readImageFolder(join(root, 'set'), { size: [4, 5] });
    expect(set).toMatchObject({ count: 2, height: 4, width: 5 });
    expect(new Set(set.images.subarray(0, 60))).toEqual(new Set([9]));
    rmSync(first);
    const whole = readImageFolder(join(root, 'set'));
    expect(set.images.subarray(60)).toEqual(resizeImages(whole, 4, 5).images);
  });

  it('names what is damaged or not there', () => {
    const read =
      (options = {}) =>
      () =>
        readImageFolder(join(root, 'set'), options);
    mkdirSync(join(root, 'set/a'), { recursive: true });
    expect(read()).toThrow(`expected JPEG or PNG files in ${join(root, 'set/a')}, got none`);
    put('set/a/1.png', plain(1).subarray(0, 60));
    expect(read()).toThrow(`${join(root, 'set/a/1.png')}: data: expected a whole PNG, got a damaged or cut file`);
    put('set/a/1.png', plain(1));
    expect(read({ classes: ['b'] })).toThrow(`expected the classes b in ${join(root, 'set')}, got a`);
    put('set/a/2.webp', 'image');
    expect(read()).toThrow(`${join(root, 'set/a/2.webp')}: name: expected a JPEG or PNG file`);
    rmSync(join(root, 'set/a'), { recursive: true });
    expect(read()).toThrow(`expected a folder for each class in ${join(root, 'set')}, got none`);
  });
});

describe("openDataset('folder:PATH')", () => {
  it.each(['val', 'test'])('reads train and %s with the classes of train', async (split) => {
    put('mine/train/a/1.png', plain(1));
    put('mine/train/b/1.png', plain(2));
    put(`mine/${split}/b/1.png`, plain(7));
    const path = join(root, 'mine');
    const { train, test, folder, complete } = await openDataset(`folder:${path}`, { size: [1, 1] });
    expect([firsts(train), firsts(test), [...test.labels]]).toEqual([[1, 2], [7], [1]]);
    expect([folder, complete, train.height, test.classNames]).toEqual([path, true, 1, ['a', 'b']]);
  });
  it('says what is missing', async () => {
    await expect(openDataset(`folder:${root}`)).rejects.toThrow(`looked for ${join(root, 'train')}, with a folder`);
    put('train/a/1.png', plain(1));
    await expect(openDataset(`folder:${root}`)).rejects.toThrow(
      `looked for ${join(root, 'val')} or ${join(root, 'test')}`,
    );
  });
});

describe("openDataset('tiny-imagenet')", () => {
  /** Two classes of two training images, three for validation. */
  function tiny(): void {
    const folder = 'tiny-imagenet-200';
    put(`${folder}/wnids.txt`, 'n02\nn01\n');
    put(`${folder}/words.txt`, 'n01\tgoldfish, Carassius auratus\nn02\tnewt\nn03\tcrane\n');
    for (const [id, value] of [
      ['n01', 10],
      ['n02', 20],
    ] as const)
      for (const i of [0, 1]) put(`${folder}/train/${id}/images/${id}_${i}.JPEG`, plain(value + i));
    put(`${folder}/train/n01/n01_boxes.txt`, 'n01_0.JPEG\t0\t0\t1\t1\n');
    put(
      `${folder}/val/val_annotations.txt`,
      ['0\tn02', '1\tn01', '2\tn02'].map((s) => `val_${s.replace('\t', '.JPEG\t')}\t0\t0\t9\t9\n`).join(''),
    );
    for (const i of [0, 1, 2]) put(`${folder}/val/images/val_${i}.JPEG`, plain(100 + i));
    put(`${folder}/test/images/test_0.JPEG`, plain(0));
  }

  it('reads and counts the labelled images, classes sorted by id', async () => {
    tiny();
    const { train, test, complete } = await openDataset('tiny-imagenet', { root });
    expect(train.classNames).toEqual(['goldfish, Carassius auratus', 'newt']);
    expect([firsts(train), [...train.labels]]).toEqual([
      [10, 11, 20, 21],
      [0, 0, 1, 1],
    ]);
    expect([firsts(test), [...test.labels]]).toEqual([
      [100, 101, 102],
      [1, 0, 1],
    ]);
    expect(complete).toBe(false);
    const folder = join(root, 'tiny-imagenet-200');
    expect(await countDataset('tiny-imagenet', root)).toEqual({ train: 4, test: 3, complete: false, folder });
    const some = await openDataset('tiny-imagenet', { root, perClass: 1 });
    expect([firsts(some.train), firsts(some.test)]).toEqual([
      [10, 20],
      [100, 101],
    ]);
  });

  it('names the line that does not fit, and no path outside', async () => {
    tiny();
    const annotations = 'tiny-imagenet-200/val/val_annotations.txt';
    for (const line of ['val_0.JPEG\tn77\t0', '../../x.JPEG\tn01\t0']) {
      put(annotations, `val_1.JPEG\tn01\n${line}\n`);
      await expect(openDataset('tiny-imagenet', { root })).rejects.toThrow(
        `${join(root, annotations)}: line 2: expected a file name and an id of wnids.txt, got ${line}`,
      );
    }
  });
});
