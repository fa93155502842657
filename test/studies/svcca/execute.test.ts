import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, openDevice } from '../../../src/index.js';
import { decodeMasks } from '../../../src/prune/index.js';
import { decodeSafetensors } from '../../../src/sparse/index.js';
import type { JsonObject } from '../../../src/store/record.js';
import { type RunContext, StoppedError } from '../../../src/studies/study.js';
import type { SvccaConfig } from '../../../src/studies/svcca/config.js';
import { expandSvcca, type SvccaRun } from '../../../src/studies/svcca/expand.js';
import type { ComparisonResult, Method, NetworkResult, NoiseResult } from '../../../src/studies/svcca/types.js';
import { MemoryStudy } from './context.js';
import { SETTINGS } from './settings.js';

let device: Device;
let study: MemoryStudy;
beforeAll(async () => {
  device = await openDevice({ poison: true });
  study = new MemoryStudy(device);
});
afterAll(async () => {
  await study.dispose();
  await device.sync();
  const { live, tensors } = device.memory();
  expect({ live, tensors }, 'leaked device memory').toEqual({ live: 0, tensors: 0 });
  await device.close();
});

const plan = expandSvcca(SETTINGS);
const runOf = (runs: readonly SvccaRun[], method: Method, sparsity = 0, variant: string | null = null): SvccaRun => {
  const found = runs.find(({ config: c }) => c.method === method && c.sparsity === sparsity && c.variant === variant);
  return found!;
};
const comparisonOf = (runs: readonly SvccaRun[], b: string): SvccaRun =>
  runs.find(({ config: c }) => c.b === b && c.pairs === 'same' && c.stage === null)!;

async function resultOf(run: SvccaRun, runs = plan): Promise<NetworkResult> {
  await study.prepare(run, runs);
  if (!study.records.has(run.id)) await study.run(run);
  return study.records.get(run.id)!.result as NetworkResult;
}

async function similarities(run: SvccaRun, runs = plan): Promise<ComparisonResult> {
  await study.prepare(run, runs);
  return (await study.run(run)).result as ComparisonResult;
}

const meanOf = ({ layers }: ComparisonResult): number => layers.reduce((sum, l) => sum + l.svcca / layers.length, 0);
const masksOf = ({ id }: SvccaRun) => decodeMasks(study.filesOf(id).get('masks.safetensors')!);
const weightsOf = ({ id }: SvccaRun, file = 'weights') =>
  decodeSafetensors(study.filesOf(id).get(`${file}.safetensors`)!).tensors;
/** Kernels are stored with their input channels first; zeros are counted, whatever their order. */
const nonzeros = (run: SvccaRun, name: string, file?: string) =>
  Array.from(weightsOf(run, file).get(name)!.data as Float32Array).filter((w) => w !== 0).length;

const METHODS = SETTINGS.methods.filter((m) => m !== 'P0');
const TOTAL = 36 + 144 + 16 * 64 + 16 * 16 + 160;

