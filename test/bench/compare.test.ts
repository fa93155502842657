import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { compared, comparison, differences, geometricMean } from '../../bench/compare.js';
import type { Row } from '../../bench/harness.js';
import { bench } from '../../bench/main.js';
import type { Report } from '../../bench/report-data.js';
import { readReport, writeReport } from '../../bench/report-file.js';
import { summarise } from '../../bench/stats.js';
import { sampleReport } from './sample-report.js';

const slower = (report: Report, times: number): Report => ({
  ...report,
  rows: report.rows.map((r): Row => {
    const scaled = (s?: typeof r.wall) => s && summarise([s.median * times]);
    return { ...r, wall: scaled(r.wall), gpu: scaled(r.gpu) };
  }),
});

const folder = mkdtempSync(join(tmpdir(), 'secateur-compare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('two reports', () => {
  const a = sampleReport();
  const b = slower(a, 2);

  test('rows are paired by suite, case and candidate', () => {
    const pairs = compared(a, b);
    expect(pairs.length).toBe(a.rows.filter((r) => r.wall).length);
    for (const p of pairs) expect(p.ratio).toBeCloseTo(2, 12);
    const elsewhere = { ...b, rows: b.rows.map((r) => ({ ...r, suite: 'other' })) };
    expect(compared(a, elsewhere)).toEqual([]);
    expect(comparison(a, elsewhere)).toContain('No case was measured in both.');
  });

  test('the mean is geometric: exchanging the files inverts it', () => {
    expect(geometricMean([0.5, 8])).toBeCloseTo(2, 12);
    expect(comparison(a, b)).toMatch(/geometric mean of B \/ A over \d+: 2\.00x/);
    expect(comparison(b, a)).toMatch(/geometric mean of B \/ A over \d+: 0\.500x/);
  });

  test('what differs in their circumstances is said', () => {
    expect(differences(a, b)).toEqual([]);
    expect(comparison(a, b)).not.toContain('different circumstances');
    const other = structuredClone(b);
    other.environment.adapter.description = 'another adapter';
    other.environment.host.cores = 64;
    expect(comparison(a, other)).toMatch(
      /different circumstances:\n {2}adapter: .* in A, another adapter in B\n {2}cores: /,
    );
  });

  test('rows of one file alone are counted', () => {
    expect(comparison({ ...a, rows: a.rows.slice(0, 2) }, b)).toMatch(/\d measured in B alone/);
  });
});

describe('result files', () => {
  const file = join(folder, 'a.json');
  beforeAll(() => writeReport(sampleReport(), file, join(folder, 'a.html')));

  test('are read as they were written', () => {
    expect(readReport(file)).toEqual(JSON.parse(JSON.stringify(sampleReport())));
  });

  test('of the first schema are read too', () => {
    const old = readReport(new URL('../../bench/results/software-lavapipe.json', import.meta.url).pathname);
    expect(old.suites).toEqual(['dense']);
    expect(old.rows.every((r) => r.suite === 'dense')).toBe(true);
    expect(old.crossovers).toEqual([]);
  });

  test('--compare prints the ratios and ends well', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    try {
      expect(await bench(['--compare', file, file])).toBe(0);
      expect(log.mock.calls.join('\n')).toMatch(/CSR .* 1\.00x/);
    } finally {
      log.mockRestore();
    }
  });

  test.each([
    ['is not there', null, /there is no such file/],
    ['is no JSON', 'secateur', /expected a result file of secateur bench, got text that is not JSON/],
    ['is the list for the action', '[]', /got a list/],
    ['is another object', '{"name":"x"}', /got schema none instead of 1 or 2/],
    ['is of a later schema', '{"schema":3}', /got schema 3/],
    ['is null', 'null', /got null/],
    ['has no environment', '{"schema":2,"rows":[]}', /got no object "environment"/],
    ['has no rows', '{"schema":2,"environment":{},"rows":{}}', /got no list "rows"/],
    [
      'has a row of nothing',
      '{"schema":2,"environment":{},"rows":[{}]}',
      /got row 0 without case, candidate or a positive/,
    ],
    [
      'has a median of nothing',
      '{"schema":2,"environment":{},"rows":[{"case":"a","candidate":"b","wall":{"median":"fast"}}]}',
      /got row 0/,
    ],
  ])('a file that %s is refused by name', async (_, content, message) => {
    const bad = join(folder, 'bad.json');
    rmSync(bad, { force: true });
    if (content !== null) writeFileSync(bad, content);
    expect(() => readReport(bad)).toThrow(message);
    expect(() => readReport(bad)).toThrow(bad);
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    try {
      expect(await bench(['--compare', file, bad])).toBe(1);
      expect(error.mock.calls.join('\n')).toContain(bad);
    } finally {
      error.mockRestore();
    }
  });
});
