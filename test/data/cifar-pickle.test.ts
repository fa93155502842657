import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CIFAR10_NAMES, decodeCifar, decodeCifarPickle } from '../../src/data/index.js';
import { openDataset } from '../../src/data/node.js';
import { ByteArray, decodePickle } from '../../src/data/pickle.js';
import { FormatError } from '../../src/index.js';
import { Inputs } from '../support/random.js';
import { PICKLE_NUMPY_1, PICKLE_NUMPY_2 } from './file-fixtures.js';

const inflated = (base64: string) => new Uint8Array(inflateSync(Buffer.from(base64, 'base64')));
const PIXELS = Uint8Array.from({ length: 6144 }, (_, i) => Math.floor(i / 1024) * 51);

// Parts of a pickle as Python 2 writes it.
const ascii = (text: string) => [...Buffer.from(text, 'latin1')];
const u32 = (n: number) => [n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24];
const short = (text: string) => [0x55, text.length, ...ascii(text)];
const long = (bytes: ArrayLike<number>) => [0x54, ...u32(bytes.length), ...Array.from(bytes)];
const int = (n: number) => (n < 256 ? [0x4b, n] : [0x4d, n & 255, n >> 8]);
const global = (module: string, name: string) => [0x63, ...ascii(`${module}\n${name}\n`)];
const list = (items: number[][]) => [0x5d, 0x28, ...items.flat(), 0x65];
const dict = (items: [string, number[]][]) => [
  0x7d,
  0x28,
  ...items.flatMap(([key, value]) => [...short(key), ...value]),
  0x75,
];
const pickle = (...parts: number[][]) => Uint8Array.of(0x80, 2, ...parts.flat(), 0x2e);
const dtype = (name = 'u1') => [
  ...global('numpy', 'dtype'),
  ...[...short(name), ...int(0), ...int(1), 0x87, 0x52],
  ...[0x28, ...int(3), ...short('|'), 0x4e, 0x4e, 0x4e, 0x4a, 255, 255, 255, 255, 0x4a, 255, 255, 255, 255],
  ...[...int(0), 0x74, 0x62],
];
const array = (shape: number[], bytes: ArrayLike<number>, { fortran = 0x89, type = 'u1' } = {}) => [
  ...global('numpy.core.multiarray', '_reconstruct'),
  ...[...global('numpy', 'ndarray'), ...int(0), 0x85, ...short('b'), 0x87, 0x52],
  ...[0x28, ...int(1), 0x28, ...shape.flatMap(int), 0x74, ...dtype(type), fortran, ...long(bytes), 0x74, 0x62],
];
const refuses = (bytes: Uint8Array, message: string) => {
  expect(() => decodePickle(bytes, { name: 'p' })).toThrow(message);
  expect(() => decodePickle(bytes)).toThrow(FormatError);
};

