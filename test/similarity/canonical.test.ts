import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../../src/index.js';
import {
  cca,
  compare,
  leadingMean,
  linearCka,
  linearRegression,
  noiseFloor,
  normalisedSimilarity,
  procrustes,
  pwcca,
  svcca,
  topMean,
} from '../../src/similarity/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { gaussian, host, mapped, messageOf, orthogonal, qrCorrelations, related, X, Y } from './data.js';

const hold = testDevice();
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

describe('laws', () => {
  const inputs = new Inputs('similarity laws');

  it('agrees with orthonormal bases from QR', async () => {
    for (const [n, p, q] of [
      [60, 7, 11],
      [200, 31, 5],
      [700, 33, 33],
    ]) {
      const [x, y] = related(inputs, n, p, q);
      const found = await cca(x, y);
      expectClose(found.correlations, qrCorrelations(x, y), { atol: 1e-11, rtol: 0, what: `${n} x ${p}, ${q}` });
    }
  });

  it('everything is 1 for a side and itself', async () => {
    const x = gaussian(inputs, 100, 12);
    const copy = host(x.data, [100, 12]);
    for (const y of [x, copy]) {
      const all = await compare(x, y, { cca: {}, svcca: {}, pwcca: {}, linearCka: {}, procrustes: {}, regression: {} });
      for (const [name, { similarity }] of Object.entries(all))
        expectClose([similarity], [1], { atol: 1e-12, rtol: 0, what: name });
      expectClose([all.procrustes.squaredDistance], [0], { atol: 1e-12, what: 'distance' });
    }
  });

  it('CCA does not change with invertible linear maps and offsets, CKA and Procrustes only with rotations and scales', async () => {
    const [x, y] = related(inputs, 150, 9, 14);
    const bent = mapped(x, inputs.normal(81), 9, 3);
    const before = await cca(x, y);
    expectClose((await cca(bent, y)).correlations, before.correlations, { atol: 1e-9, rtol: 0 });
    expectClose((await cca(x, bent)).correlations, new Float64Array(9).fill(1), { atol: 1e-10, rtol: 0 });
    expectClose((await svcca(x, bent, { threshold: 1 })).correlations, new Float64Array(9).fill(1), { atol: 1e-10 });
    expect((await linearCka(x, bent)).similarity).toBeLessThan(0.999);
    const turned = mapped(
      x,
      orthogonal(inputs, 9).map((v) => 3 * v),
      9,
      -1,
    );
    for (const measure of [linearCka, procrustes])
      expectClose([(await measure(x, turned)).similarity], [1], { atol: 1e-12, rtol: 0, what: measure.name });
  });

  it('an affine map of each neuron leaves CCA at 1 and CKA not', async () => {
    const x = gaussian(inputs, 80, 6);
    const scaled = host(
      x.data.map((v, at) => v * 10 ** ((at % 6) - 3) + (at % 6)),
      [80, 6],
    );
    expectClose([(await cca(x, scaled)).similarity], [1], { atol: 1e-11, rtol: 0 });
    expect((await linearCka(x, scaled)).similarity).toBeLessThan(0.9);
  });

  it('repeated neurons do not change CCA, but are told', async () => {
    const [x, y] = related(inputs, 90, 5, 6);
    const twice = host(
      Array.from({ length: 90 * 7 }, (_, at) => x.data[Math.floor(at / 7) * 5 + ((at % 7) % 5)]),
      [90, 7],
    );
    const found = await cca(twice, y);
    expectClose(found.correlations, (await cca(x, y)).correlations, { atol: 1e-10, rtol: 0 });
    expect(found.flags).toEqual(['rank deficient']);
    expect(found.x).toEqual({ neurons: 7, dropped: 0, rank: 5, directions: 5 });
    expect((await linearCka(twice, y)).similarity).not.toBeCloseTo((await linearCka(x, y)).similarity, 3);
  });

  it('is symmetric, but for weights and regressions', async () => {
    const [x, y] = related(inputs, 120, 8, 8);
    for (const measure of [cca, svcca, procrustes, linearCka])
      expectClose([(await measure(x, y)).similarity], [(await measure(y, x)).similarity], { what: measure.name });
    expect((await pwcca(x, y)).weights).toBe('x');
    const [a, b] = [await pwcca(x, y), await pwcca(x, y, { weights: 'y' })];
    expectClose(a.correlations, b.correlations, { atol: 1e-12 });
    expect(a.similarity).not.toBeCloseTo(b.similarity, 9);
    expectClose([b.similarity], [(await pwcca(y, x)).similarity], { rtol: 1e-9 });
    expectClose([mean(a.alpha) * 8], [1], { what: 'alpha sums to 1' });
  });

  it('R² is that of the normal equations', async () => {
    const x = gaussian(inputs, 50, 1);
    const y = host(
      x.data.map((v, i) => 2 * v + Math.sin(i)),
      [50, 1],
    );
    const [a, b] = [await linearRegression(x, y), await cca(x, y)];
    expectClose([a.similarity], [b.correlations[0] ** 2], { rtol: 1e-12 });
  });
});

