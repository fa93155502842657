import { setTimeout as delay } from 'node:timers/promises';
import { DataNotFoundError } from '../data/layouts.js';
import type { Device } from '../gpu/device.js';
import { DeviceLostError, NoDeviceError } from '../gpu/errors.js';
import type { StudyFolder } from '../store/folder.js';
import type { Journal } from '../store/journal.js';
import { LockedError } from '../store/lock.js';
import { differencesOf, FolderError } from '../store/manifest.js';
import type { JsonObject, RunRecord, RunSpec } from '../store/record.js';
import { StorageError } from '../train/node/atomic-write.js';
import { FailedRuns } from './failed-runs.js';
import { type OpenedStudy, openStudyFolder, type StudyFolderOptions } from './open.js';
import { runsOfShard, type Shard } from './plan.js';
import type { StudyReporter } from './progress.js';
import { runContext } from './run-context.js';
import { DeviceHolder } from './shared.js';
import { type RunOutcome, StoppedError } from './study.js';

export interface RunStudyOptions<C extends JsonObject> extends StudyFolderOptions<C> {
  /** Name of this process in the folder; each has its own. Default: `main`, or the shard's. */
  worker?: string;
  /** Only this part of the plan, and what it needs. */
  shard?: Shard | null;
  dataRoot?: string | null;
  /** Stops the study: the run under way saves a checkpoint. */
  signal?: AbortSignal;
  reporter?: StudyReporter;
  /** Opens the device. Default: `openDevice()`. */
  openDevice?: () => Promise<Device>;
}

export interface RunStudyResult<C extends JsonObject = JsonObject> extends OpenedStudy<C> {
  /** `part`: the shard is done, others are not. `stopped`: by the signal; the same call goes on from there. */
  readonly status: 'complete' | 'part' | 'stopped';
  readonly records: ReadonlyMap<string, RunRecord>;
  /** Path of the finished table, where the study is complete. */
  readonly results: string | null;
}

/** How often a device may be lost without a checkpoint in between. */
const LOSSES = 3;
/** Milliseconds between looks at what other workers have done. */
const LOOK = 200;
/** Errors that no other run would be spared: they end the study at once. */
const OF_THE_PLACE = [StorageError, LockedError, FolderError, DataNotFoundError, DeviceLostError, NoDeviceError];

/** How the process of a shard is called in its folder. */
export const workerName = (shard?: Shard | null): string => (shard ? `shard-${shard.index}-of-${shard.count}` : 'main');

/**
 * Does all runs of a study that have no record yet, each after those that it needs. Stopped or killed at any moment,
 * the same call goes on, and the finished table has the same bytes as if it had never been stopped. Several processes
 * may share a folder: every run is claimed by one of them. A run that throws is set aside with all that need it, the
 * others are done, and the same call tries it again.
 *
 * @throws ConfigError, FolderError: see `openStudyFolder`
 * @throws LockedError where another process works under the same name in this folder
 * @throws StorageError where the disk is full; nothing recorded is lost
 * @throws FailedRunsError at the end, where runs were set aside
 */
export async function runStudy<C extends JsonObject>(options: RunStudyOptions<C>): Promise<RunStudyResult<C>> {
  const opened = await openStudyFolder(options);
  const { plan, folder } = opened;
  const worker = options.worker ?? workerName(options.shard);
  const unlock = await folder.lockWorker(worker);
  const devices = new DeviceHolder(options.openDevice);
  let journal: Journal | null = null;
  try {
    journal = await folder.journal(worker);
    const runs = runsOfShard(plan, options.shard ?? null);
    const stopped = !(await new Runner(opened, options, worker, journal, devices).all(runs));
    const results = stopped ? null : await folder.writeResults(plan.runs);
    const status = stopped ? 'stopped' : results ? 'complete' : 'part';
    return { ...opened, status, records: folder.records.byId, results };
  } finally {
    options.reporter?.end?.();
    await journal?.close();
    await devices.close();
    unlock();
  }
}

/** A run that this process may do now: its needs are met (or `by` has diverged), and it is claimed. */
interface Claim {
  readonly run: RunSpec;
  readonly by: string | null;
  release(): void;
}

class Runner<C extends JsonObject> {
  private readonly folder: StudyFolder;
  private readonly reporter: StudyReporter;
  private readonly signal: AbortSignal;
  private readonly failed: FailedRuns;
  private conflictsTold = 0;

  constructor(
    { folder }: OpenedStudy<C>,
    private readonly options: RunStudyOptions<C>,
    private readonly worker: string,
    private readonly journal: Journal,
    private readonly devices: DeviceHolder,
  ) {
    this.folder = folder;
    this.reporter = options.reporter ?? {};
    this.signal = options.signal ?? new AbortController().signal;
    this.failed = new FailedRuns(options.study.label);
  }

  private get records(): ReadonlyMap<string, RunRecord> {
    return this.folder.records.byId;
  }

