import { describe, expect, it } from 'vitest';
import { ArgumentError, DisposedError, DTypeError, ShapeError, scope, tensor } from '../../src/index.js';
import { toCsr } from '../../src/sparse/formats.js';
import { nmMatmul } from '../../src/sparse/nm-matmul.js';
import { type NmPattern, nmPatternFromHost, nmPatternOf, nmPatternOfMask } from '../../src/sparse/nm-pattern.js';
import { maskOf } from '../../src/sparse/sample.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

/** Columns of the n greatest magnitudes of each group of m, the least columns first among equals. */
function hostTop(x: ArrayLike<number>, rows: number, cols: number, n: number, m: number): number[] {
  const out: number[] = [];
  for (let at = 0; at < rows * cols; at += m) {
    const order = Array.from({ length: m }, (_, i) => i);
    order.sort((a, b) => Math.abs(x[at + b]) - Math.abs(x[at + a]) || a - b);
    out.push(
      ...order
        .slice(0, n)
        .sort((a, b) => a - b)
        .map((i) => (at % cols) + i),
    );
  }
  return out;
}

async function indicesOf(pattern: NmPattern): Promise<number[]> {
  expect(pattern.indices.shape).toEqual([pattern.rows, (pattern.cols / pattern.m) * pattern.n]);
  return Array.from(await pattern.indices.data());
}

describe(`N:M patterns (seed ${SEED})`, () => {
  it('keep the greatest magnitudes, ties lowest first', async () => {
    const inputs = new Inputs('nm magnitude');
    for (const [n, m, rows, cols] of [
      [2, 4, 9, 24],
      [1, 4, 5, 64],
      [4, 8, 3, 40],
      [3, 5, 7, 35],
      [1, 1, 2, 3],
      [16, 16, 2, 32],
      [1, 16, 70, 48],
      [5, 11, 4, 22],
    ]) {
      const continuous = inputs.uniform(rows * cols);
      const tied = continuous.map((v) => Math.round(2 * v) / 2);
      const extreme = continuous.map((v, i) => [v, -0, 1e-42, Number.NEGATIVE_INFINITY, 3e38][i % 5]);
      for (const x of [continuous, tied, extreme]) {
        const weights = tensor(t.device, x, { shape: [rows, cols] });
        using pattern = await nmPatternOf(weights, n, m);
        weights.dispose();
        expect(await indicesOf(pattern)).toEqual(hostTop(x, rows, cols, n, m));
        expect([pattern.length, pattern.density]).toEqual([(cols / m) * n, n / m]);
      }
    }
  });

  it('hold what a mask keeps, filled up with the first others', async () => {
    const mask = tensor(t.device, Uint8Array.of(0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1), { shape: [2, 8] });
    using pattern = await nmPatternOfMask(mask, 2, 4);
    expect(await indicesOf(pattern)).toEqual([0, 2, 4, 7, 0, 1, 4, 7]);
    await expect(nmPatternOfMask(mask, 1, 4)).rejects.toThrow(
      'nmPatternOfMask: expected at most 1 of every 4 neighbours, got more than 1 in row 0, columns 4 to 7',
    );
    mask.dispose();
    const floats = tensor(t.device, [-0, 0.5, 0, 1e-42], { shape: [1, 4] });
    using other = await nmPatternOfMask(floats, 2, 4);
    expect(await indicesOf(other)).toEqual([1, 3]);
    floats.dispose();
  });

  it('become compressed rows and masks, and come back', async () => {
    const inputs = new Inputs('nm conversions');
    const [rows, cols, n, m] = [6, 24, 3, 8];
    const x = inputs.uniform(rows * cols);
    const indices = hostTop(x, rows, cols, n, m);
    using pattern = nmPatternFromHost(t.device, { rows, cols, n, m, indices });
    expect(await indicesOf(pattern)).toEqual(indices);
    expect(`${pattern}`).toBe('pattern 3:8 of [6, 24]');
    const csr = await toCsr(pattern.csr);
    expect(Array.from(csr.columns)).toEqual(indices);
    expect(Array.from(csr.offsets)).toEqual([0, 9, 18, 27, 36, 45, 54]);
    const mask = maskOf(pattern.csr);
    using again = await nmPatternOfMask(mask, n, m);
    mask.dispose();
    expect(await indicesOf(again)).toEqual(indices);
  });

  it('may have no rows or columns', async () => {
    for (const [rows, cols] of [
      [0, 8],
      [5, 0],
    ]) {
      const x = tensor(t.device, new Float32Array(0), { shape: [rows, cols] });
      using pattern = await nmPatternOf(x, 2, 4);
      x.dispose();
      expect([pattern.rows, pattern.cols, pattern.indices.size]).toEqual([rows, cols, 0]);
    }
  });

  it('refuse what is malformed', async () => {
    const { device } = t;
    const make = (indices: number[], n = 2, m = 4, cols = 8) =>
      nmPatternFromHost(device, { rows: 1, cols, n, m, indices }).dispose();
    make([0, 3, 4, 5]);
    expect(() => make([0, 4, 5, 6])).toThrow(
      'nmPatternFromHost: expected columns of group 0 in [0, 4), got 4 at row 0, entry 1',
    );
    expect(() => make([3, 0, 4, 5])).toThrow(
      'nmPatternFromHost: expected columns ascending within each group, got 3 before 0 at row 0, entry 1',
    );
    expect(() => make([1, 1, 4, 5])).toThrow(ArgumentError);
    expect(() => make([0, 3, 4, 8])).toThrow(ArgumentError);
    expect(() => make([0, -1, 4, 5])).toThrow(ArgumentError);
    expect(() => make([0, 3, 4])).toThrow('nmPatternFromHost: expected 1 x 4 indices, got 3');
    expect(() => make([], 1, 17)).toThrow('nmPatternFromHost: expected groups of 1 to 16, got 17');
    expect(() => make([], 5, 4)).toThrow('nmPatternFromHost: expected 1 to 4 kept of 4, got 5');
    expect(() => make([], 2, 4, 6)).toThrow(ShapeError);
    const x = tensor(device, [1, 2, Number.NaN, 3, 4, 5, Number.NaN, 6], { shape: [2, 4] });
    await expect(nmPatternOf(x, 2, 4)).rejects.toThrow(
      'nmPatternOf: expected weights that can be ranked, got NaN at element 2',
    );
    await expect(nmPatternOf(x, 0, 4)).rejects.toThrow(ArgumentError);
    await expect(nmPatternOf(x, 2, 3)).rejects.toThrow('nmPatternOf: expected columns divisible by groups of 3');
    x.dispose();
    const line = tensor(device, new Float32Array(8));
    await expect(nmPatternOf(line, 2, 4)).rejects.toThrow(ShapeError);
    line.dispose();
    const whole = tensor(device, new Int32Array(8), { shape: [1, 8] });
    await expect(nmPatternOf(whole, 2, 4)).rejects.toThrow(DTypeError);
    whole.dispose();
  });

  it('are refused after their disposal', () => {
    const pattern = nmPatternFromHost(t.device, { rows: 1, cols: 4, n: 1, m: 4, indices: [2] });
    pattern.dispose();
    expect(pattern.isDisposed).toBe(true);
    scope(() => {
      const [v, b] = [tensor(t.device, [[1]]), tensor(t.device, [[1], [2], [3], [4]])];
      expect(() => nmMatmul(pattern, v, b)).toThrow(DisposedError);
    });
  });
});
