import type { CsrMatrix } from './csr-matrix.js';

/** Entries in any order: the arrays are of one length. */
export interface Triplets {
  rows: Uint32Array;
  columns: Uint32Array;
  values?: Float32Array;
}

/**
 * Compressed rows of entries in any order: a counting sort by row, which keeps the order of the file, and a sort of
 * those rows that are not ascending then. In files stored by row or by column there are none. Nothing is allocated by
 * the number of columns, which a header may set to anything.
 *
 * @param duplicate throws the error for an entry whose place an entry before it has
 */
export function compress(
  rows: number,
  cols: number,
  entries: Triplets,
  duplicate: (entry: number) => never,
): CsrMatrix {
  const count = entries.rows.length;
  const offsets = new Uint32Array(rows + 1);
  for (let e = 0; e < count; e++) offsets[entries.rows[e] + 1]++;
  for (let r = 0; r < rows; r++) offsets[r + 1] += offsets[r];
  const order = new Uint32Array(count);
  const next = offsets.slice();
  for (let e = 0; e < count; e++) order[next[entries.rows[e]]++] = e;
  for (let r = 0; r < rows; r++) sortRow(order.subarray(offsets[r], offsets[r + 1]), entries.columns, duplicate);
  const matrix: CsrMatrix = { rows, cols, offsets, columns: pick(entries.columns, order, new Uint32Array(count)) };
  if (entries.values) matrix.values = pick(entries.values, order, new Float32Array(count));
  return matrix;
}

function sortRow(row: Uint32Array, columns: Uint32Array, duplicate: (entry: number) => never): void {
  const rises = (i: number) => columns[row[i]] > columns[row[i - 1]];
  let i = 1;
  while (i < row.length && rises(i)) i++;
  if (i >= row.length) return;
  row.sort((a, b) => columns[a] - columns[b] || a - b);
  for (let k = 1; k < row.length; k++) if (!rises(k)) duplicate(row[k]);
}

function pick<T extends Uint32Array | Float32Array>(from: T, order: Uint32Array, out: T): T {
  for (let i = 0; i < order.length; i++) out[i] = from[order[i]];
  return out;
}
