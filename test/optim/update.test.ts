import { describe, expect, it } from 'vitest';
import { type Device, scope, type Tensor, tensor } from '../../src/index.js';
import { Parameters } from '../../src/nn/index.js';
import { adam, adamw, cosine, type Optimiser, sgd } from '../../src/optim/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { HostOptimiser, type HostOptions } from './reference.js';

const t = testDevice();
const STEPS = 30;
const SIZES = [1, 3, 63, 64, 65];

function parametersOf(device: Device, sizes: readonly number[], inputs: Inputs) {
  const parameters = new Parameters(
    device,
    sizes.map((n, i) => ({ name: `p${i}`, shape: [n] })),
  );
  const values = sizes.map((n) => inputs.normal(n));
  parameters.list().forEach((p, i) => p.write(values[i]));
  return { parameters, values };
}

/** The part of a flat tensor that belongs to each parameter, and what lies between them. */
async function parts(parameters: Parameters, flat: Tensor): Promise<{ values: Float32Array[]; between: Float32Array }> {
  const all = (await flat.data()) as Float32Array;
  const values = parameters.specs.map(({ name, shape }) =>
    all.slice(parameters.offset(name), parameters.offset(name) + shape[0]),
  );
  const between = all.slice();
  for (const { name, shape } of parameters.specs)
    between.fill(0, parameters.offset(name), parameters.offset(name) + shape[0]);
  return { values, between };
}

function stepWith(device: Device, optimiser: Optimiser, gradients: readonly Float32Array[]): void {
  scope(() => optimiser.step(gradients.map((g) => tensor(device, g))));
}

const makers = { sgd, adam, adamw };
const common = { lr: 0.05 };
const cases: [string, Omit<HostOptions, 'decays'> & { decays?: boolean }][] = [
  ['sgd', { rule: 'sgd' }],
  ['sgd with momentum', { rule: 'sgd', momentum: 0.9 }],
  ['sgd with Nesterov momentum', { rule: 'sgd', momentum: 0.8, nesterov: true }],
  ['sgd with weight decay', { rule: 'sgd', momentum: 0.9, weightDecay: 0.1 }],
  [
    'sgd with weight decay of some, clipped',
    { rule: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.1, decays: true, clipNorm: 3 },
  ],
  ['adam', { rule: 'adam' }],
  ['adam with other betas and eps', { rule: 'adam', betas: [0.5, 0.9], eps: 1e-2 }],
  ['adam with beta1 = 0', { rule: 'adam', betas: [0, 0.99] }],
  ['adam with weight decay, clipped', { rule: 'adam', weightDecay: 0.1, clipNorm: 2 }],
  ['adamw', { rule: 'adamw', weightDecay: 0.2 }],
  ['adamw with weight decay of some', { rule: 'adamw', weightDecay: 0.2, decays: true }],
];

describe(`an optimiser against float64 (seed ${SEED})`, () => {
  it.each(cases)('%s', async (name, { decays, ...options }) => {
    const inputs = new Inputs(name);
    const { parameters, values } = parametersOf(t.device, SIZES, inputs);
    const odd = (index: number) => index % 2 === 1;
    const schedule = cosine(25, 0.2);
    const optimiser = makers[options.rule](parameters, {
      ...common,
      ...options,
      schedule,
      decays: decays ? (n) => odd(Number(n.slice(1))) : undefined,
    });
    const host = new HostOptimiser(
      values.map((v) => Float64Array.from(v)),
      { ...options, decays: decays ? odd : undefined },
    );
    for (let i = 0; i < STEPS; i++) {
      const scale = i % 4 === 0 ? 0.01 : 1; // below and above the norm of clipping
      const gradients = SIZES.map((n) => inputs.normal(n).map((g) => g * scale));
      stepWith(t.device, optimiser, gradients);
      host.step(gradients, common.lr * schedule.factor(i));
      if (i !== 0 && i !== STEPS - 1) continue;
      const flats: [string, Tensor, Float64Array[]][] = [['weights', parameters.flat, host.weights]];
      optimiser.slots.forEach((s, k) => void flats.push([`slot ${k}`, s, k === 0 ? host.first : host.second]));
      for (const [what, flat, expected] of flats) {
        const got = await parts(parameters, flat);
        got.values.forEach((v, k) =>
          expectClose(v, expected[k], {
            rtol: 2e-6,
            atol: 2e-6, // rounding of values that were larger on the way: ten times 2^-24 of a momentum of up to 4
            what: `${what} of size ${SIZES[k]} after ${i + 1} steps`,
          }),
        );
        expect(
          got.between.every((v) => v === 0),
          `${what}: zeros between parameters`,
        ).toBe(true);
      }
    }
    expect(optimiser.slots).toHaveLength(options.rule === 'sgd' ? (options.momentum ? 1 : 0) : 2);
    expect(await optimiser.stepCount()).toBe(STEPS);
    for (const thing of [optimiser, parameters]) thing.dispose();
  });
});

