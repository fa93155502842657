import { expect } from 'vitest';
import type { Inputs } from '../support/random.js';

export type Values = Float32Array | Int32Array | Uint32Array;
export type By = 'signed' | 'magnitude';

/** What a value is ranked by, in float64; both zeros are one. */
const rankOf = (by: By) => (v: number) => (by === 'magnitude' ? Math.abs(v) : v) + 0;

/** Indices by rank: equals in order of index, NaN last. */
export function hostOrder(x: ArrayLike<number>, by: By, largest: boolean): number[] {
  const rank = rankOf(by);
  return Array.from(x, (_, i) => i).sort((i, j) => {
    const [u, v] = [rank(x[i]), rank(x[j])];
    if (Number.isNaN(u) || Number.isNaN(v)) return Number(Number.isNaN(u)) - Number(Number.isNaN(v)) || i - j;
    // Not a difference: those of infinities are NaN.
    const before = largest ? u > v : u < v;
    return before ? -1 : u === v ? i - j : 1;
  });
}

/** 1 for the first k of the order. */
export function hostMask(x: ArrayLike<number>, k: number, by: By = 'magnitude', largest = true): Uint8Array {
  const mask = new Uint8Array(x.length);
  for (const i of hostOrder(x, by, largest).slice(0, k)) mask[i] = 1;
  return mask;
}

/** Checks a mask without sorting indices: for large inputs. */
export function expectExactMask(mask: ArrayLike<number>, x: Float32Array, k: number): void {
  const magnitudes = x.map(Math.abs);
  const threshold = magnitudes.slice().sort()[x.length - k];
  let ties = k - magnitudes.reduce((n, v) => n + (v > threshold ? 1 : 0), 0);
  const wrong = magnitudes.findIndex((v, i) => mask[i] !== (v > threshold || (v === threshold && ties-- > 0) ? 1 : 0));
  expect(wrong, `first wrong place of a mask of ${k} of ${x.length}`).toBe(-1);
}

const EXTREMES = [0, -0, Infinity, -Infinity, 1e-45, -1e-45, 1.1754942e-38, 3.4028235e38, -3.4028235e38];

/** Inputs that stress a selection in three ways: smooth, with many ties, and of all exponents with the extremes. */
export function distributions(inputs: Inputs, n: number): [name: string, x: Float32Array][] {
  const bits = Uint32Array.from({ length: n }, () => inputs.integer(2 ** 32));
  const wide = new Float32Array(bits.buffer).map((v, i) =>
    Number.isNaN(v) || i % 7 === 3 ? EXTREMES[inputs.integer(EXTREMES.length)] : v,
  );
  return [
    ['normal', inputs.normal(n)],
    ['few distinct', Float32Array.from(inputs.integers(n, 9), (v) => v - 4)],
    ['all exponents', wide],
  ];
}

/** The bits of an array, so that -0 differs from 0. */
export const bitsOf = (x: ArrayLike<number>): Uint32Array => new Uint32Array(Float32Array.from(x).buffer);
