import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/index.js';
import type { Parameters } from '../../src/nn/index.js';
import {
  invertedMask,
  layerMatchedMask,
  lotterySparsity,
  magnitudeScores,
  maskByMagnitude,
  maskByScores,
  type PrunePlan,
  type PruneResult,
  planDensities,
  planLike,
  planSparsity,
  randomMask,
  randomScores,
  roundSparsities,
  shuffledMask,
} from '../../src/prune/index.js';
import { philoxUniform } from '../../src/tensor/philox.js';
import { hostMask } from '../select/reference.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { countOf, maskValues, parametersOn, partOf, SIZES, TOTAL, WEIGHTS } from './networks.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

/** Scores in the order of the parameters, those of the weights only. */
const weightScores = (p: Parameters, scores: ArrayLike<number>) => WEIGHTS.flatMap((name) => partOf(p, scores, name));

/** What a plan makes of scores of all weights: the greatest stay. */
function expectedMask(plan: PrunePlan, scores: readonly number[]): number[] {
  if (plan.scope === 'global') return [...hostMask(scores, plan.kept, 'signed')];
  let at = 0;
  return plan.layers.flatMap((l) => [...hostMask(scores.slice(at, (at += l.total)), l.kept!, 'signed')]);
}

const flatMask = (masks: Map<string, number[]>) => WEIGHTS.flatMap((name) => masks.get(name)!);

describe.each([
  ['software', software],
  ['discrete', discrete],
])(`masks by scores on %s (seed ${SEED})`, (kind, t) => {
  it('keep exactly the greatest of all layers, or of each, the first ones among equals', async () => {
    const p = parametersOn(t.device, new Inputs(`scores ${kind}`), 9);
    const scores = magnitudeScores(p);
    const host = weightScores(p, await scores.data());
    for (const sparsity of [0, 0.3, 0.95])
      for (const scope of ['global', 'layer'] as const) {
        const plan = planSparsity(p, sparsity, { scope });
        const made = await maskByScores(p, plan, scores);
        const masks = await maskValues(p, made);
        expect(flatMask(masks), `${scope} ${sparsity}`).toEqual(expectedMask(plan, host));
        expect(made.layers).toEqual(
          WEIGHTS.map((name, i) => ({ name, kept: countOf(masks.get(name)!), total: SIZES[i] })),
        );
        expect([made.kept, made.total]).toEqual([plan.kept, TOTAL]);
        expect(new Set(masks.get('fc.bias'))).toEqual(new Set([1]));
        made.mask.dispose();
      }
    scores.dispose();
    p.dispose();
  });

  it.each(['global', 'layer'] as const)(
    'never revive what an older mask removed, and count exactly inside of it: %s',
    async (scope) => {
      const inputs = new Inputs(`nested ${kind} ${scope}`);
      const p = parametersOn(t.device, inputs);
      let older: PruneResult | undefined;
      let before = new Array<number>(TOTAL).fill(1);
      for (const sparsity of roundSparsities('exponential', 0.97, 5)) {
        // New weights each round, also where the mask is 0: by their scores alone, many would come back.
        for (const w of p.list()) w.write(inputs.normal(w.size));
        const plan = planSparsity(p, sparsity, { scope });
        const next: PruneResult = await maskByMagnitude(p, plan, { within: older });
        const values = flatMask(await maskValues(p, next));
        const host = weightScores(p, await p.flat.data()).map((w, i) => (before[i] ? Math.abs(w) : -1));
        expect(values).toEqual(expectedMask(plan, host));
        expect(values.every((v, i) => v <= before[i])).toBe(true);
        expect([countOf(values), next.kept]).toEqual([plan.kept, plan.kept]);
        older?.mask.dispose();
        older = next;
        before = values;
      }
      older?.mask.dispose();
      p.dispose();
    },
  );
});

