import { type HostMatrix, Skipped } from './case.js';

/** Compressed rows of blocks on the host, with their values [blocks, block, block]. */
export interface HostBlocks {
  rows: number;
  cols: number;
  block: number;
  offsets: Uint32Array;
  columns: Uint32Array;
  values: Float32Array;
}

/**
 * Every block of a matrix that holds an entry, filled up with zeros.
 *
 * @throws Skipped where blocks do not cover the matrix evenly
 */
export function hostBlocks(
  { rows, cols, offsets, columns }: HostMatrix,
  values: Float32Array,
  block: number,
): HostBlocks {
  if (rows % block !== 0 || cols % block !== 0)
    throw new Skipped(`blocks of ${block} do not cover a matrix of ${rows} x ${cols} evenly`);
  const wide = cols / block;
  const blockOffsets = new Uint32Array(rows / block + 1);
  const blockColumns: number[] = [];
  const place = new Map<number, number>();
  for (let band = 0; band < rows / block; band++) {
    const found = new Set<number>();
    for (let p = offsets[band * block]; p < offsets[(band + 1) * block]; p++) found.add(Math.floor(columns[p] / block));
    for (const c of [...found].sort((a, b) => a - b)) {
      place.set(band * wide + c, blockColumns.length);
      blockColumns.push(c);
    }
    blockOffsets[band + 1] = blockColumns.length;
  }
  const filled = new Float32Array(blockColumns.length * block * block);
  for (let r = 0; r < rows; r++) {
    for (let p = offsets[r]; p < offsets[r + 1]; p++) {
      const at = place.get(Math.floor(r / block) * wide + Math.floor(columns[p] / block))!;
      filled[(at * block + (r % block)) * block + (columns[p] % block)] = values[p];
    }
  }
  return { rows, cols, block, offsets: blockOffsets, columns: Uint32Array.from(blockColumns), values: filled };
}

/** Where the values of blocks lie in the dense matrix. */
export function placesOfBlocks({ rows, cols, block, offsets, columns }: HostBlocks): Uint32Array {
  const places = new Uint32Array(columns.length * block * block);
  for (let band = 0; band < rows / block; band++) {
    for (let p = offsets[band]; p < offsets[band + 1]; p++) {
      for (let i = 0; i < block * block; i++) {
        const [r, c] = [band * block + Math.floor(i / block), columns[p] * block + (i % block)];
        places[p * block * block + i] = r * cols + c;
      }
    }
  }
  return places;
}