describe('independent data', () => {
  const draw = (points: number, x: number, y: number, measure: Parameters<typeof noiseFloor>[1], draws = 3) =>
    noiseFloor({ points, x, y }, measure, { seed: new Inputs(`floor ${points}`).integer(1e6), draws });

  it.each([
    [500, 100, 100, 20.04],
    [200, 64, 128, 41.17],
  ])('squares of correlations of %i x %i and %i sum to p q / (n - 1) = %f', async (n, p, q, expected) => {
    const first: number[] = [];
    const floor = await draw(n, p, q, async (x, y) => {
      const found = await cca(x, y, { force: true });
      first.push(found.correlations[0]);
      return { similarity: found.meanSquared * Math.min(p, q) };
    });
    expectClose([expected], [(p * q) / (n - 1)], { rtol: 1e-3 });
    expectClose([floor.mean], [expected], { rtol: 0.03, what: 'sum of squares' });
    const [g, h] = [p / n, q / n];
    const edge = Math.sqrt(g * (1 - h)) + Math.sqrt(h * (1 - g));
    expectClose([mean(first)], [Math.min(1, edge)], { rtol: 0.05, what: 'greatest correlation' });
  });

  it('the mean correlation is about 0.849 √(p / (n - 1))', async () => {
    const floor = await draw(3000, 40, 40, (x, y) => cca(x, y));
    expectClose([floor.mean], [0.849 * Math.sqrt(40 / 2999)], { rtol: 0.05 });
    expect(floor.values).toHaveLength(3);
  });

  it('linear CKA is about √(p q / ((n + p) (n + q)))', async () => {
    expectClose([(await draw(500, 100, 100, (x, y) => linearCka(x, y))).mean], [0.167], { rtol: 0.04 });
    expectClose([(await draw(200, 64, 128, (x, y) => linearCka(x, y))).mean], [0.308], { rtol: 0.04 });
  });

  it('the same seed draws the same, on a device too', async () => {
    const shape = { points: 40, x: 3, y: 4 };
    const once = (device?: typeof hold.device) => noiseFloor(shape, (x, y) => cca(x, y), { seed: 7, draws: 2, device });
    expect(await once()).toEqual(await once());
    expectClose((await once(hold.device)).values, (await once()).values, { atol: 1e-6 });
    expect(await once()).not.toEqual(await noiseFloor(shape, (x, y) => cca(x, y), { seed: 8, draws: 2 }));
  });

  it('normalised similarity is 0 at the floor', async () => {
    expect(normalisedSimilarity(0.25, 0.25)).toBe(0);
    expect(normalisedSimilarity(1, 0.25)).toBe(1);
    expectClose([normalisedSimilarity(0.7, 0.2)], [0.625]);
    expect(() => normalisedSimilarity(0.5, 1)).toThrow('normalisedSimilarity: expected a floor below 1, got 1');
  });
});

