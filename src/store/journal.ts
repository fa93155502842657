import * as nodeFiles from 'node:fs/promises';
import { dirname } from 'node:path';
import { StorageError, syncFolder } from '../train/node/atomic-write.js';
import type { RunRecord } from './record.js';

/** What a journal needs of `node:fs/promises`. */
export type JournalFiles = Pick<typeof nodeFiles, 'open'>;

const NEWLINE = 10;

/**
 * One worker's record: a file of JSON lines that only grows. A line is written by one call; a line that a kill or a full
 * disk tore is never glued to the next one, and readers skip it.
 */
export class Journal {
  private constructor(
    readonly path: string,
    private readonly file: nodeFiles.FileHandle,
    /** Whether the file ends within a line. */
    private torn: boolean,
  ) {}

  /** @throws StorageError where the file cannot be opened for writing */
  static async open(path: string, files: JournalFiles = nodeFiles): Promise<Journal> {
    try {
      const file = await files.open(path, 'a+');
      const { size } = await file.stat();
      const last = Buffer.alloc(1);
      if (size > 0) await file.read(last, 0, 1, size - 1);
      else await syncFolder(dirname(path));
      return new Journal(path, file, size > 0 && last[0] !== NEWLINE);
    } catch (error) {
      throw new StorageError(path, error as NodeJS.ErrnoException);
    }
  }

  /**
   * Writes records and waits until they are on the disk.
   *
   * @throws StorageError where they could not be; the lines written before are whole, and the next ones will be
   */
  async append(records: readonly RunRecord[]): Promise<void> {
    try {
      for (const record of records) await this.write(`${JSON.stringify(record)}\n`);
      await this.file.datasync();
    } catch (error) {
      throw new StorageError(this.path, error as NodeJS.ErrnoException);
    }
  }

  private async write(line: string): Promise<void> {
    const bytes = Buffer.from(this.torn ? `\n${line}` : line);
    this.torn = true;
    for (let at = 0; at < bytes.length; ) at += (await this.file.write(bytes, at)).bytesWritten;
    this.torn = false;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