describe('networks', () => {
  it('are dense where nothing is pruned', async () => {
    const run = runOf(plan, 'D');
    const result = await resultOf(run);
    expect(result).toMatchObject({
      kept: TOTAL,
      total: TOTAL,
      compression: 1,
      speedup: 1,
      count: 50,
      divergedAt: null,
    });
    expect(result.bytesCompact).toBe(result.bytesDense);
    expect(result.history.map((h) => [h.round, h.epoch])).toEqual([
      [1, 1],
      [1, 2],
    ]);
    expect(result.history.every((h) => h.accuracy !== null && Number.isFinite(h.loss))).toBe(true);
    expect(result.accuracy).toBe(result.correct / 50);
  });

  it.each(['P0', ...METHODS] as Method[])('%s keeps exactly the share that is asked for', async (method) => {
    for (const sparsity of SETTINGS.sparsities) {
      const run = runOf(plan, method, sparsity);
      const { kept, total, layers, bytesCompact, bytesDense, compression } = await resultOf(run);
      expect(total).toBe(TOTAL);
      // Rounded over all layers, or in each.
      expect(Math.abs(kept - (1 - sparsity) * TOTAL)).toBeLessThanOrEqual(method === 'M3-uniform' ? 2.5 : 0.5);
      const masks = masksOf(run);
      for (const layer of layers) {
        expect(masks.get(layer.name)!.values.reduce((a, b) => a + b, 0)).toBe(layer.kept);
        expect(nonzeros(run, layer.name)).toBeLessThanOrEqual(layer.kept);
      }
      expect(bytesCompact).toBeLessThan(bytesDense);
      expect(compression).toBeGreaterThan(1.5);
    }
  });

  it('M1 prunes in rounds, each within the one before', async () => {
    const run = runOf(plan, 'M1', 0.9);
    const { stages, history } = await resultOf(run);
    expect(stages.map((s) => [s.stage, s.round, s.epoch])).toEqual([
      ['round1-pruned', 1, 0],
      ['round1-tuned', 1, 2],
      ['round2-pruned', 2, 0],
      ['round2-tuned', 2, 2],
    ]);
    expect(stages[0].sparsity).toBeCloseTo(1 - Math.sqrt(0.1), 12);
    expect(stages[3].sparsity).toBe(0.9);
    expect(history.map((h) => h.round)).toEqual([1, 1, 2, 2]);
    const [first, last] = ['round1-tuned', 'weights'].map((file) => weightsOf(run, file));
    let shrunk = 0;
    for (const [name, { data, shape }] of last) {
      if (shape.length < 2) continue;
      const before = first.get(name)!.data as Float32Array;
      Array.from(data as Float32Array).forEach((w, i) => {
        if (w !== 0) expect(before[i]).not.toBe(0);
        if (w === 0 && before[i] !== 0) shrunk++;
      });
    }
    expect(shrunk).toBeGreaterThan(100);
    expect(weightsOf(run, 'round2-tuned')).toEqual(last);
  });

  it('take masks and densities from M1 as their methods say', async () => {
    for (const method of METHODS) await resultOf(runOf(plan, method, 0.9));
    const m1 = masksOf(runOf(plan, 'M1', 0.9));
    const counts = (masks: typeof m1) => [...masks].map(([, { values }]) => values.reduce((a, b) => a + b, 0));
    for (const method of ['M2', 'M2-rescaled', 'M1-LT'] as const)
      expect(masksOf(runOf(plan, method, 0.9)), method).toEqual(m1);
    for (const method of ['M3-matched', 'M3-shuffled'] as const) {
      const masks = masksOf(runOf(plan, method, 0.9));
      expect(counts(masks), method).toEqual(counts(m1));
      expect(masks, method).not.toEqual(m1);
    }
    expect(masksOf(runOf(plan, 'M3-matched', 0.9))).not.toEqual(masksOf(runOf(plan, 'M3-shuffled', 0.9)));
    const uniform = masksOf(runOf(plan, 'M3-uniform', 0.9));
    for (const { values } of uniform.values())
      expect(values.reduce((a, b) => a + b, 0)).toBe(Math.round(values.length - 0.9 * values.length));
  });

  it('P0 is measured with its own statistics as well', async () => {
    const { recalibrated, history } = await resultOf(runOf(plan, 'P0', 0.9));
    expect(recalibrated!.accuracy).toBeGreaterThanOrEqual(0);
    expect(history).toEqual([]);
    expect((await resultOf(runOf(plan, 'M1', 0.9))).recalibrated).toBeNull();
  });

  it('begin where their methods say', async () => {
    // A rate below the last bit of every weight: what comes out is what went in.
    const still = { lr: 1e-30, weightDecay: 0 };
    const runs = expandSvcca({ ...SETTINGS, training: { ...SETTINGS.training, ...still } } as SvccaConfig);
    const [dense, ticket, anew, scaled] = (['D', 'M1-LT', 'M2', 'M2-rescaled'] as const).map((m) =>
      runOf(runs, m, m === 'D' ? 0 : 0.9),
    );
    for (const run of [ticket, anew, scaled]) await resultOf(run, runs);
    const name = 'classifier.2.weight';
    const [first, rewound, drawn, larger] = [dense, ticket, anew, scaled].map(
      (run) => weightsOf(run).get(name)!.data as Float32Array,
    );
    const { values } = masksOf(ticket).get(name)!;
    const kept = values.reduce((a, b) => a + b, 0);
    expect(kept).toBeGreaterThan(5);
    expect(Array.from(rewound)).toEqual(Array.from(first, (w, i) => (values[i] ? w : 0)));
    Array.from(drawn).forEach((w, i) => {
      if (values[i]) expect(w).not.toBe(first[i]);
      expect(larger[i]).toBeCloseTo(w * Math.sqrt(values.length / kept), 5);
    });
  });
});

/** A run that is stopped once it is at a share, and goes on from its checkpoint. */
async function interrupted(run: SvccaRun, share: number): Promise<{ result: JsonObject; saves: number }> {
  let bytes: Uint8Array | undefined;
  let saves = 0;
  const stop = new AbortController();
  const checkpoint = {
    load: async () => bytes,
    save: async (next: Uint8Array) => {
      bytes = next.slice();
      saves++;
    },
  };
  const given: Partial<RunContext> = { checkpoint, signal: stop.signal };
  const progress = (at: number) => {
    if (at >= share) stop.abort();
  };
  await expect(study.run(run, { ...given, progress })).rejects.toThrow(StoppedError);
  const { result } = await study.run(run, { ...given, signal: new AbortController().signal });
  return { result, saves };
}

