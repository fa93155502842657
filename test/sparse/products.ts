import type { Device } from '../../src/index.js';
import type { HostCsr } from '../../src/sparse/index.js';
import type { SparseForm } from '../../src/sparse/spmm-rules.js';
import type { Inputs } from '../support/random.js';
import { csrOf, randomMask } from './masks.js';

/** Every form of the kernels, with sizes so small that modest problems take several tiles, ranges and chunks. */
export function formsOf(device: Device): SparseForm[] {
  const lanes = device.subgroupSize;
  const direct: SparseForm[] = [
    { kind: 'direct', across: 4, down: 4, subgroup: false },
    { kind: 'direct', across: 1, down: 16, subgroup: false },
  ];
  if (lanes === 0) return direct;
  const panel = { kind: 'panel', lanes } as const;
  return [
    { ...panel, columns: 4, capacity: 80, ranges: 3, together: lanes },
    { ...panel, columns: 8, capacity: 16, ranges: 1, together: 2 },
    { ...panel, columns: 4, capacity: 32, ranges: 2, together: lanes },
    ...direct,
    { kind: 'direct', across: lanes, down: 1, subgroup: true },
  ];
}

export const showForm = (f: SparseForm): string =>
  f.kind === 'panel'
    ? `a panel of ${f.columns} columns and ${f.capacity} rows, ${f.ranges} ranges`
    : f.subgroup
      ? 'entries handed out by a subgroup'
      : `direct, ${f.across} x ${f.down}`;

/** Random compressed rows; some lines are empty, some full. */
export function randomCsr(inputs: Inputs, parts: number, rows: number, cols: number, density: number) {
  const mask = randomMask(inputs, parts * rows * cols, density);
  for (let line = 0; line < parts * rows; line++) {
    const fate = inputs.integer(12);
    if (fate < 2) mask.fill(fate, line * cols, (line + 1) * cols);
  }
  return { mask, csr: csrOf(mask, parts, rows, cols) };
}

/** Element [i, j] of a matrix [rows, cols], or of its transposed form [cols, rows]. */
const at = (i: number, j: number, rows: number, cols: number, turned: boolean) =>
  turned ? j * rows + i : i * cols + j;

/** Visits every entry with its part, row and column. */
export function eachEntry(csr: HostCsr, visit: (p: number, part: number, row: number, col: number) => void): void {
  for (let line = 0; line < (csr.parts ?? 1) * csr.rows; line++)
    for (let p = csr.offsets[line]; p < csr.offsets[line + 1]; p++)
      visit(p, Math.floor(line / csr.rows), line % csr.rows, csr.columns[p]);
}

export interface SpmmProblem {
  csr: HostCsr;
  n: number;
  /** Products of a pattern of one part, and which operands have one each. */
  batch: number;
  transA: boolean;
  transB: boolean;
  transC: boolean;
  activation: 'none' | 'relu' | 'tanh' | 'sigmoid';
}

const ACTIVATIONS = {
  none: (x: number) => x,
  relu: (x: number) => Math.max(x, 0),
  tanh: Math.tanh,
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
};

/** Spreads operands that are shared by all parts: element i of part p. */
const shared = (x: ArrayLike<number>, unit: number) => (p: number, i: number) =>
  x.length === unit ? x[i] : x[p * unit + i];

/** act(S b + bias) in float64. Operands have one part, or all of them. */
export function spmmRef(
  { csr, n, batch, transA, transB, transC, activation }: SpmmProblem,
  values: ArrayLike<number>,
  b: ArrayLike<number>,
  bias?: ArrayLike<number>,
): Float64Array {
  const [m, k] = transA ? [csr.cols, csr.rows] : [csr.rows, csr.cols];
  const stacked = csr.parts ?? 1;
  const parts = stacked * batch;
  const nnz = csr.columns.length;
  const out = new Float64Array(parts * m * n);
  const valueAt = shared(values, nnz);
  const bAt = shared(b, k * n);
  for (let copy = 0; copy < batch; copy++) {
    eachEntry(csr, (p, own, row, col) => {
      const part = copy * stacked + own;
      const [i, x] = transA ? [col, row] : [row, col];
      for (let j = 0; j < n; j++)
        out[part * m * n + at(i, j, m, n, transC)] += valueAt(copy, p) * bAt(part, at(x, j, k, n, transB));
    });
  }
  const biasAt = bias && shared(bias, m);
  return out.map((v, e) => {
    const part = Math.floor(e / (m * n));
    const i = transC ? e % m : Math.floor((e % (m * n)) / n);
    return ACTIVATIONS[activation](v + (biasAt ? biasAt(part, i) : 0));
  });
}

export interface SddmmProblem {
  csr: HostCsr;
  n: number;
  batch: number;
  transX: boolean;
  transY: boolean;
}

/** x yᵀ at the entries, in float64. */
export function sddmmRef(
  { csr, n, batch, transX, transY }: SddmmProblem,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): Float64Array {
  const nnz = csr.columns.length;
  const out = new Float64Array(batch * nnz);
  const stacked = csr.parts ?? 1;
  const xAt = shared(x, csr.rows * n);
  const yAt = shared(y, csr.cols * n);
  for (let copy = 0; copy < batch; copy++) {
    eachEntry(csr, (p, own, row, col) => {
      const part = copy * stacked + own;
      for (let j = 0; j < n; j++)
        out[copy * nnz + p] += xAt(part, at(row, j, csr.rows, n, transX)) * yAt(part, at(col, j, csr.cols, n, transY));
    });
  }
  return out;
}
