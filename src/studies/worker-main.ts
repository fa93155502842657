/** One of several worker processes on a study's folder: started by `runStudyInWorkers`, which hears from it by messages. */
import { SecateurError } from '../gpu/errors.js';
import { StudyFolder } from '../store/folder.js';
import type { JsonObject, RunSpec } from '../store/record.js';
import type { Shard } from './plan.js';
import type { StudyReporter } from './progress.js';
import { loadStudy } from './registry.js';
import { runStudy } from './runner.js';

/** What a worker is told, as JSON in its first argument. */
export interface WorkerTask {
  readonly path: string;
  readonly worker: string;
  readonly shard: Shard | null;
  readonly dataRoot: string | null;
}

/** What a worker tells. */
export type WorkerMessage =
  | { type: 'progress'; id: string; share: number; text: string }
  | { type: 'done' }
  | { type: 'notice'; text: string }
  | { type: 'failed'; text: string };

/** Of a worker's process: what it ended with. */
export const WORKER_EXIT = { done: 0, failed: 1, stopped: 130 } as const;

async function work(task: WorkerTask): Promise<number> {
  const stop = new AbortController();
  // The terminal sends ctrl-C to the whole group of processes; what to do about it is the parent's to say.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  process.on('message', () => stop.abort());
  process.on('disconnect', () => stop.abort());
  const { path, worker, shard, dataRoot } = task;
  const { manifest } = await StudyFolder.read(path);
  const { study, module } = await loadStudy(manifest.module ?? manifest.study);
  const config: JsonObject = study.schema.parse(manifest.config);
  const reporter = messages();
  const { status } = await runStudy({
    study,
    module,
    config,
    path,
    worker,
    shard,
    dataRoot,
    reporter,
    signal: stop.signal,
  });
  return status === 'stopped' ? WORKER_EXIT.stopped : WORKER_EXIT.done;
}

/** Progress at most ten times a second. */
function messages(): StudyReporter {
  let last = 0;
  return {
    progress: ({ id }: RunSpec, share, text) => {
      if (Date.now() - last < 100) return;
      last = Date.now();
      tell({ type: 'progress', id, share, text });
    },
    done: () => tell({ type: 'done' }),
    notice: (text) => tell({ type: 'notice', text }),
  };
}

function tell(message: WorkerMessage, sent: () => void = () => {}): void {
  if (process.connected) process.send!(message, sent);
  else sent();
}

/** Dawn's threads may keep the process alive: it ends itself once the last message is on its way. */
function end(code: number, message: WorkerMessage): void {
  tell(message, () => process.exit(code));
}

work(JSON.parse(process.argv[2])).then(
  (code) => end(code, { type: 'done' }),
  (error: Error) =>
    end(WORKER_EXIT.failed, {
      type: 'failed',
      text: error instanceof SecateurError ? error.message : String(error.stack),
    }),
);
