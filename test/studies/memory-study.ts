import type { Device } from '../../src/index.js';
import type { RunRecord, RunSpec } from '../../src/store/record.js';
import type { RunContext, RunOutcome, Study } from '../../src/studies/study.js';

type Disposable = { dispose(): void };

/** Runs of a study in memory, one after the other. */
export class MemoryStudy {
  readonly records = new Map<string, RunRecord>();
  readonly files = new Map<string, Map<string, Uint8Array>>();
  private readonly shared = new Map<string, Promise<Disposable>>();

  constructor(
    private readonly device: Device,
    private readonly execute: Study['execute'],
  ) {}

  /** Files of a run by name. */
  filesOf(id: string): Map<string, Uint8Array> {
    if (!this.files.has(id)) this.files.set(id, new Map());
    return this.files.get(id)!;
  }

  context(run: RunSpec, given: Partial<RunContext> = {}): RunContext {
    return {
      device: this.device,
      dataRoot: null,
      need: (id) => {
        if (!run.needs.includes(id)) throw new Error(`${run.id} does not need ${id}`);
        return this.records.get(id)!;
      },
      files: (id = run.id) => {
        if (id !== run.id && !run.needs.includes(id)) throw new Error(`${run.id} does not need ${id}`);
        const files = this.filesOf(id);
        return {
          read: async (name) => files.get(name)!,
          write: async (name, bytes) => void files.set(name, bytes),
          has: async (name) => files.has(name),
        };
      },
      checkpoint: { load: async () => undefined, save: async () => {} },
      signal: new AbortController().signal,
      progress: () => {},
      shared: <T extends Disposable>(key: string, make: () => Promise<T>) => {
        if (!this.shared.has(key)) this.shared.set(key, make());
        return this.shared.get(key) as Promise<T>;
      },
      ...given,
    };
  }

  /** Does a run, and keeps its record. */
  async run(run: RunSpec, given: Partial<RunContext> = {}): Promise<RunOutcome> {
    const outcome = await this.execute(run, this.context(run, given));
    const about = { started: '', seconds: 0, worker: '', adapter: '', driver: '' };
    this.records.set(run.id, { id: run.id, config: run.config, ...outcome, about });
    return outcome;
  }

  /** Does those of a run's needs that are not done, and theirs. */
  async prepare(run: RunSpec, plan: readonly RunSpec[]): Promise<void> {
    for (const id of run.needs) {
      if (this.records.has(id)) continue;
      const needed = plan.find((r) => r.id === id)!;
      await this.prepare(needed, plan);
      await this.run(needed);
    }
  }

  async dispose(): Promise<void> {
    for (const made of this.shared.values()) (await made).dispose();
  }
}
