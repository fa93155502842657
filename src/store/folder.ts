import * as nodeFiles from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError } from '../gpu/errors.js';
import { type FileOperations, StorageError, writeAtomically } from '../train/node/atomic-write.js';
import { checkpointFile } from '../train/node/checkpoint-file.js';
import { canonicalJson } from './canonical.js';
import { Journal } from './journal.js';
import { type Holder, lockHolder, takeLock, tryLock } from './lock.js';
import { checkManifest, FolderError, type Manifest, readManifest } from './manifest.js';
import type { RunSpec } from './record.js';
import { Records } from './records.js';

const FOLDERS = ['runs', 'files', 'checkpoints', 'locks'];
/** Among the files of a run that is a block of many trainings: one line of JSON for each. */
export const LINES = 'runs.jsonl';
/** Names of files, workers and runs: nothing that leaves its folder, nothing hidden. */
const NAME = /^[A-Za-z0-9][\w.,=@+-]*$/;

/**
 * A study on disk:
 *
 * - `study.json`: what it is;
 * - `runs/<worker>.jsonl`: one line for every run done, each worker in a file of its own, only ever appended to;
 * - `files/<id>/…`: what a run left beside its result, written before its line;
 * - `checkpoints/<id>`: where a run under way stands;
 * - `locks/…`: who works on it; `results.jsonl`: the finished table.
 *
 * Ids are hashes of all that a run depends on, so that folders of one study can be merged: concatenate or copy the
 * journals (under names of their own) and copy the folders of files.
 */
export class StudyFolder {
  readonly records: Records;

  private constructor(
    readonly path: string,
    readonly manifest: Manifest,
    private readonly operations: FileOperations,
  ) {
    this.records = new Records(join(path, 'runs'));
  }

  /**
   * Opens a study's folder to write, and makes it where there is none.
   *
   * @throws FolderError where it holds another study or version, naming what differs; nothing is changed then
   * @throws StorageError where it cannot be written
   */
  static async open(path: string, wanted: Manifest, operations: FileOperations = nodeFiles): Promise<StudyFolder> {
    const there = await readManifest(path);
    if (there) checkManifest(path, there, wanted);
    try {
      for (const name of FOLDERS) await nodeFiles.mkdir(join(path, name), { recursive: true });
    } catch (error) {
      throw new StorageError(path, error as NodeJS.ErrnoException);
    }
    const unlock = await takeLock(join(path, 'locks', 'manifest'), { what: 'secateur study', timeout: 10_000 });
    try {
      const meanwhile = await readManifest(path);
      if (meanwhile) checkManifest(path, meanwhile, wanted);
      else await writeAtomically(join(path, 'study.json'), text(`${JSON.stringify(wanted, null, 2)}\n`), operations);
      const folder = new StudyFolder(path, meanwhile ?? wanted, operations);
      await folder.records.refresh();
      return folder;
    } finally {
      unlock();
    }
  }

  /**
   * Opens a study's folder to read what is there, whoever writes it meanwhile.
   *
   * @throws FolderError where there is no study
   */
  static async read(path: string): Promise<StudyFolder> {
    const manifest = await readManifest(path);
    if (!manifest) throw new FolderError(`${path} holds no study: it has no study.json`);
    const folder = new StudyFolder(path, manifest, nodeFiles);
    await folder.records.refresh();
    return folder;
  }

  /** The journal of a worker, who must hold `lockWorker`. */
  journal(worker: string): Promise<Journal> {
    return Journal.open(join(this.path, 'runs', `${checked('worker', worker)}.jsonl`), this.operations);
  }

  /**
   * Makes sure that one process writes a worker's journal.
   *
   * @throws LockedError where another one does
   */
  lockWorker(worker: string): Promise<() => void> {
    const lock = join(this.path, 'locks', `worker-${checked('worker', worker)}`);
    return takeLock(lock, { what: `secateur study (${worker})` });
  }

  /** Claims a run for this process. @returns what gives the claim back, or null where another process has it */
  claim(id: string, worker: string): (() => void) | null {
    return tryLock(join(this.path, 'locks', `run-${checked('id', id)}`), worker);
  }

  /** Workers and claims of living processes. */
  async holders(): Promise<{ workers: Map<string, Holder>; runs: Map<string, Holder> }> {
    const workers = new Map<string, Holder>();
    const runs = new Map<string, Holder>();
    for (const name of (await nodeFiles.readdir(join(this.path, 'locks'))).sort()) {
      const match = /^(worker|run)-(.*)$/.exec(name);
      const holder = match && lockHolder(join(this.path, 'locks', name));
      if (holder) (match[1] === 'run' ? runs : workers).set(match[2], holder);
    }
    return { workers, runs };
  }

  checkpoint(id: string): { save(bytes: Uint8Array): Promise<void>; load(): Promise<Uint8Array | undefined> } {
    return checkpointFile(this.checkpointPath(id), this.operations);
  }

  async dropCheckpoint(id: string): Promise<void> {
    await nodeFiles.rm(this.checkpointPath(id), { force: true });
  }

  private checkpointPath(id: string): string {
    return join(this.path, 'checkpoints', checked('id', id));
  }

  /** The files of a run. */
  files(id: string): {
    read(name: string): Promise<Uint8Array>;
    write(name: string, bytes: Uint8Array): Promise<void>;
    has(name: string): Promise<boolean>;
  } {
    const folder = join(this.path, 'files', checked('id', id));
    const at = (name: string) => join(folder, checked('file', name));
    return {
      read: (name) => nodeFiles.readFile(at(name)),
      has: (name) =>
        nodeFiles.access(at(name)).then(
          () => true,
          () => false,
        ),
      write: async (name, bytes) => {
        const path = at(name);
        await nodeFiles.mkdir(folder, { recursive: true }).catch((error) => {
          throw new StorageError(path, error);
        });
        await writeAtomically(path, bytes, this.operations);
      },
    };
  }

  /**
   * Writes `results.jsonl`, the finished table: all runs in the plan's order, without where and when they ran.
   *
   * @returns its path, or null where runs are missing
   */
  async writeResults(plan: readonly RunSpec[]): Promise<string | null> {
    const path = join(this.path, 'results.jsonl');
    const lines: string[] = [];
    for (const { id, config } of plan) {
      const record = this.records.byId.get(id);
      if (!record) return null;
      lines.push(`${canonicalJson({ id, config, status: record.status, result: record.result })}\n`);
    }
    const unlock = await takeLock(`${join(this.path, 'locks', 'results')}`, {
      what: 'secateur study',
      timeout: 60_000,
    });
    try {
      await writeAtomically(path, text(lines.join('')), this.operations);
    } finally {
      unlock();
    }
    return path;
  }
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function checked(what: string, name: string): string {
  if (!NAME.test(name) || name.endsWith('.tmp')) throw new ArgumentError(what, `a name that fits ${NAME}`, name);
  return name;
}