describe(`masks (seed ${SEED})`, () => {
  const t = software;

  it('within an older one keep its zeros and counts of layers that are not planned', async () => {
    const p = parametersOn(t.device, new Inputs('others'));
    const older = await maskByMagnitude(p, planDensities(p, { 'fc*': 0.25 }));
    const next = await maskByMagnitude(p, planDensities(p, { 'conv*': 0.5 }), { within: older });
    expect(next.layers).toEqual([
      { name: 'conv1.weight', kept: 135, total: 270 },
      { name: 'conv2.weight', kept: 21, total: 42 },
      { name: 'fc.weight', kept: 364, total: 1457 },
    ]);
    expect([next.kept, next.total]).toEqual([520, TOTAL]);
    expect((await maskValues(p, next)).get('fc.weight')).toEqual((await maskValues(p, older)).get('fc.weight'));
    older.mask.dispose();
    next.mask.dispose();
    p.dispose();
  });

  it('refuse a plan for more than an older mask leaves, NaN, -infinity within, and other layouts', async () => {
    const p = parametersOn(t.device, new Inputs('refusals'));
    const older = await maskByMagnitude(p, planSparsity(p, 0.9, { scope: 'layer' }));
    await expect(maskByMagnitude(p, planSparsity(p, 0.5), { within: older })).rejects.toThrow(
      'maskByMagnitude: expected at most 177 kept of 3 weights, what the older mask leaves, got 885',
    );
    await expect(maskByMagnitude(p, planDensities(p, { 'conv2*': 1 }), { within: older })).rejects.toThrow(
      'expected at most 4 kept of conv2.weight, what the older mask leaves, got 42',
    );
    const wrong = tensor(t.device, new Float32Array(8));
    await expect(maskByScores(p, planSparsity(p, 0.5), wrong)).rejects.toThrow(`maskByScores: expected a flat tensor`);
    const scores = magnitudeScores(p);
    scores.write(new Float32Array(scores.size).fill(Number.NEGATIVE_INFINITY));
    await expect(maskByScores(p, planSparsity(p, 0.95), scores, { within: older })).rejects.toThrow(
      'maskByScores: expected scores above -3.4028234663852886e+38 of all weights left, got',
    );
    scores.write(new Float32Array(scores.size).fill(Number.NaN));
    await expect(maskByScores(p, planSparsity(p, 0.95), scores)).rejects.toThrow('scores without NaN, got 1769 NaN');
    for (const x of [older.mask, wrong, scores]) x.dispose();
    p.dispose();
  });

  it('of random pruning are those of the seed: the greatest of its uniform numbers', async () => {
    const p = parametersOn(t.device, new Inputs('random'));
    const scores = randomScores(p, 41, 7);
    expect(await scores.data()).toEqual(philoxUniform(41, 7, 0, p.flat.size));
    scores.dispose();
    const plan = planSparsity(p, 0.8);
    const values = async (seed: number) => {
      const made = await randomMask(p, plan, seed);
      const masks = flatMask(await maskValues(p, made));
      expect(countOf(masks)).toBe(plan.kept);
      made.mask.dispose();
      return masks.join('');
    };
    const [a, again, b] = [await values(3), await values(3), await values(4)];
    expect(again).toBe(a);
    expect(b).not.toBe(a);
    p.dispose();
  });

  it('of random sparse starts have exactly the planned counts of each layer, evenly placed', async () => {
    const p = parametersOn(t.device, new Inputs('sparse start'));
    const plan = planDensities(p, { 'conv*': 0.3, 'fc.weight': 0.05 });
    const hits = new Float64Array(270);
    for (let seed = 0; seed < 60; seed++) {
      const made = await randomMask(p, plan, seed);
      expect(made.layers.map((l) => l.kept)).toEqual([81, 13, 73]);
      (await maskValues(p, made)).get('conv1.weight')!.forEach((v, i) => {
        hits[i] += v;
      });
      made.mask.dispose();
    }
    // Binomial(60, 0.3): mean 18, deviation 3.5.
    expect(Math.min(...hits)).toBeGreaterThan(2);
    expect(Math.max(...hits)).toBeLessThan(36);
    p.dispose();
  });

  it('are shuffled within layers: other places, the same counts', async () => {
    const p = parametersOn(t.device, new Inputs('shuffle'));
    const pruned = await maskByMagnitude(p, planSparsity(p, 0.7));
    const shuffled = await shuffledMask(p, pruned, 5);
    const random = await randomMask(p, planLike(p, pruned), 5);
    expect((await maskValues(p, random)).get('fc.weight')).not.toEqual(
      (await maskValues(p, shuffled)).get('fc.weight'),
    );
    expect(shuffled.layers).toEqual(pruned.layers);
    const [a, b] = [await maskValues(p, pruned), await maskValues(p, shuffled)];
    for (const name of WEIGHTS) {
      expect(b.get(name), name).not.toEqual(a.get(name));
      expect(countOf(b.get(name)!)).toBe(countOf(a.get(name)!));
    }
    for (const made of [pruned, shuffled, random]) made.mask.dispose();
    p.dispose();
  });

  it('of inverted scores keep the least, and those matched to another mask its counts', async () => {
    const p = parametersOn(t.device, new Inputs('inverted'));
    const scores = magnitudeScores(p);
    const inverted = await invertedMask(p, planSparsity(p, 0.6), scores);
    const host = weightScores(p, await scores.data());
    expect(flatMask(await maskValues(p, inverted))).toEqual([...hostMask(host, inverted.kept, 'signed', false)]);
    const matched = await layerMatchedMask(p, inverted, scores);
    expect(matched.layers).toEqual(inverted.layers);
    const values = await maskValues(p, matched);
    for (const { name, kept } of inverted.layers)
      expect(values.get(name)).toEqual([...hostMask(partOf(p, await scores.data(), name), kept)]);
    for (const x of [inverted.mask, matched.mask, scores]) x.dispose();
    p.dispose();
  });

  it('of lottery tickets have the densities 0.8^l, nested, exactly counted', async () => {
    const p = parametersOn(t.device, new Inputs('tickets'));
    let older: PruneResult | undefined;
    for (let level = 1; level <= 8; level++) {
      const next: PruneResult = await maskByMagnitude(p, planSparsity(p, lotterySparsity(level)), { within: older });
      expect(Math.abs(next.kept / TOTAL - 0.8 ** level)).toBeLessThan(1e-3);
      older?.mask.dispose();
      older = next;
    }
    older?.mask.dispose();
    p.dispose();
  });
});
