import { describe, expect, it } from 'vitest';
import { type Device, scope, tensor } from '../../src/index.js';
import {
  type Activations,
  cca,
  compare,
  debiasedCka,
  type HostActivations,
  linearCka,
  modifiedRv,
  rbfCka,
  svcca,
} from '../../src/similarity/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { host, messageOf, related, withSpectrum, X, Y } from './data.js';

const hold = testDevice();
const gpu = testDevice({ deviceClass: 'discrete' });
const DEVICES: [string, () => Device][] = [
  ['the software device', () => hold.device],
  ['the kernels for GPUs', () => gpu.device],
];

const ALL = { cca: {}, svcca: { threshold: 0.9 }, pwcca: {}, linearCka: {}, procrustes: {}, regression: {} };
const FORCED = { ...ALL, cca: { force: true }, svcca: { force: true }, pwcca: { force: true } };

/** Runs with both sides as tensors. */
async function asTensors<T>(
  device: Device,
  sides: readonly HostActivations[],
  fn: (x: Activations, y: Activations) => Promise<T>,
): Promise<T> {
  const made = sides.map(({ data, shape }) => tensor(device, data as Float32Array, { shape }));
  try {
    return await fn(made[0], made[1]);
  } finally {
    for (const t of made) t.dispose();
  }
}

describe.each(DEVICES)('float32 agrees with float64 to 1e-4: %s', (_, device) => {
  const inputs = new Inputs('float32 similarity');

  it.each([
    [300, 20, 33],
    [129, 17, 1],
    [1031, 64, 48],
    [61, 12, 30],
    [20, 25, 40],
  ])('%i points of %i and %i neurons', async (n, p, q) => {
    const [x, y] = related(inputs, n, p, q);
    const wanted = n < 2 * Math.max(p, q) ? FORCED : ALL;
    const exact = await compare(x, y, wanted, { precision: 'float64' });
    const found = await compare(x, y, wanted, { precision: 'float32', device: device() });
    const passed = await asTensors(device(), [x, y], (a, b) => compare(a, b, wanted, { precision: 'float32' }));
    expect(passed).toEqual(found);
    for (const name of Object.keys(ALL) as (keyof typeof ALL)[]) {
      expectClose([found[name].similarity], [exact[name].similarity], { atol: 2e-5, rtol: 0, what: name });
      expect(found[name].precision).toBe('float32');
    }
    expectClose(found.cca.correlations, exact.cca.correlations, { atol: 2e-5, rtol: 0, what: 'rho' });
    // Where correlations are equal, their directions and weights are anybody's choice.
    if (n > p + q) expectClose(found.pwcca.alpha, exact.pwcca.alpha, { atol: 2e-5, rtol: 0, what: 'alpha' });
    expect([found.cca.x, found.cca.y]).toEqual([exact.cca.x, exact.cca.y]);
    // Float32 cannot tell a missing direction from a small one.
    const flags = exact.cca.flags.includes('rank deficient') ? ['ill-conditioned'] : [];
    expect([...found.cca.flags].sort()).toEqual([...exact.cca.flags, ...flags].sort());
  });

  it('kernels too, from both forms', async () => {
    const [x, y] = related(inputs, 70, 30, 50);
    const options = { precision: 'float32', device: device() } as const;
    for (const measure of [linearCka, debiasedCka, modifiedRv, rbfCka]) {
      const exact = (await measure(x, y, { precision: 'float64' })).similarity;
      expectClose([(await measure(x, y, options)).similarity], [exact], { atol: 2e-6, rtol: 0, what: measure.name });
      if (measure !== linearCka && measure !== debiasedCka) continue;
      for (const form of ['features', 'gram'] as const)
        expectClose([(await measure(x, y, { ...options, form })).similarity], [exact], { atol: 2e-6, what: form });
    }
  });

  it('a side with itself, passed once or twice', async () => {
    const [x] = related(inputs, 90, 11, 3);
    const options = { precision: 'float32', device: device() } as const;
    for (const y of [x, { ...x }])
      for (const [name, { similarity }] of Object.entries(await compare(x, y, ALL, options)))
        expectClose([similarity], [1], { atol: 3e-6, rtol: 0, what: name });
    for (const measure of [linearCka, debiasedCka, modifiedRv, rbfCka])
      expectClose([(await measure(x, x, options)).similarity], [1], { atol: 1e-6, rtol: 0, what: measure.name });
  });

  it('whatever the unit of the activations', async () => {
    const [x, y] = related(inputs, 60, 5, 7);
    const exact = await compare(x, y, ALL, { precision: 'float64' });
    for (const scale of [1e-30, 1e-12, 1e12, 1e17]) {
      const scaled = { data: Float32Array.from(x.data, (v) => v * scale), shape: x.shape };
      const options = { precision: 'float32', device: device() } as const;
      const found = await compare(scaled, y, ALL, options);
      for (const name of Object.keys(ALL) as (keyof typeof ALL)[])
        expectClose([found[name].similarity], [exact[name].similarity], {
          atol: 1e-5,
          rtol: 0,
          what: `${name} ${scale}`,
        });
      for (const measure of [linearCka, rbfCka, debiasedCka]) {
        const [a, b] = [await measure(scaled, y, options), await measure(x, y)];
        expectClose([a.similarity], [b.similarity], { atol: 1e-5, rtol: 0, what: `${measure.name} ${scale}` });
      }
    }
  });

  it('means far from zero', async () => {
    const [x, y] = related(inputs, 200, 6, 5);
    const far = { data: Float32Array.from(x.data, (v, at) => v + 1000 * ((at % 6) + 1)), shape: x.shape };
    const exact = await cca(far, y, { precision: 'float64' });
    const found = await cca(far, y, { precision: 'float32', device: device() });
    expectClose(found.correlations, exact.correlations, { atol: 2e-6, rtol: 0 });
  });
});