describe('decodePickle', () => {
  it.each([
    ['1', PICKLE_NUMPY_1],
    ['2', PICKLE_NUMPY_2],
  ])('reads what numpy %s wrote', (_, base64) => {
    const found = decodePickle(inflated(base64));
    expect([...found.keys()]).toEqual(['batch_label', 'labels', 'data', 'filenames']);
    expect(found.get('labels')).toEqual([3, 9]);
    const data = found.get('data') as ByteArray;
    expect(data).toBeInstanceOf(ByteArray);
    expect(data.shape).toEqual([2, 3072]);
    expect(data.data).toEqual(PIXELS);
    expect(Buffer.from(found.get('batch_label') as Uint8Array).toString()).toBe('testing batch 1 of 1');
  });

  it('reads what Python 2 wrote, with stored values and long texts', () => {
    const bytes = pickle(
      dict([
        ['a', [...short('x'), 0x71, 7]],
        ['b', [0x68, 7]],
        ['c', [...long(new Uint8Array(300).fill(200)), 0x72, ...u32(900)]],
        ['c again', [0x6a, ...u32(900)]],
        ['d', array([2, 3], [1, 2, 3, 4, 5, 255])],
        ['e', [0x28, 0x4e, 0x88, 0x89, 0x4a, ...u32(-5), 0x74]],
      ]),
    );
    const found = decodePickle(bytes);
    expect(found.get('b')).toBe(found.get('a'));
    expect((found.get('c') as Uint8Array)[299]).toBe(200);
    expect(found.get('c again')).toBe(found.get('c'));
    expect((found.get('d') as ByteArray).data).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 255));
    expect(found.get('e')).toEqual([null, true, false, -5]);
  });

  it('executes nothing: other names and opcodes are refused by name', () => {
    const call = [...global('os', 'system'), ...short('true'), 0x85, 0x52];
    refuses(pickle(dict([['a', call]])), 'the name os.system, which is not read');
    refuses(pickle(global('builtins', 'eval')), 'the name builtins.eval');
    refuses(pickle(global('numpy', 'fromfile')), 'the name numpy.fromfile');
    for (const [code, name] of [
      [0x69, 'INST'],
      [0x6f, 'OBJ'],
      [0x81, 'NEWOBJ'],
      [0x93, 'STACK_GLOBAL'],
      [0x51, 'BINPERSID'],
      [0x82, 'EXT1'],
      [0x47, 'BINFLOAT'],
      [0xfe, '0xfe'],
    ] as const)
      refuses(pickle([code]), `p: byte 2: expected an opcode of data alone, got the opcode ${name}, which is not read`);
    refuses(Uint8Array.of(0x80, 4, 0x95), 'expected protocol 2, got 4');
    refuses(pickle(global('numpy', 'ndarray'), [0x29, 0x52]), 'numpy.ndarray of something else');
    refuses(pickle(dtype('f4')), 'expected numpy arrays of dtype u1, got numpy.dtype of f4');
    refuses(pickle(dtype('O8')), 'numpy.dtype of O8');
  });

  it('refuses what does not fit together', () => {
    refuses(pickle(array([2, 3], [1, 2, 3])), 'expected 6 bytes for the shape 2 x 3, got 3');
    refuses(pickle(array([1], [1], { fortran: 0x88 })), 'an array of dtype u1 in C order');
    refuses(pickle(int(1)), 'expected a dictionary as the whole');
    refuses(pickle([0x7d, 0x28, ...short('a'), 0x75]), 'keys and values of a dictionary');
    refuses(pickle([0x7d, 0x28, 0x4e, 0x4e, 0x75]), 'a key of text or bytes');
    refuses(pickle([0x68, 3]), 'number 3, which is not');
    refuses(pickle([0x85]), 'a value on the stack');
    refuses(pickle([0x65]), 'a mark on the stack');
    refuses(pickle([0x4e, 0x28, 0x61]), 'a value on the stack');
    refuses(pickle([0x4e, 0x4e, 0x61]), 'a list to append to');
    refuses(pickle([0x4e, 0x4e, 0x52]), 'a call of a known name');
    refuses(pickle([0x4e, 0x4e, 0x62]), "an array's state");
    refuses(pickle([0x58, 1, 0, 0, 0, 0xff]), 'text in UTF-8');
    refuses(pickle([0x54, 255, 255, 255, 255]), '4294967295 more bytes');
    refuses(pickle([0x63, ...new Array<number>(300).fill(65), 10, 65, 10]), 'a name of at most 200 bytes');
    const encode = (text: number[], by: string) => [
      ...global('_codecs', 'encode'),
      ...[0x58, ...u32(text.length), ...text, 0x58, ...u32(by.length), ...ascii(by), 0x86, 0x52],
    ];
    refuses(pickle(encode([65], 'rot13')), 'bytes as latin1 text');
    refuses(pickle(encode([0xe2, 0x82, 0xac], 'latin1')), 'the character 8364');
  });

  it('refuses cut files, and throws nothing but FormatError for damaged ones', () => {
    const whole = inflated(PICKLE_NUMPY_2);
    for (let length = 0; length < whole.length; length += length < 400 ? 1 : 97)
      expect(() => decodePickle(whole.subarray(0, length))).toThrow(FormatError);
    const inputs = new Inputs('pickle');
    for (let i = 0; i < 2000; i++) {
      try {
        decodePickle(whole.with(inputs.integer(400), inputs.integer(256)));
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  });

  it('keeps within its memory', () => {
    const bytes = [0x54, ...u32(1000), ...new Array<number>(1000).fill(0)];
    expect(decodePickle(pickle(dict([['a', bytes]])), { maxBytes: 0 }).size).toBe(1);
    const text = [0x58, ...u32(1000), ...new Array<number>(1000).fill(65)];
    expect(() => decodePickle(pickle(dict([['a', text]])), { maxBytes: 1500 })).toThrow('option maxBytes');
  });
});

