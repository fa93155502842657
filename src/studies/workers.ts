import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SecateurError } from '../gpu/errors.js';
import type { JsonObject, RunSpec } from '../store/record.js';
import { type OpenedStudy, openStudyFolder } from './open.js';
import { runsOfShard } from './plan.js';
import type { StudyReporter } from './progress.js';
import { type RunStudyOptions, type RunStudyResult, workerName } from './runner.js';
import type { WorkerMessage, WorkerTask } from './worker-main.js';

/** The study must be one of the package's, or have `module`: the workers load it anew. */
export interface WorkersOptions<C extends JsonObject>
  extends Omit<RunStudyOptions<C>, 'openDevice' | 'files' | 'worker'> {
  workers: number;
}

/** How often a worker that was killed is started again. */
const RESTARTS = 3;

/**
 * Does a study's runs in several processes on one folder, each with a device of its own. A worker that is killed (out
 * of memory, say) is started again; what it was doing goes on from its checkpoint, there or in another worker.
 *
 * @throws SecateurError where all workers ended before all was done, with the first one's words
 */
export async function runStudyInWorkers<C extends JsonObject>(options: WorkersOptions<C>): Promise<RunStudyResult<C>> {
  const opened = await openStudyFolder(options);
  const { plan, folder } = opened;
  const unlock = await folder.lockWorker(workerName(options.shard));
  try {
    const runs = runsOfShard(plan, options.shard ?? null);
    const failures = await new Pool(opened, options, runs).toEnd();
    await folder.records.refresh();
    const left = runs.filter(({ id }) => !folder.records.byId.has(id)).length;
    const stopped = left > 0 && (options.signal?.aborted ?? false);
    if (left > 0 && !stopped) throw new SecateurError('workers', failures[0] ?? `the workers left ${left} runs undone`);
    const results = stopped ? null : await folder.writeResults(plan.runs);
    return {
      ...opened,
      status: stopped ? 'stopped' : results ? 'complete' : 'part',
      records: folder.records.byId,
      results,
    };
  } finally {
    options.reporter?.end?.();
    unlock();
  }
}

class Pool {
  private readonly children = new Set<ChildProcess>();
  private readonly failures: string[] = [];
  private readonly reporter: StudyReporter;
  private left: readonly RunSpec[];
  private looking: Promise<void> = Promise.resolve();

  constructor(
    private readonly opened: Pick<OpenedStudy, 'plan' | 'folder'>,
    private readonly options: Pick<
      WorkersOptions<JsonObject>,
      'workers' | 'shard' | 'dataRoot' | 'signal' | 'reporter'
    >,
    private readonly runs: readonly RunSpec[],
  ) {
    this.reporter = options.reporter ?? {};
    const { byId } = opened.folder.records;
    this.left = runs.filter(({ id }) => !byId.has(id));
  }

  /** @returns what workers that failed said */
  async toEnd(): Promise<readonly string[]> {
    const { workers, shard = null, signal } = this.options;
    this.reporter.begin?.(this.runs, this.opened.folder.records.byId);
    if (signal?.aborted || this.left.length === 0) return [];
    const names = Array.from({ length: workers }, (_, i) => `${workerName(shard)}.${i + 1}`);
    const stop = () => this.children.forEach((child) => child.connected && child.send('stop'));
    const kill = () => this.children.forEach((child) => child.kill('SIGKILL'));
    signal?.addEventListener('abort', stop);
    process.on('exit', kill);
    try {
      await Promise.all(names.map((name) => this.keepUp(name)));
      await this.looking;
    } finally {
      signal?.removeEventListener('abort', stop);
      process.removeListener('exit', kill);
    }
    return this.failures;
  }

  /** Runs a worker to its end, and again where it was killed before all was done. */
  private async keepUp(name: string): Promise<void> {
    for (let restarts = 0; ; restarts++) {
      const child = this.start(name);
      this.children.add(child);
      const signal = await ended(child);
      this.children.delete(child);
      await this.looking;
      if (!signal || this.options.signal?.aborted) return;
      const again = this.left.length > 0 && restarts < RESTARTS;
      const text = `worker ${name} was ended by ${signal}`;
      this.reporter.notice?.(again ? `${text}; it is started again` : text);
      if (!again) return void this.failures.push(text);
    }
  }

  private start(worker: string): ChildProcess {
    const { workers, shard = null, dataRoot = null } = this.options;
    const task: WorkerTask = { path: this.opened.folder.path, worker, shard, dataRoot };
    const extension = extname(import.meta.url);
    const child = fork(fileURLToPath(new URL(`./worker-main${extension}`, import.meta.url)), [JSON.stringify(task)], {
      // Run from the TypeScript sources, in development, the child needs the loader that this process has.
      execArgv:
        extension === '.ts' ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [],
      // A software driver would start a thread for every core in every worker.
      env: { SECATEUR_THREADS: threadsOf(workers), ...process.env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', (message) => this.hear(message as WorkerMessage));
    return child;
  }

  private hear(message: WorkerMessage): void {
    if (message.type === 'progress') {
      const run = this.opened.plan.byId.get(message.id);
      if (run) this.reporter.progress?.(run, message.share, message.text);
    } else if (message.type === 'done') this.looking = this.looking.then(() => this.look());
    else this.reporter.notice?.(message.text);
    if (message.type === 'failed') this.failures.push(message.text);
  }

  private async look(): Promise<void> {
    const { records } = this.opened.folder;
    await records.refresh();
    this.left = this.left.filter((run) => {
      const record = records.byId.get(run.id);
      if (record) this.reporter.done?.(run, record);
      return !record;
    });
  }
}

/** @returns the signal that ended a process, or null where it ended by itself */
function ended(child: ChildProcess): Promise<NodeJS.Signals | null> {
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (_, signal) => done(signal));
  });
}

/** Threads of the software driver in each of several workers; one that would have a single thread does without. */
function threadsOf(workers: number): string {
  const share = Math.floor(availableParallelism() / workers);
  return String(share > 1 ? share : 0);
}
