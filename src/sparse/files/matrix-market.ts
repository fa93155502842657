import { encodeText } from './bytes.js';
import { assertCsr, type CsrMatrix, csrOfDense, MOST } from './csr-matrix.js';
import { Scanner } from './scanner.js';
import { type DecodeOptions, Source } from './source.js';
import { compress, type Triplets } from './triplets.js';

const FORMATS = ['coordinate', 'array'] as const;
const FIELDS = ['real', 'double', 'integer', 'unsigned-integer', 'pattern'] as const;
const SYMMETRIES = ['general', 'symmetric', 'skew-symmetric'] as const;

interface Header {
  format: (typeof FORMATS)[number];
  field: (typeof FIELDS)[number];
  symmetry: (typeof SYMMETRIES)[number];
}

/** Bytes of the arrays for one entry while they are sorted: row, column, value, line and order, and then the result. */
const ENTRY_BYTES = 28;

/**
 * Reads a MatrixMarket file (Boisvert, Pozo, Remington 1996): `coordinate` or `array`; `real`, `integer` or `pattern`;
 * `general`, `symmetric` or `skew-symmetric`, the latter two expanded. Comments and blank lines may stand anywhere
 * below the first line. Values are rounded to float32.
 *
 * The format says nothing of the order of coordinates: they are sorted. Zeros that are written out are entries like
 * others; of an `array`, the elements that are not 0 are the entries. A `pattern` has no values.
 *
 * @throws FormatError naming line and byte; among others for complex and Hermitian matrices, an index out of range, an
 * entry given twice, one above the diagonal of a symmetric matrix, or a value that is no finite float32 number
 */
export function decodeMatrixMarket(bytes: Uint8Array, options: DecodeOptions = {}): CsrMatrix {
  const source = Source.of(bytes, 'mtx', options);
  const text = new Scanner(source);
  const header = readHeader(source, text);
  text.skipComments();
  return header.format === 'coordinate' ? coordinates(source, text, header) : array(source, text, header);
}

function readHeader(source: Source, text: Scanner): Header {
  text.word('the first word', ['%%matrixmarket']);
  text.word('the object', ['matrix']);
  const format = text.word('one of the formats', FORMATS);
  const field = text.word('one of the fields', FIELDS);
  const symmetry = text.word('one of the symmetries', SYMMETRIES);
  const signless = field === 'pattern' || field === 'unsigned-integer';
  if ((field === 'pattern' && format === 'array') || (signless && symmetry === 'skew-symmetric'))
    throw source.error(text.place, 'values that can be given or negated', `${format} ${field} ${symmetry}`);
  text.endOfLine();
  return { format, field, symmetry };
}

const isWhole = (field: Header['field']): boolean => field.endsWith('integer');

/** The sizes of the matrix; symmetric ones are square. */
function readSize(text: Scanner, symmetry: Header['symmetry']): [rows: number, cols: number] {
  const rows = text.integer('number of rows', 0, MOST);
  const [least, most] = symmetry === 'general' ? [0, MOST] : [rows, rows];
  const cols = text.integer('number of columns', least, most);
  return [rows, cols];
}

/** Throws where a file is too short for as many lines of so many bytes as its header says. */
function assertLines(source: Source, text: Scanner, place: string, count: number, bytes: number): void {
  const most = Math.floor((text.remaining + 1) / bytes);
  if (count > most) throw source.error(place, `at most ${most} entries in ${text.remaining} bytes`, `${count}`);
}

function coordinates(source: Source, text: Scanner, header: Header): CsrMatrix {
  const { field, symmetry } = header;
  const [rows, cols] = readSize(text, symmetry);
  const given = text.integer('number of entries', 0, Math.min(storedCount(symmetry, rows, cols), MOST));
  const { place } = text;
  text.endOfLine();
  assertLines(source, text, place, given, field === 'pattern' ? 4 : 6);
  const most = symmetry === 'general' ? given : 2 * given;
  source.claim(8 * (rows + 1) + ENTRY_BYTES * most, place, `${rows} rows and ${given} entries`);
  const entries = readEntries(text, header, [rows, cols], given, most);
  text.skipComments();
  text.endOfFile(`the end of the file after ${given} entries`);
  return compress(rows, cols, entries, (e) => {
    const found = `row ${entries.rows[e] + 1}, column ${entries.columns[e] + 1} again`;
    throw source.error(`line ${entries.lines[e]}`, 'each entry once', found);
  });
}

