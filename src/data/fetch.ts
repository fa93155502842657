/** Downloads of data sets. Needs Node: `secateur/data/node`, apart from what browsers load. */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ArgumentError } from '../gpu/errors.js';
import { unpackTar } from '../setup/tar.js';
import { CATALOGUE, type CatalogueEntry } from './catalogue.js';
import { DownloadError, download } from './download.js';
import { type UnzipOptions, unpackZip } from './zip.js';

export interface FetchOptions {
  /** Addresses of folders to try before the catalogue's own. */
  mirrors?: readonly string[];
  /** Called as bytes come. */
  progress?: (state: { file: string; done: number; bytes: number }) => void;
  signal?: AbortSignal;
  /** Milliseconds without a byte after which a mirror is given up; default 30,000. */
  idle?: number;
}

export interface FetchReport {
  folder: string;
  /** Files that came now; none where all was there. */
  downloaded: string[];
}

/**
 * Brings a data set of the catalogue into a root folder. Files that are there with the right checksum are kept,
 * unfinished downloads are gone on with, and nothing stands under its final name before it is whole.
 *
 * @throws ArgumentError for an unknown name; DownloadError where no mirror gave a file
 */
export function fetchDataset(name: string, root: string, options: FetchOptions = {}): Promise<FetchReport> {
  if (!Object.hasOwn(CATALOGUE, name))
    throw new ArgumentError('fetchDataset', `one of ${Object.keys(CATALOGUE).join(', ')}`, name);
  return fetchEntry(CATALOGUE[name as keyof typeof CATALOGUE], root, options);
}

/** As `fetchDataset`, for an entry of one's own. */
export async function fetchEntry(
  entry: CatalogueEntry,
  root: string,
  { mirrors = [], progress, signal, idle }: FetchOptions = {},
): Promise<FetchReport> {
  const folder = join(root, entry.folders[0]);
  if (entry.archive && isUnpacked(folder, entry.archive.files)) return { folder, downloaded: [] };
  const downloaded: string[] = [];
  for (const file of entry.remote) {
    const target = join(entry.archive ? root : folder, file.name);
    const reporting = (title: string) => (done: number) => progress?.({ file: title, done, bytes: file.bytes });
    const options = { progress: reporting(file.name), signal, idle };
    const outcome = await download(file, [...mirrors, ...entry.mirrors], target, options);
    if (outcome === 'downloaded') downloaded.push(file.name);
    if (!entry.archive) continue;
    const unpacking = { progress: reporting(`unpacking ${file.name}`), signal };
    await unpack(target, folder, root, entry.archive, unpacking);
  }
  return { folder, downloaded };
}

function isUnpacked(folder: string, files: Readonly<Record<string, number | null>>): boolean {
  return Object.entries(files).every(([file, bytes]) => {
    const path = join(folder, file);
    return existsSync(path) && (bytes === null || statSync(path).size === bytes);
  });
}

/** Unpacks a checked archive beside its place, moves the folder there in one step, and removes the archive. */
async function unpack(
  path: string,
  folder: string,
  root: string,
  archive: NonNullable<CatalogueEntry['archive']>,
  options: UnzipOptions,
): Promise<void> {
  const aside = join(root, `.unpacking-${process.pid}`);
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside);
  try {
    const prefix = `${archive.folder}/`;
    const inside = (file: string) => (file.startsWith(prefix) && file !== prefix ? file.slice(prefix.length) : null);
    if (path.endsWith('.zip')) await unpackZip(path, aside, inside, options);
    else unpackTar(gunzipSync(readFileSync(path)), aside, inside);
    if (!isUnpacked(aside, archive.files))
      throw new DownloadError(`${path} does not hold ${Object.keys(archive.files).join(', ')} of the right sizes`);
    if (existsSync(folder)) renameSync(folder, join(aside, '.before'));
    renameSync(aside, folder);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  rmSync(join(folder, '.before'), { recursive: true, force: true });
  rmSync(path);
}
