import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/index.js';
import { compare, linearCka, svcca } from '../../src/similarity/index.js';
import { relate } from '../../src/similarity/relate.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { related, withSpectrum } from './data.js';

const hold = testDevice();
const gpu = testDevice({ deviceClass: 'discrete' });
const DEVICES: [string, () => Device][] = [
  ['the software device', () => hold.device],
  ['the kernels for GPUs', () => gpu.device],
];

/** To these faint directions mean nothing. */
const STRONG = { svcca: {}, linearCka: {} };

describe.each(DEVICES)('two sides by the product of both: %s', (_, device) => {
  const inputs = new Inputs('relation by a product');

  it.each([
    [300, 20, 33],
    [1031, 64, 48],
    [277, 16, 7],
    [512, 5, 12],
    [40, 1, 30],
    [15, 3, 2],
    [16, 1, 1],
  ])('%i points of %i and %i neurons', async (n, p, q) => {
    const [x, y] = related(inputs, n, p, q);
    const wanted = { ...STRONG, svcca: { force: true } };
    const exact = await compare(x, y, wanted, { precision: 'float64' });
    const options = { precision: 'float32', device: device() } as const;
    expect((await relate('test', x, y, options, wanted)).product).toBe(true);
    const found = await compare(x, y, wanted, options);
    for (const name of Object.keys(STRONG) as (keyof typeof STRONG)[])
      expectClose([found[name].similarity], [exact[name].similarity], { atol: 2e-5, rtol: 0, what: name });
    expectClose(found.svcca.correlations, exact.svcca.correlations, { atol: 2e-5, rtol: 0, what: 'rho' });
    expect([found.svcca.x, found.svcca.y, found.svcca.flags]).toEqual([
      exact.svcca.x,
      exact.svcca.y,
      exact.svcca.flags,
    ]);
  });

  it('dead neurons, repeated ones, means far from zero, and units far apart', async () => {
    const [n, p, q] = [400, 12, 9];
    const [x, y] = related(inputs, n, p, q);
    const spoilt = Float32Array.from(x.data, (v, at) => {
      if (at % p === 3) return 7; // never changes
      return at % p === 5 ? 1e6 * (x.data[at - 1] + 40) : 1e6 * (v + 100);
    });
    const tiny = { data: Float32Array.from(y.data, (v) => 1e-20 * v), shape: y.shape };
    const exact = await svcca({ data: spoilt, shape: x.shape }, tiny, { precision: 'float64' });
    const found = await svcca({ data: spoilt, shape: x.shape }, tiny, { precision: 'float32', device: device() });
    expectClose(found.correlations, exact.correlations, { atol: 2e-5, rtol: 0 });
    for (const side of ['x', 'y'] as const)
      expect([found[side].directions, found[side].dropped]).toEqual([exact[side].directions, exact[side].dropped]);
    expect(found.x.dropped).toBe(1);
  });

  it('nothing but constants', async () => {
    const flat = { data: new Float32Array(200).fill(3), shape: [50, 4] };
    const [x] = related(inputs, 50, 5, 4);
    const found = await svcca(x, flat, { precision: 'float32', device: device() });
    expect([found.similarity, found.correlations.length, found.flags]).toEqual([0, 0, ['degenerate']]);
  });
});

describe('which way a relation is made', () => {
  const inputs = new Inputs('ways to relations');
  const [n, p] = [4000, 40];
  const options = () => ({ precision: 'float32', device: hold.device }) as const;

  it('by a product only where nothing faint is inverted and both sides are tall', async () => {
    const [x, y] = related(inputs, 200, 20, 10);
    const way = async (wanted: object, a = x, b = y) => (await relate('test', a, b, options(), wanted)).product;
    expect(await way({ svcca: { threshold: 0.9 }, linearCka: {} })).toBe(true);
    for (const wanted of [
      { cca: {} },
      { svcca: { threshold: 0.999 } },
      { svcca: { by: 'amplitude' } },
      { svcca: { directions: 3 } },
      { svcca: {}, pwcca: {} },
      { regression: {} },
      { procrustes: {} },
    ])
      expect(await way(wanted), JSON.stringify(wanted)).toBeUndefined();
    expect(await way(STRONG, x, x)).toBeUndefined();
    const [few, wide] = related(inputs, 20, 20, 10);
    expect(await way({ linearCka: {} }, few, wide)).toBeUndefined();
  });

  it('linear CKA is what it is without faint directions', async () => {
    const s = Array.from({ length: p }, (_, i) => (i < p / 2 ? 1 : 1e-5));
    const common = Float64Array.from(inputs.normal(n * p));
    const [x, y] = [withSpectrum(inputs, common, n, s), withSpectrum(inputs, common, n, s)];
    expect((await relate('test', x, y, options(), { linearCka: {} })).product).toBe(true);
    const [found, exact] = [await linearCka(x, y, options()), await linearCka(x, y, { precision: 'float64' })];
    expectClose([found.similarity], [exact.similarity], { atol: 1e-5, rtol: 0 });
    const { linearCka: together } = await compare(x, y, STRONG, options());
    expectClose([together.similarity], [exact.similarity], { atol: 1e-5, rtol: 0 });
  });

  it('the faintest directions that 99 % of the variance can keep are found to 3e-5', async () => {
    // Nearly all variance in one direction; the others fall so slowly that many are kept.
    const s = Array.from({ length: p }, (_, i) => (i === 0 ? 1 : 0.035 * 0.97 ** i));
    const common = Float64Array.from(inputs.normal(n * p));
    const [x, y] = [withSpectrum(inputs, common, n, s), withSpectrum(inputs, common, n, s)];
    const exact = await svcca(x, y, { precision: 'float64' });
    expect(exact.x.directions).toBeGreaterThan(5);
    const relation = await relate('test', x, y, options(), { svcca: {} });
    expect(relation.product).toBe(true);
    const found = await svcca(x, y, options());
    expect(found.x.directions).toBe(exact.x.directions);
    expectClose(found.correlations, exact.correlations, { atol: 3e-5, rtol: 0 });
  });
});
