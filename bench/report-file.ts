import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { crossovers } from './crossover.js';
import type { Row } from './harness.js';
import { htmlReport } from './html.js';
import { digits, scaleOf } from './rates.js';
import type { Report } from './report-data.js';

/** Writes the report as JSON, beside it a list for github-action-benchmark, and the page. */
export function writeReport(report: Report, out: string, html: string): void {
  const forAction = out.replace(/(\.json)?$/, '.benchmark.json');
  const files: [string, string][] = [
    [out, `${JSON.stringify(report, null, 1)}\n`],
    [forAction, `${JSON.stringify(benchmarkJson(report), null, 1)}\n`],
    [html, htmlReport(report)],
  ];
  for (const [file, text] of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/**
 * Reads what `writeReport` wrote, of this schema or the first.
 *
 * @throws RangeError naming the file and what was expected
 */
export function readReport(file: string): Report {
  const wrong = (got: string) => new RangeError(`${file}: expected a result file of secateur bench, got ${got}`);
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw wrong(`text that is not JSON (${error.message})`);
    const { code, message } = error as NodeJS.ErrnoException;
    throw new RangeError(`${file}: ${code === 'ENOENT' ? 'there is no such file' : message}`);
  }
  if (Array.isArray(found) || typeof found !== 'object' || found === null)
    throw wrong(Array.isArray(found) ? 'a list (the .benchmark.json file lies beside it)' : JSON.stringify(found));
  const { schema, rows, environment } = found as Partial<Record<keyof Report, unknown>>;
  if (schema !== 1 && schema !== 2) throw wrong(`schema ${JSON.stringify(schema) ?? 'none'} instead of 1 or 2`);
  if (typeof environment !== 'object' || environment === null) throw wrong('no object "environment"');
  if (!Array.isArray(rows)) throw wrong('no list "rows"');
  const bad = rows.findIndex((r) => !isRow(r));
  if (bad !== -1) throw wrong(`row ${bad} without case, candidate or a positive median`);
  return schema === 2 ? (found as Report) : upgraded(found as Omit<Report, 'suites'> & { suite: string });
}

function isRow(row: Partial<Row> | null): boolean {
  if (typeof row?.case !== 'string' || typeof row.candidate !== 'string') return false;
  return [row.wall, row.gpu].every((times) => times === undefined || times?.median > 0);
}

/** The first schema was of one suite. */
function upgraded({ suite, ...report }: Omit<Report, 'suites'> & { suite: string }): Report {
  const rows = report.rows.map((r) => ({ ...r, suite }));
  return { ...report, schema: 2, suites: [suite], rows, crossovers: crossovers(rows) };
}

/** The format of github-action-benchmark's `customSmallerIsBetter`. */
export function benchmarkJson({ rows }: Pick<Report, 'rows'>): {
  name: string;
  unit: string;
  value: number;
  range: string;
}[] {
  return rows.flatMap((row) => {
    if (!row.wall) return [];
    const k = scaleOf(row.unit);
    const { median, p10, p90 } = row.wall;
    return [
      {
        name: `${row.suite}: ${row.case}, ${row.candidate}`,
        unit: row.unit,
        value: median * k,
        range: `± ${digits(((p90 - p10) / 2) * k)}`,
      },
    ];
  });
}
