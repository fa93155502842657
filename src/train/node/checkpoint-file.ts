import { readFile } from 'node:fs/promises';
import { type FileOperations, writeAtomically } from './atomic-write.js';

/** A checkpoint on disk: `save` for `TrainOptions.checkpoint`, and `load` for `resume`, which is undefined at first. */
export function checkpointFile(
  path: string,
  files?: FileOperations,
): { save(bytes: Uint8Array): Promise<void>; load(): Promise<Uint8Array | undefined> } {
  return {
    save: (bytes) => writeAtomically(path, bytes, files),
    load: () =>
      readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }),
  };
}
