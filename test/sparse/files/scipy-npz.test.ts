import { describe, expect, it } from 'vitest';
import { FormatError } from '../../../src/index.js';
import { npyBytes } from '../../../src/sparse/files/npy.js';
import { zip } from '../../../src/sparse/files/zip.js';
import { type CsrMatrix, decodeScipyNpz, encodeNpy, encodeScipyNpz } from '../../../src/sparse/index.js';
import { Inputs } from '../../support/random.js';
import { ascii, randomCsr, SHAPES } from './matrices.js';
import { NPZ_CSC, NPZ_DEFLATED, NPZ_STORED } from './scipy-files.js';

const MATRIX: CsrMatrix = {
  rows: 3,
  cols: 4,
  offsets: Uint32Array.of(0, 2, 2, 4),
  columns: Uint32Array.of(1, 3, 0, 2),
  values: Float32Array.of(1.5, -2, 0.25, 3),
};

const decode = (bytes: Uint8Array, maxBytes?: number) => decodeScipyNpz(bytes, { name: 'a.npz', maxBytes });

async function expectRefusal(bytes: Uint8Array, message: string): Promise<void> {
  const error = await decode(bytes).then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(FormatError);
  expect((error as FormatError).message).toContain(message);
}

const ints = (...values: number[]) =>
  encodeNpy({ dtype: 'i32', shape: [values.length], data: Int32Array.from(values) });

/** An archive of members whose arrays are given, with those of `MATRIX` for the others. */
async function archive(arrays: Record<string, Uint8Array | null> = {}, deflate = false): Promise<Uint8Array> {
  const all = {
    'format.npy': npyBytes('|S3', [], ascii('csr')),
    'shape.npy': ints(3, 4),
    'indptr.npy': ints(0, 2, 2, 4),
    'indices.npy': ints(1, 3, 0, 2),
    'data.npy': encodeNpy({ dtype: 'f32', shape: [4], data: MATRIX.values! }),
    ...arrays,
  };
  return zip(new Map(Object.entries(all).filter((e): e is [string, Uint8Array] => e[1] !== null)), deflate);
}

