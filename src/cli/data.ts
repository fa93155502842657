import { existsSync } from 'node:fs';
import { join } from 'node:path';
import cliProgress from 'cli-progress';
import Table from 'cli-table3';
import pc from 'picocolors';
import { CATALOGUE, type CatalogueEntry, type RemoteDataset } from '../data/catalogue.js';
import { fetchDataset } from '../data/fetch.js';
import { countDataset, dataRoot, FILE_DATASETS } from '../data/files.js';
import { DataNotFoundError, type DatasetCounts } from '../data/layouts.js';

export interface FetchCommand {
  root?: string;
  /** Addresses of folders to try first. */
  mirror?: string[];
}

/** Downloads a data set into the root folder, with a progress bar. Ctrl-C keeps what has come. @returns the exit code */
export async function fetchData(name: string, { root = dataRoot(), mirror = [] }: FetchCommand): Promise<number> {
  const bar = new cliProgress.SingleBar({
    format: `{file} ${pc.green('{bar}')} {percentage} % | {megabytes} MB | {eta} s left`,
    hideCursor: true,
    barsize: 24,
    noTTYOutput: true,
    notTTYSchedule: 5000,
    stopOnComplete: false,
  });
  const stop = new AbortController();
  const interrupted = () => stop.abort(new Error('interrupted'));
  process.once('SIGINT', interrupted);
  let current = '';
  try {
    const { folder, downloaded } = await fetchDataset(name, root, {
      mirrors: mirror.map((address) => (address.endsWith('/') ? address : `${address}/`)),
      signal: stop.signal,
      progress: ({ file, done, bytes }) => {
        if (file !== current) bar.start(bytes, done, { file, megabytes: 0 });
        current = file;
        bar.update(done, { file, megabytes: (done / 1e6).toFixed(1) });
      },
    });
    bar.stop();
    const came = downloaded.length > 0 ? `downloaded ${downloaded.join(', ')}` : 'all of it was there already';
    console.log(`${pc.bold(name)} is in ${folder}: ${came}`);
    console.log(`licence: ${CATALOGUE[name as RemoteDataset].licence}`);
    return 0;
  } finally {
    bar.stop();
    process.removeListener('SIGINT', interrupted);
  }
}

/** Prints which data sets there are and what of them the root folder holds. @returns the exit code */
export async function listData({ root = dataRoot() }: { root?: string }): Promise<number> {
  const style = pc.isColorSupported ? { head: ['bold'], border: ['gray'] } : { head: [], border: [] };
  const table = new Table({ head: ['name', 'what', 'download', `in ${root}`], style });
  for (const name of FILE_DATASETS) {
    const entry: CatalogueEntry | undefined = Object.hasOwn(CATALOGUE, name)
      ? CATALOGUE[name as RemoteDataset]
      : undefined;
    const bytes = entry?.remote.reduce((sum, file) => sum + file.bytes, 0) ?? 0;
    table.push([
      name,
      entry?.title ?? 'UCI: 1,797 handwritten digits, 8x8 grey (digits/digits.csv.gz)',
      entry ? `${(bytes / 1e6).toFixed(0)} MB` : '-',
      await stateOf(name, root, entry),
    ]);
  }
  console.log(table.toString());
  console.log('Generated, of any size and without files: digits (28x28 grey), shapes (32x32 colour).');
  console.log('folder:PATH stands for images in PATH/train/CLASS/ and PATH/val/CLASS/ (JPEG or PNG).');
  return 0;
}

async function stateOf(name: string, root: string, entry: CatalogueEntry | undefined): Promise<string> {
  let counts: DatasetCounts;
  try {
    counts = await countDataset(name, root);
  } catch (error) {
    if (!(error instanceof DataNotFoundError)) return `damaged: ${(error as Error).message}`;
    const folder = entry?.archive ? root : join(root, entry?.folders[0] ?? '');
    const begun = entry?.remote.some((file) => existsSync(join(folder, `${file.name}.part`)));
    return begun ? 'partly downloaded' : '-';
  }
  const { train, test, complete } = counts;
  const text = `${train.toLocaleString('en')} + ${test.toLocaleString('en')}`;
  return complete ? text : `${text} (a part)`;
}
