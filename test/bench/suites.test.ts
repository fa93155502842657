import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Case, SuiteContext } from '../../bench/case.js';
import { measure } from '../../bench/harness.js';
import { findMatrices } from '../../bench/matrix-files.js';
import { loadCases, loadExtra, suites } from '../../bench/suites.js';
import { testDevice } from '../support/device.js';

const t = testDevice({ toggles: { disable: ['timestamp_quantization'] } });

const context = (more: Partial<SuiteContext> = {}): SuiteContext => ({
  device: t.device,
  quick: false,
  peers: false,
  ...more,
});

const folder = mkdtempSync(join(tmpdir(), 'secateur-suites-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('all suites are there', () => {
  expect(suites()).toEqual(['spmm', 'sddmm', 'spconv', 'block', 'nm', 'topk', 'svd', 'similarity', 'dense']);
});

describe.each(suites())('suite %s', (suite) => {
  test.each(['software', 'discrete'] as const)('makes cases on a %s device, of candidates told apart', async (name) => {
    const device = Object.create(t.device, { deviceClass: { value: name } });
    for (const quick of [false, true]) {
      const cases = await loadCases(suite, context({ device, quick }));
      expect(cases.length).toBeGreaterThan(1);
      expect(new Set(cases.map((c) => c.name)).size).toBe(cases.length);
      for (const c of cases) {
        const names = c.candidates.map((x) => x.name);
        expect(new Set(names).size, c.name).toBe(names.length);
        expect(c.candidates.filter((x) => x.kind === 'engine').length, c.name).toBe(1);
        if (c.point) expect(c.candidates[0].name, c.name).toBe(c.reference);
      }
    }
  });
});

/** Every candidate of a case is verified against float64 before it is timed: an error is a failed row. */
test.each([
  ['spmm', /^square 512 .* 98 %/],
  ['sddmm', /^square 512 .* 98 %/],
  ['spconv', /^64-64 16x16 (y|dx|dw), 98 %/],
  ['block', /^square 512 .* 98 %/],
  ['nm', /^square 512 .* (2:4|1:8)/],
  ['topk', /10\^5/],
  ['svd', /64 of 32x32/],
  ['similarity', /2000x64/],
])('suite %s: results are right, and timed', async (suite, names) => {
  const cases = (await loadCases(suite, context({ quick: true }))).filter((c) => names.test(c.name));
  expect(cases.length).toBeGreaterThan(0);
  for (const c of cases) {
    for (const row of await measure({ ...c, least: 1 }, { ms: 5, most: 2 })) {
      expect(row.error, `${row.case}: ${row.candidate}`).toBeUndefined();
      expect(row.skipped, `${row.case}: ${row.candidate}`).toBeUndefined();
      expect(row.wall?.median).toBeGreaterThan(0);
      if (row.point) expect(row.cost?.flops).toBeGreaterThan(0);
    }
  }
});

describe('matrices from files', () => {
  beforeAll(() => {
    mkdirSync(join(folder, 'net', 'a'), { recursive: true });
    writeFileSync(join(folder, 'net', 'a', 'x.smtx'), '2, 4, 3\n0 1 3\n3 0 2\n');
    writeFileSync(
      join(folder, 'net', 'y.mtx'),
      '%%MatrixMarket matrix coordinate real general\n3 3 2\n3 1 0.5\n1 2 -2\n',
    );
    writeFileSync(join(folder, 'net', 'notes.txt'), 'of no concern');
    writeFileSync(join(folder, 'bad.smtx'), '2, 4, 3\n0 1 3\n3 0 9\n');
    mkdirSync(join(folder, 'empty'));
  });

  test('are found in folders and files, and replace the generated ones', async () => {
    const matrices = findMatrices([join(folder, 'net')]);
    expect(matrices.map((m) => [m.name, m.rows, m.cols, m.nnz])).toEqual([
      [join('a', 'x.smtx'), 2, 4, 3],
      ['y.mtx', 3, 3, 2],
    ]);
    const cases = await loadCases('spmm', context({ matrices, columns: 5 }));
    expect(cases.map((c) => [c.point?.sparsity, c.point?.group])).toEqual([
      [1 - 3 / 8, '2x4x5'],
      [1 - 2 / 9, '3x3x5'],
    ]);
    for (const c of cases) {
      expect(c.candidates.some((x) => x.name.startsWith('N:M'))).toBe(false);
      const rows = await measure({ ...c, least: 1 }, { ms: 1, most: 1 });
      const outcome = new Map(rows.map((r) => [r.candidate, r.error ?? r.skipped ?? 'right']));
      for (const form of ['dense', 'masked dense', 'CSR']) expect(outcome.get(form), form).toBe('right');
      expect(outcome.get('BSR 8x8')).toMatch(/blocks of 8 do not cover a matrix of/);
    }
  });

  test('that are none, or malformed, are errors by name', () => {
    expect(() => findMatrices([join(folder, 'empty')])).toThrow(/empty: expected a folder with \.smtx or \.mtx files/);
    expect(() => findMatrices([join(folder, 'net', 'notes.txt')])).toThrow(
      /notes\.txt: expected an \.smtx or \.mtx file/,
    );
    expect(() => findMatrices([join(folder, 'bad.smtx')])).toThrow(/bad\.smtx: line 3/);
  });
});

describe('--with', () => {
  const file = (name: string, code: string): string => {
    writeFileSync(join(folder, name), code);
    return join(folder, name);
  };

  test('adds candidates to cases that exist, and cases of its own', async () => {
    const code = `export default () => ['thin svd 1024x128', 'another'].map((name) => ({
      name, candidates: [{ name: 'extra', kind: 'variant', prepare: () => Promise.reject(new Error('not run')) }],
    }));`;
    const extra = await loadExtra(file('extra.mjs', code), ['svd', 'dense']);
    expect(extra.suite).toBe('svd');
    const cases = await loadCases('svd', context(), [extra]);
    const named = (name: string): Case | undefined => cases.find((c) => c.name === name);
    expect(named('thin svd 1024x128')?.candidates.map((c) => c.name)).toEqual(['secateur', 'extra']);
    expect(named('another')?.candidates.map((c) => c.name)).toEqual(['extra']);
    expect((await loadCases('dense', context(), [extra])).some((c) => c.name === 'another')).toBe(false);
  });

  test('belongs to the suite that the file names', async () => {
    const code = `export const suite = 'dense'; export default () => [];`;
    expect((await loadExtra(file('named.mjs', code), ['svd', 'dense'])).suite).toBe('dense');
  });

  test.each([
    ['none.mjs', 'export const x = 1;', /none\.mjs: expected a family as its default export, got undefined/],
    ['throws.mjs', 'throw new Error("at once");', /throws\.mjs: at once/],
    [
      'other.mjs',
      `export const suite = 'topk'; export default () => [];`,
      /expected one of the suites that run \(svd\)/,
    ],
  ])('refuses %s', async (name, code, message) => {
    await expect(loadExtra(file(name, code), ['svd'])).rejects.toThrow(message);
  });

  test('refuses a file that is not there', async () => {
    await expect(loadExtra(join(folder, 'nowhere.mjs'), ['svd'])).rejects.toThrow(/--with .*nowhere\.mjs: /);
  });
});
