import type { Device } from '../../src/index.js';
import { type BlockPattern, blockPatternFromHost, type HostBlocks } from '../../src/sparse/block-pattern.js';
import type { Inputs } from '../support/random.js';

/** A random block pattern of `down` x `across` blocks; the second block row is left empty. */
export function randomBlocks(inputs: Inputs, block: number, down: number, across: number, density: number): HostBlocks {
  const offsets = [0];
  const columns: number[] = [];
  for (let r = 0; r < down; r++) {
    for (let c = 0; c < across; c++) if (r !== 1 && inputs.integer(1000) < 1000 * density) columns.push(c);
    offsets.push(columns.length);
  }
  return { rows: down * block, cols: across * block, block, offsets, columns };
}

/** The dense matrix, row-major, of values at a pattern's blocks. */
export function expandBlocks({ rows, cols, block, offsets, columns }: HostBlocks, values: ArrayLike<number>) {
  const dense = new Float64Array(rows * cols);
  for (let r = 0; r < rows / block; r++) {
    for (let p = offsets[r]; p < offsets[r + 1]; p++) {
      for (let i = 0; i < block; i++) {
        for (let j = 0; j < block; j++)
          dense[(r * block + i) * cols + columns[p] * block + j] = values[(p * block + i) * block + j];
      }
    }
  }
  return dense;
}

/** The elements of a dense matrix at a pattern's blocks: the inverse of `expandBlocks`. */
export function atBlocks({ rows, cols, block, offsets, columns }: HostBlocks, dense: ArrayLike<number>) {
  const values = new Float64Array(columns.length * block * block);
  for (let r = 0; r < rows / block; r++) {
    for (let p = offsets[r]; p < offsets[r + 1]; p++) {
      for (let i = 0; i < block; i++) {
        for (let j = 0; j < block; j++)
          values[(p * block + i) * block + j] = dense[(r * block + i) * cols + columns[p] * block + j];
      }
    }
  }
  return values;
}

/** Runs `fn` with a pattern, and gives its memory back. */
export async function withBlocks<T>(device: Device, host: HostBlocks, fn: (pattern: BlockPattern) => Promise<T> | T) {
  using pattern = blockPatternFromHost(device, host);
  return await fn(pattern);
}
