import type { Pattern } from './pattern.js';

/** Compressed rows on the host, as `csrPattern` takes them. */
export interface CsrArrays {
  rows: number;
  cols: number;
  parts: number;
  /** [parts * rows + 1], from 0 to the number of entries. */
  offsets: Uint32Array;
  /** [nnz], ascending within a row. */
  columns: Uint32Array;
}

/** Copies a pattern's compressed rows to the host. */
export async function toCsr(pattern: Pattern): Promise<CsrArrays> {
  pattern.assertLive('toCsr');
  const { rows, cols, parts, byRow } = pattern;
  const [offsets, columns] = await Promise.all([byRow.starts.data(), byRow.across.data()]);
  return { rows, cols, parts, offsets: offsets as Uint32Array, columns: columns as Uint32Array };
}
