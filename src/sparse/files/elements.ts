import { ArgumentError } from '../../gpu/errors.js';
import { fromHalf, toHalf } from '../../tensor/dtype.js';
import { showShape, sizeOf } from '../../tensor/shape.js';
import type { Source } from './source.js';

/** Element types of array files. */
export type ElementType = keyof typeof ELEMENT_BYTES;

export const ELEMENT_BYTES = {
  ...{ bool: 1, i8: 1, u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8 },
  ...{ f16: 2, bf16: 2, f32: 4, f64: 8 },
} as const;

/** What holds the elements on the host: `bool` as bytes of 0 or 1, `f16` and `bf16` as the float32 numbers they are. */
const ARRAYS = {
  ...{ bool: Uint8Array, i8: Int8Array, u8: Uint8Array, i16: Int16Array, u16: Uint16Array, i32: Int32Array },
  ...{ u32: Uint32Array, i64: BigInt64Array, u64: BigUint64Array },
  ...{ f16: Float32Array, bf16: Float32Array, f32: Float32Array, f64: Float64Array },
} as const;

export type ElementArray =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** A dense array in a file. */
export interface FileArray {
  dtype: ElementType;
  shape: number[];
  /** Row-major. */
  data: ElementArray;
}

/**
 * Elements out of their bytes, least byte first; a copy. `source` and `at`, the place of the first byte, are for
 * errors.
 */
export function decodeElements(source: Source, at: number, dtype: ElementType, bytes: Uint8Array): ElementArray {
  const { buffer } = new Uint8Array(bytes);
  if (dtype === 'f16') return Float32Array.from(new Uint16Array(buffer), fromHalf);
  if (dtype === 'bf16') return fromUpperHalves(new Uint16Array(buffer));
  const data = new ARRAYS[dtype](buffer);
  if (dtype === 'bool') {
    const bad = (data as Uint8Array).findIndex((v) => v > 1);
    if (bad >= 0) throw source.error(`byte ${at + bad}`, 'a bool of 0 or 1', `${data[bad]}`);
  }
  return data;
}

/**
 * The bytes of elements, least byte first; f16 and bf16 are rounded to nearest even.
 *
 * @throws ArgumentError where the data is not of the type's array, or not as long as the shape says
 */
export function encodeElements(op: string, { dtype, shape, data }: FileArray): Uint8Array {
  const array = ARRAYS[dtype];
  if (!array) throw new ArgumentError(op, `a dtype of ${Object.keys(ARRAYS).join(', ')}`, String(dtype));
  if (!(data instanceof array)) throw new ArgumentError(op, `${dtype} data as a ${array.name}`, data.constructor.name);
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0) || sizeOf(shape) !== data.length)
    throw new ArgumentError(op, `a shape of ${data.length} elements`, showShape(shape));
  if (dtype === 'bool' && (data as Uint8Array).some((v) => v > 1))
    throw new ArgumentError(op, 'bools of 0 or 1', 'another byte');
  const stored = dtype === 'f16' || dtype === 'bf16' ? toHalves(dtype, data as Float32Array) : data;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength).slice();
}

function toHalves(dtype: 'f16' | 'bf16', data: Float32Array): Uint16Array {
  return Uint16Array.from(data, dtype === 'f16' ? toHalf : toUpperHalf);
}

const f32 = new Float32Array(1);
const bits = new Uint32Array(f32.buffer);

/** bfloat16 bits of a number: the upper half of its float32, rounded to nearest even. */
function toUpperHalf(value: number): number {
  f32[0] = value;
  // A NaN could round to infinity, or its bits all lie in the half cut off.
  if (Number.isNaN(value)) return 0x7fc0;
  return (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) >>> 16;
}

function fromUpperHalves(halves: Uint16Array): Float32Array {
  const words = Uint32Array.from(halves, (h) => h << 16);
  return new Float32Array(words.buffer);
}
