import { ArgumentError } from '../gpu/errors.js';

/** Times of one thing, in milliseconds. */
export interface Latency {
  median: number;
  /** First and third quartile. */
  quartiles: [number, number];
  samples: number;
}

export interface MeasuredSpeedup {
  dense: Latency;
  pruned: Latency;
  /** Median dense / median pruned: below 1 where pruning made it slower. */
  speedup: number;
}

export interface MeasureOptions {
  /** Timed runs of each; 15 by default. */
  rounds?: number;
  /** Runs of each before, which are not timed; 3 by default. */
  warmUp?: number;
  /** The clock, in milliseconds. */
  now?: () => number;
}

/** Runs once and waits until it is done, `await device.sync()` included. */
export type Run = () => Promise<unknown>;

/**
 * Measures what pruning gains on this device. Dense and pruned runs take turns, so that a device that slows down or
 * warms up does so for both.
 *
 * @throws ArgumentError for less than one round
 */
export async function measureSpeedup(dense: Run, pruned: Run, options: MeasureOptions = {}): Promise<MeasuredSpeedup> {
  const { rounds = 15, warmUp = 3, now = () => performance.now() } = options;
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new ArgumentError('measureSpeedup', 'a whole number of rounds >= 1', `${rounds}`);
  const time = async (run: Run) => {
    const start = now();
    await run();
    return now() - start;
  };
  const times: [number[], number[]] = [[], []];
  for (let round = -warmUp; round < rounds; round++) {
    const pair = [await time(dense), await time(pruned)];
    if (round >= 0) pair.forEach((t, i) => void times[i].push(t));
  }
  const [a, b] = times.map(latency);
  return { dense: a, pruned: b, speedup: a.median / b.median };
}

function latency(times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    const high = Math.ceil(place);
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
  };
  return { median: at(0.5), quartiles: [at(0.25), at(0.75)], samples: times.length };
}