describe('.npz of SciPy', () => {
  it('reads what SciPy writes, stored and deflated, of either width', async () => {
    expect(await decode(NPZ_STORED)).toEqual(MATRIX);
    expect(await decode(NPZ_DEFLATED)).toEqual(MATRIX);
    expect(await decode(await archive())).toEqual(MATRIX);
  });

  it.each(SHAPES)('comes back: %i x %i at density %d', async (rows, cols, density) => {
    const matrix = randomCsr(new Inputs(`npz ${rows} ${cols}`), rows, cols, density);
    for (const compressed of [false, true]) {
      const bytes = await encodeScipyNpz(matrix, { compressed });
      expect(await decode(bytes)).toEqual(matrix);
      expect(await encodeScipyNpz(matrix, { compressed })).toEqual(bytes);
    }
  });

  it('has ones where a pattern has no values', async () => {
    const { values, ...pattern } = MATRIX;
    expect((await decode(await encodeScipyNpz(pattern))).values).toEqual(new Float32Array(4).fill(1));
  });

  it('refuses arrays that are no compressed rows', async () => {
    const cases: [Record<string, Uint8Array | null>, string][] = [
      [{ 'format.npy': null }, 'a.npz: its directory: expected format.npy, got shape.npy, indptr.npy'],
      [{ 'data.npy': null }, 'its directory: expected data.npy'],
      [{ 'format.npy': ints(1) }, 'a.npz: format.npy: byte 128: expected a string, got <i4'],
      [{ 'shape.npy': ints(3) }, 'a.npz: shape.npy: byte 128: expected a vector of 2 elements, got shape [1]'],
      [{ 'shape.npy': ints(-3, 4) }, 'shape.npy: byte 128: expected number of rows from 0 to 4294967295, got -3'],
      [{ 'shape.npy': ints(4, 4) }, 'indptr.npy: byte 128: expected a vector of 5 elements, got shape [4]'],
      [{ 'shape.npy': ints(2 ** 31 - 1, 4) }, 'expected a vector of 2147483648 elements'],
      [{ 'indptr.npy': ints(0, 2, 1, 4) }, 'a.npz: indptr.npy: byte 136: expected row offset from 2 to 4, got 1'],
      [{ 'indptr.npy': ints(1, 2, 2, 4) }, 'byte 128: expected row offset 0, got 1'],
      [{ 'indptr.npy': ints(0, 2, 2, 3) }, 'byte 140: expected row offset 4, got 3'],
      [{ 'indices.npy': ints(3, 1, 0, 2) }, 'a.npz: indices.npy: byte 132: expected no further ascending column index'],
      [{ 'indices.npy': ints(1, 1, 0, 2) }, 'byte 132: expected ascending column index from 2 to 3, got 1'],
      [{ 'indices.npy': ints(1, 4, 0, 2) }, 'from 2 to 3, got 4'],
      [{ 'indices.npy': ints(-1, 3, 0, 2) }, 'from 0 to 3, got -1'],
      [{ 'indices.npy': ints(1, 3, 0) }, 'data.npy: byte 128: expected a vector of 3 elements, got shape [4]'],
      [{ 'indices.npy': encodeNpy({ dtype: 'f32', shape: [4], data: new Float32Array(4) }) }, 'whole numbers, got f32'],
      [
        { 'data.npy': encodeNpy({ dtype: 'f32', shape: [4], data: Float32Array.of(1, 2, Number.NaN, 4) }) },
        'a.npz: data.npy: byte 136: expected a value finite in float32, got NaN',
      ],
      [{ 'data.npy': Uint8Array.of(1, 2) }, `a.npz: data.npy: byte 0: expected the magic`],
    ];
    for (const [arrays, message] of cases) await expectRefusal(await archive(arrays), message);
    await expectRefusal(NPZ_CSC, 'a.npz: format.npy: byte 128: expected a matrix in CSR form, got "csc"');
  });

  it('refuses archives that are cut, damaged or lie', async () => {
    const stored = await archive();
    const deflated = await archive({}, true);
    const words = (bytes: Uint8Array) => new DataView(bytes.buffer);
    const directory = words(stored).getUint32(stored.length - 6, true);
    const changed = (bytes: Uint8Array, at: number, value: number, width: 16 | 32 = 32) => {
      const copy = bytes.slice();
      if (width === 16) words(copy).setUint16(at, value, true);
      else words(copy).setUint32(at, value, true);
      return copy;
    };
    const central = words(deflated).getUint32(deflated.length - 6, true);
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(0), 'a.npz: byte 0: expected the end of a zip archive'],
      [stored.slice(0, -1), 'expected the end of a zip archive'],
      [Uint8Array.of(...stored, 0), 'expected the end of a zip archive'],
      [changed(stored, stored.length - 12, 6, 16), 'expected an archive on one disk'],
      [
        changed(changed(stored, stored.length - 12, 6, 16), stored.length - 14, 6, 16),
        'member 6 of 6 in the directory',
      ],
      [
        changed(changed(stored, stored.length - 12, 4, 16), stored.length - 14, 4, 16),
        'the end of the directory at byte',
      ],
      [changed(stored, stored.length - 6, 0xfffffff0), 'byte 4294967280: expected member 1 of 5 in the directory'],
      [changed(stored, directory + 8, 1, 16), 'expected no encryption for "format.npy", got flags 1'],
      [changed(stored, directory + 10, 12, 16), 'method 0 (stored) or 8 (deflated) for "format.npy", got 12'],
      [changed(stored, directory + 20, 0xffffffff), 'less than 4 GiB for "format.npy", got Zip64'],
      [changed(stored, directory + 20, 0xfffffff), `byte ${directory + 20}: expected at most`],
      [changed(stored, directory + 24, 130), 'a size that 131 bytes can have for "format.npy", got 130'],
      [changed(stored, directory + 42, 7), `byte ${directory + 42}: expected its place for "format.npy", got 7`],
      [stored.with(100, 65), 'expected "format.npy" with checksum'],
      [changed(deflated, central + 24, 0xfffffff), 'bytes can have for "format.npy", got 268435455'],
      [changed(deflated, central + 24, 130), 'expected 130 bytes of "format.npy", got more'],
      [changed(deflated, central + 24, 132), 'expected 132 bytes of "format.npy", got 131'],
      [deflated.with(40, 255).with(41, 255), '131 bytes of "format.npy", got a damaged stream'],
    ];
    for (const [bytes, message] of cases) await expectRefusal(bytes, message);
    const twice = Uint8Array.from(stored);
    twice.set(ascii('indptr.npy'), directory + 46);
    await expectRefusal(twice, 'expected each member once, got "indptr.npy"');
  });

  it('unfolds no more than it may', async () => {
    const zeros = encodeNpy({ dtype: 'f64', shape: [2 ** 20], data: new Float64Array(2 ** 20) });
    const bomb = await archive({ 'shape.npy': zeros }, true);
    expect(bomb.length).toBeLessThan(20_000);
    await expect(decode(bomb, 2 ** 20)).rejects.toThrow(
      'what is read in 1048576 bytes (option maxBytes), got 8388736 bytes of "shape.npy"',
    );
  });
});
