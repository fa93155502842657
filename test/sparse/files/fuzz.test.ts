import { describe, expect, it } from 'vitest';
import { FormatError } from '../../../src/index.js';
import {
  type CsrMatrix,
  csrTensors,
  decodeMatrix,
  encodeMatrixMarket,
  encodeNpy,
  encodeSafetensors,
  encodeScipyNpz,
  encodeSmtx,
  type FileArray,
} from '../../../src/sparse/index.js';
import { checkCsr } from '../../../src/sparse/pattern.js';
import { Inputs, SEED } from '../../support/random.js';
import { ascii, randomCsr } from './matrices.js';

const TRIALS = 2000;
const MAX_BYTES = 2 ** 20;
/** What one call may add to the live array buffers: its budget, copies of a small file, and what streams hold. */
const MAX_GROWTH = 4 * MAX_BYTES;

/** Bytes that mean something to one of the formats. */
const TELLING = [...ascii('0123456789-+.,:%e"\\{}[]() \n\r'), 0, 1, 127, 128, 255, 255, 255, 255];

/** One to three random changes, of a kind that hits headers as often as data. */
function mutate(inputs: Inputs, original: Uint8Array): Uint8Array {
  let bytes = original;
  for (let n = inputs.integer(3); n >= 0 && bytes.length > 0; n--) {
    const at = inputs.integer(inputs.integer(2) === 0 ? bytes.length : Math.min(80, bytes.length));
    const end = at + Math.min(bytes.length - at, 1 + inputs.integer(12));
    const telling = () => TELLING[inputs.integer(TELLING.length)];
    const changes = [
      () => bytes.slice(0, at),
      () => bytes.with(at, inputs.integer(256)),
      () => bytes.with(at, telling()),
      () => bytes.slice().fill(telling(), at, end),
      () => Uint8Array.of(...bytes.subarray(0, at), telling(), ...bytes.subarray(at)),
      () => longerNumber(inputs, bytes, at),
      () => Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(end)),
      () => Uint8Array.of(...bytes.subarray(0, end), ...bytes.subarray(at)),
    ];
    bytes = changes[inputs.integer(changes.length)]();
  }
  return bytes;
}

/** The next number in decimal, made up to ten digits longer. */
function longerNumber(inputs: Inputs, bytes: Uint8Array, at: number): Uint8Array {
  const digit = bytes.findIndex((b, i) => i >= at && b >= 48 && b <= 57);
  const digits = `${10 ** inputs.integer(10)}`;
  return Uint8Array.of(...bytes.subarray(0, digit), ...ascii(digits), ...bytes.subarray(digit));
}

function assertSound(matrix: CsrMatrix): void {
  checkCsr('fuzz', matrix);
  expect(matrix.offsets.length).toBe(matrix.rows + 1);
  expect(matrix.values?.length ?? matrix.columns.length).toBe(matrix.columns.length);
  expect(matrix.values?.every(Number.isFinite) ?? true).toBe(true);
}

const matrix = randomCsr(new Inputs('fuzz'), 9, 11, 0.3);
const symmetric = ascii(
  '%%MatrixMarket matrix coordinate real symmetric\n% comment\n5 5 4\n1 1 1.5\n3 1 -2e3\n4 2 .5\n5 5 7\n',
);
const array = ascii(`%%MatrixMarket matrix array real general\n3 4\n${'1.5\n0\n-2\n'.repeat(4)}`);
const dense: FileArray = { dtype: 'f32', shape: [9, 11], data: new Inputs('dense').normal(99) };
const FILES: [name: string, bytes: Uint8Array | Promise<Uint8Array>][] = [
  ['a.smtx', encodeSmtx(matrix)],
  ['coordinates.mtx', encodeMatrixMarket(matrix)],
  ['symmetric.mtx', symmetric],
  ['array.mtx', array],
  ['a.npy', encodeNpy(dense)],
  ['stored.npz', encodeScipyNpz(matrix)],
  ['deflated.npz', encodeScipyNpz(matrix, { compressed: true })],
  ['sparse.safetensors', encodeSafetensors(csrTensors(new Map([['fc', matrix]])))],
  ['dense.safetensors', encodeSafetensors({ tensors: new Map([['mask', dense]]) })],
];

describe('files with random changes', () => {
  it.each(FILES)(`are read or refused, in bounded memory: %s (seed ${SEED})`, async (name, file) => {
    const bytes = await file;
    assertSound(await decodeMatrix(bytes, { name }));
    const inputs = new Inputs(`fuzz ${name}`);
    let refused = 0;
    for (let trial = 0; trial < TRIALS; trial++) {
      const changed = mutate(inputs, bytes);
      const before = process.memoryUsage().arrayBuffers;
      try {
        assertSound(await decodeMatrix(changed, { name, maxBytes: MAX_BYTES }));
      } catch (error) {
        if (!(error instanceof FormatError)) throw new Error(`trial ${trial}: ${error}`, { cause: error });
        expect(error.message.startsWith(`${name}: `)).toBe(true);
        expect(error.message.length).toBeLessThan(2000);
        refused++;
      }
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MAX_GROWTH);
    }
    expect(refused).toBeGreaterThan(TRIALS / 4);
  });
});
