import { encode as encodePng, type ImageData } from 'fast-png';
import jpeg from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../src/data/node.js';
import { FormatError } from '../../src/index.js';
import { Inputs } from '../support/random.js';
import { JPEG, JPEG_CMYK, JPEG_GREY, JPEG_PROGRESSIVE, PNG_BITS, PNG_PALETTE } from './file-fixtures.js';

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
const [HEIGHT, WIDTH] = [9, 11];
/** The fixtures' picture. */
const picture = Array.from({ length: HEIGHT * WIDTH }, (_, p) => {
  const [y, x] = [Math.floor(p / WIDTH), p % WIDTH];
  return [23 * x, 28 * y, 12 * (x + y)];
});
const lumaOf = ([r, g, b]: number[]) => 0.299 * r + 0.587 * g + 0.114 * b;
const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce<number>((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);
const random = (n: number, below = 256) => Uint8Array.from(new Inputs(`pixels ${n}`).integers(n, below));
const png = (image: Omit<ImageData, 'width' | 'height'>, interlaced = false) =>
  encodePng({ width: 7, height: 5, ...image }, { interlace: interlaced ? 'Adam7' : 'null' });

describe('decodeImage of JPEG', () => {
  it.each([
    ['baseline', JPEG],
    ['progressive', JPEG_PROGRESSIVE],
  ])('reads %s files', (_, file) => {
    const { height, width, channels, pixels } = decodeImage(bytesOf(file));
    expect([height, width, channels, pixels.length]).toEqual([HEIGHT, WIDTH, 3, 3 * HEIGHT * WIDTH]);
    expect(pixels).toEqual(decodeImage(bytesOf(JPEG)).pixels);
    const grey = decodeImage(bytesOf(file), { channels: 1 });
    expect(grey.channels).toBe(1);
    expect(distance(grey.pixels, picture.map(lumaOf))).toBeLessThan(8);
    // Colours are of half the resolution: near, not equal.
    expect(distance(pixels, picture.flat())).toBeLessThan(40);
  });

  it('makes three equal channels of grey', () => {
    const { pixels } = decodeImage(bytesOf(JPEG_GREY));
    expect(
      distance(
        pixels,
        picture.map(lumaOf).flatMap((v) => [v, v, v]),
      ),
    ).toBeLessThan(4);
    expect([pixels[150], pixels[151]]).toEqual([pixels[152], pixels[152]]);
    const grey = decodeImage(bytesOf(JPEG_GREY), { channels: 1 }).pixels;
    expect([...grey]).toEqual([...pixels].filter((_, i) => i % 3 === 0));
  });

  it('refuses what it does not decode, by name', () => {
    const refuses = (bytes: Uint8Array, got: string) =>
      expect(() => decodeImage(bytes, { name: 'a.jpg' })).toThrow(got);
    refuses(bytesOf(JPEG_CMYK), 'YCbCr, got four components (CMYK or YCCK)');
    const file = bytesOf(JPEG);
    const frame = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0);
    const changed = (at: number, value: number) => file.with(frame + at, value);
    refuses(changed(1, 0xc9), 'arithmetic coding');
    refuses(changed(1, 0xc3), 'lossless JPEG');
    refuses(changed(1, 0xc5), 'hierarchical JPEG');
    refuses(changed(4, 12), '12 bits');
    refuses(changed(9, 2), '2 components');
    refuses(changed(6, 0), 'a.jpg: header: expected at least one pixel, got 0x11 pixels');
    refuses(file.with(frame + 5, 255).with(frame + 7, 255), 'what is read in 268435456 bytes');
  });

  it.each([
    ['baseline', JPEG],
    ['progressive', JPEG_PROGRESSIVE],
    ['grey', JPEG_GREY],
  ])('refuses %s files cut anywhere', (_, base64) => {
    const file = bytesOf(base64);
    for (let length = 0; length < file.length; length++)
      expect(() => decodeImage(file.subarray(0, length), { name: 'a.jpg' })).toThrow(FormatError);
  });

  it('throws nothing but FormatError for damaged bytes', () => {
    const file = bytesOf(JPEG);
    const inputs = new Inputs('damage');
    for (let i = 0; i < 300; i++) {
      try {
        decodeImage(file.with(inputs.integer(file.length), inputs.integer(256)));
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  });

  it('reads what an encoder of whole colours writes, to a few levels', () => {
    const pixels = Uint8Array.from({ length: 16 * 16 * 4 }, (_, i) => (i % 4 === 3 ? 255 : 40 * (i % 4) + (i >> 4)));
    const { data } = jpeg.encode({ width: 16, height: 16, data: pixels }, 100);
    const rgb = pixels.filter((_, i) => i % 4 < 3);
    expect(distance(decodeImage(data).pixels, rgb)).toBeLessThan(6);
  });
});

describe('decodeImage of PNG', () => {
  it.each([
    [1, 8, false],
    [2, 8, false],
    [3, 8, false],
    [4, 8, false],
    [3, 8, true],
    [1, 8, true],
    [1, 16, false],
    [2, 16, true],
    [3, 16, true],
    [4, 16, false],
  ] as const)('of %i channels, %i bits, interlaced: %s', (channels, depth, interlaced) => {
    const data =
      depth === 8 ? random(35 * channels) : Uint16Array.from(new Inputs('16').integers(35 * channels, 65536));
    const { height, width, pixels } = decodeImage(png({ data, channels, depth }, interlaced));
    expect([height, width]).toEqual([5, 7]);
    const expected = Array.from({ length: 105 }, (_, i) => {
      const value = data[Math.floor(i / 3) * channels + (channels < 3 ? 0 : i % 3)];
      return depth === 8 ? value : Math.round((value / 65535) * 255);
    });
    expect([...pixels]).toEqual(expected);
  });

  it('of a palette, and of single bits', () => {
    const { height, width, pixels } = decodeImage(bytesOf(PNG_PALETTE));
    expect([height, width]).toEqual([HEIGHT, WIDTH]);
    const colours = new Set(Array.from({ length: HEIGHT * WIDTH }, (_, p) => pixels.slice(3 * p, 3 * p + 3).join()));
    expect(colours.size).toBe(4);
    expect([...pixels.subarray(0, 3)]).toEqual([46, 42, 42]);
    const bits = decodeImage(bytesOf(PNG_BITS), { channels: 1 }).pixels;
    expect([...bits]).toEqual(picture.map((colour) => (Math.floor(lumaOf(colour) + 0.5) > 100 ? 255 : 0)));
  });

  it('refuses damage, cuts and other files', () => {
    const file = png({ data: random(105), channels: 3, depth: 8 });
    for (let length = 0; length < file.length; length++)
      expect(() => decodeImage(file.subarray(0, length))).toThrow(FormatError);
    const middle = file.length >> 1;
    expect(() => decodeImage(file.with(middle, file[middle] ^ 1), { name: 'a.png' })).toThrow(/^a\.png: data: .*CRC/);
    expect(() => decodeImage(new TextEncoder().encode('GIF89a'), { name: 'a.gif' })).toThrow(
      'a.gif: byte 0: expected a JPEG or PNG file, got bytes 71 73 70 56',
    );
    expect(() => decodeImage(file.with(16, 255))).toThrow('what is read in');
    const bits = bytesOf(PNG_BITS).with(28, 1);
    expect(() => decodeImage(bits)).toThrow('byte 24: expected 8 or 16 bits in an interlaced PNG, got 1');
  });
});
