import Table from 'cli-table3';
import type { Row } from './harness.js';
import { byCase, digits, percent, ratio, scaleOf, share, workMs } from './rates.js';
import type { Report } from './report-data.js';
import type { Roofline } from './roofline.js';

/** Wide in columns, sparse in lines; no colours, so that it reads the same in a file. */
export const STYLE = { head: [], border: [], compact: true };
export const PLAIN = {
  ...{
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
  },
  ...{ left: '', 'left-mid': '', right: '', 'right-mid': '', mid: '-', 'mid-mid': '  ', middle: '  ' },
};

/** One row as text: its figures, or in their place why there are none. */
export interface ResultLine {
  row: Row;
  cells: string[];
  note?: string;
}

/** The columns after case and candidate. */
export function resultColumns({ rows }: Pick<Report, 'rows'>): string[] {
  const references = new Set(rows.map((r) => r.reference ?? 'ours'));
  const reference = references.size === 1 ? [...references][0] : 'reference';
  return ['median', 'p10', 'p90', 'n', 'GPU', 'GFLOP/s', 'GB/s', 'of roof', `time / ${reference}`];
}

/** Every row of a run. */
export function resultLines({ rows, roofline }: Pick<Report, 'rows' | 'roofline'>): ResultLine[] {
  return byCase(rows).flatMap((same) => same.map((row) => resultLine(row, same, roofline)));
}

function resultLine(row: Row, rowsOfCase: readonly Row[], roofline: Roofline): ResultLine {
  if (!row.wall) return { row, cells: [], note: row.error ? `failed: ${row.error}` : `left out: ${row.skipped}` };
  const k = scaleOf(row.unit);
  const ms = workMs(row)!;
  const part = share(row, roofline);
  const times = ratio(row, rowsOfCase);
  const cells = [
    `${digits(row.wall.median * k)} ${row.unit === 'us' ? 'µs' : row.unit}`,
    digits(row.wall.p10 * k),
    digits(row.wall.p90 * k),
    String(row.wall.n),
    row.gpu ? digits(row.gpu.median * k) : '',
    row.cost?.flops ? digits(row.cost.flops / ms / 1e6) : '',
    row.cost?.bytes ? digits(row.cost.bytes / ms / 1e6) : '',
    part === null ? '' : `${(100 * part).toFixed(0)} %`,
    times === null ? '' : `${digits(times)}x`,
  ];
  return { row, cells };
}

export function resultTable(report: Pick<Report, 'rows' | 'roofline'>): string {
  const columns = resultColumns(report);
  const table = new Table({
    head: ['case', 'candidate', ...columns],
    style: STYLE,
    chars: PLAIN,
    colAligns: ['left', 'left', ...columns.map(() => 'right' as const)],
  });
  let last = '';
  for (const { row, cells, note } of resultLines(report)) {
    const name = row.case === last ? '' : row.case;
    last = row.case;
    const rest = note === undefined ? cells : [{ colSpan: columns.length, content: clip(note, 110) }];
    table.push([name, row.candidate, ...rest]);
  }
  return table.toString();
}

/** Cases down, engine and peers across: median wall time, and how many times the engine's it is. */
export function peerTable({ rows }: Report): string | null {
  const compared = [...new Set(rows.filter((r) => r.kind === 'peer').map((r) => r.case))];
  if (compared.length === 0) return null;
  const names = [...new Set(rows.filter((r) => r.kind === 'peer').map((r) => r.candidate))];
  const table = new Table({
    head: ['case', 'secateur', ...names],
    style: STYLE,
    chars: PLAIN,
    colAligns: ['left', ...['', ...names].map(() => 'right' as const)],
  });
  for (const name of compared) {
    const engine = rows.find((r) => r.case === name && r.kind === 'engine');
    const cells = names.map((candidate) => {
      const row = rows.find((r) => r.case === name && r.candidate === candidate);
      if (!row) return '';
      if (!row.wall) return row.error ? 'failed' : 'left out';
      const times = engine?.wall ? ` (${digits(row.wall.median / engine.wall.median)}x)` : '';
      return `${digits(row.wall.median)} ms${times}`;
    });
    table.push([name, engine?.wall ? `${digits(engine.wall.median)} ms` : engine ? 'failed' : '', ...cells]);
  }
  return table.toString();
}

/** Where the GPU time of the engine's many-kernel cases goes, one line each. */
export function kernelLines({ rows }: Report): string[] {
  return rows
    .filter((r) => (r.kernels?.length ?? 0) > 2)
    .map((r) => {
      const total = r.kernels!.reduce((sum, k) => sum + k.ms, 0);
      const parts = r
        .kernels!.filter((k) => k.ms > 0.02 * total)
        .map((k) => `${k.kernel} ${((100 * k.ms) / total).toFixed(0)} % (${k.dispatches})`);
      return `${r.case}: ${r.kernels!.reduce((n, k) => n + k.dispatches, 0)} dispatches: ${parts.join(', ')}`;
    });
}

/** What ran where, in two lines. */
export function heading({ environment: e, roofline, load, peers }: Report): string {
  const driver = e.driver?.threads === null || !e.driver ? '' : `, ${e.driver.threads} driver threads`;
  const versions = peers.length === 0 ? '' : `; ${[...new Set(peers.map((p) => `${p.peer} ${p.version}`))].join(', ')}`;
  return `${e.adapter.description || e.adapter.name} (${e.deviceClass}${driver}), ${e.host.cores} cores, Node ${e.versions.node}, load ${load[0]} to ${load[1]}${versions}
roofline: ${digits(roofline.gflops)} GFLOP/s multiply-add, ${digits(roofline.gbps)} GB/s copy`;
}

/** Break-evens of a run with sparse candidates, one line each. */
export function crossoverLines({ crossovers }: Report): string[] {
  return crossovers.map(({ group, candidate, reference, sparsity, points }) => {
    const [low, high] = [points[0], points[points.length - 1]].map((p) => percent(p.sparsity));
    const range = low === high ? low : `${low} to ${high}`;
    if (sparsity === null) return `${group}: ${candidate} is slower than ${reference} at ${range}`;
    if (sparsity === points[0].sparsity) return `${group}: ${candidate} is faster than ${reference} at ${range}`;
    return `${group}: ${candidate} is faster than ${reference} from ${percent(sparsity)}`;
  });
}

const clip = (text: string, length: number): string => {
  const line = text.replace(/\s+/g, ' ');
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
};
