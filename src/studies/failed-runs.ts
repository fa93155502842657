import { SecateurError } from '../gpu/errors.js';
import type { RunSpec } from '../store/record.js';

/** Runs of a study threw. What could be done without them is done; starting the study again tries them again. */
export class FailedRunsError extends SecateurError {
  constructor(readonly failures: readonly string[]) {
    const runs = failures.length === 1 ? 'a run' : `${failures.length} runs`;
    super('failed-runs', `${runs} failed; the same command tries again:\n${failures.join('\n')}`);
  }
}

/** As many failures without a run done in between mean that no run will do better. */
const IN_A_ROW = 5;

/** The runs of a study that threw in this process. */
export class FailedRuns {
  /** By id: the runs that threw, and those that need them. */
  private readonly aside = new Set<string>();
  private readonly failures: string[] = [];
  private inARow = 0;
  private anyDone = false;

  constructor(private readonly label: (run: RunSpec) => string) {}

  /** Tells that runs of this study can be done: one was, here or in an earlier call. */
  someDone(): void {
    this.anyDone = true;
    this.inARow = 0;
  }

  /**
   * Sets a run aside. @returns what to tell
   * @throws the run's own error where no run was ever done
   * @throws FailedRunsError after too many failures in a row
   */
  add(run: RunSpec, error: Error): string {
    if (!this.anyDone) throw error;
    this.aside.add(run.id);
    const what = `${this.label(run)} (run ${run.id}) failed`;
    this.failures.push(`${what}: ${error instanceof SecateurError ? error.message : error.stack}`);
    if (++this.inARow >= IN_A_ROW) this.check();
    return `${what}: ${error.message}`;
  }

  /** Of runs in the order of their plan, those that can still be done. */
  without(runs: readonly RunSpec[]): RunSpec[] {
    return runs.filter(({ id, needs }) => {
      if (needs.some((need) => this.aside.has(need))) this.aside.add(id);
      return !this.aside.has(id);
    });
  }

  /** @throws FailedRunsError where a run failed */
  check(): void {
    if (this.failures.length > 0) throw new FailedRunsError(this.failures);
  }
}
