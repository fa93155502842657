import { availableParallelism } from 'node:os';
import type { Candidate, Case, Family } from '../case.js';
import { runChild } from '../child.js';

interface Replayed {
  error: number;
  dispatches: number;
  /** Of each replay: ms until the call returned, and until the device was done, over its dispatches. */
  encodeMs: number[];
  doneMs: number[];
}

const SCRIPT = new URL('replay-child.mjs', import.meta.url);
const DISPATCHES = 500;

/** Each sample is the median of the replays of one process. */
function candidate(name: string, kind: Candidate['kind'], threads: number, which: 'encodeMs' | 'doneMs'): Candidate {
  const measure = (replays: number) =>
    runChild<Replayed>(SCRIPT, { threads, dispatches: DISPATCHES, replays }, { timeoutMs: 120_000 });
  return {
    name,
    kind,
    async prepare() {
      const { error, dispatches } = await measure(5);
      if (dispatches !== DISPATCHES) throw new Error(`expected a step of ${DISPATCHES} dispatches, got ${dispatches}`);
      return {
        check: { what: 'result of the replayed chain', error, tolerance: 0 },
        facts: { threads, dispatches },
        async sample() {
          const times = [...(await measure(41))[which]].sort((a, b) => a - b);
          return times[times.length >> 1];
        },
        dispose: () => {},
      };
    },
  };
}

/** What one replayed dispatch of a tiny kernel costs: encoding on the host alone, and all in all. */
const family: Family = ({ device, quick }) => {
  const cores = availableParallelism();
  const software = device.deviceClass === 'software';
  const candidates = [
    candidate(software ? '0 driver threads, complete' : 'complete', 'engine', 0, 'doneMs'),
    candidate(software ? '0 driver threads, encoding' : 'encoding', 'variant', 0, 'encodeMs'),
    ...(software ? [candidate(`${cores} driver threads, complete`, 'variant', cores, 'doneMs')] : []),
  ];
  return [
    { name: 'one replayed dispatch', unit: 'us', minSampleMs: 0, least: quick ? 1 : 5, candidates } satisfies Case,
  ];
};

export default family;
