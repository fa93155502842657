import { describe, expect, it } from 'vitest';
import { cubicKept, gmp, type MaskDriver, planRounds, planSparsity } from '../../src/prune/index.js';
import { train } from '../../src/train/index.js';
import { testDevice } from '../support/device.js';
import { SEED } from '../support/random.js';
import { countOf } from './networks.js';
import { valuesOf } from './scoring.js';
import { training } from './sparse-training.js';

const t = testDevice();

describe(`gradual magnitude pruning (seed ${SEED})`, () => {
  it('removes the smallest weights step by step while the others train, and never brings one back', async () => {
    const setting = training(t.device, 'gmp');
    const model = setting.model();
    const plan = planSparsity(model.parameters, 0.9);
    const driver = gmp(model.parameters, plan, { every: 3, end: 12 });
    const masks: Float32Array[] = [];
    const kept: number[] = [];
    const result = await train(model, setting.optimiser(model), setting.loader(), {
      epochs: 3,
      mask: driver.mask,
      between: {
        every: driver.every,
        run: async (step) => {
          const before = (await model.parameters.flat.data()) as Float32Array;
          await driver.run(step);
          const mask = (await driver.mask.data()) as Float32Array;
          const after = (await model.parameters.flat.data()) as Float32Array;
          expect(after).toEqual(before.map((w, i) => (mask[i] ? w : 0)));
          masks.push(mask);
          kept.push(countOf(driver.layers.map((l) => l.kept)));
          if (masks.length < 2) return;
          // Among the pruned weights none that was there is greater than one that stays.
          const older = masks[masks.length - 2];
          const weights = model.parameters.specs.filter((s) => s.shape.length > 1);
          const [gone, left] = [1, 0].map((lost) =>
            weights.flatMap(({ name }) => {
              const at = model.parameters.offset(name);
              const size = model.parameters.get(name).size;
              return Array.from({ length: size }, (_, i) => at + i).flatMap((i) =>
                older[i] === 1 && mask[i] === 1 - lost ? [Math.abs(before[i])] : [],
              );
            }),
          );
          expect(mask.every((m, i) => m <= older[i])).toBe(true);
          if (gone.length > 0) expect(Math.max(...gone)).toBeLessThanOrEqual(Math.min(...left));
        },
      },
    });
    expect(result.status).toBe('finished');
    const counts = planRounds('test', plan, 4, cubicKept).map((p) => p.kept);
    expect(kept).toEqual([plan.total, ...counts, plan.kept]);
    expect(driver.collapsed).toEqual([]);
    const flat = await model.parameters.flat.data();
    const last = await driver.mask.data();
    expect(flat.every((w, i) => last[i] === 1 || Object.is(w, 0))).toBe(true);
    const weights = (await valuesOf(model, driver.mask)).filter((_, i) => model.parameters.specs[i].shape.length > 1);
    expect(countOf(weights.flat())).toBe(plan.kept);
    driver.dispose();
    setting.dispose();
  });

  it('goes on from a checkpoint to the same bytes', async () => {
    const setting = training(t.device, 'gmp resumed');
    const run = async (epochs: number, resume?: Uint8Array) => {
      const model = setting.model();
      const driver: MaskDriver = gmp(model.parameters, planSparsity(model.parameters, 0.9), { every: 2, end: 16 });
      let bytes = new Uint8Array();
      await train(model, setting.optimiser(model), setting.loader(), {
        epochs,
        mask: driver.mask,
        between: driver,
        resume,
        checkpoint: { save: (b) => void (bytes = new Uint8Array(b)) },
      });
      const values = [await model.parameters.flat.data(), await driver.mask.data(), driver.layers];
      driver.dispose();
      return { bytes, values };
    };
    const whole = await run(3);
    const half = await run(1);
    expect((await run(3, half.bytes)).values).toEqual(whole.values);
    setting.dispose();
  });

  it('refuses steps out of range', () => {
    const setting = training(t.device, 'gmp refusals');
    const { parameters } = setting.model();
    const plan = planSparsity(parameters, 0.9);
    expect(() => gmp(parameters, plan, { every: 0, end: 10 })).toThrow(
      'gmp: expected every as a whole number >= 1, got 0',
    );
    expect(() => gmp(parameters, plan, { every: 3, end: 10 })).toThrow(
      'begin < end, both multiples of 3, got 0 and 10',
    );
    expect(() => gmp(parameters, plan, { begin: 10, end: 10 })).toThrow('got 10 and 10');
    expect(() => gmp(parameters, plan, { end: 10, schedule: (n) => n + 1 })).toThrow(
      'gmp: expected a schedule of whole',
    );
    setting.dispose();
  });
});
