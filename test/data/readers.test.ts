import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeClassNames } from '../../src/data/class-names.js';
import { decodeDigitsCsv } from '../../src/data/digits-csv.js';
import { decodeIdx, decodeIdxImages } from '../../src/data/idx.js';
import { FormatError } from '../../src/index.js';

/** An IDX file: header, then the elements' bytes. */
function idx(type: number, shape: number[], elements: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + elements.length);
  bytes.set([0, 0, type, shape.length]);
  const view = new DataView(bytes.buffer);
  for (const [axis, n] of shape.entries()) view.setUint32(4 + 4 * axis, n);
  bytes.set(Array.from(elements), 4 + 4 * shape.length);
  return bytes;
}

const pixels = (n: number) => Uint8Array.from({ length: n }, (_, i) => (i * 37 + 11) & 255);
const refuses = (promise: Promise<unknown>, place: string, expected: string) =>
  expect(promise).rejects.toThrow(
    expect.objectContaining({
      constructor: FormatError,
      place,
      message: expect.stringContaining(`expected ${expected}`),
    }),
  );

describe('decodeIdx', () => {
  it('reads bytes of any rank, plain and gzipped', async () => {
    const file = idx(8, [2, 3, 5], pixels(30));
    for (const bytes of [file, new Uint8Array(gzipSync(file))]) {
      const { shape, data } = await decodeIdx(bytes);
      expect(shape).toEqual([2, 3, 5]);
      expect(data).toEqual(pixels(30));
    }
    expect(await decodeIdx(idx(8, [0], []))).toEqual({ shape: [0], data: new Uint8Array(0) });
  });

  it.each([
    [9, Int8Array.of(-3, 127)],
    [11, Int16Array.of(-300, 32767)],
    [12, Int32Array.of(-70_000, 2 ** 31 - 1)],
    [13, Float32Array.of(-1.5, Math.fround(1e-9))],
    [14, Float64Array.of(Math.PI, -1e300)],
  ])('reads big-endian elements of type %i', async (type, values) => {
    const width = values.BYTES_PER_ELEMENT;
    const little = new Uint8Array(values.buffer);
    const big = little.map((_, i) => little[i - (i % width) + (width - 1 - (i % width))]);
    expect(await decodeIdx(idx(type, [2], big))).toEqual({ shape: [2], data: values });
  });

  it('refuses what is no whole IDX file', async () => {
    const good = idx(8, [2, 3], pixels(6));
    const changed = (at: number, value: number) => Uint8Array.from(good, (b, i) => (i === at ? value : b));
    await refuses(decodeIdx(new Uint8Array(3)), 'byte 0', 'a header of at least 4 bytes, got 3');
    await refuses(decodeIdx(changed(1, 7)), 'byte 0', 'two zero bytes (IDX), got 0 and 7');
    await refuses(decodeIdx(changed(2, 10)), 'byte 2', 'an element type of 8, 9, 11, 12, 13, 14, got 10');
    await refuses(decodeIdx(changed(3, 0)), 'byte 3', 'a rank from 1 to 8, got 0');
    await refuses(decodeIdx(changed(3, 8)), 'byte 18', 'a header of 36 bytes');
    await refuses(decodeIdx(good.subarray(0, 17)), 'byte 12', '6 bytes of elements for the declared 2 x 3, got 5');
    await refuses(decodeIdx(Uint8Array.of(...good, 0)), 'byte 12', '6 bytes of elements');
    // Axes of 2^32 - 1 each: far more than any file, and than a double counts exactly.
    await refuses(decodeIdx(good.map((b, i) => (i >= 4 && i < 12 ? 255 : b))), 'byte 12', '18446744065119617000 bytes');
  });

  it('refuses damaged, cut and swollen gzip files', async () => {
    const file = new Uint8Array(gzipSync(idx(8, [1000], pixels(1000))));
    const damaged = file.map((b, i) => (i === file.length - 6 ? b ^ 1 : b));
    for (const bytes of [file.subarray(0, 40), damaged])
      await expect(decodeIdx(bytes, { name: 'a.gz' })).rejects.toThrow(/^a\.gz: byte \d+ unfolded: expected gzip data/);
    const bomb = new Uint8Array(gzipSync(new Uint8Array(5e6)));
    await expect(decodeIdx(bomb, { maxBytes: 1e6 })).rejects.toThrow('what is read in 1000000 bytes (option maxBytes)');
  });
});

