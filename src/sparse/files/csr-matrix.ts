import { ArgumentError } from '../../gpu/errors.js';
import { checkCsr } from '../pattern.js';
import type { IntegerSource, Source } from './source.js';

/**
 * A sparse matrix on the host in compressed rows: what `csrPattern` takes, and the entries' values where there are
 * any.
 */
export interface CsrMatrix {
  rows: number;
  cols: number;
  /** [rows + 1], from 0 to the number of entries. */
  offsets: Uint32Array;
  /** [nnz], ascending within a row. */
  columns: Uint32Array;
  /** [nnz], finite. */
  values?: Float32Array;
}

/** Most rows, columns or entries that 32-bit indices count. */
export const MOST = 2 ** 32 - 1;
/** Most that the signed 32-bit indices of other libraries count. */
const MOST_SIGNED = 2 ** 31 - 1;

/** @throws FormatError unless the offsets of `rows` rows go from 0 to `nnz` without falling */
export function readOffsets(from: IntegerSource, rows: number, nnz: number): Uint32Array {
  const offsets = new Uint32Array(rows + 1);
  for (let r = 0; r <= rows; r++) {
    const least = r === 0 ? 0 : offsets[r - 1];
    offsets[r] = from.integer('row offset', r === rows ? nnz : least, r === 0 ? 0 : nnz);
  }
  return offsets;
}

/** @throws FormatError unless the columns are in [0, cols) and ascending within each row */
export function readColumns(from: IntegerSource, offsets: Uint32Array, cols: number): Uint32Array {
  const rows = offsets.length - 1;
  const columns = new Uint32Array(offsets[rows]);
  for (let r = 0; r < rows; r++) {
    let least = 0;
    for (let p = offsets[r]; p < offsets[r + 1]; p++) {
      columns[p] = from.integer('ascending column index', least, cols - 1);
      least = columns[p] + 1;
    }
  }
  return columns;
}

/**
 * The elements of a dense matrix that are not 0, as the entries of a sparse one; `place` is where its size is given.
 */
export function csrOfDense(
  source: Source,
  place: string,
  [rows, cols]: readonly number[],
  element: (r: number, c: number) => number,
): CsrMatrix {
  source.claim(4 * (rows + 1), place, `${rows} rows`);
  const offsets = new Uint32Array(rows + 1);
  for (let r = 0; r < rows; r++) {
    let count = 0;
    for (let c = 0; c < cols; c++) if (element(r, c) !== 0) count++;
    offsets[r + 1] = offsets[r] + count;
  }
  source.claim(8 * offsets[rows], place, `${offsets[rows]} entries`);
  const columns = new Uint32Array(offsets[rows]);
  const values = new Float32Array(offsets[rows]);
  for (let r = 0; r < rows; r++) {
    for (let c = 0, p = offsets[r]; p < offsets[r + 1]; c++) {
      const value = element(r, c);
      if (value === 0) continue;
      columns[p] = c;
      values[p++] = value;
    }
  }
  return { rows, cols, offsets, columns, values };
}

/** @throws ArgumentError for a matrix that is not in compressed rows, or beyond signed 32-bit indices */
export function assertCsr(op: string, matrix: CsrMatrix): void {
  const { rows, cols, offsets, columns, values } = matrix;
  checkCsr(op, { rows, cols, offsets, columns });
  const most = Math.max(rows, cols, columns.length);
  if (most > MOST_SIGNED) throw new ArgumentError(op, `rows, columns and entries up to ${MOST_SIGNED}`, `${most}`);
  if (!values) return;
  if (values.length !== columns.length) throw new ArgumentError(op, `${columns.length} values`, `${values.length}`);
  const bad = values.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) throw new ArgumentError(op, 'finite values', `${values[bad]} at entry ${bad}`);
}