describe('a run that is stopped', () => {
  const gradual = expandSvcca({ ...SETTINGS, fineTune: { ...SETTINGS.fineTune, pruning: 'gradual' } });
  it.each([
    ['D', plan, 0.4],
    ['M1', plan, 0.3],
    ['M1', plan, 0.7],
    ['M1', gradual, 0.2],
    ['M3-shuffled', plan, 0.4],
  ] as const)('%s ends with the same bytes', async (method, runs, share) => {
    const run = runOf(runs, method, method === 'D' ? 0 : 0.9);
    const result = await resultOf(run, runs);
    const files = new Map(study.filesOf(run.id));
    const again = await interrupted(run, share);
    expect(again.saves).toBeGreaterThan(1);
    expect(again.result).toEqual(result);
    expect(result.kept).toBe(method === 'D' ? TOTAL : 0.1 * TOTAL);
    expect(study.filesOf(run.id)).toEqual(files);
  });

  it('refuses to begin when it is to stop', async () => {
    const signal = AbortSignal.abort();
    await expect(study.run(runOf(plan, 'D'), { signal })).rejects.toThrow(StoppedError);
  });
});

it('a training that diverges is a result', async () => {
  const { id, ...run } = runOf(plan, 'D');
  const training = { ...SETTINGS.training, lr: 1e30, momentum: 0.9 };
  const wild = { ...run, id: `${id}-wild`, config: { ...run.config, recipe: { training } } };
  const { status, result } = await study.run(wild);
  expect(status).toBe('diverged');
  expect(result.divergedAt).toBeGreaterThanOrEqual(1);
  expect(result.divergedAt).toBeLessThanOrEqual(12);
  expect(study.filesOf(wild.id).size).toBe(0);
});

describe('comparisons', () => {
  it('find a network equal to itself', async () => {
    const { layers } = await similarities(comparisonOf(plan, runOf(plan, 'D').id));
    expect(layers.map((l) => [l.a, l.type])).toEqual([
      ['features.0', 'conv'],
      ['features.3', 'conv'],
      ['classifier.0', 'linear'],
      ['classifier.2', 'linear'],
      ['classifier.4', 'logits'],
    ]);
    expect(layers.map((l) => l.points)).toEqual([200, 200, 40, 40, 40]);
    for (const l of layers)
      for (const value of [l.svcca, l.svccaFixed, l.pwcca, l.cka, l.procrustes]) expect(value).toBeCloseTo(1, 9);
  });

  it('have one number for every pair of layers', async () => {
    const all = plan.find(({ config: c }) => c.pairs === 'all')!;
    const { layers } = await similarities(all);
    expect(layers).toHaveLength(25);
    expect(layers.every((l) => l.points === 40 && l.pwcca === null && l.svcca >= 0 && l.svcca <= 1)).toBe(true);
  });

  it('are the same again, and of one stage where that is asked for', async () => {
    const run = plan.find(({ config: c }) => c.stage === 'round1-pruned')!;
    const result = await similarities(run);
    expect((await study.run(run)).result).toEqual(result);
    const final = await similarities(comparisonOf(plan, run.config.b as string));
    expect(meanOf(result)).not.toBe(meanOf(final));
  });

  it('count dead channels, and compare what lives in both', async () => {
    const result = await similarities(comparisonOf(plan, runOf(plan, 'P0', 0.9).id));
    const dead = result.layers.filter((l) => l.deadA + l.deadB > 0);
    expect(dead.length).toBeGreaterThan(0);
    for (const l of result.layers) expect(l.svccaAlive === null || l.deadA + l.deadB > 0).toBe(true);
  });

  it('fine-tuned at a rate near 0, a network is as far away as it was when pruned', async () => {
    const tiny = runOf(plan, 'M1', 0.5, 'tiny learning rate');
    const [fine, pruned, floor] = [
      tiny.id,
      runOf(plan, 'P0', 0.5).id,
      plan.filter((r) => r.config.method === 'D')[1].id,
    ].map((b) => comparisonOf(plan, b));
    const [s, p, f] = [await similarities(fine), await similarities(pruned), await similarities(floor)].map(meanOf);
    expect(masksOf(tiny)).toEqual(masksOf(runOf(plan, 'P0', 0.5)));
    expect(Math.abs(s - p) / (1 - f)).toBeLessThan(0.1);
  });

  it('say of noise that it is unlike noise', async () => {
    const { layers } = (await study.run(plan.find((r) => r.config.kind === 'noise')!)).result as NoiseResult;
    expect(layers).toHaveLength(5);
    for (const l of layers) expect(l.cka).toBeLessThan(0.5);
    expect(layers[0].svcca).toBeLessThan(0.3);
  });
});
