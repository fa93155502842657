import { describe, expect, test } from 'vitest';
import { type Candidate, mergeCases, type Prepared, Skipped } from '../../bench/case.js';
import { interleave, measure, verify } from '../../bench/harness.js';

/** A candidate whose calls take `ms` by its own clock, and that writes down when it was sampled. */
function fake(
  name: string,
  log: string[],
  prepared: Partial<Prepared> & { ms?: number } = {},
  kind: Candidate['kind'] = 'engine',
): Candidate {
  const { ms = 50, ...rest } = prepared;
  return {
    name,
    kind,
    prepare: async () => ({
      check: { what: name, error: 0, tolerance: 0 },
      sample: async (calls) => {
        log.push(`${name} x${calls}`);
        return ms;
      },
      dispose: () => void log.push(`${name} disposed`),
      ...rest,
    }),
  };
}

describe('interleave', () => {
  test('takes every count, spread evenly', () => {
    expect(interleave([2, 2])).toEqual([0, 1, 0, 1]);
    expect(interleave([4, 2, 0])).toEqual([0, 0, 1, 0, 0, 1]);
    for (const counts of [[], [0], [7, 3, 1, 5]]) {
      const order = interleave(counts);
      expect(counts.map((_, i) => order.filter((j) => j === i).length)).toEqual(counts);
    }
  });
});

describe('measure', () => {
  const budget = { ms: 200, most: 60 };

  test('candidates alternate, within the budget of time, and are disposed', async () => {
    const log: string[] = [];
    const rows = await measure({ name: 'c', candidates: [fake('a', log), fake('b', log, { ms: 100 })] }, budget);
    expect(rows.map((r) => [r.candidate, r.wall?.n, r.wall?.median, r.calls])).toEqual([
      ['a', 4, 50, 1],
      ['b', 3, 100, 1],
    ]);
    const sampled = log.filter((l) => !l.includes('disposed')).slice(2); // a warm-up each
    expect(sampled).toEqual(['a x1', 'a x1', 'b x1', 'a x1', 'b x1', 'a x1', 'b x1']);
    expect(log.slice(-2)).toEqual(['a disposed', 'b disposed']);
  });

  test('short calls are batched until a sample takes 10 ms', async () => {
    const [row] = await measure({ name: 'c', candidates: [fake('a', [], { ms: 0.25 })] }, budget);
    expect(row.calls).toBe(40);
    expect(row.wall?.n).toBe(20);
  });

  test('slow calls are sampled once, and self-timed ones without a warm-up', async () => {
    const [slow] = await measure({ name: 'c', candidates: [fake('a', [], { ms: 30_000 })] }, budget);
    expect(slow.wall?.n).toBe(1);
    const log: string[] = [];
    await measure({ name: 'c', minSampleMs: 0, least: 2, candidates: [fake('a', log)] }, budget);
    expect(log).toEqual(['a x1', 'a x1', 'a disposed']);
  });

  test('a wrong result, NaN, an error and a refusal are rows; the others go on', async () => {
    const log: string[] = [];
    const wrong = { check: { what: 'sum', error: 2, tolerance: 1 } };
    const nan = { check: { what: 'sum', error: Number.NaN, tolerance: 1 } };
    const broken = {
      sample: async () => {
        throw new Error('validation');
      },
    };
    const absent: Candidate = { name: 'absent', kind: 'peer', prepare: () => Promise.reject(new Skipped('not here')) };
    const rows = await measure(
      {
        name: 'c',
        candidates: [
          fake('wrong', log, wrong),
          fake('nan', log, nan),
          fake('broken', log, broken),
          absent,
          fake('good', log),
        ],
      },
      budget,
    );
    expect(rows.map((r) => r.error ?? r.skipped ?? 'measured')).toEqual([
      'wrong result: sum: expected an error of at most 1, got 2',
      'wrong result: sum: expected an error of at most 1, got NaN',
      'validation',
      'not here',
      'measured',
    ]);
    expect(rows.slice(0, 4).some((r) => r.wall)).toBe(false);
    expect(log.filter((l) => l.includes('disposed'))).toEqual([
      'wrong disposed',
      'nan disposed',
      'broken disposed',
      'good disposed',
    ]);
  });

  test('GPU time is the total over kernels, and peers get the operations of the engine', async () => {
    const profile = async () => [
      { kernel: 'gemm', dispatches: 2, ms: 3 },
      { kernel: 'map', dispatches: 1, ms: 1 },
    ];
    const rows = await measure(
      {
        name: 'c',
        candidates: [fake('a', [], { profile, cost: { flops: 8e6, bytes: 100 } }), fake('p', [], {}, 'peer')],
      },
      budget,
    );
    expect(rows[0].gpu?.median).toBe(4);
    expect(rows[0].kernels?.length).toBe(2);
    expect(rows[1].cost).toEqual({ flops: 8e6, bytes: 0 });
  });

  test('profiles without a time do not count', async () => {
    let calls = 0;
    const profile = async () => [{ kernel: 'gemm', dispatches: 1, ms: calls++ % 3 === 1 ? 2 : 0 }];
    const candidates = [fake('a', [], { profile }), fake('b', [], { profile: async () => [] })];
    const [sometimes, never] = await measure({ name: 'c', candidates }, budget);
    expect(sometimes.gpu?.median).toBe(2);
    expect(sometimes.gpuSamples?.every((ms) => ms === 2)).toBe(true);
    expect(never).not.toHaveProperty('gpu');
  });

  test('verify passes at the tolerance', () => {
    expect(() => verify({ what: '', error: 1, tolerance: 1 })).not.toThrow();
  });
});

test('cases of one name are joined, and the first says how they are run', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((n) => fake(n, []));
  const merged = mergeCases([
    { name: 'x', candidates: [a], least: 5 },
    { name: 'y', candidates: [b] },
    { name: 'x', candidates: [c], least: 9 },
  ]);
  expect(merged.map((m) => [m.name, m.least, m.candidates.map((k) => k.name)])).toEqual([
    ['x', 5, ['a', 'c']],
    ['y', undefined, ['b']],
  ]);
});
