import { describe, expect, it } from 'vitest';
import { FormatError, tensor } from '../../../src/index.js';
import {
  type CsrMatrix,
  csrPattern,
  csrTensors,
  decodeMatrix,
  densify,
  encodeMatrixMarket,
  encodeNpy,
  encodeSafetensors,
  encodeScipyNpz,
  encodeSmtx,
  MATRIX_EXTENSIONS,
  patternOfWeights,
  sampleDense,
  toCsr,
} from '../../../src/sparse/index.js';
import { testDevice } from '../../support/device.js';
import { Inputs } from '../../support/random.js';

const gpu = testDevice();

describe('decodeMatrix', () => {
  it('brings weights from the device through every format and back', async () => {
    const { device } = gpu;
    const [rows, cols] = [23, 41];
    const dense = new Inputs('weights').normal(rows * cols).map((v) => (Math.abs(v) < 1 ? 0 : v));
    const weights = tensor(device, dense, { shape: [rows, cols] });
    using pattern = await patternOfWeights(weights);
    const entries = sampleDense(pattern, weights);
    const matrix: CsrMatrix = { ...(await toCsr(pattern)), values: (await entries.data()) as Float32Array };
    const files: [name: string, bytes: Uint8Array][] = [
      ['a.smtx', encodeSmtx(matrix)],
      ['folder.npz/a.MTX', encodeMatrixMarket(matrix)],
      ['a.npz', await encodeScipyNpz(matrix)],
      ['a.npy', encodeNpy({ dtype: 'f32', shape: [rows, cols], data: dense })],
      ['a.safetensors', encodeSafetensors(csrTensors(new Map([['fc', matrix]])))],
    ];
    expect(files.map(([name]) => `.${name.split('.').at(-1)!.toLowerCase()}`)).toEqual(MATRIX_EXTENSIONS);
    for (const [name, bytes] of files) {
      const found = await decodeMatrix(bytes, { name });
      using again = csrPattern(device, found);
      const values = tensor(device, found.values ?? matrix.values!);
      const expanded = densify(again, values);
      expect(await expanded.data(), name).toEqual(dense);
      expect(found.values === undefined, name).toBe(name === 'a.smtx');
      expanded.dispose();
      values.dispose();
    }
    entries.dispose();
    weights.dispose();
  });

  it('refuses other endings', async () => {
    for (const name of ['a.mat', 'smtx', 'a.smtx.gz']) {
      const read = decodeMatrix(new Uint8Array(0), { name });
      await expect(read).rejects.toThrow(FormatError);
      await expect(read).rejects.toThrow(`${name}: its name: expected an ending of .smtx .mtx .npz .npy .safetensors`);
    }
  });
});
