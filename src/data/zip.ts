/** Unpacking of ZIP archives. Needs Node. */

import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Unzip, UnzipInflate, UnzipPassThrough } from 'fflate';
import { concatBytes } from '../sparse/files/bytes.js';
import { DownloadError } from './download.js';

export interface UnzipOptions {
  /** Called with the bytes of the archive that are read so far. */
  progress?: (done: number) => void;
  signal?: AbortSignal;
}

/**
 * Writes the archive's files that `select` maps to a path below `folder`; null leaves a file out. The archive is read as a
 * stream. Links in it come out as files.
 *
 * @throws DownloadError for a damaged archive, a path that leaves its folder, or when interrupted
 */
export async function unpackZip(
  archive: string,
  folder: string,
  select: (path: string) => string | null,
  { progress, signal }: UnzipOptions = {},
): Promise<void> {
  let open = 0;
  const unzip = new Unzip((entry) => {
    const path = safePath(archive, entry.name);
    const target = entry.name.endsWith('/') ? null : select(path);
    if (target === null) return;
    const pieces: Uint8Array[] = [];
    open++;
    entry.ondata = (error, piece, final) => {
      if (error) throw error;
      pieces.push(piece);
      if (!final) return;
      open--;
      const place = join(folder, target);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, concatBytes(pieces));
    };
    entry.start();
  });
  unzip.register(UnzipInflate);
  unzip.register(UnzipPassThrough);
  let done = 0;
  try {
    for await (const piece of createReadStream(archive, { highWaterMark: 2 ** 20 })) {
      if (signal?.aborted)
        throw new DownloadError(`${archive}: unpacking was interrupted; the next fetch begins it again`);
      unzip.push(piece as Uint8Array);
      done += (piece as Uint8Array).length;
      progress?.(done);
    }
    unzip.push(new Uint8Array(0), true);
  } catch (error) {
    if (error instanceof DownloadError || (error as NodeJS.ErrnoException).code?.startsWith?.('E')) throw error;
    throw new DownloadError(`${archive} is no whole ZIP archive (${(error as Error).message})`, { cause: error });
  }
  if (open > 0) throw new DownloadError(`${archive} is no whole ZIP archive (it ends within a file)`);
}

function safePath(archive: string, name: string): string {
  const parts = name.split('/').filter((part, i) => part !== '.' && (part !== '' || i === 0));
  if (parts[0] === '' || parts.includes('..') || /[\\:\0]/.test(name))
    throw new DownloadError(`${archive}: refused a path outside its folder: ${JSON.stringify(name)}`);
  return parts.join('/');
}
