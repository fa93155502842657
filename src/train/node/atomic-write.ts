import * as nodeFiles from 'node:fs/promises';
import { dirname } from 'node:path';
import { SecateurError } from '../../gpu/errors.js';

/** What writing needs of `node:fs/promises`. */
export type FileOperations = Pick<typeof nodeFiles, 'open' | 'rename' | 'rm'>;

/** A file that could not be written; what was there before is there still. */
export class StorageError extends SecateurError {
  constructor(path: string, cause: NodeJS.ErrnoException) {
    const why = REASONS[cause.code ?? ''] ?? cause.message;
    super('storage', `cannot write ${path}: ${why}; what was there before is unchanged`, { cause });
  }
}

const REASONS: Record<string, string> = {
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'no permission',
  ENOENT: 'its folder does not exist',
};

/**
 * Writes a file so that, whenever the process or the machine stops, the old or the new bytes are there as a whole: into
 * a file beside it (`PATH.tmp`), to the disk, and renamed. A path has one writer at a time.
 *
 * @throws StorageError where the disk is full, or the file cannot be written for another reason
 */
export async function writeAtomically(
  path: string,
  bytes: Uint8Array,
  files: FileOperations = nodeFiles,
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await files.open(temporary, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(temporary, path);
  } catch (error) {
    await files.rm(temporary, { force: true }).catch(() => {});
    throw new StorageError(path, error as NodeJS.ErrnoException);
  }
  await syncFolder(dirname(path), files);
}

/** A rename is on the disk when its folder is. Windows cannot open folders, and needs no such thing. */
export async function syncFolder(path: string, files: Pick<FileOperations, 'open'> = nodeFiles): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await files.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
