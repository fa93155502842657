import { orderKey } from '../order-key.js';

/** What is ranked and from which end. */
export interface SelectKey {
  type: 'f32' | 'i32' | 'u32';
  by: 'signed' | 'magnitude';
  /** Greatest first; else least first. */
  largest: boolean;
}

/** Bits of a key: magnitudes of floats need one less, since they have no sign. */
export const keyBits = ({ type, by }: SelectKey): 31 | 32 => (type === 'f32' && by === 'magnitude' ? 31 : 32);

/** WGSL: the key of NaN, the greatest of all, which no number has. */
export const nanKey = (key: SelectKey): string => (keyBits(key) === 31 ? '0x7fffffffu' : '0xffffffffu');

/**
 * WGSL `fn select_key(raw: u32) -> u32`: what is selected first has the least key, and values that tie have one key. NaN
 * comes last either way.
 */
export function selectKey(key: SelectKey): string {
  const { type, by, largest } = key;
  if (by === 'magnitude' && type === 'f32')
    return `fn select_key(raw: u32) -> u32 {
  let m = raw & 0x7fffffffu;
  return select(${largest ? '0x7f800000u - m' : 'm'}, ${nanKey(key)}, m > 0x7f800000u);
}`;
  if (by === 'magnitude' && type === 'i32')
    return `fn select_key(raw: u32) -> u32 { return ${largest ? '~' : ''}bitcast<u32>(abs(bitcast<i32>(raw))); }`;
  return `${orderKey(type, largest)}\nfn select_key(raw: u32) -> u32 { return order_key(raw); }`;
}

/** Components of what one load gives: four neighbours, or a single element. */
export const components = (vector: boolean): readonly string[] => (vector ? ['.x', '.y', '.z', '.w'] : ['']);

/** WGSL statements that turn `fold` into its running sums over the workgroup (Hillis and Steele). */
export const scanFold = (workgroup: number): string => `for (var width = 1u; width < ${workgroup}u; width <<= 1u) {
    var under = 0u;
    if (lane >= width) { under = fold[lane - width]; }
    workgroupBarrier();
    fold[lane] += under;
    workgroupBarrier();
  }`;
