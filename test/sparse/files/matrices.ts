import type { CsrMatrix } from '../../../src/sparse/index.js';
import type { Inputs } from '../../support/random.js';

/**
 * Sizes and densities that a format must carry: empty in each way, one row, one column, one entry, full, and odd
 * ones.
 */
export const SHAPES: [rows: number, cols: number, density: number][] = [
  [0, 0, 0],
  [0, 7, 0],
  [5, 0, 0],
  [4, 6, 0],
  [1, 1, 1],
  [1, 31, 0.4],
  [29, 1, 0.4],
  [7, 5, 1],
  [37, 53, 0.15],
];

/** A matrix with entries at random places. */
export function randomCsr(inputs: Inputs, rows: number, cols: number, density: number, valued = true): CsrMatrix {
  const offsets = new Uint32Array(rows + 1);
  const columns: number[] = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) if (inputs.uniform(1, 0, 1)[0] < density) columns.push(c);
    offsets[r + 1] = columns.length;
  }
  const pattern = { rows, cols, offsets, columns: Uint32Array.from(columns) };
  return valued ? { ...pattern, values: inputs.normal(columns.length) } : pattern;
}

/** A matrix without its values. */
export function patternOnly({ rows, cols, offsets, columns }: CsrMatrix): CsrMatrix {
  return { rows, cols, offsets, columns };
}

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
