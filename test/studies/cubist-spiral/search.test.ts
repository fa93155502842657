import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, RunSpec } from '../../../src/store/record.js';
import { runId } from '../../../src/store/run-id.js';
import { maskTriples, parameterMask } from '../../../src/studies/cubist-spiral/enumerate.js';
import { shapeAround, triplesOf } from '../../../src/studies/cubist-spiral/expand.js';
import { fixedInitial } from '../../../src/studies/cubist-spiral/search/blocks.js';
import { executeContinuation, maskOf } from '../../../src/studies/cubist-spiral/search/continuation.js';
import { executeMasks } from '../../../src/studies/cubist-spiral/search/masks.js';
import { executeReference } from '../../../src/studies/cubist-spiral/search/reference.js';
import { executeStructured, winnerOf } from '../../../src/studies/cubist-spiral/search/structured.js';
import { connectivityOf, parametersOf } from '../../../src/studies/cubist-spiral/trained.js';
import {
  type ContinuationResult,
  type ContinuationRunConfig,
  LINES,
  type MasksResult,
  type MasksRunConfig,
  REVISION,
  type ReferenceResult,
  type ReferenceRunConfig,
  STUDY,
  type StructuredResult,
  type StructuredRunConfig,
} from '../../../src/studies/cubist-spiral/types.js';
import { StoppedError } from '../../../src/studies/study.js';
import { testDevice } from '../../support/device.js';
import { MemoryStudy } from '../memory-study.js';

const common = { study: STUDY, revision: REVISION, epochs: 1, seed: 3 } as const;
const settings = { rates: [0.05, 0.1], schedules: ['cosine', 'constant'] } as const;
const random = { initialisation: 'random', fixedSeed: null } as const;

const reference: ReferenceRunConfig = {
  ...{ kind: 'reference', widths: [3, 2, 2], rate: 0.1, schedule: 'cosine', seeds: 5, orders: 2, ...common },
};
const structured: StructuredRunConfig = {
  ...{ kind: 'structured', ...random, target: null, below: null, most: 2, within: [4, 4, 4], ...settings, ...common },
};
const masks: MasksRunConfig = {
  ...{ kind: 'masks', target: 0.95, ...random, widths: [3, 2, 2], structured: [], truncation: null, repeats: 1 },
  ...{ weights: { least: 17, most: 18 }, part: { index: 0, count: 1 }, ...settings, ...common },
};

const spec = (config: JsonObject, needs: readonly string[] = []): RunSpec => ({
  ...{ id: runId(STUDY, REVISION, config), config, needs },
});

