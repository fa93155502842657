import type { Cost } from '../src/gpu/kernel.js';
import { type Candidate, type Case, type Check, type KernelTime, type Point, type Prepared, Skipped } from './case.js';
import { type Summary, summarise } from './stats.js';

/** How long a case may be sampled. */
export interface Budget {
  /** Wall time of one candidate's samples, in ms. */
  ms: number;
  /** Most samples of one candidate. */
  most: number;
}

/** What one candidate of a case did. */
export interface Row {
  /** Set when a suite is run. */
  suite?: string;
  case: string;
  candidate: string;
  kind: Candidate['kind'];
  unit: 'ms' | 'us';
  /** Of the case: its place in the charts, and the candidate that ratios refer to where that is not the engine's. */
  point?: Point;
  reference?: string;
  /** Set instead of times: what went wrong, or why the candidate was left out. */
  error?: string;
  skipped?: string;
  check?: Check;
  cost?: Cost;
  /** Calls in one sample. */
  calls?: number;
  /** Times of one call in ms. */
  wall?: Summary;
  gpu?: Summary;
  /** GPU time by kernel, of the profile with the median total. */
  kernels?: KernelTime[];
  facts?: Record<string, unknown>;
  samples?: number[];
  gpuSamples?: number[];
}

interface Entry {
  row: Row;
  prepared: Prepared;
  calls: number;
  wanted: number;
  samples: number[];
  profiles: KernelTime[][];
}

/** Samples of GPU time, each beside a sample of wall time. */
const GPU_SAMPLES = 9;
/** Wall time of one candidate's samples that the fewest samples may not exceed, in ms. */
const MOST_MS = 15_000;

/**
 * Measures a case: every candidate is prepared and its result verified, then warmed up, then all are sampled in turn,
 * so that whatever else the machine does meets all of them alike. A candidate that fails leaves a row that says so, and
 * the others go on.
 */
export async function measure(c: Case, budget: Budget): Promise<Row[]> {
  const rows: Row[] = [];
  const entries: Entry[] = [];
  try {
    for (const candidate of c.candidates) {
      const row: Row = {
        case: c.name,
        candidate: candidate.name,
        kind: candidate.kind,
        unit: c.unit ?? 'ms',
        point: c.point,
        reference: c.reference,
      };
      rows.push(row);
      await guarded(row, async () => {
        const prepared = await candidate.prepare();
        entries.push({ row, prepared, calls: 1, wanted: 0, samples: [], profiles: [] });
        verify(prepared.check);
      });
    }
    for (const e of entries) if (sound(e.row)) await guarded(e.row, () => warmUp(e, c, budget));
    for (const i of interleave(entries.map((e) => (sound(e.row) ? e.wanted : 0)))) {
      const e = entries[i];
      if (sound(e.row)) await guarded(e.row, () => sampleOnce(e));
    }
    for (const e of entries) if (sound(e.row)) finish(e);
    // Peers do the same operations, and move who knows how many bytes.
    const flops = rows.find((r) => r.kind === 'engine')?.cost?.flops;
    for (const r of rows) if (r.kind === 'peer' && r.wall && flops) r.cost ??= { flops, bytes: 0 };
  } finally {
    for (const e of entries) await guarded(e.row, async () => e.prepared.dispose());
  }
  return rows;
}

const sound = (row: Row): boolean => row.error === undefined && row.skipped === undefined;

async function guarded(row: Row, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof Skipped) row.skipped ??= message;
    else row.error ??= message;
  }
}

/** @throws Error for a result that is further off than allowed; NaN counts as wrong */
export function verify({ what, error, tolerance }: Check): void {
  if (!(error <= tolerance))
    throw new Error(`wrong result: ${what}: expected an error of at most ${tolerance}, got ${error}`);
}

/** Finds out how many calls make a sample, and how many samples fit the budget. */
async function warmUp(e: Entry, c: Case, budget: Budget): Promise<void> {
  if (c.minSampleMs === 0) {
    e.wanted = c.least ?? 3;
    return;
  }
  const batch = c.minSampleMs ?? 10;
  let ms = await e.prepared.sample(1);
  if (ms < budget.ms / 4) ms = await e.prepared.sample(1); // the first may have compiled
  e.calls = Math.max(1, Math.min(10_000, Math.ceil(batch / Math.max(ms, 1e-3))));
  if (e.calls > 1) {
    // Batched calls are cheaper than single ones; aim again.
    ms = await e.prepared.sample(e.calls);
    e.calls = Math.max(1, Math.min(10_000, Math.ceil(batch / Math.max(ms, 1e-3))));
  }
  const least = Math.min(c.least ?? 3, Math.floor(MOST_MS / (ms * e.calls)));
  e.wanted = Math.max(1, least, Math.min(budget.most, Math.floor(budget.ms / (ms * e.calls))));
}

async function sampleOnce(e: Entry): Promise<void> {
  const done = e.samples.length;
  e.samples.push(await e.prepared.sample(e.calls));
  const every = Math.max(1, Math.floor(e.wanted / GPU_SAMPLES));
  if (e.prepared.profile && done % every === 0) e.profiles.push(await e.prepared.profile());
}

function finish(e: Entry): void {
  const { row, prepared } = e;
  const total = (times: KernelTime[]) => times.reduce((sum, t) => sum + t.ms, 0);
  // A driver now and then leaves timestamps out: nothing takes no time.
  const profiles = e.profiles.filter((times) => total(times) > 0);
  const sorted = [...profiles].sort((a, b) => total(a) - total(b));
  const gpuSamples = profiles.map(total);
  Object.assign(row, {
    check: prepared.check,
    cost: prepared.cost,
    calls: e.calls,
    wall: summarise(e.samples),
    facts: prepared.facts,
    samples: e.samples,
    ...(gpuSamples.length > 0 && { gpu: summarise(gpuSamples), kernels: sorted[sorted.length >> 1], gpuSamples }),
  });
}

/**
 * The order in which to take `counts[i]` samples of each candidate i: in rounds, each candidate's samples spread evenly
 * over all of them.
 */
export function interleave(counts: readonly number[]): number[] {
  const rounds = Math.max(0, ...counts);
  const order: number[] = [];
  for (let r = 0; r < rounds; r++) {
    counts.forEach((n, i) => {
      if (Math.floor(((r + 1) * n) / rounds) > Math.floor((r * n) / rounds)) order.push(i);
    });
  }
  return order;
}
