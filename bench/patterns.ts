import type { HostMatrix } from './case.js';
import { integers } from './peers/lib/random.mjs';

/** How the nonzeros of a generated matrix lie: each by itself, in square blocks, or n of every m along a row. */
export type Structure = { kind: 'random' } | { kind: 'block'; block: number } | { kind: 'nm'; n: number; m: number };

/** Bound of the keys that decide which entries stay; two rarely meet. */
const KEYS = 2 ** 31;
const STREAM = 7;

/**
 * Which of `size` places stay when `count` do: those with the smallest of seeded random keys, the lower place first
 * where keys are equal. peers/python/peer.py draws the same.
 */
export function chosen(size: number, count: number, seed: number): Uint8Array {
  const keys = integers(size, KEYS, seed, STREAM);
  const kept = new Uint8Array(size);
  if (count === 0) return kept;
  const limit = Int32Array.from(keys).sort()[count - 1];
  let spare = count;
  for (let i = 0; i < size; i++) if (keys[i] < limit) spare -= kept[i] = 1;
  for (let i = 0; i < size && spare > 0; i++) if (keys[i] === limit) spare -= kept[i] = 1;
  return kept;
}

/** A matrix of the given share of zeros, to the nearest whole number of entries (or blocks). Seeded. */
export function generated(
  rows: number,
  cols: number,
  sparsity: number,
  structure: Structure,
  seed: number,
): HostMatrix {
  if (structure.kind === 'nm') return nmPattern(rows, cols, structure.n, structure.m, seed);
  const block = structure.kind === 'block' ? structure.block : 1;
  const [tall, wide] = [Math.ceil(rows / block), Math.ceil(cols / block)];
  const kept = chosen(tall * wide, Math.round((1 - sparsity) * tall * wide), seed);
  return compressed(rows, cols, (r, c) => kept[Math.floor(r / block) * wide + Math.floor(c / block)] === 1);
}

/** n entries in every run of m along a row; fewer where the last run is shorter than n. */
function nmPattern(rows: number, cols: number, n: number, m: number, seed: number): HostMatrix {
  const keys = integers(rows * cols, KEYS, seed, STREAM);
  const rank = (row: number, col: number) => {
    const first = col - (col % m);
    let smaller = 0;
    for (let c = first; c < Math.min(first + m, cols); c++) {
      const [key, own] = [keys[row * cols + c], keys[row * cols + col]];
      if (key < own || (key === own && c < col)) smaller++;
    }
    return smaller;
  };
  return compressed(rows, cols, (r, c) => rank(r, c) < n);
}

function compressed(rows: number, cols: number, kept: (row: number, col: number) => boolean): HostMatrix {
  const offsets = new Uint32Array(rows + 1);
  const columns: number[] = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) if (kept(r, c)) columns.push(c);
    offsets[r + 1] = columns.length;
  }
  return { rows, cols, offsets, columns: Uint32Array.from(columns) };
}

/** Row-major values with zeros off the pattern. */
export function dense({ rows, cols, offsets, columns }: HostMatrix, values: ArrayLike<number>): Float32Array {
  const out = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++)
    for (let p = offsets[r]; p < offsets[r + 1]; p++) out[r * cols + columns[p]] = values[p];
  return out;
}
