import Table from 'cli-table3';
import type { Environment } from './environment.js';
import type { Row } from './harness.js';
import type { PeerFacts } from './peers.js';
import type { Roofline } from './roofline.js';

/** Everything that a run found out; what `--out` writes. */
export interface Report {
  schema: 1;
  suite: string;
  started: string;
  seconds: number;
  quick: boolean;
  environment: Environment;
  /** Load average over a minute, before and after. */
  load: [before: number, after: number];
  roofline: Roofline;
  peers: PeerFacts[];
  rows: Row[];
}

/** Wide in columns, sparse in lines; no colours, so that it reads the same in a file. */
const STYLE = { head: [], border: [], compact: true };
const PLAIN = {
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

/** Three significant digits, or all digits before the point. */
export function digits(x: number): string {
  if (x === 0 || !Number.isFinite(x)) return String(x);
  return Math.abs(x) >= 100 ? x.toFixed(0) : x.toPrecision(3);
}

const scaleOf = (unit: Row['unit']): number => (unit === 'us' ? 1000 : 1);

/** Time of one call in ms that rates are computed from: the GPU's own where it is known. */
export const workMs = (row: Row): number | undefined => row.gpu?.median ?? row.wall?.median;

/** Share of the roofline that a call reaches: the time that its work needs at the roofs, over the time that it took; none for peers, which may not run on the device. */
export function share(row: Row, roofline: Roofline): number | null {
  const ms = workMs(row);
  if (!row.cost || ms === undefined || row.kind === 'peer') return null;
  const least = Math.max(row.cost.flops / roofline.gflops, row.cost.bytes / roofline.gbps) / 1e6;
  return least / ms;
}

/** How many times longer than the engine's row of the same case this one takes, by wall time. */
export function ratio(row: Row, rows: readonly Row[]): number | null {
  const engine = rows.find((r) => r.case === row.case && r.kind === 'engine');
  if (!engine?.wall || !row.wall || engine === row) return null;
  return row.wall.median / engine.wall.median;
}

/** Every row of a run. */
export function resultTable({ rows, roofline }: Report): string {
  const head = ['case', 'candidate', 'median', 'p10', 'p90', 'n', 'GPU', 'GFLOP/s', 'GB/s', 'of roof', 'time / ours'];
  const table = new Table({
    head,
    style: STYLE,
    chars: PLAIN,
    colAligns: ['left', 'left', ...head.slice(2).map(() => 'right' as const)],
  });
  let last = '';
  for (const row of rows) {
    const name = row.case === last ? '' : row.case;
    last = row.case;
    if (!row.wall) {
      const why = row.error ? `failed: ${row.error}` : `left out: ${row.skipped}`;
      table.push([name, row.candidate, { colSpan: head.length - 2, content: clip(why, 110) }]);
      continue;
    }
    const k = scaleOf(row.unit);
    const ms = workMs(row)!;
    const part = share(row, roofline);
    const times = ratio(row, rows);
    table.push([
      name,
      row.candidate,
      `${digits(row.wall.median * k)} ${row.unit === 'us' ? 'µs' : row.unit}`,
      digits(row.wall.p10 * k),
      digits(row.wall.p90 * k),
      String(row.wall.n),
      row.gpu ? digits(row.gpu.median * k) : '',
      row.cost?.flops ? digits(row.cost.flops / ms / 1e6) : '',
      row.cost?.bytes ? digits(row.cost.bytes / ms / 1e6) : '',
      part === null ? '' : `${(100 * part).toFixed(0)} %`,
      times === null ? '' : `${digits(times)}x`,
    ]);
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
      const times = ratio(row, rows);
      return `${digits(row.wall.median)} ms${times === null ? '' : ` (${digits(times)}x)`}`;
    });
    table.push([name, engine?.wall ? `${digits(engine.wall.median)} ms` : 'failed', ...cells]);
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

/** The format of github-action-benchmark's `customSmallerIsBetter`. */
export function benchmarkJson({ suite, rows }: Report): { name: string; unit: string; value: number; range: string }[] {
  return rows.flatMap((row) => {
    if (!row.wall) return [];
    const k = scaleOf(row.unit);
    const { median, p10, p90 } = row.wall;
    return [
      {
        name: `${suite}: ${row.case}, ${row.candidate}`,
        unit: row.unit,
        value: median * k,
        range: `± ${digits(((p90 - p10) / 2) * k)}`,
      },
    ];
  });
}

const clip = (text: string, length: number): string => {
  const line = text.replace(/\s+/g, ' ');
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
};
