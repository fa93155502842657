import { resolve } from 'node:path';
import { csv, type Row } from '../report/csv.js';
import { StudyFolder } from '../store/folder.js';
import type { Json, JsonObject, RunRecord } from '../store/record.js';
import { ConfigError } from '../studies/config.js';
import { writeAtomically } from '../train/node/atomic-write.js';
import { withRecords } from './duckdb.js';

export interface ExportCommand {
  /** A file, or true: `runs.parquet` in the folder. */
  parquet?: string | true;
  csv?: string | true;
}

/** Writes the records of a study as a table for other programs. @returns the exit code */
export async function exportRecords(path: string, options: ExportCommand): Promise<number> {
  if (!options.parquet && !options.csv) throw new ConfigError('export: expected --parquet, --csv, or both');
  const named = (file: string | true, name: string) => (file === true ? resolve(path, name) : file);
  if (options.parquet) {
    const file = named(options.parquet, 'runs.parquet');
    const target = `'${file.replaceAll("'", "''")}'`;
    await withRecords(path, (db) => db.run(`COPY runs TO ${target} (FORMAT parquet, COMPRESSION zstd)`));
    console.log(file);
  }
  if (options.csv) {
    const file = named(options.csv, 'runs.csv');
    const { records } = await StudyFolder.read(path);
    await writeAtomically(file, new TextEncoder().encode(csv([...records.byId.values()].map(row))));
    console.log(file);
  }
  return 0;
}

/** A record as columns: `config.network.name`, `result.accuracy`, …; lists as JSON. */
function row({ id, status, config, result, about }: RunRecord): Row {
  return { id, status, ...flat({ config, result, about: { ...about } }, '') };
}

function flat(value: JsonObject, prefix: string): Row {
  const cells = Object.entries(value).map(([key, entry]: [string, Json]): Row => {
    if (Array.isArray(entry)) return { [prefix + key]: JSON.stringify(entry) };
    if (typeof entry === 'object' && entry !== null) return flat(entry as JsonObject, `${prefix}${key}.`);
    return { [prefix + key]: entry as string | number | boolean | null };
  });
  return Object.assign({}, ...cells);
}
