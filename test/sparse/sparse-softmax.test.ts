import { describe, expect, it } from 'vitest';
import { compile, ShapeError, scope, type Tensor, tensor } from '../../src/index.js';
import { csrPattern, rowSums, sparseSoftmax, spreadRows } from '../../src/sparse/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { randomCsr } from './products.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

type Rows = { offsets: ArrayLike<number>; columns: ArrayLike<number> };

/** The positions of each row's values, row by row and for every copy of a batch. */
function rowsOf({ offsets, columns }: Rows, size: number): number[][] {
  const rows: number[][] = [];
  for (let copy = 0; copy * columns.length < size || (copy === 0 && size === 0); copy++)
    for (let r = 0; r + 1 < offsets.length; r++)
      rows.push(Array.from({ length: offsets[r + 1] - offsets[r] }, (_, i) => copy * columns.length + offsets[r] + i));
  return rows;
}

function softmaxRef(csr: Rows, v: ArrayLike<number>): Float64Array {
  const out = new Float64Array(v.length);
  for (const row of rowsOf(csr, v.length)) {
    const top = Math.max(...row.map((p) => v[p]));
    const total = row.reduce((s, p) => s + Math.exp(v[p] - top), 0);
    for (const p of row) out[p] = Math.exp(v[p] - top) / total;
  }
  return out;
}

const sumsRef = (csr: Rows, v: ArrayLike<number>) =>
  rowsOf(csr, v.length).map((row) => row.reduce((s, p) => s + v[p], 0));

describe(`sparseSoftmax (seed ${SEED})`, () => {
  it('agrees with float64, batched and of parts, empty rows too', async () => {
    for (const { device } of [software, discrete]) {
      const inputs = new Inputs('softmax');
      for (const [parts, rows, cols, batch] of [
        [1, 70, 33, 1],
        [1, 5, 200, 3],
        [4, 17, 9, 1],
      ]) {
        const { csr } = randomCsr(inputs, parts, rows, cols, 0.2);
        const nnz = csr.columns.length;
        const v = inputs.normal(batch * nnz).map((x) => 20 * x);
        using pattern = csrPattern(device, csr);
        const [y, s] = scope(() => {
          const x = tensor(device, v, { shape: batch === 1 ? [nnz] : [batch, nnz] });
          return [sparseSoftmax(pattern, x), rowSums(pattern, x)];
        });
        expect(y.shape).toEqual(batch === 1 ? [nnz] : [batch, nnz]);
        expect(s.shape).toEqual(batch === 1 ? [parts * rows] : [batch, rows]);
        expectClose(await y.data(), softmaxRef(csr, v), { rtol: 2e-6 });
        expectClose(await s.data(), sumsRef(csr, v), { rtol: 3e-6 });
        y.dispose();
        s.dispose();
      }
    }
  });

  it('is safe against overflow, and passes NaN on within its row', async () => {
    using pattern = csrPattern(software.device, { rows: 3, cols: 2, offsets: [0, 2, 4, 5], columns: [0, 1, 0, 1, 1] });
    const y = scope(() => sparseSoftmax(pattern, tensor(software.device, [1e30, 1e30, Number.NaN, 0, -1e30])));
    expect([...(await y.data())]).toEqual([0.5, 0.5, Number.NaN, Number.NaN, 1]);
    y.dispose();
  });

  it('takes patterns without entries or rows', async () => {
    using empty = csrPattern(software.device, { rows: 2, cols: 3, offsets: [0, 0, 0], columns: [] });
    using none = csrPattern(software.device, { rows: 0, cols: 3, offsets: [0], columns: [] });
    for (const pattern of [empty, none]) {
      const [y, s, x] = scope(() => {
        const v = tensor(software.device, new Float32Array(0));
        const sums = rowSums(pattern, v);
        return [sparseSoftmax(pattern, v), sums, spreadRows(pattern, sums)];
      });
      expect([y.shape, x.shape]).toEqual([[0], [0]]);
      expect([...(await s.data())]).toEqual(new Array(pattern.rows).fill(0));
      for (const z of [y, s, x]) z.dispose();
    }
  });

  it.each([
    ['one', 1, []],
    ['a batch', 1, [2]],
    ['parts', 2, []],
  ] as const)('and row sums have gradients of any order: %s', async (name, parts, batch) => {
    const { device } = software;
    const csr =
      parts === 1
        ? { rows: 3, cols: 4, offsets: [0, 3, 3, 5], columns: [0, 1, 3, 1, 2] }
        : { rows: 2, cols: 4, parts, offsets: [0, 3, 3, 5, 6], columns: [0, 1, 3, 1, 2, 0] };
    using pattern = csrPattern(device, csr);
    const nnz = csr.columns.length;
    await checkGradients({
      device,
      name: `softmax of ${name}`,
      f: (v: Tensor) => sparseSoftmax(pattern, v),
      host: (v) => softmaxRef(csr, v),
      shapes: [[...batch, nnz]],
    });
    await checkGradients({
      device,
      name: `sums of ${name}`,
      f: (v: Tensor) => spreadRows(pattern, rowSums(pattern, v)),
      host: (v) => {
        const out = new Float64Array(v.length);
        const sums = sumsRef(csr, v);
        rowsOf(csr, v.length).forEach((row, r) => {
          for (const p of row) out[p] = sums[r];
        });
        return out;
      },
      shapes: [[...batch, nnz]],
    });
  });

  it('replays in a compiled step', async () => {
    const { device } = software;
    using pattern = csrPattern(device, { rows: 1, cols: 2, offsets: [0, 2], columns: [0, 1] });
    const step = compile(device, (x: Tensor) => sparseSoftmax(pattern, x));
    for (let i = 0; i < 3; i++) {
      using x = tensor(device, [0, i]);
      using y = step(x);
      expectClose(await y.data(), [1 / (1 + Math.exp(i)), 1 / (1 + Math.exp(-i))], { rtol: 2e-6 });
    }
    step.dispose();
  });

  it('refuses what does not fit', () => {
    using pattern = csrPattern(software.device, { rows: 2, cols: 3, offsets: [0, 2, 3], columns: [0, 2, 1] });
    scope(() => {
      const x = tensor(software.device, [1, 2, 3, 4]);
      expect(() => sparseSoftmax(pattern, x)).toThrow(ShapeError);
      expect(() => sparseSoftmax(pattern, x)).toThrow('sparseSoftmax: expected values of shape [...batch, 3], got [4]');
      expect(() => rowSums(pattern, x)).toThrow('rowSums: expected values of shape [...batch, 3], got [4]');
      expect(() => spreadRows(pattern, x)).toThrow('spreadRows: expected x of shape [...batch, 2], got [4]');
    });
  });
});
