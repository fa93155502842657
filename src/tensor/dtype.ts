import { DTypeError } from '../gpu/errors.js';

/**
 * Element types. `bool` is stored as one u32 of 0 or 1 an element. `f16` is storage only: kernels that take it load it
 * as f32 and round on store; it needs an adapter with shader-f16.
 */
export type DType = 'f32' | 'i32' | 'u32' | 'bool' | 'f16';

/** Host arrays of each dtype; bool as bytes of 0 or 1, f16 as the float32 values it holds. */
export type HostArray = Float32Array | Int32Array | Uint32Array | Uint8Array;

export const BYTES: Record<DType, number> = { f32: 4, i32: 4, u32: 4, bool: 4, f16: 2 };

/** WGSL type of one stored element. */
export const STORED: Record<DType, string> = { f32: 'f32', i32: 'i32', u32: 'u32', bool: 'u32', f16: 'f16' };

export const isFloat = (dtype: DType): boolean => dtype === 'f32' || dtype === 'f16';

export function assertDType(op: string, name: string, got: DType, ...allowed: DType[]): void {
  if (!allowed.includes(got)) throw new DTypeError(op, `${name} of dtype ${allowed.join(' or ')}`, got);
}

/** The bytes to upload for host values of a dtype. */
export function encode(dtype: DType, values: ArrayLike<number>): ArrayBufferView {
  switch (dtype) {
    case 'f32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'i32':
      return values instanceof Int32Array ? values : Int32Array.from(values);
    case 'u32':
      return values instanceof Uint32Array ? values : Uint32Array.from(values);
    case 'bool':
      return Uint32Array.from(values, (v) => (v ? 1 : 0));
    case 'f16': {
      const out = new Uint16Array(Math.ceil(values.length / 2) * 2);
      for (let i = 0; i < values.length; i++) out[i] = toHalf(values[i]);
      return out;
    }
  }
}

/** Host values out of the bytes read back. */
export function decode(dtype: DType, bytes: ArrayBuffer, size: number): HostArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes, 0, size);
    case 'i32':
      return new Int32Array(bytes, 0, size);
    case 'u32':
      return new Uint32Array(bytes, 0, size);
    case 'bool':
      return Uint8Array.from(new Uint32Array(bytes, 0, size));
    case 'f16': {
      const half = new Uint16Array(bytes, 0, size);
      return Float32Array.from(half, fromHalf);
    }
  }
}

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** IEEE binary16 bits of a number, rounding to nearest even. */
export function toHalf(value: number): number {
  f32[0] = value;
  const bits = u32[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x47800000) return sign | 0x7c00; // overflow and infinity
  if (magnitude < 0x38800000) {
    // Below the smallest normal half: scale so that one unit is the smallest subnormal, then round to even.
    const scaled = Math.abs(f32[0]) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** Number of IEEE binary16 bits. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
