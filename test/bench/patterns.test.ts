import { describe, expect, test } from 'vitest';
import { hostBlocks } from '../../bench/blocks.js';
import { type HostMatrix, Skipped } from '../../bench/case.js';
import { chosen, dense, generated } from '../../bench/patterns.js';
import { checkSpmm } from '../../bench/spmm.js';
import { checkCsr } from '../../src/sparse/pattern.js';
import { Inputs } from '../support/random.js';

const countOf = (kept: Uint8Array) => kept.reduce((a, b) => a + b, 0);

describe('generated patterns', () => {
  test.each([0, 1, 7, 100])('choose exactly %i of 100, the same again, others for another seed', (count) => {
    expect(countOf(chosen(100, count, 3))).toBe(count);
    expect(chosen(100, count, 3)).toEqual(chosen(100, count, 3));
    if (count === 7) expect(chosen(100, count, 3)).not.toEqual(chosen(100, count, 4));
  });

  test.each([{ kind: 'random' }, { kind: 'block', block: 4 }, { kind: 'nm', n: 2, m: 4 }] as const)(
    '%j is a valid matrix of the sparsity asked for',
    (structure) => {
      const matrix = generated(24, 40, 0.5, structure, 1);
      checkCsr('test', matrix);
      expect(matrix.columns.length).toBe(480);
    },
  );

  test('blocks are full, also those cut off by the edge', () => {
    const block = 8;
    const { offsets, columns } = generated(20, 20, 0.4, { kind: 'block', block }, 2);
    const has = (r: number, c: number) => columns.subarray(offsets[r], offsets[r + 1]).includes(c);
    for (let r = 0; r < 20; r++)
      for (let c = 0; c < 20; c++) expect(has(r, c)).toBe(has(r - (r % block), c - (c % block)));
  });

  test('n of every m along a row', () => {
    const { offsets, columns } = generated(9, 32, 0, { kind: 'nm', n: 1, m: 4 }, 2);
    for (let r = 0; r < 9; r++)
      expect(Array.from(columns.subarray(offsets[r], offsets[r + 1]), (c) => c >> 2)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('blocks of a matrix', () => {
  test('hold its values, filled up with zeros', () => {
    const inputs = new Inputs('bench blocks');
    const matrix = generated(12, 20, 0.8, { kind: 'random' }, 5);
    const values = inputs.uniform(matrix.columns.length);
    const blocks = hostBlocks(matrix, values, 4);
    const rebuilt = new Float32Array(12 * 20);
    for (let band = 0; band < 3; band++) {
      for (let p = blocks.offsets[band]; p < blocks.offsets[band + 1]; p++) {
        for (let i = 0; i < 16; i++)
          rebuilt[(band * 4 + (i >> 2)) * 20 + blocks.columns[p] * 4 + (i & 3)] = blocks.values[p * 16 + i];
      }
    }
    expect(rebuilt).toEqual(dense(matrix, values));
    expect(() => hostBlocks(matrix, values, 8)).toThrow(Skipped);
  });
});

describe('the reference of sparse products', () => {
  const inputs = new Inputs('bench spmm');
  const [m, k, n] = [13, 11, 7];
  // Rows without entries among them.
  const matrix: HostMatrix = generated(m, k, 0.9, { kind: 'random' }, 7);
  const values = inputs.uniform(matrix.columns.length);
  const b = inputs.uniform(k * n);
  const product = () => {
    const full = dense(matrix, values);
    return Float32Array.from({ length: m * n }, (_, i) => {
      let sum = 0;
      for (let q = 0; q < k; q++) sum += full[Math.floor(i / n) * k + q] * b[q * n + (i % n)];
      return sum;
    });
  };
  const check = (c: Float32Array) => checkSpmm({ m, k, n, matrix, values, b }, c);

  test('passes what is right, and nothing else', () => {
    expect(check(product()).error).toBeLessThan(1e-6);
    const empty = Array.from({ length: m }, (_, r) => r).find((r) => matrix.offsets[r] === matrix.offsets[r + 1])!;
    for (const at of [0, empty * n + 3, m * n - 1]) {
      const wrong = product();
      wrong[at] += 0.01;
      expect(check(wrong).error).toBeGreaterThan(1e-5);
    }
    expect(check(product().subarray(1)).error).toBeNaN();
    expect(check(product().fill(Number.NaN)).error).toBeNaN();
  });
});
