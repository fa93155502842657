import type { Row } from './harness.js';
import type { Roofline } from './roofline.js';

/** Three significant digits, or all digits before the point. */
export function digits(x: number): string {
  if (x === 0 || !Number.isFinite(x)) return String(x);
  return Math.abs(x) >= 100 ? x.toFixed(0) : x.toPrecision(3);
}

/** `90 %`, `99.5 %` */
export const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;

/** What a time in ms is multiplied by to be shown in a row's unit. */
export const scaleOf = (unit: Row['unit']): number => (unit === 'us' ? 1000 : 1);

/** Time of one call in ms that rates are computed from: the GPU's own where it is known. */
export const workMs = (row: Row): number | undefined => row.gpu?.median ?? row.wall?.median;

/**
 * Share of the roofline that a call reaches: the time that its work needs at the roofs, over the time that it took; none
 * for peers, which may not run on the device.
 */
export function share(row: Row, roofline: Roofline): number | null {
  const ms = workMs(row);
  if (!row.cost || ms === undefined || row.kind === 'peer') return null;
  const least = Math.max(row.cost.flops / roofline.gflops, row.cost.bytes / roofline.gbps) / 1e6;
  return least / ms;
}

/** Rows by suite and case, in order. */
export function byCase(rows: readonly Row[]): Row[][] {
  const cases = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.suite, row.case]);
    const known = cases.get(key);
    if (known) known.push(row);
    else cases.set(key, [row]);
  }
  return [...cases.values()];
}

/** The row that the others of a case are compared with: the case's reference, else the engine's. */
export function referenceOf(row: Row, rows: readonly Row[]): Row | undefined {
  return rows.find(
    (r) =>
      r.suite === row.suite &&
      r.case === row.case &&
      (row.reference === undefined ? r.kind === 'engine' : r.candidate === row.reference),
  );
}

/**
 * How many times as long as the reference row of the same case this one takes: by GPU time where both have it, else by
 * wall time.
 */
export function ratio(row: Row, rows: readonly Row[]): number | null {
  const reference = referenceOf(row, rows);
  if (!reference?.wall || !row.wall || reference === row) return null;
  if (reference.gpu && row.gpu) return row.gpu.median / reference.gpu.median;
  return row.wall.median / reference.wall.median;
}
