import { describe, expect, it } from 'vitest';
import { ArgumentError, FormatError } from '../../../src/index.js';
import { decodeSmtx, encodeSmtx } from '../../../src/sparse/index.js';
import { Inputs } from '../../support/random.js';
import { ascii, randomCsr, SHAPES } from './matrices.js';

const decode = (text: string, maxBytes?: number) => decodeSmtx(ascii(text), { name: 'a.smtx', maxBytes });

describe('.smtx', () => {
  it('has three lines: sizes, row offsets, column indices', () => {
    const matrix = {
      rows: 3,
      cols: 4,
      offsets: Uint32Array.of(0, 2, 2, 3),
      columns: Uint32Array.of(1, 3, 0),
    };
    const text = '3, 4, 3\n0 2 2 3\n1 3 0\n';
    expect(new TextDecoder().decode(encodeSmtx({ ...matrix, values: Float32Array.of(5, 6, 7) }))).toBe(text);
    expect(decode(text)).toEqual(matrix);
    expect(decode('3,4,3\r\n0 2  2 3 \r\n\t1 3 0')).toEqual(matrix);
    expect(decode('3 , 4 , 3\n0 2 2 3\n1 3 0\n\n \n')).toEqual(matrix);
  });

  it('needs no third line without entries', () => {
    const empty = { rows: 2, cols: 3, offsets: new Uint32Array(3), columns: new Uint32Array(0) };
    for (const text of ['2, 3, 0\n0 0 0\n\n', '2, 3, 0\n0 0 0\n', '2, 3, 0\n0 0 0'])
      expect(decode(text)).toEqual(empty);
  });

  it.each(SHAPES)('comes back: %i x %i at density %d', (rows, cols, density) => {
    const matrix = randomCsr(new Inputs(`smtx ${rows} ${cols}`), rows, cols, density, false);
    expect(decodeSmtx(encodeSmtx(matrix))).toEqual(matrix);
  });

  it('reads a million indices', () => {
    const matrix = randomCsr(new Inputs('large smtx'), 1, 64, 0.5);
    const [rows, each] = [2 ** 15, matrix.columns.length];
    const large = {
      rows,
      cols: 64,
      offsets: Uint32Array.from({ length: rows + 1 }, (_, r) => r * each),
      columns: Uint32Array.from({ length: rows * each }, (_, p) => matrix.columns[p % each]),
    };
    const bytes = encodeSmtx(large);
    const found = decodeSmtx(bytes);
    expect(Buffer.compare(encodeSmtx(found), bytes)).toBe(0);
  });

  it.each([
    ['', 'a.smtx: line 1, byte 0: expected number of rows from 0 to 4294967295, got the end of the file'],
    ['3 4 3\n', 'a.smtx: line 1, byte 2: expected a comma, got "4"'],
    ['3, 4\n', 'line 1, byte 4: expected a comma, got the end of the line'],
    ['-3, 4, 3\n', 'line 1, byte 0: expected number of rows from 0 to 4294967295, got "-3,"'],
    ['3, 4, 13\n', 'line 1, byte 6: expected number of nonzeros from 0 to 12, got "13"'],
    ['3, 4, 3 1\n', 'line 1, byte 8: expected the end of the line, got "1"'],
    ['99999999999999999999999, 4, 3\n', 'line 1, byte 0: expected number of rows from 0 to 4294967295'],
    [
      '4000000000, 4, 0\n0',
      'line 1, byte 16: expected at most 1 offsets and indices, as the file is long, got 4000000001',
    ],
    ['9, 9, 80\n0 0 0', 'at most 3 offsets and indices, as the file is long, got 90'],
    ['3, 4, 3\n1 2 2 3\n1 3 0\n', 'line 2, byte 8: expected row offset 0, got "1"'],
    ['3, 4, 3\n0 2 1 3\n1 3 0\n', 'line 2, byte 12: expected row offset from 2 to 3, got "1"'],
    ['3, 4, 3\n0 2 2 2\n1 3 0\n', 'line 2, byte 14: expected row offset 3, got "2"'],
    ['3, 4, 3\n0 2 2 4\n1 3 0\n', 'line 2, byte 14: expected row offset 3, got "4"'],
    ['3, 4, 3\n0 2 2\n1 3 0 0 0\n', 'line 2, byte 13: expected row offset 3, got the end of the line'],
    ['3, 4, 3\n0 2 2 3 3\n1 3 0\n', 'line 2, byte 16: expected the end of the line, got "3"'],
    ['3, 4, 3\n0 2 2 3\n1 4 0\n', 'line 3, byte 18: expected ascending column index from 2 to 3, got "4"'],
    ['3, 4, 3\n0 2 2 3\n1 1 0\n', 'line 3, byte 18: expected ascending column index from 2 to 3, got "1"'],
    ['3, 4, 3\n0 2 2 3\n3 1 0\n', 'line 3, byte 18: expected no further ascending column index in this row, got "1"'],
    ['3, 4, 3\n0 2 2 3\n1 -3 0\n', 'line 3, byte 18: expected ascending column index from 2 to 3, got "-3"'],
    ['3, 4, 3\n0 2 2 3\n1 3.0 0\n', 'from 2 to 3, got "3.0"'],
    ['3, 4, 3\n0 2 2 3\n1 nan 0\n', 'from 2 to 3, got "nan"'],
    [
      '3, 4, 3\n0 2 2 3\n1 3  \n',
      'line 3, byte 21: expected ascending column index from 0 to 3, got the end of the line',
    ],
    ['3, 4, 3\n0 2 2 3\n1 3 0 1\n', 'line 3, byte 22: expected the end of the file, got "1"'],
    ['3, 4, 3\n0 2 2 3\n1 3 0\nmore\n', 'line 4, byte 22: expected the end of the file, got "more"'],
    [`3, 4, 3\n0 2 2 3\n1 3 0\n${'x'.repeat(1e5)}`, `got "${'x'.repeat(40)}"...`],
  ])('refuses %j', (text, message) => {
    expect(() => decode(text)).toThrow(FormatError);
    expect(() => decode(text)).toThrow(message);
  });

  it('takes no more memory than it may', () => {
    expect(() => decode('3, 4, 3\n0 2 2 3\n1 3 0\n', 27)).toThrow(
      'what is read in 27 bytes (option maxBytes), got 3 rows and 3 nonzeros',
    );
    expect(decode('3, 4, 3\n0 2 2 3\n1 3 0\n', 28).rows).toBe(3);
    expect(() => decode('', Number.NaN)).toThrow(ArgumentError);
  });

  it('is not written of what is not in compressed rows', () => {
    const matrix = { rows: 1, cols: 3, offsets: Uint32Array.of(0, 2), columns: Uint32Array.of(2, 1) };
    expect(() => encodeSmtx(matrix)).toThrow('encodeSmtx: expected columns ascending within each row');
  });
});
