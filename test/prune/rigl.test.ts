import { describe, expect, it } from 'vitest';
import { crossEntropy, grad, keep, scope } from '../../src/index.js';
import { type MaskDriver, planErk, planSparsity, randomMask, rigl, set } from '../../src/prune/index.js';
import { train } from '../../src/train/index.js';
import { testDevice } from '../support/device.js';
import { SEED } from '../support/random.js';
import { STEPS_AN_EPOCH, training } from './sparse-training.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

const share = (step: number, until: number) => (0.3 / 2) * (1 + Math.cos((Math.PI * step) / until));

describe(`RigL (seed ${SEED})`, () => {
  for (const [name, of] of [
    ['software', t],
    ['GPU forms', discrete],
  ] as const)
    it(`drops the smallest and grows where the dense gradient is greatest, layer by layer (${name})`, async () => {
      const setting = training(of.device, 'rigl');
      const model = setting.model();
      const { parameters } = model;
      const optimiser = setting.optimiser(model);
      const start = await randomMask(parameters, planErk(parameters, 0.8), 3);
      const own = setting.loader();
      own.shuffle();
      const until = 15;
      const batch = scope(() => own.next());
      keep(batch.inputs);
      keep(batch.targets);
      const driver = rigl(model, optimiser, start, { every: 4, until, batch: () => batch, training: false });
      const moved: number[] = [];
      const flatOf = async (tensors: { data(): Promise<ArrayLike<number>> }[]) =>
        (await Promise.all(tensors.map((x) => x.data()))) as Float32Array[];
      const run = async (step: number) => {
        const slot = optimiser.slots[0];
        const [weights, momentum, mask] = await flatOf([parameters.flat, slot, driver.mask]);
        const gradients = parameters.like();
        const grads = scope(() => grad(crossEntropy(model.forward(batch.inputs), batch.targets), parameters.list()));
        parameters.pack(grads, gradients);
        const [g] = await flatOf([gradients]);
        for (const x of [gradients, ...grads]) x.dispose();
        const statistics = await flatOf([...model.statistics.values()]);
        await driver.run(step);
        expect(await flatOf([...model.statistics.values()])).toEqual(statistics);
        const [newWeights, newMomentum, newMask] = await flatOf([parameters.flat, slot, driver.mask]);
        if (step === 0 || step >= until) {
          expect(newMask).toEqual(mask);
          return;
        }
        let changed = 0;
        for (const { name: layer, kept, total } of start.layers) {
          const at = parameters.offset(layer);
          const places = Array.from({ length: total }, (_, i) => at + i);
          const count = Math.floor(share(step, until) * kept);
          const bySize = places
            .filter((i) => mask[i])
            .sort((a, b) => Math.abs(weights[b]) - Math.abs(weights[a]) || a - b);
          const stay = new Set(bySize.slice(0, kept - count));
          const grown = places
            .filter((i) => !stay.has(i))
            .sort((a, b) => Math.abs(g[b]) - Math.abs(g[a]) || a - b)
            .slice(0, count);
          const expected = places.filter((i) => stay.has(i) || grown.includes(i));
          expect(
            places.filter((i) => newMask[i] === 1),
            `${layer} at ${step}`,
          ).toEqual(expected);
          changed += grown.filter((i) => !mask[i]).length;
        }
        const stays = (i: number) => mask[i] === 1 && newMask[i] === 1;
        expect(newWeights).toEqual(weights.map((w, i) => (stays(i) ? w : 0)));
        expect(newMomentum).toEqual(momentum.map((v, i) => (stays(i) ? v : 0)));
        moved.push(changed);
      };
      await train(model, optimiser, setting.loader(), {
        epochs: 3,
        mask: driver.mask,
        between: { every: driver.every, run },
      });
      expect(moved).toHaveLength(3);
      expect(moved.every((n) => n > 0)).toBe(true);
      for (const x of [driver, start.mask, batch.inputs, batch.targets, setting]) x.dispose();
    });

  it('takes its batch from the loader that trains, and gives the same bytes twice; SET grows elsewhere', async () => {
    const setting = training(t.device, 'rigl twice');
    const run = async (
      make: (
        m: ReturnType<typeof setting.model>,
        o: ReturnType<typeof setting.optimiser>,
        l: ReturnType<typeof setting.loader>,
        s: Awaited<ReturnType<typeof randomMask>>,
      ) => MaskDriver,
    ) => {
      const model = setting.model();
      const optimiser = setting.optimiser(model);
      const loader = setting.loader();
      const start = await randomMask(model.parameters, planSparsity(model.parameters, 0.8, { scope: 'layer' }), 3);
      const driver = make(model, optimiser, loader, start);
      const before = await start.mask.data();
      await train(model, optimiser, loader, { epochs: 2, mask: driver.mask, between: driver });
      const mask = (await driver.mask.data()) as Float32Array;
      const values = await model.parameters.flat.data();
      expect(values.every((w, i) => mask[i] === 1 || Object.is(w, 0))).toBe(true);
      // Every layer keeps its number.
      for (const { name, kept, total } of driver.layers) {
        const at = model.parameters.offset(name);
        expect(
          mask.slice(at, at + total).reduce((a, b) => a + b, 0),
          name,
        ).toBe(kept);
      }
      expect(await start.mask.data()).toEqual(before);
      start.mask.dispose();
      driver.dispose();
      return { mask, values };
    };
    const until = 2 * STEPS_AN_EPOCH;
    const grown = () => run((m, o, l, s) => rigl(m, o, s, { every: 3, until, batch: () => l.next() }));
    const random = (seed: number) => run((m, o, _, s) => set(m, o, s, { every: 3, until, seed }));
    const first = await grown();
    expect(await grown()).toEqual(first);
    const other = await random(1);
    expect(await random(1)).toEqual(other);
    expect((await random(2)).mask).not.toEqual(other.mask);
    expect(other.mask).not.toEqual(first.mask);
    setting.dispose();
  });

  it('refuses options out of range before anything changes', async () => {
    const setting = training(t.device, 'rigl refusals');
    const model = setting.model();
    const optimiser = setting.optimiser(model);
    const start = await randomMask(model.parameters, planErk(model.parameters, 0.8), 3);
    const refused = (options: Partial<Parameters<typeof set>[3]>) => () =>
      set(model, optimiser, start, { until: 10, seed: 1, ...options });
    expect(refused({ every: 0 })).toThrow('set: expected every as a whole number >= 1, got 0');
    expect(refused({ until: 1.5 })).toThrow('set: expected until as a whole number >= 1, got 1.5');
    expect(refused({ fraction: 2 })).toThrow('set: expected a fraction in [0, 1], got 2');
    expect(() => set(setting.model(), optimiser, start, { until: 10, seed: 1 })).toThrow(
      "set: expected an optimiser of the model's parameters, got of others",
    );
    start.mask.dispose();
    setting.dispose();
  });
});