describe('blocks of runs', () => {
  const t = testDevice();
  let study: MemoryStudy;
  beforeAll(async () => {
    study = new MemoryStudy(t.device, ({ config }, context) => {
      if (config.kind === 'reference') return executeReference(config as ReferenceRunConfig, context);
      if (config.kind === 'structured') return executeStructured(config as StructuredRunConfig, context);
      if (config.kind === 'masks') return executeMasks(config as MasksRunConfig, context);
      return executeContinuation(config as ContinuationRunConfig, context);
    });
    // The points stay on the device from the first block to the last.
    await study.run(spec(reference));
  });
  afterAll(() => study.dispose());

  const run = async <R>(config: JsonObject, needs: readonly string[] = []): Promise<R> =>
    (await study.run(spec(config, needs))).result as unknown as R;
  const lines = (config: JsonObject) =>
    new TextDecoder()
      .decode(study.filesOf(spec(config).id).get(LINES))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, number | string>);

  it('of reference networks give every accuracy, ascending, and the same bytes twice', async () => {
    const result = await run<ReferenceResult>(reference);
    expect(result).toMatchObject({ runs: 5, diverged: 0 });
    expect(result.accuracies).toEqual([...result.accuracies].sort((a, b) => a - b));
    for (const accuracy of result.accuracies) expect(accuracy).toBeGreaterThan(0.3);
    const first = study.filesOf(spec(reference).id).get(LINES)!;
    expect(new Set(lines(reference).map(({ seed }) => seed)).size).toBe(5);
    await run(reference);
    expect(study.filesOf(spec(reference).id).get(LINES)).toEqual(first);
  });

  it('of phase 1 train every triple of their shape with every setting', async () => {
    const result = await run<StructuredResult>(structured);
    const own = triplesOf(structured).filter((w) => String(shapeAround(w)) === '4,4,4');
    expect(own).toHaveLength(8);
    expect(result.runs).toBe(8 * 4);
    expect(result.triples.map(({ widths }) => widths)).toEqual(own);
    const all = lines(structured);
    for (const { widths, accuracy, weights, parameters } of result.triples) {
      const [a, b, c] = widths;
      expect([weights, parameters]).toEqual([2 * a + a * b + b * c + c, 2 * a + a * b + b * c + c + a + b + c + 1]);
      const runs = all.filter((line) => String(line.widths) === String(widths));
      expect(runs).toHaveLength(4);
      expect(accuracy).toBe(Math.max(...runs.map((line) => Number(line.accuracy))));
    }
  });

  it('of phase 2 train every mask with every setting and keep the best network', async () => {
    const result = await run<MasksResult>(masks);
    const candidates = maskTriples([3, 2, 2]).filter(({ weights }) => weights >= 17);
    expect(result).toMatchObject({ widths: [3, 2, 2], candidates: candidates.length, runs: 4 * candidates.length });
    expect(result.classes.map(({ weights }) => weights)).toEqual([17, 18]);
    const all = lines(masks);
    for (const { weights, best, runs } of result.classes) {
      const own = all.filter((line) => line.weights === weights);
      expect(own).toHaveLength(runs);
      expect(best.accuracy).toBe(Math.max(...own.map((line) => Number(line.accuracy))));
      expect(best.weights).toBe(weights);
      const winner = own.find((line) => line.accuracy === best.accuracy && line.seed === best.seed)!;
      const mask = parameterMask(maskOf(String(winner.mask), [3, 2, 2]));
      const values = parametersOf(best.network);
      expect(Array.from(values, (v) => Number(v !== 0))).toEqual(Array.from(mask));
      expect(connectivityOf([3, 2, 2], values).live).toBe(best.live);
    }
  });

  it('of phase 2 in parts train each mask once, from the same first weights whatever the parts', async () => {
    const parts = [0, 1, 2].map((index): MasksRunConfig => ({ ...masks, part: { index, count: 3 } }));
    const results = [];
    for (const part of parts) results.push(await run<MasksResult>(part));
    expect(results.reduce((n, r) => n + r.candidates, 0)).toBe(
      maskTriples([3, 2, 2]).filter(({ weights }) => weights >= 17).length,
    );
    const keys = parts.flatMap((part) => lines(part).map((l) => `${l.mask} ${l.rate} ${l.schedule}`));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('with fixed first weights all begin at the same block of one network', async () => {
    const fixed: MasksRunConfig = { ...masks, initialisation: 'fixed', fixedSeed: 713, repeats: 2 };
    const result = await run<MasksResult>(fixed);
    expect(result.runs).toBe(2 * 4 * result.candidates);
    expect(new Set(lines(fixed).map(({ seed }) => seed))).toEqual(new Set([713]));
    const [wide, narrow] = [fixedInitial(713, [16, 16, 16]), fixedInitial(713, [3, 2, 2])];
    expect(Array.from(narrow.subarray(0, 6))).toEqual(Array.from(wide.subarray(0, 6)));
    expect(Math.max(...narrow.subarray(6).map(Math.abs))).toBeLessThanOrEqual(0.5 ** 0.5);
    // Another order of points each time: the second training is no copy of the first.
    const once = lines(fixed).slice(0, result.runs / 2);
    const again = lines(fixed).slice(result.runs / 2);
    expect(once.some((line, i) => line.loss !== again[i].loss)).toBe(true);
  });

  it('of phase 2 search the smallest network of phase 1 that reached the target, or nothing', async () => {
    const id = spec(structured).id;
    await run(structured);
    const phase1 = study.records.get(id)!.result as unknown as StructuredResult;
    expect(winnerOf([phase1], 0.995)).toBe(null);
    const nothing = await run<MasksResult>({ ...masks, widths: 'winner', structured: [id] }, [id]);
    expect(nothing).toMatchObject({ widths: null, runs: 0, classes: [] });
    const triple = { weights: 0, accuracy: 0.96, rate: 0.1, schedule: 'cosine' } as const;
    const made = {
      ...{ runs: 1, diverged: 0 },
      triples: [
        { ...triple, widths: [4, 4, 4], parameters: 60 },
        { ...triple, widths: [3, 2, 2], parameters: 26 },
        { ...triple, widths: [2, 2, 2], parameters: 20, accuracy: 0.9 },
      ] as const,
    };
    expect(winnerOf([made], 0.95)?.widths).toEqual([3, 2, 2]);
    study.records.set(id, { ...study.records.get(id)!, result: made });
    expect(await run({ ...masks, widths: 'winner', structured: [id] }, [id])).toMatchObject({ widths: [3, 2, 2] });
  });

  it('of the continuation go on from what is trained, and say what they covered', async () => {
    const from = spec(masks).id;
    await run(masks);
    const { target } = masks;
    const slice = (index: number, ids: string[]): ContinuationRunConfig => ({
      ...{ kind: 'continuation', target, ...random, widths: [3, 2, 2], slice: index, seconds: 0.1, from: ids },
      ...{ rates: [0.1], schedules: ['cosine'], ...common },
    });
    const first = slice(0, [from]);
    const one = await run<ContinuationResult>(first, [from]);
    const known = new Set(lines(masks).map(({ mask }) => mask));
    for (const { mask } of lines(first)) expect(known).not.toContain(mask);
    const second = slice(1, [from, spec(first).id]);
    const two = await run<ContinuationResult>(second, second.from);
    const covered = (r: ContinuationResult) => r.coverage.reduce((n, c) => n + c.trained, 0);
    const distinct = (configs: JsonObject[]) => new Set(configs.flatMap((c) => lines(c).map(({ mask }) => mask))).size;
    expect(covered(one)).toBe(distinct([masks, first]));
    expect(covered(two)).toBe(one.waiting === 0 ? covered(one) : distinct([masks, first, second]));
    expect(two.coverage.reduce((n, c) => n + c.candidates, 0)).toBe(416);
  });

  it('stop when the study does', async () => {
    const signal = AbortSignal.abort();
    await expect(study.run(spec(reference), { signal })).rejects.toThrow(StoppedError);
  });
});