describe('where float32 is not enough', () => {
  const inputs = new Inputs('ill-conditioned similarity');
  // Enough work for 'auto' to go to the device.
  const [n, p] = [4000, 40];
  const common = Float64Array.from(inputs.normal(n * p));
  const pair = (s: number[]) => [withSpectrum(inputs, common, n, s), withSpectrum(inputs, common, n, s)] as const;
  /** Half of the directions at 1, half at 1 / c: the hardest of the shapes that were tried. */
  const step = (c: number) => Array.from({ length: p }, (_, i) => (i < p / 2 ? 1 : 1 / c));

  it('up to the limit errors stay below 1e-4', async () => {
    const [x, y] = pair(step(600));
    const [found, exact] = [await cca(x, y, { device: hold.device }), await cca(x, y, { precision: 'float64' })];
    expect([found.precision, found.flags]).toEqual(['float32', []]);
    expectClose(found.correlations, exact.correlations, { atol: 1e-4, rtol: 0 });
  });

  it('beyond it CCA is done in float64, and says so', async () => {
    const [x, y] = pair(step(1e5));
    const [found, exact] = [await cca(x, y, { device: hold.device }), await cca(x, y)];
    expect(found).toEqual({ ...exact, flags: ['float64 fallback'] });
    const forced = await cca(x, y, { precision: 'float32', device: hold.device });
    expect(forced.flags).toContain('ill-conditioned');
    expect(forced.flags).not.toContain('float64 fallback');
  });

  it('SVCCA asks only for the directions that it keeps', async () => {
    const [x, y] = pair(step(1e5));
    const [found, exact] = [await svcca(x, y, { device: hold.device }), await svcca(x, y)];
    expect([found.precision, found.x.directions]).toEqual(['float32', p / 2]);
    expect(found.flags).not.toContain('float64 fallback');
    expectClose(found.correlations, exact.correlations, { atol: 1e-5, rtol: 0 });
  });

  it('nor does it take a cut between directions that float32 cannot tell apart', async () => {
    const [x, y] = pair(Array.from({ length: p }, (_, i) => (i < p / 2 ? 2 : 1) * (1 - 1e-6 * i)));
    const at = async (directions: number) => (await svcca(x, y, { directions, device: hold.device })).precision;
    expect(await at(p / 2)).toBe('float32');
    expect(await at(p / 2 - 3)).toBe('float64');
    expect(await at(p)).toBe('float32');
  });

  it('measures that divide by no direction stay in float32', async () => {
    const [x, y] = pair(step(1e5));
    const found = await compare(x, y, { linearCka: {}, procrustes: {} }, { device: hold.device });
    const exact = await compare(x, y, { linearCka: {}, procrustes: {} });
    for (const name of ['linearCka', 'procrustes'] as const) {
      expect(found[name].precision).toBe('float32');
      expectClose([found[name].similarity], [exact[name].similarity], { atol: 1e-5, rtol: 0, what: name });
    }
  });

  it('debiased CKA of far more neurons than points falls back where the diagonals swamp the rest', async () => {
    const wide = () => host(inputs.normal(16 * 50_000), [16, 50_000]);
    const [x, y] = [wide(), wide()];
    const found = await debiasedCka(x, y, { device: hold.device, form: 'gram' });
    expect(found.flags).toEqual(['float64 fallback']);
    expectClose([found.similarity], [(await debiasedCka(x, y, { form: 'gram' })).similarity], { rtol: 1e-12 });
  });
});