  /**
   * @returns false where it was stopped before all was done
   * @throws FailedRunsError where all but the runs that failed, and what needs them, was done
   */
  async all(runs: readonly RunSpec[]): Promise<boolean> {
    await this.look([]);
    if (this.records.size > 0) this.failed.someDone();
    this.reporter.begin?.(runs, this.records);
    let left = runs.filter(({ id }) => !this.records.has(id));
    while (left.length > 0) {
      if (this.signal.aborted) return false;
      const claim = await this.claimNext(left);
      if (claim) {
        if (!(await this.perform(claim))) return false;
      } else await delay(LOOK, undefined, { signal: this.signal }).catch(() => {});
      left = this.failed.without(await this.look(left));
    }
    this.failed.check();
    return true;
  }

  /** Takes up what was recorded meanwhile, here or by others. @returns the runs that are left */
  private async look(left: readonly RunSpec[]): Promise<RunSpec[]> {
    await this.folder.records.refresh();
    const { conflicts } = this.folder.records;
    for (; this.conflictsTold < conflicts.length; this.conflictsTold++)
      this.reporter.notice?.(describeConflict(conflicts[this.conflictsTold]));
    return left.filter((run) => {
      const record = this.records.get(run.id);
      if (record) this.reporter.done?.(run, record);
      return !record;
    });
  }

  private async claimNext(left: readonly RunSpec[]): Promise<Claim | null> {
    for (const run of left) {
      const needs = this.stateOfNeeds(run);
      if (needs === 'missing') continue;
      const release = this.folder.claim(run.id, this.worker);
      if (!release) continue;
      await this.folder.records.refresh();
      if (!this.records.has(run.id)) return { run, by: needs === 'met' ? null : needs.by, release };
      release(); // done by another worker since the last look
    }
    return null;
  }

  /** Needs are looked at in order, so that of several that diverged the same one is named whoever works. */
  private stateOfNeeds(run: RunSpec): 'met' | 'missing' | { by: string } {
    for (const id of run.needs) {
      const record = this.records.get(id);
      if (!record) return 'missing';
      if (record.status === 'blocked') return { by: String(record.result.by) };
      if (record.status === 'diverged') return { by: id };
    }
    return 'met';
  }

  /** Does a run and records it. @returns false where it was stopped */
  private async perform({ run, by, release }: Claim): Promise<boolean> {
    const started = new Date();
    try {
      const outcome = by === null ? await this.execute(run) : { status: 'blocked' as const, result: { by } };
      await this.journal.append([this.record(run, outcome, started)]);
      await this.folder.dropCheckpoint(run.id);
      this.failed.someDone();
      return true;
    } catch (error) {
      if (error instanceof StoppedError) return false;
      if (this.signal.aborted || OF_THE_PLACE.some((kind) => error instanceof kind)) throw error;
      const what = this.failed.add(run, error as Error);
      this.reporter.notice?.(what);
      return true;
    } finally {
      release();
    }
  }

  private record(run: RunSpec, outcome: Pick<RunRecord, 'status' | 'result'>, started: Date): RunRecord {
    const facts = this.devices.device?.facts;
    return {
      id: run.id,
      config: run.config,
      status: outcome.status,
      result: outcome.result,
      about: {
        started: started.toISOString(),
        seconds: (Date.now() - started.getTime()) / 1000,
        worker: this.worker,
        adapter: facts?.name ?? 'none',
        driver: facts?.description ?? 'none',
      },
    };
  }

  /** Does a run; where its device is lost, on another one from its checkpoint. */
  private async execute(run: RunSpec): Promise<RunOutcome> {
    const { study, dataRoot = null } = this.options;
    for (let losses = 0; ; ) {
      let saved = false;
      try {
        const device = study.usesDevice === false ? null : await this.devices.get();
        const context = runContext(run, {
          folder: this.folder,
          devices: this.devices,
          device,
          dataRoot,
          signal: this.signal,
          progress: (share, text) => this.reporter.progress?.(run, share, text),
          saved: () => (saved = true),
        });
        return await study.execute(run, context);
      } catch (error) {
        if (error instanceof StoppedError || !this.isLoss(error, losses)) throw error;
        losses = saved ? 1 : losses + 1;
        if (losses > LOSSES) throw error;
        this.reporter.notice?.(`${(error as Error).message}; going on with a new device (${losses} of ${LOSSES})`);
        await this.devices.close().catch(() => {});
        await delay(LOOK * losses);
      }
    }
  }

  /** Whether an error comes from a lost device, or from there being none yet again after a loss. */
  private isLoss(error: unknown, losses: number): boolean {
    return error instanceof DeviceLostError || this.devices.isLost || (losses > 0 && error instanceof NoDeviceError);
  }
}

function describeConflict({ kept, other }: { kept: RunRecord; other: RunRecord }): string {
  const by = ({ about, status }: RunRecord) => `${about.worker} on ${about.adapter} (${status}, ${about.started})`;
  const differences = differencesOf(kept.result, other.result, 'result').slice(0, 3).join('; ');
  return `run ${kept.id} has two records that differ: kept is that of ${by(kept)}, not that of ${by(other)}: ${differences}`;
}