describe('one step', () => {
  it('is one update dispatch, whatever the number of parameters, and one pack for every fifteen small ones', async () => {
    if (!t.device.hasTimestamps) return;
    const inputs = new Inputs('many parameters');
    const sizes = Array.from({ length: 40 }, (_, i) => ((i * 37) % 130) + (i === 20 ? 20_000 : 1));
    const { parameters, values } = parametersOf(t.device, sizes, inputs);
    const optimiser = sgd(parameters, { lr: 1 });
    const gradients = sizes.map((n) => inputs.normal(n));
    const made = gradients.map((g) => tensor(t.device, g));
    const rows = await t.device.profile(() => optimiser.step(made));
    const count: Record<string, number> = {};
    for (const r of rows) count[r.kernel] = (count[r.kernel] ?? 0) + 1;
    const most = Math.min(t.device.limits.maxBindings - 1, 15);
    // A software device packs the one large tensor on its own.
    const packs = t.device.deviceClass === 'software' ? 1 + Math.ceil(39 / most) : Math.ceil(40 / most);
    expect(count).toEqual({ update: 1, advance: 1, pack: packs });
    const { values: weights } = await parts(parameters, parameters.flat);
    weights.forEach((w, k) =>
      expectClose(
        w,
        values[k].map((v, i) => v - gradients[k][i]),
        { rtol: 1e-7, what: `parameter ${k}` },
      ),
    );
    for (const thing of [...made, optimiser, parameters]) thing.dispose();
  });

  it('takes gradients that are views, and the same one twice', async () => {
    const parameters = new Parameters(t.device, [
      { name: 'a', shape: [4] },
      { name: 'b', shape: [2, 2] },
      { name: 'c', shape: [4] },
    ]);
    const optimiser = sgd(parameters, { lr: 1 });
    const wide = tensor(
      t.device,
      Float32Array.from({ length: 256 }, (_, i) => i),
    );
    const [a, b] = [wide.view('test', [4], 64), wide.view('test', [2, 2], 128)];
    optimiser.step([a, b, a]);
    const read = await parameters.read();
    expect([...read.entries()].map(([k, v]) => [k, ...v])).toEqual([
      ['a', -64, -65, -66, -67],
      ['b', -128, -129, -130, -131],
      ['c', -64, -65, -66, -67],
    ]);
    for (const thing of [wide, a, b, optimiser, parameters]) thing.dispose();
  });

  it('gives the same bytes twice', async () => {
    const run = async () => {
      const inputs = new Inputs('twice');
      const { parameters } = parametersOf(t.device, SIZES, inputs);
      const optimiser = adamw(parameters, { lr: 0.1, weightDecay: 0.01, clipNorm: 1 });
      for (let i = 0; i < 5; i++)
        stepWith(
          t.device,
          optimiser,
          SIZES.map((n) => inputs.normal(n)),
        );
      const flat = await parameters.flat.data();
      for (const thing of [optimiser, parameters]) thing.dispose();
      return flat;
    };
    expect(await run()).toEqual(await run());
  });
});

describe('starting over', () => {
  it('repeats the same bytes from step 0', async () => {
    const inputs = new Inputs('reset');
    const { parameters, values } = parametersOf(t.device, SIZES, inputs);
    const optimiser = adam(parameters, { lr: 0.1, schedule: cosine(5) });
    const gradients = Array.from({ length: 5 }, () => SIZES.map((n) => inputs.normal(n)));
    const run = async () => {
      for (const g of gradients) stepWith(t.device, optimiser, g);
      return parameters.flat.data();
    };
    const first = await run();
    expect(await optimiser.stepCount()).toBe(5);
    optimiser.reset();
    expect(await optimiser.stepCount()).toBe(0);
    for (const s of optimiser.slots) expect((await s.data()).every((v) => v === 0)).toBe(true);
    parameters.list().forEach((p, i) => p.write(values[i]));
    expect(await run()).toEqual(first);
    for (const thing of [optimiser, parameters]) thing.dispose();
  });
});
