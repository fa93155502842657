import { describe, expect, it } from 'vitest';
import { FormatError } from '../../../src/index.js';
import { type CsrMatrix, decodeMatrixMarket, encodeMatrixMarket } from '../../../src/sparse/index.js';
import { Inputs } from '../../support/random.js';
import { ascii, randomCsr, SHAPES } from './matrices.js';

const decode = (text: string) => decodeMatrixMarket(ascii(text), { name: 'a.mtx' });

/** Rows of numbers, with `null` where there is no entry. */
function rowsOf({ rows, cols, offsets, columns, values }: CsrMatrix): (number | null)[][] {
  return Array.from({ length: rows }, (_, r) => {
    const row: (number | null)[] = new Array(cols).fill(null);
    for (let p = offsets[r]; p < offsets[r + 1]; p++) row[columns[p]] = values ? values[p] : 1;
    return row;
  });
}

describe('.mtx', () => {
  it('is coordinates counted from 1', () => {
    const matrix = {
      rows: 3,
      cols: 4,
      offsets: Uint32Array.of(0, 2, 2, 3),
      columns: Uint32Array.of(1, 3, 0),
    };
    const values = Float32Array.of(1.5, -0.1, 1e-30);
    expect(new TextDecoder().decode(encodeMatrixMarket({ ...matrix, values }))).toBe(
      '%%MatrixMarket matrix coordinate real general\n3 4 3\n1 2 1.5\n1 4 -0.100000001\n3 1 1e-30\n',
    );
    expect(new TextDecoder().decode(encodeMatrixMarket(matrix))).toBe(
      '%%MatrixMarket matrix coordinate pattern general\n3 4 3\n1 2\n1 4\n3 1\n',
    );
  });

  it.each(SHAPES)('comes back to the last bit: %i x %i at density %d', (rows, cols, density) => {
    const inputs = new Inputs(`mtx ${rows} ${cols}`);
    const matrix = randomCsr(inputs, rows, cols, density);
    const values = matrix.values!.map((v, i) => [v, v * 1e30, v * 1e-30, v * 1e-42, -0, Math.round(v)][i % 6]);
    expect(decodeMatrixMarket(encodeMatrixMarket({ ...matrix, values }))).toEqual({ ...matrix, values });
    const pattern = randomCsr(inputs, rows, cols, density, false);
    expect(decodeMatrixMarket(encodeMatrixMarket(pattern))).toEqual(pattern);
  });

  it('reads entries in any order, between comments and blank lines', () => {
    const text = `%%matrixmarket MATRIX Coordinate Integer General\r
% a comment

  3   4 5\r
3 1 +7
% another
1 4 -2

1 2 1
   \t
3 3 0
2 2\t5  \n\n%\n`;
    expect(decode(text)).toEqual({
      rows: 3,
      cols: 4,
      offsets: Uint32Array.of(0, 2, 3, 5),
      columns: Uint32Array.of(1, 3, 1, 0, 2),
      values: Float32Array.of(1, -2, 5, 7, 0),
    });
  });

  it.each([
    ...['1', '-2.5', '.5', '5.', '+3', '1e3', '-1.25E-3', '0.1', '123456789012345', '1234567890123456789', '-0'],
    ...['0.30000001192092896', '3.4028234e38', '1e-60', '00012.50', '0.0000000000000012345'],
  ])('reads the number %s', (number) => {
    const text = `%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 ${number}\n`;
    expect(decode(text).values).toEqual(Float32Array.of(Number(number)));
  });

  it('sorts shuffled entries', () => {
    const inputs = new Inputs('shuffled mtx');
    const matrix = randomCsr(inputs, 19, 23, 0.3);
    const [head, size, ...lines] = new TextDecoder().decode(encodeMatrixMarket(matrix)).trim().split('\n');
    for (let i = lines.length - 1; i > 0; i--) {
      const j = inputs.integer(i + 1);
      [lines[i], lines[j]] = [lines[j], lines[i]];
    }
    expect(decode([head, size, ...lines].join('\n'))).toEqual(matrix);
  });

  it('expands symmetric and skew-symmetric entries, by row, by column and in any order', () => {
    const entries = ['1 1 1', '2 1 2', '3 1 3', '3 2 4', '3 3 5'];
    const orders = [entries, [0, 1, 2, 3, 4].map((i) => entries[(3 * i) % 5]), [...entries].reverse()];
    for (const order of orders) {
      const symmetric = decode(`%%MatrixMarket matrix coordinate real symmetric\n3 3 5\n${order.join('\n')}`);
      expect(rowsOf(symmetric)).toEqual([
        [1, 2, 3],
        [2, null, 4],
        [3, 4, 5],
      ]);
      const below = order.filter((e) => e[0] !== e[2]);
      expect(
        rowsOf(decode(`%%MatrixMarket matrix coordinate real skew-symmetric\n3 3 3\n${below.join('\n')}`)),
      ).toEqual([
        [null, -2, -3],
        [2, null, -4],
        [3, 4, null],
      ]);
    }
    const pattern = decode('%%MatrixMarket matrix coordinate pattern symmetric\n2 2 1\n2 1\n');
    expect(pattern.values).toBeUndefined();
    expect(pattern.columns).toEqual(Uint32Array.of(1, 0));
  });

  it('reads dense arrays by column', () => {
    expect(
      rowsOf(decode('%%MatrixMarket matrix array real general\n2 3\n1\n2\n0\n% of column 2\n4\n5\n\n-6\n')),
    ).toEqual([
      [1, null, 5],
      [2, 4, -6],
    ]);
    expect(rowsOf(decode('%%MatrixMarket matrix array integer symmetric\n3 3\n1\n2\n3\n0\n5\n6\n'))).toEqual([
      [1, 2, 3],
      [2, null, 5],
      [3, 5, 6],
    ]);
    expect(rowsOf(decode('%%MatrixMarket matrix array real skew-symmetric\n3 3\n1\n2\n3\n'))).toEqual([
      [null, -1, -2],
      [1, null, -3],
      [2, 3, null],
    ]);
    expect(decode('%%MatrixMarket matrix array real general\n0 4000000000\n').cols).toBe(4e9);
  });

  const general = '%%MatrixMarket matrix coordinate real general\n';
  const symmetric = '%%MatrixMarket matrix coordinate real symmetric\n';
  it.each([
    ['', 'a.mtx: line 1, byte 0: expected the first word %%matrixmarket, got the end of the file'],
    ['%MatrixMarket matrix', 'got "%MatrixMarket"'],
    ['%%MatrixMarket vector', 'line 1, byte 15: expected the object matrix, got "vector"'],
    ['%%MatrixMarket matrix coo', 'expected one of the formats coordinate, array, got "coo"'],
    ['%%MatrixMarket matrix coordinate complex general\n', 'one of the fields real, double, integer'],
    ['%%MatrixMarket matrix coordinate real hermitian\n', 'general, symmetric, skew-symmetric, got "hermitian"'],
    ['%%MatrixMarket matrix array pattern general\n', 'values that can be given or negated, got array pattern general'],
    ['%%MatrixMarket matrix coordinate pattern skew-symmetric\n', 'got coordinate pattern skew-symmetric'],
    [general, 'line 2, byte 46: expected number of rows'],
    [`${general}2 2\n`, 'line 2, byte 49: expected number of entries from 0 to 4, got the end of the line'],
    [`${general}2 2 5\n`, 'expected number of entries from 0 to 4, got "5"'],
    [`${general}2 2 2\n1 1 1\n`, 'expected at most 1 entries in 6 bytes, got 2'],
    [`${general}2 2 2\n1 1 1.23456789\n`, 'line 4, byte 67: expected row index from 1 to 2, got the end of the file'],
    [`${general}2 2 1\n0 1 1\n`, 'line 3, byte 52: expected row index from 1 to 2, got "0"'],
    [`${general}2 2 1\n1 3 1\n`, 'line 3, byte 54: expected column index from 1 to 2, got "3"'],
    [`${general}2 2 1\n-1 1 1\n`, 'got "-1"'],
    [
      `${general}2 2 1\n1 1   \n`,
      'line 3, byte 58: expected value as a finite float32 number, got the end of the line',
    ],
    [`${general}2 2 1\n1 1 nan\n`, 'line 3, byte 56: expected value as a finite float32 number, got "nan"'],
    [`${general}2 2 1\n1 1 inf\n`, 'got "inf"'],
    [`${general}2 2 1\n1 1 1e39\n`, 'got "1e39"'],
    [`${general}2 2 1\n1 1 0x1f\n`, 'got "0x1f"'],
    [`${general}2 2 1\n1 1 1.2.3\n`, 'got "1.2.3"'],
    [`${general}2 2 1\n1 1 1-2\n`, 'got "1-2"'],
    [`${general}2 2 1\n1 1 .\n`, 'got "."'],
    [`${general}2 2 1\n1 1 ${'1'.repeat(200)}\n`, 'finite float32'],
    [`${general}2 2 1\n1 1 1 1\n`, 'line 3, byte 58: expected the end of the line, got "1"'],
    [`${general}2 2 1\n1 1 1\n2 2 2\n`, 'line 4, byte 58: expected the end of the file after 1 entries, got "2"'],
    [
      `${general}2 2 3\n1 2 1\n% x\n1 1 1\n1 2 3\n`,
      'a.mtx: line 6: expected each entry once, got row 1, column 2 again',
    ],
    [`${symmetric}2 3 1\n2 1 1\n`, 'line 2, byte 50: expected number of columns 2, got "3"'],
    [`${symmetric}2 2 1\n1 2 1\n`, 'expected column index 1, got "2"'],
    [`${symmetric}2 2 4\n1 2 1\n`, 'expected number of entries from 0 to 3, got "4"'],
    ['%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 1.5\n', 'number without a fraction, got "1.5"'],
    ['%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 2 1\n', 'expected column index 1, got "2"'],
    ['%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n\n', 'line 7, byte 52: expected value'],
    ['%%MatrixMarket matrix array real general\n1 1\n1 2\n', 'expected the end of the line, got "2"'],
    ['%%MatrixMarket matrix array real general\n100000 100000\n1\n', 'at most 1 entries in 2 bytes, got 10000000000'],
    [`${general}4000000000 1 0\n`, 'in 268435456 bytes (option maxBytes), got 4000000000 rows and 0 entries'],
    ['%%MatrixMarket matrix array real general\n4000000000 0\n', '(option maxBytes), got 4000000000 rows'],
  ])('refuses %j', (text, message) => {
    expect(() => decode(text)).toThrow(FormatError);
    expect(() => decode(text)).toThrow(message);
  });

  it('is not written with values that it could not read', () => {
    const matrix = { rows: 1, cols: 2, offsets: Uint32Array.of(0, 1), columns: Uint32Array.of(1) };
    expect(() => encodeMatrixMarket({ ...matrix, values: Float32Array.of(Number.NaN) })).toThrow('NaN at entry 0');
    expect(() => encodeMatrixMarket({ ...matrix, values: new Float32Array(2) })).toThrow('expected 1 values, got 2');
  });
});