it('many directions are correlated on the device too', async () => {
  const [x, y] = related(new Inputs('many directions'), 700, 260, 270);
  const wanted = { cca: {}, pwcca: {} };
  const found = await compare(x, y, wanted, { precision: 'float32', device: hold.device });
  const exact = await compare(x, y, wanted, { precision: 'float64' });
  expectClose(found.cca.correlations, exact.cca.correlations, { atol: 2e-5, rtol: 0 });
  expectClose([found.pwcca.similarity], [exact.pwcca.similarity], { atol: 2e-5, rtol: 0 });
});

describe('choices', () => {
  it('auto does small work on the host, also of tensors', async () => {
    const sides = [X, Y].map((a) => ({ ...a, data: Float32Array.from(a.data) }));
    expect((await asTensors(hold.device, sides, (x, y) => cca(x, y))).precision).toBe('float64');
    expect((await asTensors(hold.device, sides, (x, y) => linearCka(x, y))).precision).toBe('float64');
  });

  it('takes a tensor beside a host array, f16 and tracked tensors', async () => {
    const made = scope(() => {
      const x = tensor(hold.device, Float32Array.from(X.data), { shape: X.shape });
      x.requiresGrad = true;
      return {
        x,
        half: hold.device.hasF16 ? tensor(hold.device, Float32Array.from(X.data), { shape: X.shape, dtype: 'f16' }) : x,
      };
    });
    for (const x of [made.x, made.half])
      for (const precision of ['float32', 'float64'] as const)
        expectClose((await cca(x, Y, { precision })).correlations, [0.9995645, 0.84380672], { atol: 2e-6, rtol: 0 });
    for (const t of Object.values(made)) t.dispose();
  });

  it('refuses a precision that it does not have', async () => {
    expect(await messageOf(() => cca(X, Y, { precision: 'float32' }))).toBe(
      'ArgumentError: cca: expected a device for precision float32, got none',
    );
    expect(await messageOf(() => linearCka(X, Y, { precision: 'half' as 'auto' }))).toBe(
      "ArgumentError: linearCka: expected precision 'auto', 'float32' or 'float64', got half",
    );
    const huge = host(
      Array(12)
        .fill(0)
        .map((_, i) => (i % 5) * 1e60),
      [6, 2],
    );
    expect(await messageOf(() => cca(huge, Y, { precision: 'float32', device: hold.device }))).toBe(
      'ArgumentError: cca: expected values whose squares float32 holds, got larger or smaller ones',
    );
    expect((await cca(huge, Y, { device: hold.device })).correlations.every(Number.isFinite)).toBe(true);
  });

  it('refuses tensors of two devices', async () => {
    const [x, y] = [hold.device, gpu.device].map((d) => tensor(d, Float32Array.from(X.data), { shape: X.shape }));
    expect(await messageOf(() => cca(x, y))).toContain('DeviceMismatchError: cca');
    x.dispose();
    y.dispose();
  });
});