describe('directions and summaries', () => {
  it('keeps what explains the share, of variance or of amplitudes, or a number', async () => {
    // Orthogonal columns with singular values in the ratio 4 : 2 : 1.
    const x = host([4, 2, 1, -4, 2, -1, 4, -2, -1, -4, -2, 1], [4, 3]);
    const kept = async (options: object) => (await svcca(x, x, { force: true, ...options })).x.directions;
    expect(await kept({ threshold: 16 / 21 - 1e-9 })).toBe(1);
    expect(await kept({ threshold: 16 / 21 + 1e-9 })).toBe(2);
    expect(await kept({ threshold: 0.9 })).toBe(2);
    expect(await kept({ threshold: 0.9, by: 'amplitude' })).toBe(3);
    expect(await kept({ threshold: 4 / 7 - 1e-9, by: 'amplitude' })).toBe(1);
    expect(await kept({ threshold: 1 })).toBe(3);
    expect(await kept({ directions: 2 })).toBe(2);
    expect(await kept({ directions: 9 })).toBe(3);
  });

  it('means of the greatest, and of those that make up 98 %', () => {
    const rho = Float64Array.of(1, 0.8, 0.1, 0.02, 0.01);
    expectClose([topMean(rho, 2), topMean(rho, 99)], [0.9, 1.93 / 5], { rtol: 1e-12 });
    // 1 + 0.8 + 0.1 is 98.4 % of the sum.
    expectClose([leadingMean(rho)], [1.9 / 3], { rtol: 1e-12 });
    expectClose([leadingMean(Float64Array.of(0.5, 0.5))], [0.5]);
    expect([
      leadingMean(new Float64Array(0)),
      topMean(new Float64Array(0), 3),
      leadingMean(new Float64Array(4)),
    ]).toEqual([0, 0, 0]);
  });
});

