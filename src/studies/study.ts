import type { ZodType } from 'zod';
import type { Device } from '../gpu/device.js';
import { SecateurError } from '../gpu/errors.js';
import type { JsonObject, RunRecord, RunSpec } from '../store/record.js';

/** A whole study: what can be asked of it, the runs that answer it, and how their results are told. */
export interface Study<Config extends JsonObject = JsonObject> {
  /** As on the command line. */
  readonly name: string;
  readonly title: string;
  /** Raised whenever the same configuration would give other results: old results are then of another version. */
  readonly revision: number;
  /** What a configuration may say. Unknown keys are errors; every key has a description for editors. */
  readonly schema: ZodType<Config>;
  /** The first one is used where none is named. */
  readonly presets: Readonly<Record<string, Preset<Config>>>;
  /**
   * All runs that a configuration asks for, each after those that it needs. Touches neither the disk nor a device.
   *
   * @throws ArgumentError for what the schema cannot see: layers that no network has, sparsities that keep nothing, …
   */
  expand(config: Config): readonly RunSpec[];
  /** What a run is called in progress and tables: `resnet8 seed 0, M1 at 90 %`. */
  label(run: RunSpec): string;
  /** False where no run computes on a device: none is opened then. Default: true. */
  readonly usesDevice?: boolean;
  /** How much work a run is, relative to the others: what progress and the time left are reckoned by. */
  weight(run: RunSpec): number;
  /** Does one run. Its files must be written before it returns. */
  execute(run: RunSpec, context: RunContext): Promise<RunOutcome>;
  /** The lines printed when a study is done: the study's answer in a few rows of text. */
  summary(config: Config, records: ReadonlyMap<string, RunRecord>): string;
  /** Writes the report of what is finished into a folder (`report.html`, `figures/`), and gives the page's path. */
  report(input: ReportInput<Config>): Promise<string>;
}

export interface Preset<Config> {
  readonly description: string;
  readonly config: Config;
}

/** What a run throws once its checkpoint is saved, because `RunContext.signal` asked it to stop. */
export class StoppedError extends SecateurError {
  constructor() {
    super('stopped', 'stopped before its end; it goes on from its checkpoint');
  }
}

/** What a run does not decide for itself. */
export interface RunContext {
  readonly device: Device;
  /** Where data sets are, or null where none was given. */
  readonly dataRoot: string | null;
  /** The record of a run that this one needs; it is finished. */
  need(id: string): RunRecord;
  /** Files of this run, or of one that it needs. */
  files(id?: string): RunFiles;
  /** The checkpoint of this run, gone when the run is finished. */
  readonly checkpoint: { load(): Promise<Uint8Array | undefined>; save(bytes: Uint8Array): Promise<void> };
  /** Aborted when the study is to stop: save a checkpoint and throw `StoppedError`. */
  readonly signal: AbortSignal;
  /** How far this run is, from 0 to 1, and what it is doing. */
  progress(share: number, text?: string): void;
  /** Something costly that runs on one device share (a data set in its memory), made once, disposed with the device. */
  shared<T extends { dispose(): void }>(key: string, make: () => Promise<T>): Promise<T>;
}

/** A run's folder: whole files, each written atomically. */
export interface RunFiles {
  read(name: string): Promise<Uint8Array>;
  write(name: string, bytes: Uint8Array): Promise<void>;
  has(name: string): Promise<boolean>;
}

export interface RunOutcome {
  readonly status: 'finished' | 'diverged';
  readonly result: JsonObject;
}

export interface ReportInput<Config> {
  readonly config: Config;
  /** All runs planned; those without a record are missing. */
  readonly plan: readonly RunSpec[];
  readonly records: ReadonlyMap<string, RunRecord>;
  /** Folder of the study. */
  readonly folder: string;
  /** The command that reproduces it. */
  readonly command: string;
  /** Hash of the whole configuration, as in the folder's manifest. */
  readonly hash: string;
  readonly version: string;
}
