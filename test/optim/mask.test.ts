import { describe, expect, it } from 'vitest';
import { add, compile, scope, type Tensor, tensor } from '../../src/index.js';
import { Parameters } from '../../src/nn/index.js';
import { adam, adamw, type Optimiser, sgd } from '../../src/optim/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice();
const SIZES = [5, 64, 67];
const bits = (values: ArrayLike<number>) => [...new Uint32Array(Float32Array.from(values).buffer)];

const optimisers: [string, (p: Parameters) => Optimiser][] = [
  ['sgd', (p) => sgd(p, { lr: 0.1 })],
  ['sgd with momentum and decay', (p) => sgd(p, { lr: 0.1, momentum: 0.9, weightDecay: 0.1 })],
  ['sgd with Nesterov momentum', (p) => sgd(p, { lr: 0.1, momentum: 0.9, nesterov: true })],
  ['adam', (p) => adam(p, { lr: 0.1, weightDecay: 0.1 })],
  ['adamw with decay of some', (p) => adamw(p, { lr: 0.1, weightDecay: 0.1, decays: (n) => n !== 'p1' })],
];

function setUp(make: (p: Parameters) => Optimiser, name: string) {
  const inputs = new Inputs(name);
  const parameters = new Parameters(
    t.device,
    SIZES.map((n, i) => ({ name: `p${i}`, shape: [n] })),
  );
  for (const p of parameters.list()) p.write(inputs.normal(p.size));
  const optimiser = make(parameters);
  const mask = parameters.like(1);
  const values = Float32Array.from({ length: mask.size }, (_, i) => (i % 3 === 1 ? 0 : 1));
  const step = (spoil = 0) =>
    scope(() =>
      optimiser.step(
        SIZES.map((n, k) =>
          tensor(
            t.device,
            inputs.normal(n).map((g, i) => (spoil && values[parameters.offset(`p${k}`) + i] === 0 ? spoil : g)),
          ),
        ),
      ),
    );
  const dispose = () => {
    for (const thing of [optimiser, mask, parameters]) thing.dispose();
  };
  return { parameters, optimiser, mask, values, step, dispose };
}

describe('masked entries', () => {
  it.each(optimisers)(
    'of weights and state are exactly +0 from the next step on, and the others move as ever: %s',
    async (name, make) => {
      const masked = setUp(make, name);
      const free = setUp(make, name);
      for (const run of [masked, free]) for (let i = 0; i < 3; i++) run.step();
      masked.mask.write(masked.values);
      masked.optimiser.setMask(masked.mask);
      for (const spoil of [0, Number.NaN, -1e30, 0]) {
        masked.step(spoil);
        free.step(0);
        const all = [masked.parameters.flat, ...masked.optimiser.slots];
        for (const flat of all) {
          const words = bits(await flat.data());
          expect(
            masked.values.every((m, i) => m === 1 || words[i] === 0),
            `${name}, gradient ${spoil}`,
          ).toBe(true);
        }
      }
      const pairs = [masked, free].map(({ parameters, optimiser }) => [parameters.flat, ...optimiser.slots]);
      for (const [k, flat] of pairs[0].entries()) {
        const alive = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => masked.values[i] === 1);
        expect(alive(await flat.data())).toEqual(alive(await pairs[1][k].data()));
      }
      const weights = await masked.parameters.read();
      expect([...weights.values()].flatMap((w) => [...w]).filter((w) => w !== 0).length).toBeGreaterThan(80);
      for (const run of [masked, free]) run.dispose();
    },
  );

  it('move again when the mask is taken off', async () => {
    const { parameters, optimiser, mask, values, step, dispose } = setUp((p) => adam(p, { lr: 0.1 }), 'lifted');
    mask.write(values);
    optimiser.setMask(mask);
    step();
    optimiser.setMask(null);
    step();
    const [p0] = (await parameters.read()).values();
    expect(p0[1]).not.toBe(0);
    expect(Math.abs(p0[1])).toBeLessThan(0.2);
    dispose();
  });

  it('do not count in the norm that clips', async () => {
    const parameters = new Parameters(t.device, [{ name: 'w', shape: [4] }]);
    const optimiser = sgd(parameters, { lr: 1, clipNorm: 1 });
    const mask = parameters.like(1);
    const part = parameters.part(mask, 'w');
    part.write([1, 0, 1, 0]);
    optimiser.setMask(mask);
    scope(() => optimiser.step([tensor(t.device, [3, 1e6, 4, Number.POSITIVE_INFINITY])]));
    expectClose((await parameters.read()).get('w')!, [-0.6, 0, -0.8, 0], { rtol: 1e-6 });
    for (const thing of [part, mask, optimiser, parameters]) thing.dispose();
  });

  it('follow what their owner writes between replays of a compiled step', async () => {
    const parameters = new Parameters(t.device, [{ name: 'w', shape: [4] }]);
    parameters.get('w').write([1, 1, 1, 1]);
    const optimiser = sgd(parameters, { lr: 1, momentum: 0.5 });
    const mask = parameters.like(1);
    const part = parameters.part(mask, 'w');
    optimiser.setMask(mask);
    const step = compile(t.device, (g: Tensor) => {
      optimiser.step([g]);
      return add(parameters.get('w'), 0);
    });
    const g = tensor(t.device, [-1, -1, -1, -1]);
    const alive = [1, 1, 1, 1];
    for (let i = 0; i < 4; i++) {
      alive[i] = 0;
      part.write(alive);
      const w = step(g);
      expect(Array.from(await w.data(), (v) => (v === 0 ? 0 : 1))).toEqual(alive);
      w.dispose();
    }
    expect(bits(await parameters.flat.data()).every((b) => b === 0)).toBe(true);
    for (const thing of [g, part, mask, step, optimiser, parameters]) thing.dispose();
  });

  it('belong to a mask laid out like the parameters, in f32, on their device', () => {
    const { parameters, optimiser, dispose } = setUp((p) => sgd(p, { lr: 1 }), 'refused');
    const n = parameters.flat.size;
    const refused = [tensor(t.device, new Float32Array(3)), tensor(t.device, new Uint8Array(n))];
    expect(() => optimiser.setMask(refused[0])).toThrow(`sgd: expected a flat mask f32[${n}], got f32[3]`);
    expect(() => optimiser.setMask(refused[1])).toThrow(`sgd: expected a flat mask f32[${n}], got bool[${n}]`);
    for (const m of refused) m.dispose();
    expect(() => optimiser.setMask(refused[0])).toThrow('was disposed before this use');
    dispose();
  });
});
