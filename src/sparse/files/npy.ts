import { ArgumentError } from '../../gpu/errors.js';
import { sizeOf } from '../../tensor/shape.js';
import type { CsrMatrix } from './csr-matrix.js';
import {
  decodeElements,
  ELEMENT_BYTES,
  type ElementArray,
  type ElementType,
  encodeElements,
  type FileArray,
} from './elements.js';
import { csrOfMatrix, PlacedArray } from './placed-array.js';
import { type DecodeOptions, Source } from './source.js';

const TYPES: Record<string, ElementType> = {
  ...{ '|b1': 'bool', '|i1': 'i8', '|u1': 'u8', '<i2': 'i16', '<u2': 'u16', '<i4': 'i32', '<u4': 'u32' },
  ...{ '<i8': 'i64', '<u8': 'u64', '<f2': 'f16', '<f4': 'f32', '<f8': 'f64' },
};

const MAGIC = '\x93NUMPY';
/** Bytes of magic, version and the length of the header, by major version. */
const PREFIX: Record<number, number> = { 1: 10, 2: 12, 3: 12 };
/** Longest header that NumPy itself reads. */
const LONGEST_HEADER = 10_000;
const ALIGNMENT = 64;

/** What a .npy file says before its data. */
export interface NpyHeader {
  /** NumPy's name of the type, as `<f4`. */
  descr: string;
  fortran: boolean;
  shape: number[];
  /** Place of the data. */
  at: number;
}

/**
 * Reads a NumPy .npy file (versions 1 to 3) of numbers or bools, least byte first, in C or Fortran order.
 *
 * @throws FormatError naming the byte, among others for other element types and data not as long as the shape says
 */
export function decodeNpy(bytes: Uint8Array, options: DecodeOptions = {}): FileArray {
  const source = Source.of(bytes, 'npy', options);
  return npyArray(source, npyHeader(source));
}

/**
 * Reads a dense matrix in a .npy file as a sparse one: the elements other than 0 are its entries. Those of a mask of
 * bools or bytes have no values.
 *
 * @throws FormatError as `decodeNpy`, and for an array of other than two axes or with elements not finite in float32
 */
export function decodeNpyMatrix(bytes: Uint8Array, options: DecodeOptions = {}): CsrMatrix {
  return csrOfMatrix(placedNpy(Source.of(bytes, 'npy', options)));
}

/** The array of a .npy file with its place. */
export function placedNpy(source: Source): PlacedArray {
  const header = npyHeader(source);
  return new PlacedArray(source, npyArray(source, header), header.at);
}

export function npyHeader(source: Source): NpyHeader {
  const { bytes } = source;
  const prefix = PREFIX[bytes[6]];
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw source.error('byte 0', `the magic '\\x93NUMPY'`, 'another beginning');
  if (!prefix) throw source.error('byte 6', 'version 1, 2 or 3', `${bytes[6] ?? 'the end of the file'}`);
  if (bytes.length < prefix) throw source.error('byte 8', `a header of at least ${prefix} bytes`, `${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, prefix);
  const length = prefix === 10 ? view.getUint16(8, true) : view.getUint32(8, true);
  const most = Math.min(bytes.length - prefix, LONGEST_HEADER);
  if (length > most) throw source.error('byte 8', `a header of at most ${most} bytes`, `${length}`);
  const text = String.fromCharCode(...bytes.subarray(prefix, prefix + length));
  return { ...parseHeader(source, text, prefix), at: prefix + length };
}

/** A Python dict of exactly three entries, in any order. */
function parseHeader(source: Source, text: string, at: number): Omit<NpyHeader, 'at'> {
  const entry = /'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([\d,\s]*\))\s*(,\s*|(?=\}))/y;
  const found = new Map<string, string>();
  const fail = (from: number, expected: string) =>
    source.error(`byte ${at + from}`, expected, JSON.stringify(text.slice(from, from + 40)));
  let next = /^\s*\{\s*/.exec(text)?.[0].length ?? 0;
  for (;;) {
    entry.lastIndex = next;
    const match = entry.exec(text);
    if (!match) break;
    if (found.has(match[1])) throw fail(next, 'each entry once');
    found.set(match[1], match[2]);
    next = entry.lastIndex;
  }
  if (!/^\}\s*$/.test(text.slice(next)) || !text.trimStart().startsWith('{'))
    throw fail(next, `a dict of 'descr', 'fortran_order' and 'shape'`);
  const [descr, fortran, shape] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key) ?? '');
  if (!descr.startsWith(`'`)) throw fail(0, `a 'descr' of one type, such as '<f4'`);
  if (fortran !== 'True' && fortran !== 'False') throw fail(0, `a 'fortran_order' of True or False`);
  const axes = /^\(\s*(?:(\d+\s*,\s*)*\d+\s*,?\s*)?\)$/.test(shape) ? (shape.match(/\d+/g) ?? []).map(Number) : null;
  if (!axes?.every(Number.isSafeInteger)) throw fail(0, `a 'shape' of whole numbers`);
  return { descr: descr.slice(1, -1), fortran: fortran === 'True', shape: axes };
}

/** The data after a header; the file must end with it. */
function npyArray(source: Source, { descr, fortran, shape, at }: NpyHeader): FileArray {
  const { bytes } = source;
  const dtype = Object.hasOwn(TYPES, descr) ? TYPES[descr] : null;
  if (!dtype) throw source.error('byte 10', `a type of ${Object.keys(TYPES).join(' ')}`, JSON.stringify(descr));
  const needed = sizeOf(shape) * ELEMENT_BYTES[dtype];
  if (needed !== bytes.length - at) throw source.error(`byte ${at}`, `${needed} bytes of data`, `${bytes.length - at}`);
  source.claim((fortran ? 2 : 1) * sizeOf(shape) * Math.max(4, ELEMENT_BYTES[dtype]), `byte ${at}`, `${needed} bytes`);
  const data = decodeElements(source, at, dtype, bytes.subarray(at));
  return { dtype, shape, data: fortran ? rowMajor(data, shape) : data };
}

/** Elements in C order, of elements in Fortran order. */
function rowMajor<T extends ElementArray>(data: T, shape: readonly number[]): T {
  const out = data.slice() as T;
  const index = shape.map(() => 0);
  const strides = shape.map((_, a) => sizeOf(shape.slice(0, a)));
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = data[from];
    for (let a = shape.length - 1; a >= 0; a--) {
      from += strides[a];
      if (++index[a] < shape[a]) break;
      from -= strides[a] * shape[a];
      index[a] = 0;
    }
  }
  return out;
}

/**
 * Writes a NumPy .npy file, version 1, in C order.
 *
 * @throws ArgumentError for data that does not fit its dtype or shape, and for bf16, which NumPy does not have
 */
export function encodeNpy(array: FileArray): Uint8Array {
  const data = encodeElements('encodeNpy', array);
  const descr = Object.keys(TYPES).find((key) => TYPES[key] === array.dtype);
  if (!descr) throw new ArgumentError('encodeNpy', `a dtype of ${Object.values(TYPES).join(', ')}`, array.dtype);
  return npyBytes(descr, array.shape, data);
}

export function npyBytes(descr: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${axes}), }`;
  const at = Math.ceil((PREFIX[1] + dict.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = `${MAGIC}\x01\x00\x00\x00${dict.padEnd(at - PREFIX[1] - 1)}\n`;
  const bytes = new Uint8Array(at + data.length);
  for (let i = 0; i < at; i++) bytes[i] = header.charCodeAt(i);
  new DataView(bytes.buffer).setUint16(8, at - PREFIX[1], true);
  bytes.set(data, at);
  return bytes;
}
