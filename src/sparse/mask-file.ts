import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { type Shape, showShape, sizeOf } from '../tensor/shape.js';

/** A mask on the host: what `tensor(device, values, { shape, dtype: 'bool' })` takes. */
export interface HostMask {
  shape: number[];
  /** 0 or 1 an element, row-major. */
  values: Uint8Array;
}

const MAGIC = 'SECAMASK';
const VERSION = 1;
/** Bytes before the axes, and after them up to the bits. */
const HEAD = 16;
const TAIL = 8;
const MOST_AXES = 16;

/** Flags as bits: flag i is bit i mod 8 of byte floor(i / 8), bit 0 being the lowest; the bits behind the last are 0. */
export function packMask(flags: Uint8Array | readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8));
  for (let i = 0; i < flags.length; i++) if (flags[i]) bytes[i >>> 3] |= 1 << (i & 7);
  return bytes;
}

/**
 * The first `count` flags of packed bits, as 0 or 1.
 *
 * @throws ArgumentError for a number of bytes that is not the count's, or a bit set behind the last flag
 */
export function unpackMask(bytes: Uint8Array, count: number): Uint8Array {
  return unpack('unpackMask', bytes, count, 0);
}

function unpack(op: string, bytes: Uint8Array, count: number, origin: number): Uint8Array {
  if (!Number.isInteger(count) || count < 0) throw new ArgumentError(op, 'a whole count >= 0', String(count));
  const needed = Math.ceil(count / 8);
  if (bytes.length !== needed) {
    const where = origin > 0 ? ` from byte ${origin}` : '';
    throw new ArgumentError(op, `${needed} bytes${where} for ${count} flags`, `${bytes.length}`);
  }
  const rest = count % 8;
  if (rest > 0 && bytes[needed - 1] >>> rest !== 0) {
    const got = `0x${bytes[needed - 1].toString(16).padStart(2, '0')}`;
    throw new ArgumentError(op, `no bit above the lowest ${rest} in byte ${origin + needed - 1}`, got);
  }
  const flags = new Uint8Array(count);
  for (let i = 0; i < count; i++) flags[i] = (bytes[i >>> 3] >>> (i & 7)) & 1;
  return flags;
}

/**
 * A mask as a file of its own. Numbers are u32, least byte first.
 *
 * | byte         | what                                                                   |
 * |--------------|------------------------------------------------------------------------|
 * | 0            | `SECAMASK` in ASCII                                                    |
 * | 8            | version, 1                                                             |
 * | 12           | rank r, at most 16                                                     |
 * | 16           | r axes, outermost first                                                |
 * | 16 + 4 r     | number of ones                                                         |
 * | 20 + 4 r     | CRC-32 (polynomial 0xedb88320) of all other bytes, in order            |
 * | 24 + 4 r     | ceil(n / 8) bytes of bits as `packMask` makes them, n = product of axes |
 *
 * @throws ShapeError where the values are not the shape's, or an axis or the rank is not of the format
 */
export function encodeMask(shape: Shape, values: Uint8Array | readonly boolean[]): Uint8Array {
  if (shape.length > MOST_AXES || !shape.every((d) => Number.isInteger(d) && d >= 0 && d < 2 ** 32))
    throw new ShapeError('encodeMask', `at most ${MOST_AXES} axes below 2^32`, showShape(shape));
  if (values.length !== sizeOf(shape))
    throw new ShapeError('encodeMask', `${sizeOf(shape)} values for ${showShape(shape)}`, `${values.length}`);
  const bits = packMask(values);
  const ones = HEAD + 4 * shape.length;
  const bytes = new Uint8Array(ones + TAIL + bits.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, shape.length, true);
  shape.forEach((d, a) => void view.setUint32(HEAD + 4 * a, d, true));
  view.setUint32(ones, countOnes(values), true);
  bytes.set(bits, ones + TAIL);
  view.setUint32(ones + 4, checksum(bytes, ones + 4), true);
  return bytes;
}

/**
 * Reads a mask that `encodeMask` wrote. Nothing is allocated before the header is known to fit the number of bytes.
 *
 * @throws ArgumentError naming the byte and what was expected there: for another kind of file, a cut or lengthened one,
 * a header that does not fit the bits, or a changed byte
 */
export function decodeMask(bytes: Uint8Array): HostMask {
  const op = 'decodeMask';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (length: number, what: string) => {
    if (bytes.length < length) throw new ArgumentError(op, `${what} up to byte ${length}`, `${bytes.length} bytes`);
  };
  need(HEAD, 'a header');
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw new ArgumentError(op, `'${MAGIC}' at byte 0`, JSON.stringify(magic));
  const version = view.getUint32(8, true);
  if (version !== VERSION) throw new ArgumentError(op, `version ${VERSION} at byte 8`, `${version}`);
  const rank = view.getUint32(12, true);
  if (rank > MOST_AXES) throw new ArgumentError(op, `a rank of at most ${MOST_AXES} at byte 12`, `${rank}`);
  const ones = HEAD + 4 * rank;
  need(ones + TAIL, `a header of ${rank} axes`);
  const shape = Array.from({ length: rank }, (_, a) => view.getUint32(HEAD + 4 * a, true));
  const values = unpack(op, bytes.subarray(ones + TAIL), sizeOf(shape), ones + TAIL);
  const sum = view.getUint32(ones + 4, true);
  const found = checksum(bytes, ones + 4);
  if (sum !== found) throw new ArgumentError(op, `checksum ${hex(found)} at byte ${ones + 4}`, hex(sum));
  const counted = countOnes(values);
  if (view.getUint32(ones, true) !== counted)
    throw new ArgumentError(op, `${counted} ones at byte ${ones}`, `${view.getUint32(ones, true)}`);
  return { shape, values };
}

function countOnes(flags: Uint8Array | readonly boolean[]): number {
  let ones = 0;
  for (let i = 0; i < flags.length; i++) if (flags[i]) ones++;
  return ones;
}

const hex = (word: number): string => `0x${word.toString(16).padStart(8, '0')}`;

/** Remainders of the 256 bytes, for a CRC byte by byte. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let r = byte;
  for (let bit = 0; bit < 8; bit++) r = r & 1 ? (r >>> 1) ^ 0xedb88320 : r >>> 1;
  return r;
});

/** CRC-32 of all bytes, or of all but the four at `skip`. */
export function checksum(bytes: Uint8Array, skip = bytes.length): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    if (i < skip || i >= skip + 4) crc = (crc >>> 8) ^ REMAINDERS[(crc ^ bytes[i]) & 255];
  }
  return ~crc >>> 0;
}
