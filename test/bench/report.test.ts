import { describe, expect, test } from 'vitest';
import type { Row } from '../../bench/harness.js';
import { digits, ratio, share } from '../../bench/rates.js';
import { crossoverLines, kernelLines, peerTable, resultTable } from '../../bench/report.js';
import type { Report } from '../../bench/report-data.js';
import { benchmarkJson } from '../../bench/report-file.js';
import { summarise } from '../../bench/stats.js';

const row = (r: Partial<Row> & Pick<Row, 'case' | 'candidate' | 'kind'>): Row => ({ suite: 'dense', unit: 'ms', ...r });
const rows: Row[] = [
  row({
    case: 'matmul 512',
    candidate: 'secateur',
    kind: 'engine',
    wall: summarise([4, 5, 6]),
    gpu: summarise([4]),
    cost: { flops: 200e6, bytes: 4e6 },
    kernels: [
      { kernel: 'gemm', dispatches: 2, ms: 3 },
      { kernel: 'map', dispatches: 3, ms: 0.97 },
      { kernel: 'pack', dispatches: 1, ms: 0.03 },
    ],
  }),
  row({
    case: 'matmul 512',
    candidate: 'jax-webgpu',
    kind: 'peer',
    wall: summarise([50]),
    cost: { flops: 200e6, bytes: 0 },
  }),
  row({ case: 'matmul 512', candidate: 'tfjs-wasm', kind: 'peer', skipped: 'no kernel' }),
  row({ case: 'replay', candidate: 'secateur', kind: 'engine', unit: 'us', wall: summarise([0.003]) }),
  row({ case: 'broken', candidate: 'secateur', kind: 'engine', error: 'wrong result' }),
];
const summary = summarise([1]);
const report = {
  suites: ['dense'],
  rows,
  roofline: { gflops: 100, gbps: 10, detail: { fma: '', copy: '', fmaMs: summary, copyMs: summary } },
} as Report;

describe('report', () => {
  test('digits keep three figures and drop no whole ones', () => {
    expect([0, 0.01234, 1.2345, 99.96, 1234.5].map(digits)).toEqual(['0', '0.0123', '1.23', '100', '1235']);
  });

  test('the roof is the slower of arithmetic and memory, against GPU time', () => {
    expect(share(rows[0], report.roofline)).toBeCloseTo(2 / 4, 12); // 2 ms at 100 GFLOP/s, 0.4 ms at 10 GB/s
    expect(share({ ...rows[0], cost: { flops: 1, bytes: 20e6 } }, report.roofline)).toBeCloseTo(2 / 4, 12);
    expect(share(rows[1], report.roofline)).toBeNull();
  });

  test("ratios are times over the engine's of the same case, of the GPU where both sides have them", () => {
    expect(ratio(rows[1], rows)).toBe(10);
    expect(ratio(rows[0], rows)).toBeNull();
    expect(ratio(rows[2], rows)).toBeNull();
    const variant = { ...rows[1], kind: 'variant' as const, gpu: summarise([8]) };
    expect(ratio(variant, rows)).toBe(2);
    expect(ratio({ ...variant, suite: 'another' }, rows)).toBeNull();
  });

  test('a case may name another reference, which the heading then names', () => {
    const named = rows.slice(0, 2).map((r) => ({ ...r, reference: 'jax-webgpu' }));
    expect(ratio(named[0], named)).toBe(0.1);
    expect(resultTable({ ...report, rows: named })).toMatch(/time \/ jax-webgpu/);
    expect(resultTable({ ...report, rows: [...rows, ...named] })).toMatch(/time \/ reference/);
  });

  test('break-evens are said in words', () => {
    const points = [0.5, 0.995].map((sparsity) => ({ sparsity, ratio: 1 }));
    const series = { suite: 'spmm', group: '512', candidate: 'CSR', reference: 'dense', sparse: true, points };
    const crossovers = [0.5, 0.7123, null].map((sparsity) => ({ ...series, sparsity }));
    expect(crossoverLines({ ...report, crossovers })).toEqual([
      '512: CSR is faster than dense at 50 % to 99.5 %',
      '512: CSR is faster than dense from 71.2 %',
      '512: CSR is slower than dense at 50 % to 99.5 %',
    ]);
  });

  test('the table has every row, with what went wrong', () => {
    const table = resultTable(report);
    expect(table).toMatch(/matmul 512 +secateur +5\.00 ms +4\.20 +5\.80 +3 +4\.00 +50\.0 +1\.00 +50 %/);
    expect(table).toMatch(/jax-webgpu +50\.0 ms .* 10\.0x/);
    expect(table).toMatch(/tfjs-wasm +left out: no kernel/);
    expect(table).toMatch(/replay +secateur +3\.00 µs/);
    expect(table).toMatch(/broken +secateur +failed: wrong result/);
  });

  test('peers stand across, with ratios', () => {
    expect(peerTable(report)).toMatch(/matmul 512 +5\.00 ms +50\.0 ms \(10\.0x\) +left out/);
    expect(peerTable({ ...report, rows: rows.slice(3) })).toBeNull();
  });

  test('kernels of a step are listed by time, small ones left out', () => {
    expect(kernelLines(report)).toEqual(['matmul 512: 6 dispatches: gemm 75 % (2), map 24 % (3)']);
  });

  test("github-action-benchmark's format has the rows that were measured", () => {
    expect(benchmarkJson(report)).toEqual([
      { name: 'dense: matmul 512, secateur', unit: 'ms', value: 5, range: '± 0.800' },
      { name: 'dense: matmul 512, jax-webgpu', unit: 'ms', value: 50, range: '± 0' },
      { name: 'dense: replay, secateur', unit: 'us', value: 3, range: '± 0' },
    ]);
  });
});