describe('decodeIdxImages', () => {
  const names = ['a', 'b', 'c'];
  const images = idx(8, [2, 3, 2], pixels(12));

  it('joins images and labels', async () => {
    const set = await decodeIdxImages('tiny', { images, labels: idx(8, [2], [2, 0]) }, names);
    expect(set).toMatchObject({ name: 'tiny', count: 2, height: 3, width: 2, channels: 1, white: 255 });
    expect(set.images).toEqual(pixels(12));
    expect([...set.labels]).toEqual([2, 0]);
    const colour = await decodeIdxImages(
      'tiny',
      { images: idx(8, [1, 2, 2, 3], pixels(12)), labels: idx(8, [1], [1]) },
      names,
    );
    expect(colour).toMatchObject({ count: 1, height: 2, width: 2, channels: 3 });
  });

  it('refuses files that do not fit together', async () => {
    const read = (i: Uint8Array, l: Uint8Array) => decodeIdxImages('tiny', { images: i, labels: l }, names);
    await refuses(read(images, idx(8, [3], [0, 1, 2])), 'byte 4', '2 labels, one an image, got 3');
    await refuses(read(images, idx(8, [2], [0, 3])), 'byte 9', 'a label from 0 to 2, got 3');
    await refuses(read(idx(8, [2], [0, 1]), idx(8, [2], [0, 1])), 'byte 2', 'unsigned bytes of 3 or 4 axes');
    await refuses(read(idx(9, [2, 3, 2], pixels(12)), idx(8, [2], [0, 1])), 'byte 2', 'unsigned bytes');
    await refuses(read(images, idx(9, [2], [0, 1])), 'byte 2', 'unsigned bytes of one axis');
    await refuses(read(idx(8, [2, 1, 1, 6], pixels(12)), idx(8, [2], [0, 1])), 'byte 16', 'at most 4 channels, got 6');
    await refuses(
      read(idx(8, [2, 0, 2], []), idx(8, [2], [0, 1])),
      'byte 2',
      'unsigned bytes of 3 or 4 axes, none empty',
    );
  });
});

describe('decodeDigitsCsv', () => {
  const row = (label: number, shift = 0) =>
    [...Array.from({ length: 64 }, (_, i) => (i + shift) % 17), label].join(',');
  const read = (text: string) => decodeDigitsCsv(new TextEncoder().encode(text), { name: 'd.csv' });

  it('reads rows, plain and gzipped', async () => {
    const text = `${row(3)}\r\n${row(9, 5)}\n`;
    const set = await read(text);
    expect(set).toMatchObject({ name: 'uci-digits', count: 2, height: 8, width: 8, channels: 1, white: 16 });
    expect([...set.labels]).toEqual([3, 9]);
    expect([...set.images.subarray(64, 67)]).toEqual([5, 6, 7]);
    expect(await decodeDigitsCsv(new Uint8Array(gzipSync(text)))).toEqual(set);
  });

  it('refuses other lines by their number', async () => {
    await refuses(read(''), 'line 1', 'a line of 65 numbers, got an empty file');
    await refuses(read(`${row(1)}\n1,2,3\n`), 'line 2', '65 numbers, got 3');
    await refuses(read(`${row(1)}\n\n${row(2)}`), 'line 2', '65 numbers, got 1');
    await refuses(read(row(10)), 'line 1', 'column 65 from 0 to 9, got "10"');
    for (const cell of ['17', '-1', 'x', '1.5', '', '0x1'])
      await refuses(
        read(row(1).replace(/^0,/, `${cell},`)),
        'line 1',
        `column 1 from 0 to 16, got ${JSON.stringify(cell)}`,
      );
  });
});

describe('decodeClassNames', () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  it('reads one name a line, and refuses another number or a name twice', () => {
    expect(decodeClassNames(encode('cat\r\ndog\n\n'), 2)).toEqual(['cat', 'dog']);
    expect(() => decodeClassNames(encode('cat\n'), 2)).toThrow('expected 2 different names, one a line, got 1 of 1');
    expect(() => decodeClassNames(encode('cat\ncat\n'), 2)).toThrow('got 1 of 2');
  });
});
