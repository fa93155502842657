import { describe, expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '../../src/index.js';
import { decodeMask, encodeMask, packMask, unpackMask } from '../../src/sparse/index.js';
import { Inputs, SEED } from '../support/random.js';
import { randomMask } from './masks.js';

/** CRC-32 in the textbook's bitwise form, of a file without the four bytes of its checksum. */
function checksumOf(file: Uint8Array, at: number): number {
  let crc = 0xffffffff;
  for (const byte of [...file.subarray(0, at), ...file.subarray(at + 4)]) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe('packed bits', () => {
  it('have flag i at bit i mod 8 of byte i / 8', () => {
    expect(packMask(Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 1, 0, 5))).toEqual(Uint8Array.of(0x89, 0x02));
    expect(packMask([true, false, true])).toEqual(Uint8Array.of(5));
    expect(unpackMask(Uint8Array.of(0x89, 0x02), 10)).toEqual(Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 1, 0, 1));
  });

  it.each([0, 1, 7, 8, 9, 63, 1000])('come back: %i flags', (n) => {
    const flags = randomMask(new Inputs(`bits ${n}`), n, 0.5);
    expect(packMask(flags).length).toBe(Math.ceil(n / 8));
    expect(unpackMask(packMask(flags), n)).toEqual(flags);
  });

  it('refuse other numbers of bytes, and bits behind the last flag', () => {
    expect(() => unpackMask(Uint8Array.of(1, 2), 17)).toThrow('expected 3 bytes for 17 flags, got 2');
    expect(() => unpackMask(Uint8Array.of(1, 2), 8)).toThrow('expected 1 bytes for 8 flags, got 2');
    expect(() => unpackMask(Uint8Array.of(1, 8), 11)).toThrow('no bit above the lowest 3 in byte 1, got 0x08');
    expect(() => unpackMask(Uint8Array.of(), -1)).toThrow(ArgumentError);
    expect(() => unpackMask(Uint8Array.of(1), 1e300)).toThrow('got 1');
  });
});

describe('the mask file', () => {
  it('is what its table says, byte by byte', () => {
    const bytes = encodeMask([2, 5], Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 1, 0, 1));
    expect(String.fromCharCode(...bytes.subarray(0, 8))).toBe('SECAMASK');
    const words = new DataView(bytes.buffer);
    expect([8, 12, 16, 20, 24].map((at) => words.getUint32(at, true))).toEqual([1, 2, 2, 5, 4]);
    expect([...bytes.subarray(32)]).toEqual([0x89, 0x02]);
    expect(words.getUint32(28, true)).toBe(checksumOf(bytes, 28));
  });

  it.each([[[]], [[0]], [[1]], [[3, 0, 7]], [[13, 17]], [[5, 3, 3, 4]], [[1, 1, 1, 1, 1, 1, 1, 9]]])(
    'brings back a mask of shape %j',
    (shape) => {
      const size = shape.reduce((a: number, b: number) => a * b, 1);
      const values = randomMask(new Inputs(`file ${shape}`), size, 0.3);
      const bytes = encodeMask(shape, values);
      expect(decodeMask(bytes)).toEqual({ shape, values });
      // In the middle of a larger buffer, at an odd byte.
      const inside = new Uint8Array(bytes.length + 9).fill(255);
      inside.set(bytes, 3);
      expect(decodeMask(inside.subarray(3, 3 + bytes.length))).toEqual({ shape, values });
    },
  );

  const good = encodeMask([2, 5], Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 1, 0, 1));
  const changed = (change: (bytes: Uint8Array, words: DataView) => void) => {
    const bytes = good.slice();
    change(bytes, new DataView(bytes.buffer));
    return bytes;
  };
  it.each([
    ['nothing', new Uint8Array(0), 'a header up to byte 16, got 0 bytes'],
    ['a cut header', good.subarray(0, 15), 'a header up to byte 16, got 15 bytes'],
    ['cut axes', good.subarray(0, 30), 'a header of 2 axes up to byte 32, got 30 bytes'],
    ['cut bits', good.subarray(0, 33), 'expected 2 bytes from byte 32 for 10 flags, got 1'],
    ['bytes behind the end', Uint8Array.of(...good, 0), 'expected 2 bytes from byte 32 for 10 flags, got 3'],
    ['another magic', changed((b) => (b[0] = 115)), `'SECAMASK' at byte 0, got "sECAMASK"`],
    ['another version', changed((_, w) => w.setUint32(8, 2, true)), 'version 1 at byte 8, got 2'],
    ['a huge rank', changed((_, w) => w.setUint32(12, 0xffffffff, true)), 'at most 16 at byte 12, got 4294967295'],
    ['a lying rank', changed((_, w) => w.setUint32(12, 16, true)), 'a header of 16 axes up to byte 88, got 34 bytes'],
    ['a huge axis', changed((_, w) => w.setUint32(16, 0xffffffff, true)), 'for 21474836475 flags, got 2'],
    ['a lying axis', changed((_, w) => w.setUint32(16, 3, true)), 'at byte 28'],
    ['a lying number of ones', changed((_, w) => w.setUint32(24, 5, true)), 'checksum 0x'],
    ['a bit behind the last flag', changed((b) => (b[33] |= 4)), 'above the lowest 2 in byte 33, got 0x06'],
    ['a changed bit', changed((b) => (b[32] ^= 16)), 'at byte 28'],
    ['a changed checksum', changed((b) => (b[28] ^= 1)), 'at byte 28'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeMask(bytes)).toThrow(ArgumentError);
    expect(() => decodeMask(bytes)).toThrow(message);
  });

  it('refuses a number of ones that lies under a checksum that fits', () => {
    const lie = changed((_, w) => w.setUint32(24, 5, true));
    new DataView(lie.buffer).setUint32(28, checksumOf(lie, 28), true);
    expect(() => decodeMask(lie)).toThrow('expected 4 ones at byte 24, got 5');
  });

  it('takes any bytes without running out of memory, and only what it wrote as a mask', () => {
    const inputs = new Inputs('fuzz');
    for (let round = 0; round < 3000; round++) {
      const bytes = good.slice(0, round % 3 === 0 ? inputs.integer(good.length + 1) : good.length);
      for (let k = inputs.integer(4); k >= 0 && bytes.length > 0; k--)
        bytes[inputs.integer(bytes.length)] = inputs.integer(256);
      if (Buffer.compare(bytes, good) === 0) continue;
      expect(() => decodeMask(bytes), `seed ${SEED}, round ${round}`).toThrow(ArgumentError);
    }
  });

  it('is not written for values that are not the shape, nor for axes that a u32 does not hold', () => {
    expect(() => encodeMask([2, 2], Uint8Array.of(1))).toThrow('4 values for [2, 2], got 1');
    expect(() => encodeMask([2 ** 32, 0], [])).toThrow(ShapeError);
    expect(() => encodeMask([1.5], [true])).toThrow(ShapeError);
    expect(() => encodeMask(new Array(17).fill(1), [true])).toThrow('at most 16 axes');
  });
});
