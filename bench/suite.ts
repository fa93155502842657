import Benchmark from 'benchmark';

/** One test: takes its own samples and returns them in seconds a call (none where there is nothing to print). */
export interface Job {
  name: string;
  run(): readonly number[] | Promise<readonly number[]>;
}

/**
 * Runs jobs one after the other as deferred tests of a `benchmark` suite, and reports the suite's line for each,
 * computed from the job's own samples.
 *
 * A deferred test that throws would end the process, and one that rejects would hang the suite: both are caught here,
 * and both let the later jobs run. Sampling inside the job is what allows candidates to be interleaved; the suite
 * itself calls each job once.
 *
 * @returns the errors of the jobs that failed, by name
 */
export function runSuite(
  name: string,
  jobs: readonly Job[],
  onLine: (line: string) => void,
): Promise<Map<string, Error>> {
  const errors = new Map<string, Error>();
  const samples = new Map<string, readonly number[]>();
  const suite = new Benchmark.Suite(name);
  for (const job of jobs) {
    let started: Promise<void> | null = null;
    const once = async () => {
      try {
        samples.set(job.name, await job.run());
      } catch (error) {
        errors.set(job.name, error instanceof Error ? error : new Error(String(error)));
      }
    };
    const fn = (deferred: Benchmark.Deferred) => {
      started ??= once();
      void started.then(() => deferred.resolve());
    };
    suite.add(job.name, fn, {
      defer: true,
      initCount: 1,
      minSamples: 1,
      minTime: Number.MIN_VALUE,
      maxTime: -1,
      delay: 0,
    });
  }
  return new Promise((done) => {
    suite.on('cycle', (event: Benchmark.Event) => {
      const test = event.target as unknown as Benchmark;
      const error = errors.get(String(test.name));
      if (error) onLine(`${test.name}: ${error.message}`);
      else if (samples.get(String(test.name))?.length) onLine(describe(test, samples.get(String(test.name))!));
    });
    suite.on('complete', () => done(errors));
    suite.run({ async: true });
  });
}

/** The suite's printed line, from our samples instead of the clock around the whole job. */
function describe(test: Benchmark, seconds: readonly number[]): string {
  const n = seconds.length;
  const mean = seconds.reduce((a, b) => a + b, 0) / n;
  const variance = seconds.reduce((a, s) => a + (s - mean) ** 2, 0) / Math.max(1, n - 1);
  const margin = 1.96 * Math.sqrt(variance / n);
  test.hz = 1 / mean;
  Object.assign(test.stats, { sample: [...seconds], mean, variance, moe: margin, rme: (100 * margin) / mean });
  return String(test);
}