describe('decodeCifarPickle', () => {
  it('gives what the binary version gives', () => {
    const binary = Uint8Array.of(3, ...PIXELS.subarray(0, 3072), 9, ...PIXELS.subarray(3072));
    expect(decodeCifarPickle(inflated(PICKLE_NUMPY_1), 'cifar10')).toEqual(decodeCifar(binary, 'cifar10'));
  });

  it('takes the fine labels of CIFAR-100', () => {
    const bytes = pickle(
      dict([
        ['coarse_labels', list([int(1)])],
        ['fine_labels', list([int(77)])],
        ['data', array([1, 3072], PIXELS.subarray(0, 3072))],
      ]),
    );
    const set = decodeCifarPickle(bytes, 'cifar100');
    expect([...set.labels, set.classNames.length]).toEqual([77, 100]);
  });

  it('refuses other dictionaries', () => {
    const data = array([1, 3072], PIXELS.subarray(0, 3072));
    const labels = (...values: number[]) => list(values.map(int));
    for (const [items, message] of [
      [[['data', array([2, 3], [1, 2, 3, 4, 5, 6])]], 'expected an array of bytes [n, 3072], got 2,3'],
      [[['labels', labels(1)]], 'expected an array of bytes [n, 3072], got none'],
      [[['data', data]], 'c: labels: expected 1 labels, got none'],
      [
        [
          ['data', data],
          ['labels', labels(1, 2)],
        ],
        'expected 1 labels, got 2',
      ],
      [
        [
          ['data', data],
          ['labels', labels(10)],
        ],
        'c: labels 0: expected a label from 0 to 9, got 10',
      ],
      [
        [
          ['data', array([0, 3072], [])],
          ['labels', [0x5d]],
        ],
        'expected 1 labels, got 0',
      ],
    ] as [[string, number[]][], string][])
      expect(() => decodeCifarPickle(pickle(dict(items)), 'cifar10', { name: 'c' })).toThrow(message);
  });
});

describe("openDataset in torchvision's folders of pickles", () => {
  const within = async (run: (root: string, put: (path: string, bytes: Uint8Array) => void) => Promise<void>) => {
    const root = mkdtempSync(join(tmpdir(), 'secateur-pickles-'));
    try {
      await run(root, (path, bytes) => {
        mkdirSync(join(root, path, '..'), { recursive: true });
        writeFileSync(join(root, path), bytes);
      });
    } finally {
      rmSync(root, { recursive: true });
    }
  };

  it.each(['cifar-10-batches-py', 'cifar10'])('reads CIFAR-10 from %s', (folder) =>
    within(async (root, put) => {
      put(`${folder}/data_batch_1`, inflated(PICKLE_NUMPY_1));
      put(`${folder}/data_batch_2`, inflated(PICKLE_NUMPY_2));
      put(`${folder}/test_batch`, inflated(PICKLE_NUMPY_2));
      const { train, test, folder: found } = await openDataset('cifar10', { root });
      expect([[...train.labels], test.count, found]).toEqual([[3, 9, 3, 9], 2, join(root, folder)]);
      expect(train.classNames).toEqual(CIFAR10_NAMES);
      const names = 'abcdefghij'.split('');
      put(`${folder}/batches.meta`, pickle(dict([['label_names', list(names.map(short))]])));
      expect((await openDataset('cifar10', { root })).train.classNames).toEqual(names);
      put(`${folder}/batches.meta`, pickle(dict([['label_names', list([short('a')])]])));
      const meta = join(root, folder, 'batches.meta');
      await expect(openDataset('cifar10', { root })).rejects.toThrow(`${meta}: label_names: expected 10 names, got 1`);
    }),
  );

  it('reads CIFAR-100, and names what is missing', () =>
    within(async (root, put) => {
      const some = pickle(
        dict([
          ['fine_labels', list([int(77)])],
          ['data', array([1, 3072], PIXELS.subarray(0, 3072))],
        ]),
      );
      put('cifar-100-python/test', some);
      const train = join(root, 'cifar-100-python/train');
      await expect(openDataset('cifar100', { root })).rejects.toThrow(`${train} is missing`);
      put('cifar-100-python/train', some);
      const { train: set, complete } = await openDataset('cifar100', { root });
      expect([set.count, set.labels[0], complete]).toEqual([1, 77, false]);
    }));
});
