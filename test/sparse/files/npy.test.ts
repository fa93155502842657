import { describe, expect, it } from 'vitest';
import { ArgumentError, FormatError } from '../../../src/index.js';
import { decodeNpy, decodeNpyMatrix, encodeNpy, type FileArray } from '../../../src/sparse/index.js';
import { Inputs } from '../../support/random.js';
import { NPY_BOOL_V2, NPY_FORTRAN, NPY_HALF, NPY_SCALAR } from './scipy-files.js';

/** A version 1 file with the given header and bytes of data. */
function npy(dict: string, data: number[] = []): Uint8Array {
  const text = `\x93NUMPY\x01\x00${String.fromCharCode(dict.length % 256, dict.length >> 8)}${dict}`;
  return Uint8Array.of(...Array.from(text, (c) => c.charCodeAt(0)), ...data);
}
const named = (bytes: Uint8Array) => () => decodeNpy(bytes, { name: 'a.npy' });

describe('.npy', () => {
  it('reads what NumPy writes', () => {
    expect(decodeNpy(NPY_FORTRAN)).toEqual({
      dtype: 'f64',
      shape: [2, 3],
      data: Float64Array.of(0, 0.5, 1, 1.5, 2, 2.5),
    });
    expect(decodeNpy(NPY_HALF)).toEqual({
      dtype: 'f16',
      shape: [4],
      data: Float32Array.of(1, -0.5, 65504, 2 ** -24),
    });
    expect(decodeNpy(NPY_SCALAR)).toEqual({ dtype: 'i64', shape: [], data: BigInt64Array.of(-7n) });
    expect(decodeNpy(NPY_BOOL_V2)).toEqual({ dtype: 'bool', shape: [2, 1, 2], data: Uint8Array.of(1, 0, 0, 1) });
  });

  it('writes what NumPy writes', () => {
    for (const file of [NPY_SCALAR, NPY_HALF]) expect(encodeNpy(decodeNpy(file))).toEqual(file);
  });

  const floats = new Inputs('npy').normal(6);
  it.each<FileArray>([
    { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
    { dtype: 'u8', shape: [1, 3], data: Uint8Array.of(255, 0, 1) },
    { dtype: 'i8', shape: [3, 1], data: Int8Array.of(-128, 0, 1) },
    { dtype: 'i16', shape: [2], data: Int16Array.of(-32768, 5) },
    { dtype: 'u16', shape: [2], data: Uint16Array.of(65535, 5) },
    { dtype: 'i32', shape: [2], data: Int32Array.of(-5, 5) },
    { dtype: 'u32', shape: [2], data: Uint32Array.of(2 ** 32 - 1, 5) },
    { dtype: 'i64', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 5n) },
    { dtype: 'u64', shape: [2], data: BigUint64Array.of(2n ** 64n - 1n, 5n) },
    { dtype: 'f32', shape: [2, 3], data: floats },
    { dtype: 'f64', shape: [3, 0, 7], data: new Float64Array(0) },
  ])('brings back $dtype $shape', (array) => {
    const bytes = encodeNpy(array);
    expect(decodeNpy(bytes)).toEqual(array);
    expect(bytes.length % 64).toBe((array.data.byteLength + 64) % 64);
    // In the middle of a larger buffer, at an odd byte.
    const inside = new Uint8Array(bytes.length + 9);
    inside.set(bytes, 3);
    expect(decodeNpy(inside.subarray(3, 3 + bytes.length))).toEqual(array);
  });

  it('turns Fortran order into C order', () => {
    const shape = [3, 4, 2];
    const file = npy(`{'descr': '|u1', 'fortran_order': True, 'shape': (3, 4, 2), }`, [...new Array(24).keys()]);
    const { data } = decodeNpy(file);
    for (let i = 0; i < 24; i++) {
      const [a, b, c] = [Math.floor(i / 8), Math.floor(i / 2) % 4, i % 2];
      expect(data[i]).toBe(a + shape[0] * (b + shape[1] * c));
    }
  });

  it('takes the entries of a header in any order', () => {
    const file = npy(`{'shape':(2,),'fortran_order':False,'descr':'|u1'}  \n`, [7, 8]);
    expect(decodeNpy(file).data).toEqual(Uint8Array.of(7, 8));
  });

  it('makes a sparse matrix of a dense one', () => {
    const values = Float32Array.of(0, 2, -0, 0, 0, -3);
    expect(decodeNpyMatrix(encodeNpy({ dtype: 'f32', shape: [2, 3], data: values }))).toEqual({
      rows: 2,
      cols: 3,
      offsets: Uint32Array.of(0, 1, 2),
      columns: Uint32Array.of(1, 2),
      values: Float32Array.of(2, -3),
    });
    const mask = decodeNpyMatrix(encodeNpy({ dtype: 'bool', shape: [1, 3], data: Uint8Array.of(1, 0, 1) }));
    expect(mask).toEqual({ rows: 1, cols: 3, offsets: Uint32Array.of(0, 2), columns: Uint32Array.of(0, 2) });
    const long = decodeNpyMatrix(encodeNpy({ dtype: 'i64', shape: [1, 2], data: BigInt64Array.of(0n, -9n) }));
    expect(long.values).toEqual(Float32Array.of(-9));
    const [nan, huge] = [Number.NaN, 1e300].map((v) =>
      encodeNpy({ dtype: 'f64', shape: [1, 2], data: Float64Array.of(0, v) }),
    );
    expect(() => decodeNpyMatrix(nan)).toThrow('npy: byte 136: expected a value finite in float32, got NaN');
    expect(() => decodeNpyMatrix(huge)).toThrow('got 1e+300');
    const vector = encodeNpy({ dtype: 'f32', shape: [2], data: new Float32Array(2) });
    expect(() => decodeNpyMatrix(vector)).toThrow('byte 128: expected a matrix, got shape [2]');
    const tall = npy(`{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 0)}`);
    expect(() => decodeNpyMatrix(tall)).toThrow('(option maxBytes), got 4000000000 rows');
    const wide = npy(`{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5000000000)}`);
    expect(() => decodeNpyMatrix(wide)).toThrow('expected a matrix, got shape [0, 5000000000]');
  });

  const good = `{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }`;
  it.each([
    [Uint8Array.of(), `a.npy: byte 0: expected the magic '\\x93NUMPY', got another beginning`],
    [npy(good).slice(0, 6), 'byte 6: expected version 1, 2 or 3, got the end of the file'],
    [npy(good).with(6, 4), 'byte 6: expected version 1, 2 or 3, got 4'],
    [npy(good).slice(0, 9), 'byte 8: expected a header of at least 10 bytes, got 9'],
    [npy(good).slice(0, 30), 'byte 8: expected a header of at most 20 bytes, got 57'],
    [npy(' '.repeat(10001)), 'expected a header of at most 10000 bytes, got 10001'],
    [npy(good).with(10, 32), `byte 10: expected a dict of 'descr', 'fortran_order' and 'shape'`],
    [npy(good.slice(0, -1)), 'byte 66: expected a dict'],
    [npy(`${good} 1`), 'expected a dict'],
    [npy(good.replace(`'shape'`, `'axes'`)), 'byte 51: expected a dict'],
    [npy(`{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }`), 'byte 27: expected each entry once'],
    [npy(`{'descr': '<f4', 'shape': (1,), }`), `byte 10: expected a 'fortran_order' of True or False`],
    [npy(`{'descr': '<f4', 'fortran_order': False, }`), `expected a 'shape' of whole numbers`],
    [npy(good.replace('(1,)', '(1,,)')), `expected a 'shape' of whole numbers`],
    [npy(good.replace('(1,)', '(-1,)')), 'expected a dict'],
    [npy(good.replace('(1,)', `(${'9'.repeat(30)},)`)), `expected a 'shape' of whole numbers`],
    [npy(good.replace(`'<f4'`, `[('a', '<f4')]`)), 'expected a dict'],
    [npy(good.replace('<f4', '>f4')), 'byte 10: expected a type of |b1 |i1 |u1 <i2'],
    [npy(good.replace('<f4', 'constructor')), 'got "constructor"'],
    [npy(good.replace('<f4', '|O')), 'got "|O"'],
    [npy(good, [1, 2, 3]), 'byte 67: expected 4 bytes of data, got 3'],
    [npy(good, [1, 2, 3, 4, 5]), 'expected 4 bytes of data, got 5'],
    [npy(good.replace('(1,)', '(1000000, 1000000)'), [1]), 'expected 4000000000000 bytes of data, got 1'],
    [npy(good.replace('<f4', '|b1'), [2]), 'byte 67: expected a bool of 0 or 1, got 2'],
  ])('refuses bad file %#', (bytes, message) => {
    expect(named(bytes)).toThrow(FormatError);
    expect(named(bytes)).toThrow(message);
  });

  it('is not written of what its dtype or shape does not fit', () => {
    const data = new Float32Array(2);
    expect(() => encodeNpy({ dtype: 'f64', shape: [2], data })).toThrow('f64 data as a Float64Array, got Float32Array');
    expect(() => encodeNpy({ dtype: 'f32', shape: [3], data })).toThrow('a shape of 2 elements, got [3]');
    expect(() => encodeNpy({ dtype: 'bf16', shape: [2], data })).toThrow(ArgumentError);
    expect(() => encodeNpy({ dtype: 'bool', shape: [1], data: Uint8Array.of(2) })).toThrow('bools of 0 or 1');
  });
});
