import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ArgumentError, FormatError } from '../../../src/index.js';
import {
  csrTensors,
  decodeSafetensors,
  decodeSafetensorsMatrix,
  encodeSafetensors,
  type FileArray,
} from '../../../src/sparse/index.js';
import { Inputs } from '../../support/random.js';
import { ascii, patternOnly, randomCsr, SHAPES } from './matrices.js';

/** A file with the given header and bytes of data. */
function file(header: string, data: number[] = [], length = ascii(header).length): Uint8Array {
  const bytes = Uint8Array.of(...new Uint8Array(8), ...ascii(header), ...data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  return bytes;
}
const decode = (bytes: Uint8Array) => decodeSafetensors(bytes, { name: 'a.safetensors' });
const one = (dtype: string, shape: string, offsets: string, data: number[] = []) =>
  file(`{"a":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}}`, data);

describe('safetensors', () => {
  it('has a length, a header in JSON and the data', () => {
    const bytes = file(
      `{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},` +
        `"größe":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]}}`,
      [0, 0, 192, 63, 0, 0, 0, 192, 1],
    );
    const { tensors, metadata } = decode(bytes);
    expect([...metadata]).toEqual([['format', 'pt']]);
    expect([...tensors]).toEqual([
      ['w', { dtype: 'f32', shape: [1, 2], data: Float32Array.of(1.5, -2) }],
      ['größe', { dtype: 'bool', shape: [], data: Uint8Array.of(1) }],
    ]);
    expect(encodeSafetensors({ tensors, metadata }).subarray(8, 131)).toEqual(bytes.subarray(8, 131));
  });

  const floats = new Inputs('safetensors').normal(5);
  const ARRAYS: FileArray[] = [
    { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
    { dtype: 'u8', shape: [1, 3], data: Uint8Array.of(255, 0, 1) },
    { dtype: 'i8', shape: [3, 1], data: Int8Array.of(-128, 0, 1) },
    { dtype: 'i16', shape: [1], data: Int16Array.of(-32768) },
    { dtype: 'u16', shape: [2], data: Uint16Array.of(65535, 5) },
    { dtype: 'i32', shape: [2], data: Int32Array.of(-5, 5) },
    { dtype: 'u32', shape: [2], data: Uint32Array.of(2 ** 32 - 1, 5) },
    { dtype: 'i64', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 5n) },
    { dtype: 'u64', shape: [], data: BigUint64Array.of(2n ** 64n - 1n) },
    { dtype: 'f16', shape: [4], data: Float32Array.of(1, -65504, 2 ** -24, Number.POSITIVE_INFINITY) },
    { dtype: 'bf16', shape: [5], data: Float32Array.of(1, -3.140625, 2 ** 100, 2 ** -130, Number.NaN) },
    { dtype: 'f32', shape: [5], data: floats },
    { dtype: 'f64', shape: [0, 7], data: new Float64Array(0) },
  ];
  it('brings back every type, names and metadata', () => {
    const tensors = new Map(ARRAYS.map((array) => [`${array.dtype} "\\é✓\n`, array]));
    const metadata = new Map([
      ['7', 'number'],
      ['__proto__', 'x'],
    ]);
    const bytes = encodeSafetensors({ tensors, metadata });
    const found = decode(bytes);
    expect(found.tensors).toEqual(tensors);
    expect(found.metadata).toEqual(metadata);
    expect(encodeSafetensors({ tensors, metadata })).toEqual(bytes);
    const inside = new Uint8Array(bytes.length + 9);
    inside.set(bytes, 3);
    expect(decode(inside.subarray(3, 3 + bytes.length))).toEqual(found);
    expect(decode(encodeSafetensors({ tensors: new Map() })).tensors.size).toBe(0);
  });

  it('aligns every tensor', () => {
    const bytes = encodeSafetensors({ tensors: new Map(ARRAYS.map((array) => [array.dtype, array])) });
    const length = new DataView(bytes.buffer).getUint32(0, true);
    expect(length % 8).toBe(0);
    const header: Record<string, { data_offsets: number[] }> = JSON.parse(
      new TextDecoder().decode(bytes.subarray(8, 8 + length)),
    );
    const width: Record<string, number> = { i64: 8, u64: 8, f64: 8, f32: 4, i32: 4, u32: 4, f16: 2, bf16: 2, u16: 2 };
    for (const [name, { data_offsets }] of Object.entries(header)) expect(data_offsets[0] % (width[name] ?? 1)).toBe(0);
  });

  it('rounds bfloat16 to nearest even', () => {
    const values = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, -1 - 2 ** -9, 3.4e38);
    const array: FileArray = { dtype: 'bf16', shape: [5], data: values };
    const { data } = decode(encodeSafetensors({ tensors: new Map([['a', array]]) })).tensors.get('a')!;
    expect(data).toEqual(Float32Array.of(1, 1 + 2 ** -6, 1 + 2 ** -7, -1, Number.POSITIVE_INFINITY));
  });

  const f32 = (name: string, from: number, to: number) =>
    `"${name}":{"dtype":"F32","shape":[${(to - from) / 4}],"data_offsets":[${from},${to}]}`;
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'a.safetensors: byte 0: expected the length of the header, got 0 bytes'],
    ['a cut length', new Uint8Array(7), 'byte 0: expected the length of the header, got 7 bytes'],
    ['a long header', file('{}', [], 3), 'byte 0: expected a header of at most 2 bytes, got 3'],
    ['a huge header', file('{}', [], 2 ** 53), 'expected a header of at most 2 bytes, got 9007199254740992'],
    ['a short header', file('{}', [], 1), 'byte 9: expected a string, got the end of the header'],
    ['no header', file('', [1]), `byte 8: expected '{', got the end of the header`],
    ['a list', file('[]'), `byte 8: expected '{', got "[]"`],
    ['more behind the header', file('{} x'), 'byte 11: expected the end of the header, got "x"'],
    [
      'a name twice',
      file(`{${f32('a', 0, 4)},${f32('a', 4, 8)}}`, [0, 0, 0, 0, 0, 0, 0, 0]),
      'each name once, got "a"',
    ],
    [
      'metadata twice',
      file('{"__metadata__":{},"__metadata__":{}}'),
      'byte 27: expected each name once, got "__metadata__"',
    ],
    ['metadata other than text', file('{"__metadata__":{"a":1}}'), 'byte 29: expected a string, got "1}}"'],
    ['a name without an end', file('{"a'), 'byte 9: expected a string, got one without an end'],
    ['a name that ends in a backslash', file('{"a\\'), 'expected a string, got one without an end'],
    ['a bad escape', file('{"\\q":{}}'), 'byte 9: expected a string in UTF-8 with the escapes of JSON'],
    ['bytes that are no UTF-8', file('{"a":{}}').with(10, 255), 'byte 9: expected a string in UTF-8'],
    ['an unknown dtype', one('F8_E4M3', '[1]', '[0,1]', [0]), 'byte 13: expected a dtype of BOOL I8 U8'],
    ['a dtype of another kind', one('constructor', '[1]', '[0,1]', [0]), 'got "constructor"'],
    ['an unknown entry', file('{"a":{"dtypes":"F32"}}'), 'expected dtype, shape or data_offsets, got "dtypes"'],
    ['no shape', file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', [0, 0, 0, 0]), 'expected a shape, got none'],
    [
      'no offsets',
      file('{"a":{"dtype":"F32","shape":[1]}}', [0, 0, 0, 0]),
      'expected data_offsets of a begin and an end',
    ],
    ['a negative axis', one('F32', '[-1]', '[0,4]', [0, 0, 0, 0]), 'expected a whole number, got "-1]'],
    ['a fraction', one('F32', '[1.5]', '[0,4]', [0, 0, 0, 0]), `expected ']', got ".5]`],
    ['an axis beyond all bounds', one('F32', `[${'9'.repeat(400)}]`, '[0,4]'), 'expected a whole number, got "9999'],
    ['three offsets', one('F32', '[1]', '[0,4,4]', [0, 0, 0, 0]), 'got [0,4,4]'],
    ['offsets that fall', one('F32', '[1]', '[4,0]', [0, 0, 0, 0]), 'got [4,0]'],
    ['too few bytes', one('F32', '[2]', '[0,4]', [0, 0, 0, 0]), 'expected data_offsets 8 bytes apart, got [0,4]'],
    ['a huge shape', one('F32', '[1000000,1000000,1000000,1000000]', '[0,4]', [0, 0, 0, 0]), 'bytes apart, got [0,4]'],
    ['a shape that overflows', one('U8', `[${'9007199254740991,'.repeat(30)}0]`, '[0,0]'), 'bytes apart'],
    ['cut data', one('F32', '[1]', '[0,4]', [0, 0, 0]), 'expected data that ends at byte'],
    ['data behind the tensors', one('F32', '[1]', '[0,4]', [0, 0, 0, 0, 0]), 'got the end of the file'],
    [
      'a gap',
      file(`{${f32('a', 0, 4)},${f32('b', 8, 12)}}`, new Array(12).fill(0)),
      'a tensor that begins here, got "b"',
    ],
    ['an overlap', file(`{${f32('a', 0, 8)},${f32('b', 4, 12)}}`, new Array(12).fill(0)), 'begins here, got "b"'],
    ['a late begin', file(`{${f32('a', 4, 8)}}`, new Array(8).fill(0)), 'begins here, got "a"'],
    ['a bool of 2', one('BOOL', '[2]', '[0,2]', [1, 2]), 'byte 64: expected a bool of 0 or 1, got 2'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decode(bytes)).toThrow(FormatError);
    expect(() => decode(bytes)).toThrow(message);
  });

  it('is not written of what its dtype or shape does not fit', () => {
    const write = (name: string, array: FileArray) => () => encodeSafetensors({ tensors: new Map([[name, array]]) });
    expect(write('__metadata__', ARRAYS[0])).toThrow(ArgumentError);
    expect(write('a', { ...ARRAYS[0], shape: [4] })).toThrow(
      'encodeSafetensors: expected a shape of 3 elements, got [4]',
    );
    expect(write('a', { ...ARRAYS[0], dtype: 'f32' })).toThrow('f32 data as a Float32Array, got Uint8Array');
  });

  const weights = join(process.env.SECATEUR_DATA ?? '', 'weights');
  const real = process.env.SECATEUR_DATA
    ? ['resnet20', 'resnet56'].map((n) => join(weights, `${n}-cifar10.safetensors`))
    : [];
  it.skipIf(real.length === 0 || !real.every(existsSync))('brings back pretrained networks (SECATEUR_DATA)', () => {
    for (const path of real) {
      const bytes = readFileSync(path);
      const content = decodeSafetensors(bytes, { name: path });
      expect(content.tensors.get('conv1.weight')?.shape).toEqual([16, 3, 3, 3]);
      expect(Buffer.compare(encodeSafetensors(content), bytes)).toBe(0);
    }
  });
});