interface Entries extends Triplets {
  /** Line of the file that each comes from. */
  lines: Uint32Array;
}

/**
 * The entries of the file, and behind them their mirror images: files in order of rows or columns need no sort then.
 */
function readEntries(
  text: Scanner,
  { field, symmetry }: Header,
  [rows, cols]: readonly [number, number],
  given: number,
  most: number,
): Entries {
  const make = () => new Uint32Array(most);
  const entries = { rows: make(), columns: make(), lines: make(), values: new Float32Array(most) };
  const put = (e: number, row: number, column: number, value: number, line: number) => {
    entries.rows[e] = row;
    entries.columns[e] = column;
    entries.values[e] = value;
    entries.lines[e] = line;
  };
  const whole = isWhole(field);
  const sign = symmetry === 'skew-symmetric' ? -1 : 1;
  let count = given;
  for (let e = 0; e < given; e++) {
    text.skipComments();
    const { line } = text;
    const row = text.integer('row index', sign < 0 ? 2 : 1, rows) - 1;
    const column = text.integer('column index', 1, lastColumn(symmetry, row, cols)) - 1;
    const value = field === 'pattern' ? 1 : text.float('value', whole);
    text.endOfLine();
    put(e, row, column, value, line);
    if (symmetry !== 'general' && row !== column) put(count++, column, row, sign * value, line);
  }
  const values = field === 'pattern' ? undefined : entries.values.subarray(0, count);
  const [r, c, lines] = [entries.rows, entries.columns, entries.lines].map((array) => array.subarray(0, count));
  return { rows: r, columns: c, lines, values };
}

/** Places that a file can give: all, or those on and below the diagonal, or those below it. */
function storedCount(symmetry: Header['symmetry'], rows: number, cols: number): number {
  if (symmetry === 'general') return rows * cols;
  return (rows * (rows + (symmetry === 'symmetric' ? 1 : -1))) / 2;
}

/** Last column, counted from 1, that a row, counted from 0, may give. */
function lastColumn(symmetry: Header['symmetry'], row: number, cols: number): number {
  if (symmetry === 'general') return cols;
  return symmetry === 'symmetric' ? row + 1 : row;
}

/**
 * Dense values by column; of symmetric matrices those on and below the diagonal, of skew-symmetric ones those below.
 */
function array(source: Source, text: Scanner, { field, symmetry }: Header): CsrMatrix {
  const [rows, cols] = readSize(text, symmetry);
  const { place } = text;
  text.endOfLine();
  const firstRow = (c: number) => (symmetry === 'general' ? 0 : symmetry === 'symmetric' ? c : c + 1);
  const given = storedCount(symmetry, rows, cols);
  assertLines(source, text, place, given, 2);
  source.claim(4 * rows * cols, place, `${rows} x ${cols} values`);
  const dense = new Float32Array(rows * cols);
  // Without values there may be any number of empty columns.
  for (let c = 0; c < cols && given > 0; c++) {
    for (let r = firstRow(c); r < rows; r++) {
      text.skipComments();
      const value = text.float('value', isWhole(field));
      text.endOfLine();
      dense[r * cols + c] = value;
      if (symmetry !== 'general') dense[c * cols + r] = symmetry === 'symmetric' ? value : -value;
    }
  }
  text.skipComments();
  text.endOfFile(`the end of the file after ${given} values`);
  return csrOfDense(source, place, [rows, cols], (r, c) => dense[r * cols + c]);
}

/**
 * Writes a matrix as `coordinate real general`, or `coordinate pattern general` where it has no values, row by row.
 * Values have nine digits, which give back the same float32.
 */
export function encodeMatrixMarket(matrix: CsrMatrix): Uint8Array {
  assertCsr('encodeMatrixMarket', matrix);
  return encodeText(lines(matrix));
}

function* lines({ rows, cols, offsets, columns, values }: CsrMatrix): Generator<string> {
  yield `%%MatrixMarket matrix coordinate ${values ? 'real' : 'pattern'} general\n${rows} ${cols} ${columns.length}\n`;
  for (let r = 0; r < rows; r++) {
    let text = '';
    for (let p = offsets[r]; p < offsets[r + 1]; p++)
      text += `${r + 1} ${columns[p] + 1}${values ? ` ${decimal(values[p])}` : ''}\n`;
    yield text;
  }
}

const decimal = (value: number): string => (Object.is(value, -0) ? '-0' : String(Number(value.toPrecision(9))));
