import Table from 'cli-table3';
import pc from 'picocolors';
import { SecateurError } from '../gpu/errors.js';
import { csv } from '../report/csv.js';
import type { Json } from '../store/record.js';
import { withRecords } from './duckdb.js';

/** Asks the records of a study in SQL, and prints the answer. @returns the exit code */
export async function query(path: string, sql: string, options: { json?: boolean; csv?: boolean }): Promise<number> {
  const { columns, rows } = await withRecords(path, async (db) => {
    const answer = await db.runAndReadAll(sql).catch((error: Error) => {
      throw new SecateurError('query', error.message, { cause: error });
    });
    return { columns: answer.columnNames(), rows: answer.getRowsJS() as unknown[][] };
  });
  const values = rows.map((row) => row.map(plain));
  const objects = values.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])));
  if (options.json) console.log(JSON.stringify(objects, null, 2));
  else if (options.csv)
    process.stdout.write(
      csv(
        objects.map((o) => Object.fromEntries(Object.entries(o).map(([k, v]) => [k, cell(v)]))),
        columns,
      ),
    );
  else console.log(table(columns, values));
  return 0;
}

/** JSON of what DuckDB gives: whole numbers of 64 bits as numbers where these hold them, times as ISO 8601. */
function plain(value: unknown): Json {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
  return (value ?? null) as Json;
}

const cell = (value: Json): string | number | boolean | null =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as string | number | boolean | null);

function table(columns: readonly string[], rows: readonly Json[][]): string {
  const style = pc.isColorSupported ? { head: ['bold'], border: ['gray'] } : { head: [], border: [] };
  const out = new Table({ head: [...columns], style });
  for (const row of rows) out.push(row.map((value) => String(cell(value) ?? '')));
  return `${out.toString()}\n${rows.length} row${rows.length === 1 ? '' : 's'}`;
}
