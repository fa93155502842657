import { describe, expect, test } from 'vitest';
import { series } from '../../bench/crossover.js';
import { crossoverCharts } from '../../bench/crossover-chart.js';
import { htmlReport } from '../../bench/html.js';
import { rooflineChart } from '../../bench/roofline-chart.js';
import { logScale, logTicks } from '../../bench/svg.js';
import { sampleReport } from './sample-report.js';

/** Throws unless every element that is opened is closed, in order. */
function assertBalanced(markup: string): void {
  const open: string[] = [];
  const empty = new Set(['meta', 'br', '!doctype']);
  for (const [, slash, name, rest] of markup.matchAll(/<(\/?)([!a-zA-Z][a-zA-Z0-9]*)((?:"[^"]*"|[^">])*)>/g)) {
    if (empty.has(name) || rest.endsWith('/')) continue;
    if (slash === '') open.push(name);
    else if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
  }
  if (open.length > 0) throw new Error(`left open: ${open.join(', ')}`);
}

describe('scales', () => {
  test('are logarithmic, and fall where the picture grows downwards', () => {
    const y = logScale(0.1, 10, 200, 0);
    expect([0.1, 1, 10].map(y)).toEqual([200, 100, 0]);
  });

  test('have few ticks, within the range', () => {
    expect(logTicks(0.3, 4)).toEqual([0.5, 1, 2]);
    expect(logTicks(1, 1e6)).toEqual([1, 10, 100, 1000, 10_000, 100_000, 1_000_000]);
  });
});

describe('the page', () => {
  const report = sampleReport();
  const page = htmlReport(report);

  test('is well-formed, and needs nothing from elsewhere', () => {
    assertBalanced(page);
    expect(page).not.toMatch(/<(script|link|img|iframe)|@import|url\(|https?:/);
    expect(page).toContain('prefers-color-scheme: dark');
  });

  test('says what was measured, with markup in names escaped', () => {
    expect(page).toContain('512 &#60;square&#62;');
    expect(page).toContain('numpy &#38; co');
    expect(page).toContain('failed: wrong result: &#60;NaN&#62;');
    expect(page).toContain('a software adapter');
    expect(page).toContain('CSR is faster than dense from');
  });

  test('has a chart with a line for each candidate and a ring at the break-even', () => {
    const [chart, ...others] = crossoverCharts(series(report.rows));
    expect(others).toEqual([]);
    assertBalanced(chart);
    expect(chart.match(/<polyline/g)?.length).toBe(2); // CSR and the peer
    expect(chart.match(/class="ring"/g)?.length).toBe(1);
    expect(chart).toMatch(/CSR breaks even at 7\d\.\d %/);
    expect(chart).not.toContain('NaN,');
  });

  test('has a roofline with a mark for each row whose work is known', () => {
    const chart = rooflineChart('spmm', report.rows, report.roofline)!;
    assertBalanced(chart);
    expect(chart.match(/ dot"/g)?.length).toBe(4);
    expect(rooflineChart('topk', [report.rows[2]], report.roofline)).toBeNull();
  });

  test('of one point alone still has axes', () => {
    const one = series(report.rows.slice(0, 2));
    expect(crossoverCharts(one)[0]).not.toMatch(/NaN|Infinity/);
  });
});
