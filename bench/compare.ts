import Table from 'cli-table3';
import type { Row } from './harness.js';
import { digits, scaleOf, workMs } from './rates.js';
import { PLAIN, STYLE } from './report.js';
import type { Report } from './report-data.js';

/** Two measurements of one candidate of one case. */
export interface Compared {
  suite: string;
  case: string;
  candidate: string;
  a: Row;
  b: Row;
  /** Time in B over time in A: GPU time where both have it, else wall time. */
  ratio: number;
}

/** The rows that both reports have times for. */
export function compared(a: Report, b: Report): Compared[] {
  const key = (row: Row) => JSON.stringify([row.suite, row.case, row.candidate]);
  const before = new Map(a.rows.filter((r) => r.wall).map((r) => [key(r), r]));
  return b.rows.flatMap((row) => {
    const first = before.get(key(row));
    if (!first?.wall || !row.wall) return [];
    const ratio = first.gpu && row.gpu ? row.gpu.median / first.gpu.median : row.wall.median / first.wall.median;
    return [{ suite: row.suite ?? '', case: row.case, candidate: row.candidate, a: first, b: row, ratio }];
  });
}

/** The mean to take of ratios: exchanging A and B inverts it. */
export function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length);
}

/** What differs between the circumstances of two runs, one line each; times compare kernels only where there is nothing. */
export function differences(a: Report, b: Report): string[] {
  const facts = ({ environment: e, quick }: Report): Record<string, unknown> => ({
    adapter: e.adapter?.description || e.adapter?.name,
    'device class': e.deviceClass,
    'driver threads': e.driver?.threads,
    toggles: e.driver?.toggles,
    webgpu: e.versions?.webgpu,
    node: e.versions?.node,
    cpu: e.host?.cpu,
    cores: e.host?.cores,
    quick,
  });
  const [first, second] = [facts(a), facts(b)];
  const text = (x: unknown) => (typeof x === 'string' ? x : (JSON.stringify(x) ?? 'unknown'));
  return Object.keys(first)
    .filter((name) => text(first[name]) !== text(second[name]))
    .map((name) => `${name}: ${text(first[name])} in A, ${text(second[name])} in B`);
}

/** The printed comparison of two runs. */
export function comparison(a: Report, b: Report): string {
  const pairs = compared(a, b);
  const lines = [`A: ${title(a)}`, `B: ${title(b)}`];
  const different = differences(a, b);
  if (different.length > 0)
    lines.push('', 'Measured under different circumstances:', ...different.map((d) => `  ${d}`));
  if (pairs.length === 0) return [...lines, '', 'No case was measured in both.'].join('\n');
  lines.push(
    '',
    pairTable(pairs),
    '',
    `geometric mean of B / A over ${pairs.length}: ${digits(geometricMean(pairs.map((p) => p.ratio)))}x`,
  );
  for (const [name, report, count] of [
    ['A', a, pairs.length],
    ['B', b, pairs.length],
  ] as const) {
    const alone = report.rows.filter((r) => r.wall).length - count;
    if (alone > 0) lines.push(`${alone} measured in ${name} alone`);
  }
  return lines.join('\n');
}

function title({ started, suites, environment: { versions }, load }: Report): string {
  return `${suites.join(', ')}, ${started}, secateur ${versions?.secateur}${versions?.commit ? ` (${versions.commit})` : ''}, load ${load?.join(' to ')}`;
}

function pairTable(pairs: readonly Compared[]): string {
  const table = new Table({
    head: ['case', 'candidate', 'A', 'B', 'B / A'],
    style: STYLE,
    chars: PLAIN,
    colAligns: ['left', 'left', 'right', 'right', 'right'],
  });
  let last = '';
  for (const { case: name, candidate, a, b, ratio } of pairs) {
    const bothGpu = a.gpu && b.gpu;
    const time = (row: Row) =>
      `${digits((bothGpu ? workMs(row)! : row.wall!.median) * scaleOf(row.unit))} ${row.unit === 'us' ? 'µs' : 'ms'}`;
    table.push([name === last ? '' : name, candidate, time(a), time(b), `${digits(ratio)}x`]);
    last = name;
  }
  return table.toString();
}
