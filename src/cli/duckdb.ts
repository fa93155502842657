import { statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { SecateurError } from '../gpu/errors.js';
import { LINES, StudyFolder } from '../store/folder.js';
import type { RunRecord } from '../store/record.js';

/**
 * Opens the records of a study in DuckDB, in memory: the table `runs` (id, status, config, result, about; nested values
 * as structs), and one of each kind of configuration (`network`, `comparison`, …) with only that kind's fields;
 * and, where runs are blocks of many trainings, `lines`: one row for each of those, with the `id` of its block.
 *
 * @throws SecateurError where the package is not installed, saying how to install it
 */
export async function withRecords<T>(path: string, use: (db: DuckDBConnection) => Promise<T>): Promise<T> {
  const { DuckDBInstance } = await import('@duckdb/node-api').catch((error) => {
    const message = 'this command needs DuckDB: npm install @duckdb/node-api';
    throw new SecateurError('missing-package', message, { cause: error });
  });
  const { records } = await StudyFolder.read(path);
  const all = [...records.byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  if (all.length === 0) throw new SecateurError('empty', `${path} has no records yet`);
  const scratch = await mkdtemp(join(tmpdir(), 'secateur-'));
  const instance = await DuckDBInstance.create(':memory:');
  const db = await instance.connect();
  try {
    for (const [name, rows] of tablesOf(all)) await load(db, name, rows, join(scratch, 'rows.jsonl'));
    await loadLines(db, path, all);
    return await use(db);
  } finally {
    db.closeSync();
    instance.closeSync();
    await rm(scratch, { recursive: true, force: true });
  }
}

function tablesOf(records: readonly RunRecord[]): Map<string, RunRecord[]> {
  const tables = new Map<string, RunRecord[]>([['runs', [...records]]]);
  for (const record of records) {
    const { kind } = record.config;
    if (typeof kind !== 'string' || kind === 'runs') continue;
    tables.set(kind, [...(tables.get(kind) ?? []), record]);
  }
  return tables;
}

/** What blocks of runs wrote about each of their trainings, if there are such. */
async function loadLines(db: DuckDBConnection, path: string, records: readonly RunRecord[]): Promise<void> {
  const files = records
    .map(({ id }) => join(path, 'files', id, LINES))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.size);
  if (files.length === 0) return;
  const source = `read_json([${files.map(quoted).join()}], format = 'newline_delimited', union_by_name = true, filename = true)`;
  await db.run(
    `CREATE TABLE lines AS SELECT split_part(filename, '/', -2) AS id, * EXCLUDE (filename)
     FROM (SELECT * REPLACE (replace(filename, '\\', '/') AS filename) FROM ${source})`,
  );
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** DuckDB finds the types by itself, out of all rows; what looks like a map is a struct too, so that `a.b` always works. */
async function load(db: DuckDBConnection, name: string, rows: readonly RunRecord[], file: string): Promise<void> {
  const lines = rows.map(({ id, status, config, result, about }) =>
    JSON.stringify({ id, status, config, result, about }),
  );
  await writeFile(file, lines.join('\n'));
  const options = "format = 'newline_delimited', sample_size = -1, maximum_depth = -1, map_inference_threshold = -1";
  const size = `maximum_object_size = ${2 * Math.max(2 ** 24, ...lines.map((line) => line.length))}`;
  const source = `read_json(${quoted(file)}, ${options}, ${size})`;
  await db.run(`CREATE TABLE "${name.replaceAll('"', '""')}" AS SELECT * FROM ${source}`);
}