describe('sparse matrices in safetensors', () => {
  it.each(SHAPES)('come back: %i x %i at density %d', (rows, cols, density) => {
    const matrix = randomCsr(new Inputs(`safetensors ${rows} ${cols}`), rows, cols, density);
    expect(decodeSafetensorsMatrix(encodeSafetensors(csrTensors(new Map([['fc', matrix]]))))).toEqual(matrix);
  });

  it('come back by name, beside others and dense tensors', () => {
    const inputs = new Inputs('several');
    const [a, b] = [randomCsr(inputs, 5, 7, 0.3), randomCsr(inputs, 3, 2, 0.5, false)];
    const { tensors, metadata } = csrTensors(
      new Map([
        ['a', a],
        ['b', b],
      ]),
    );
    const mask: FileArray = { dtype: 'bool', shape: [2, 3], data: Uint8Array.of(0, 1, 1, 0, 0, 1) };
    const dense: FileArray = { dtype: 'f16', shape: [2, 2], data: Float32Array.of(0, 1, -2, 0) };
    const bytes = encodeSafetensors({ tensors: new Map([...tensors, ['mask', mask], ['dense', dense]]), metadata });
    const read = (tensor?: string) => decodeSafetensorsMatrix(bytes, { tensor, name: 'a' });
    expect(read('a')).toEqual(a);
    expect(read('b')).toEqual(patternOnly(b));
    expect(read('mask')).toEqual({
      rows: 2,
      cols: 3,
      offsets: Uint32Array.of(0, 2, 3),
      columns: Uint32Array.of(1, 2, 2),
    });
    expect(read('dense')).toEqual({
      rows: 2,
      cols: 2,
      offsets: Uint32Array.of(0, 1, 2),
      columns: Uint32Array.of(1, 0),
      values: Float32Array.of(1, -2),
    });
    expect(() => read()).toThrow(
      'a: byte 8: expected one matrix, or the name of one (option tensor), got a, b, dense, mask',
    );
    expect(() => read('c')).toThrow('a: byte 8: expected a tensor "c", got no such name');
    expect(() => read('a.values')).toThrow('expected a matrix, got shape');
  });

  it('are refused where they are not compressed rows', () => {
    const ints = (...data: number[]): FileArray => ({
      dtype: 'i64',
      shape: [data.length],
      data: BigInt64Array.from(data, BigInt),
    });
    const good = {
      offsets: ints(0, 2, 2),
      columns: ints(0, 2),
      values: { dtype: 'f64', shape: [2], data: Float64Array.of(1, 2) },
    };
    const read = (changes: Record<string, FileArray | undefined>, shape = '[2, 3]') => {
      const arrays = Object.entries({ ...good, ...changes }).filter(
        (e): e is [string, FileArray] => e[1] !== undefined,
      );
      const tensors = new Map(arrays.map(([n, array]) => [`m.${n}`, array]));
      return decodeSafetensorsMatrix(encodeSafetensors({ tensors, metadata: new Map([['m.shape', shape]]) }));
    };
    expect(read({}).values).toEqual(Float32Array.of(1, 2));
    expect(() => read({ columns: undefined })).toThrow('expected a tensor "m.columns", got no such name');
    expect(() => read({}, '')).toThrow(`safetensors: metadata m.shape: byte 0: expected '[', got the end`);
    expect(() => read({}, '[2]')).toThrow('expected [rows,cols], got [2]');
    expect(() => read({}, '[2,3] x')).toThrow('expected the end');
    expect(() => read({}, '[3,3]')).toThrow('expected a vector of 4 elements, got shape [3]');
    expect(() => read({}, '[2,2]')).toThrow('expected ascending column index 1, got 2');
    expect(() => read({ columns: ints(2, 0) })).toThrow(
      'expected no further ascending column index in this row, got 0',
    );
    expect(() => read({ columns: ints(-1, 0) })).toThrow('got -1');
    expect(() => read({ offsets: ints(0, 3, 2) })).toThrow('expected row offset from 0 to 2, got 3');
    expect(() => read({ values: ints(1) })).toThrow('expected a vector of 2 elements, got shape [1]');
    const nan: FileArray = { dtype: 'f32', shape: [2], data: Float32Array.of(1, Number.NaN) };
    expect(() => read({ values: nan })).toThrow(/safetensors: byte \d+: expected a value finite in float32, got NaN/);
  });
});