describe('edges', () => {
  const inputs = new Inputs('similarity edges');

  it('refuses too few points unless forced, and warns below five a neuron', async () => {
    const [x, y] = [gaussian(inputs, 20, 50), gaussian(inputs, 20, 50)];
    for (const measure of [cca, svcca, pwcca]) {
      expect(await messageOf(() => measure(x, y))).toBe(
        `ArgumentError: ${measure.name}: expected at least 100 points, twice the neurons of the larger side (or force: true), got 20 points`,
      );
    }
    const forced = await cca(x, y, { force: true });
    expect(forced.correlations).toHaveLength(19);
    expectClose(forced.correlations, new Float64Array(19).fill(1), { atol: 1e-9, rtol: 0 });
    expect(forced.flags).toEqual(['rank deficient', 'few points']);
    expect((await cca(gaussian(inputs, 30, 3), gaussian(inputs, 30, 6))).flags).toEqual([]);
    expect((await cca(gaussian(inputs, 29, 3), gaussian(inputs, 29, 6))).flags).toEqual(['few points']);
    expect((await procrustes(x, y)).flags).toEqual(['rank deficient']);
  });

  it.each(['float64', 'float32'] as const)('drops dead neurons, %s', async (precision) => {
    const [x, y] = related(inputs, 100, 4, 3);
    const spread = new Float64Array(100 * 6);
    for (let i = 0; i < 100; i++) {
      spread.set(x.data.subarray(i * 4, i * 4 + 2), i * 6);
      spread[i * 6 + 2] = 1e5 + 1 / 3;
      spread.set(x.data.subarray(i * 4 + 2, i * 4 + 4), i * 6 + 3);
      spread[i * 6 + 5] = 1e-6 * Math.sin(i);
    }
    const options = { precision, device: hold.device };
    const found = await compare(host(spread, [100, 6]), y, { cca: {}, pwcca: { weights: 'x' } }, options);
    const plain = await compare(x, y, { cca: {}, pwcca: { weights: 'x' } });
    expect(found.cca.x).toEqual({ neurons: 6, dropped: 2, rank: 4, directions: 4 });
    expect(found.cca.flags).toEqual([]);
    const atol = precision === 'float64' ? 1e-12 : 2e-6;
    expectClose(found.cca.correlations, plain.cca.correlations, { atol, rtol: 0 });
    expectClose(found.pwcca.alpha, plain.pwcca.alpha, { atol, rtol: 0 });
  });

  it.each(['float64', 'float32'] as const)('gives 0, never NaN, where nothing varies, %s', async (precision) => {
    const y = gaussian(inputs, 30, 3);
    const options = { precision, device: hold.device };
    for (const value of [0, 0.1, -1e6]) {
      const flat = host(new Float64Array(60).fill(value), [30, 2]);
      for (const [a, b] of [
        [flat, y],
        [y, flat],
        [flat, flat],
      ]) {
        const all = await compare(
          a,
          b,
          { cca: {}, svcca: {}, pwcca: { convention: 'google' }, linearCka: {}, procrustes: {}, regression: {} },
          options,
        );
        for (const [name, found] of Object.entries(all)) {
          expect(found.similarity, name).toBe(0);
          expect(found.flags, name).toEqual(['degenerate']);
        }
        expect(all.cca.correlations).toHaveLength(0);
        expect([all.cca.meanSquared, all.cca.yanai, all.cca.distance]).toEqual([0, 0, 1]);
      }
    }
  });

  it('takes a single neuron and a single point', async () => {
    const one = host([1, 2, 4], [3, 1]);
    expectClose((await cca(one, host([2, 4, 8], [3, 1]))).correlations, [1], { rtol: 1e-12 });
    expect((await cca(host([3], [1, 1]), host([4], [1, 1]), { force: true })).flags).toContain('degenerate');
  });

  it('names what is wrong with the input', async () => {
    const says = async (work: () => unknown, message: string) => expect(await messageOf(work)).toBe(message);
    await says(() => cca(host([1, 2], [2]), Y), 'ShapeError: cca: expected x as [points, neurons], got [2]');
    await says(
      () => svcca(X, host([1, 2], [1, 1, 1, 2])),
      'ShapeError: svcca: expected y as [points, neurons] (see convPoints for activations of convolutions), got [1, 1, 1, 2]',
    );
    await says(
      () => pwcca(X, host([1, 2], [2, 1])),
      'ShapeError: pwcca: expected as many points in x as in y, got [6, 2] and [2, 1]',
    );
    await says(() => cca(host([1], [2, 2]), Y), 'ShapeError: cca: expected 4 values in x, got 1');
    await says(() => cca(host([], [0, 2]), Y), 'ShapeError: cca: expected x with points and neurons, got [0, 2]');
    const spoiled = host([1, 2, 3, Number.NaN, 5, 6, 7, 8, 9, 10, 11, 12], [6, 2]);
    const broken = host([...Array(17).fill(1), Number.NEGATIVE_INFINITY], [6, 3]);
    await says(
      () => procrustes(spoiled, Y),
      'ArgumentError: procrustes: expected finite values in x, got NaN at point 1, neuron 1',
    );
    for (const precision of ['float32', 'auto', 'float64'] as const)
      await says(
        () => linearRegression(X, broken, { precision, device: hold.device }),
        'ArgumentError: linearRegression: expected finite values in y, got -Infinity at point 5, neuron 2',
      );
    await says(() => svcca(X, Y, { threshold: 0 }), 'ArgumentError: svcca: expected a threshold in (0, 1], got 0');
    await says(() => svcca(X, Y, { threshold: 1.1 }), 'ArgumentError: svcca: expected a threshold in (0, 1], got 1.1');
    await says(
      () => svcca(X, Y, { directions: 1.5 }),
      'ArgumentError: svcca: expected directions as a whole number >= 1, got 1.5',
    );
    await says(
      () => svcca(X, Y, { by: 'power' as 'variance' }),
      "ArgumentError: svcca: expected by 'variance' or 'amplitude', got power",
    );
    await says(
      () => pwcca(X, Y, { weights: 'z' as 'x' }),
      "ArgumentError: pwcca: expected weights 'smaller', 'x' or 'y', got z",
    );
    await says(
      () => pwcca(X, Y, { weights: 'y', convention: 'google', force: true }),
      "ArgumentError: pwcca: expected a smaller side of full rank that gives the weights in the convention 'google', got 2 correlations for 3 neurons",
    );
    await says(
      () => compare(X, Y, { rsa: {} } as object),
      'ArgumentError: compare: expected measures among cca, svcca, pwcca, linearCka, procrustes, regression, got rsa',
    );
    await says(
      () => compare(X, Y, {}),
      'ArgumentError: compare: expected measures among cca, svcca, pwcca, linearCka, procrustes, regression, got none',
    );
  });

  it('refuses integer tensors, and tensors of a disposed kind', async () => {
    const counts = scope(() => tensor(hold.device, new Int32Array(12), { shape: [6, 2] }));
    try {
      expect(await messageOf(() => cca(counts, Y))).toContain('DTypeError: cca: expected x of dtype f32 or f16');
    } finally {
      counts.dispose();
    }
    expect(await messageOf(() => cca(counts, Y))).toContain('DTypeError');
  });
});
