import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Sample } from './worker.js';

/** Eight seconds in every run of the tests; SECATEUR_SOAK_SECONDS=60 for the whole minute before a release. */
const seconds = Number(process.env.SECATEUR_SOAK_SECONDS ?? 8);
const MIB = 2 ** 20;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

describe(`training for ${seconds} seconds`, () => {
  it(
    'holds the same device bytes from the third step on, and a flat resident set after warm-up',
    async () => {
      expect(seconds).toBeGreaterThanOrEqual(4);
      const worker = fileURLToPath(new URL('worker.ts', import.meta.url));
      const args = ['--import', 'tsx', worker, String(seconds)];
      const options = {
        env: { ...process.env, NODE_OPTIONS: '' },
        timeout: (seconds + 30) * 1000,
        killSignal: 'SIGKILL',
      } as const;
      const child = await promisify(execFile)(process.execPath, args, options); // rejects unless it ends with 0
      const { samples, left }: { samples: Sample[]; left: { live: number; tensors: number } } = JSON.parse(
        child.stdout,
      );
      const steady = samples.filter((s) => s.steps >= 3);
      expect(steady.length).toBeGreaterThan(20);
      for (const key of ['live', 'pooled', 'tensors'] as const)
        expect([...new Set(steady.map((s) => s[key]))], key).toHaveLength(1);
      expect(left).toMatchObject({ live: 0, tensors: 0 });

      const third = (k: number) =>
        steady.filter((s) => s.seconds >= (k * seconds) / 3 && s.seconds < ((k + 1) * seconds) / 3);
      const [middle, last] = [third(1), third(2)].map((part) => median(part.map((s) => s.rss)));
      const report = steady.map((s) => `${s.steps}: ${(s.rss / MIB).toFixed(0)}`).join(', ');
      expect((last - middle) / MIB, `MiB of growth; RSS by step: ${report}`).toBeLessThan(24);
      expect(median(third(2).map((s) => s.loss))).toBeLessThan(0.1 * samples[0].loss);
    },
    (seconds + 60) * 1000,
  );
});
