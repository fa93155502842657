import { encodeText } from './bytes.js';
import { assertCsr, type CsrMatrix, MOST, readColumns, readOffsets } from './csr-matrix.js';
import { Scanner } from './scanner.js';
import { type DecodeOptions, Source } from './source.js';

/**
 * Reads a sparsity pattern in the format of the Deep Learning Matrix Collection (DLMC, Gale et al. 2020): a line of
 * `rows, columns, nonzeros`, a line of row offsets and a line of column indices, counted from 0. There are no values.
 *
 * @throws FormatError naming line and byte, where the file is cut, the counts do not fit the lines or the indices are
 * out of range, double or unsorted within a row
 */
export function decodeSmtx(bytes: Uint8Array, options: DecodeOptions = {}): CsrMatrix {
  const source = Source.of(bytes, 'smtx', options);
  const text = new Scanner(source);
  const rows = text.integer('number of rows', 0, MOST);
  text.comma();
  const cols = text.integer('number of columns', 0, MOST);
  text.comma();
  const nnz = text.integer('number of nonzeros', 0, Math.min(rows * cols, MOST));
  const { place } = text;
  text.endOfLine();
  // A number takes a digit and a blank; the last one of the file may end without.
  const most = Math.floor((text.remaining + 1) / 2);
  if (rows + 1 + nnz > most)
    throw source.error(place, `at most ${most} offsets and indices, as the file is long`, `${rows + 1 + nnz}`);
  source.claim(4 * (rows + 1 + nnz), place, `${rows} rows and ${nnz} nonzeros`);
  const offsets = readOffsets(text, rows, nnz);
  text.endOfLine();
  const columns = readColumns(text, offsets, cols);
  text.endOfFile('the end of the file');
  return { rows, cols, offsets, columns };
}

/** Writes the pattern of a matrix as `decodeSmtx` reads it. Values, for which the format has no place, are left out. */
export function encodeSmtx(matrix: CsrMatrix): Uint8Array {
  assertCsr('encodeSmtx', matrix);
  return encodeText(lines(matrix));
}

function* lines({ rows, cols, offsets, columns }: CsrMatrix): Generator<string> {
  yield `${rows}, ${cols}, ${columns.length}\n`;
  yield* numbers(offsets);
  yield* numbers(columns);
}

const PIECE = 2 ** 16;

function* numbers(values: Uint32Array): Generator<string> {
  for (let at = 0; at < values.length; at += PIECE) {
    const piece = values.subarray(at, at + PIECE).join(' ');
    yield at === 0 ? piece : ` ${piece}`;
  }
  yield '\n';
}
