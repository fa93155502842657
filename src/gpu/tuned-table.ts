import type { SubgroupTile, WorkgroupTile } from '../../shaders/gemm/spec.js';
import { ArgumentError } from './errors.js';

/** One tile on one product, as `secateur tune` timed it. */
export interface TunedMeasurement {
  tile: SubgroupTile | WorkgroupTile;
  /** Ways that k was cut; the time includes adding the parts up. */
  splits: number;
  /** Median time of one call in microseconds, over n samples. */
  us: number;
  n: number;
}

/** What won for every product of a key, and all that took part. */
export interface TunedEntry {
  key: string;
  tile: SubgroupTile | WorkgroupTile;
  splits: number;
  measurements: TunedMeasurement[];
}

/** How a sparse form did in layers, as `secateur tune` timed them. */
export interface TunedSparse {
  /** Layer and form, such as `linear csr` or `conv2d block8`. */
  key: string;
  /** What the estimate for the device's class is multiplied by: the median of measured / estimated. */
  factor: number;
  /** Times relative to the masked-dense form, and on what. */
  measurements: { on: string; estimated: number; measured: number }[];
}

/** Measured choices of tiles for one adapter, as `secateur tune` writes them and `openDevice({ tuned })` takes them. */
export interface TunedTable {
  schema: 1;
  /** Name of the adapter, which must be the one that is opened. */
  adapter: string;
  /** Driver and version. Another version still takes the table, though measuring again is wise. */
  driver: string;
  /** Version of this package. */
  version: string;
  /** Checksum of the tiles that were tried: a different one means that there are new tiles. */
  candidates: string;
  entries: TunedEntry[];
  /** Sparse forms; tables of earlier versions have none. */
  sparse?: TunedSparse[];
}

/**
 * Checks a table, for example one parsed from a file, and that it was measured on this adapter.
 *
 * @throws ArgumentError naming the first field that is wrong, or both adapters
 */
export function checkTuned(value: unknown, adapter: string): asserts value is TunedTable {
  const table = objectAt('the table', value);
  if (table.schema !== 1) throw wrong('schema 1', table.schema);
  for (const field of ['adapter', 'driver', 'version', 'candidates']) textAt(field, table[field]);
  if (table.adapter !== adapter) throw wrong(`a table measured on '${adapter}'`, `one of '${table.adapter}'`);
  if (table.sparse !== undefined) checkSparse(table.sparse);
  const keys = new Set<string>();
  listAt('entries', table.entries).forEach((item, i) => {
    const at = `entries[${i}]`;
    const entry = objectAt(at, item);
    const key = textAt(`${at}.key`, entry.key);
    if (keys.has(key)) throw wrong('each key once', `'${key}' twice`);
    keys.add(key);
    tileAt(`${at}.tile`, entry.tile);
    countAt(`${at}.splits`, entry.splits);
    if (!key.endsWith(', split') && entry.splits !== 1) throw wrong(`${at}.splits as 1 for '${key}'`, entry.splits);
    listAt(`${at}.measurements`, entry.measurements).forEach((m, j) => {
      const where = `${at}.measurements[${j}]`;
      const measurement = objectAt(where, m);
      tileAt(`${where}.tile`, measurement.tile);
      countAt(`${where}.splits`, measurement.splits);
      countAt(`${where}.n`, measurement.n);
      if (!(typeof measurement.us === 'number' && measurement.us > 0))
        throw wrong(`${where}.us above 0`, measurement.us);
    });
  });
}

function checkSparse(value: unknown): void {
  listAt('sparse', value).forEach((item, i) => {
    const at = `sparse[${i}]`;
    const entry = objectAt(at, item);
    textAt(`${at}.key`, entry.key);
    ratioAt(`${at}.factor`, entry.factor);
    listAt(`${at}.measurements`, entry.measurements).forEach((m, j) => {
      const where = `${at}.measurements[${j}]`;
      const measurement = objectAt(where, m);
      textAt(`${where}.on`, measurement.on);
      ratioAt(`${where}.estimated`, measurement.estimated);
      ratioAt(`${where}.measured`, measurement.measured);
    });
  });
}

const wrong = (expected: string, got: unknown): ArgumentError =>
  new ArgumentError('tuned', expected, typeof got === 'string' ? got : (JSON.stringify(got) ?? 'undefined'));

function objectAt(at: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(`${at} as an object`, value);
  return value as Record<string, unknown>;
}

function listAt(at: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw wrong(`${at} as a list`, value);
  return value;
}

function textAt(at: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw wrong(`${at} as a text`, value);
  return value;
}

function countAt(at: string, value: unknown): void {
  if (!Number.isInteger(value) || (value as number) < 1) throw wrong(`${at} as a whole number >= 1`, value);
}

function ratioAt(at: string, value: unknown): void {
  if (!(typeof value === 'number' && value > 0 && Number.isFinite(value))) throw wrong(`${at} above 0`, value);
}

/** Fields of a tile; whether it fits the device is asked when it is used. */
function tileAt(at: string, value: unknown): void {
  const tile = objectAt(at, value);
  const counts = {
    subgroup: ['lanes', 'rows', 'quads'],
    workgroup: ['rows', 'cols', 'depth', 'blockRows', 'blockCols', 'buffers'],
  };
  const fields = counts[tile.kind as keyof typeof counts];
  if (!fields) throw wrong(`${at}.kind subgroup or workgroup`, tile.kind);
  for (const field of fields) countAt(`${at}.${field}`, tile[field]);
  if (typeof tile.unroll !== 'boolean') throw wrong(`${at}.unroll true or false`, tile.unroll);
}
