import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/index.js';
import {
  type Activations,
  cca,
  debiasedCka,
  hsic,
  linearCka,
  linearRegression,
  MinibatchCka,
  modifiedRv,
  procrustes,
  pwcca,
  rbfCka,
  rv,
  SimilarityStream,
  svcca,
} from '../../src/similarity/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice();

/** Six points of two and three neurons whose measures were computed independently in float64, to eight digits. */
const X = { data: Float64Array.from([1, 2, 2, 0, 3, 1, 4, 5, 5, 3, 6, 1]), shape: [6, 2] };
const Y = { data: Float64Array.from([2, 1, 0, 1, 0, 1, 3, 2, 1, 5, 4, 2, 4, 1, 3, 7, 0, 0]), shape: [6, 3] };

/** Half a unit of the eighth digit in float64; float32 keeps five to six. */
const PATHS = [
  ['float64', 6e-9],
  ['float32', 2e-5],
] as const;

describe.each(PATHS)('the fixture of six points in %s', (precision, atol) => {
  const sides = (): [Activations, Activations] =>
    precision === 'float64'
      ? [X, Y]
      : [
          tensor(t.device, Float32Array.from(X.data), { shape: X.shape }),
          tensor(t.device, Float32Array.from(Y.data), { shape: Y.shape }),
        ];
  const free = (pair: readonly Activations[]) => {
    for (const a of pair) if ('dispose' in a) a.dispose();
  };
  const close = (actual: number, expected: number, what: string) =>
    expectClose([actual], [expected], { rtol: 0, atol, what });
  const near = (actual: ArrayLike<number>, expected: number[], what: string) =>
    expectClose(actual, expected, { rtol: 0, atol, what });

  it('CCA and its summaries', async () => {
    const [x, y] = sides();
    const r = await cca(x, y, { precision });
    expect(r.precision).toBe(precision);
    near(r.correlations, [0.9995645, 0.84380672], 'rho');
    close(r.similarity, 0.92168561, 'mean');
    close(r.meanSquared, 0.85556949, 'mean of squares');
    free([x, y]);
  });

  it.each([
    [0.99, 2, 3, 0.92168561],
    [0.85, 2, 2, 0.86362421],
    [0.6, 1, 2, 0.93814259],
  ])('SVCCA at %f keeps %i and %i directions', async (threshold, kx, ky, mean) => {
    const [x, y] = sides();
    const r = await svcca(x, y, { threshold, precision });
    expect([r.x.directions, r.y.directions]).toEqual([kx, ky]);
    close(r.similarity, mean, 'mean');
    free([x, y]);
  });

  it('PWCCA by the paper and as google/svcca has it', async () => {
    const [x, y] = sides();
    const paper = await pwcca(x, y, { precision });
    close(paper.similarity, 0.93177271, 'similarity');
    near(paper.alpha, [0.56476143, 0.43523857], 'alpha');
    const google = await pwcca(x, y, { precision, convention: 'google' });
    close(google.similarity, 0.92453332, 'similarity');
    near(google.alpha, [0.51828293, 0.48171707], 'alpha');
    free([x, y]);
  });

  it('HSIC, CKA, RV', async () => {
    const [x, y] = sides();
    close((await hsic(x, y, { precision })).hsic / 21.69, 1, 'biased HSIC');
    for (const [a, b, value] of [
      [x, y, 10.0666667],
      [x, x, 17.1],
      [y, y, 13.2111111],
    ] as const)
      expectClose([(await hsic(a, b, { precision, unbiased: true })).hsic], [value], { rtol: 1e-5, atol: 5e-8 });
    for (const form of [undefined, 'features', 'gram'] as const)
      close(
        (await linearCka(x, y, { precision, form })).similarity,
        0.80639238,
        `linear CKA, ${form ?? 'either form'}`,
      );
    close((await rv(x, y, { precision })).similarity, 0.80639238, 'RV');
    close((await modifiedRv(x, y, { precision })).similarity, 0.70836775, 'modified RV');
    close((await debiasedCka(x, y, { precision })).similarity, 0.66975808, 'debiased CKA');
    free([x, y]);
  });

  it('CKA with Gaussian kernels', async () => {
    const [x, y] = sides();
    const half = await rbfCka(x, y, { precision, fraction: 0.5 });
    near(half.sigma!, [2.06155281, 1.87082869], 'sigma');
    close(half.similarity, 0.87322647, 'half the median');
    close((await rbfCka(x, y, { precision, fraction: 1 })).similarity, 0.83537259, 'the median of pairs');
    close((await rbfCka(x, y, { precision, fraction: 1, median: 'demo' })).similarity, 0.84793863, 'the demo');
    free([x, y]);
  });

  it('Procrustes and regression', async () => {
    const [x, y] = sides();
    const p = await procrustes(x, y, { precision });
    close(p.similarity, 0.83910303, 'nuclear norm');
    close(p.squaredDistance / 2, 0.32179394 / 2, 'squared distance');
    close(p.angle, 0.57516413, 'angle');
    close((await linearRegression(x, y, { precision })).similarity, 0.88592211, 'R²');
    free([x, y]);
  });

  it('streams give the same in any batches', async () => {
    const [x, y] = sides();
    using stream = new SimilarityStream(2, 3, precision === 'float32' ? { device: t.device } : {});
    const part = (a: typeof X, from: number, to: number): typeof X => ({
      data: a.data.slice(from * a.shape[1], to * a.shape[1]),
      shape: [to - from, a.shape[1]],
    });
    for (const [from, to] of [
      [0, 1],
      [1, 4],
      [4, 6],
    ])
      await stream.add(part(X, from, to), part(Y, from, to));
    const { svcca: r, linearCka: c } = await stream.compare({ svcca: { threshold: 0.85 }, linearCka: {} });
    close(r.similarity, 0.86362421, 'SVCCA');
    close(c.similarity, 0.80639238, 'CKA');
    free([x, y]);
  });
});

describe('laws', () => {
  const inputs = new Inputs('similarity laws');
  const random = (n: number, p: number) => ({ data: Float64Array.from(inputs.normal(n * p)), shape: [n, p] });
  const product = (x: { data: Float64Array; shape: number[] }, a: Float64Array, q: number) => {
    const [n, p] = x.shape;
    const data = new Float64Array(n * q);
    for (let i = 0; i < n; i++)
      for (let k = 0; k < p; k++) for (let j = 0; j < q; j++) data[i * q + j] += x.data[i * p + k] * a[k * q + j];
    return { data, shape: [n, q] };
  };

  it('everything of X with X is 1', async () => {
    const x = random(60, 7);
    for (const measure of [cca, svcca, pwcca, linearCka, rv, rbfCka, debiasedCka, procrustes, linearRegression])
      expectClose([(await measure(x, x)).similarity], [1], { rtol: 0, atol: 1e-9, what: measure.name });
  });

  it('CCA does not see invertible maps, CKA does', async () => {
    const x = random(80, 5);
    const a = Float64Array.from(inputs.normal(25));
    const y = product(x, a, 5);
    expectClose([(await cca(x, y)).similarity], [1], { rtol: 0, atol: 1e-10 });
    expectClose([(await svcca(x, y, { threshold: 1 })).similarity], [1], { rtol: 0, atol: 1e-10 });
    expect((await linearCka(x, y)).similarity).toBeLessThan(0.999);
  });

  it('CKA and Procrustes do not see rotations and scales', async () => {
    const x = random(50, 2);
    const [c, s] = [3 * Math.cos(0.7), 3 * Math.sin(0.7)];
    const y = product(x, Float64Array.from([c, s, -s, c]), 2);
    expectClose([(await linearCka(x, y)).similarity], [1], { rtol: 0, atol: 1e-12 });
    expectClose([(await procrustes(x, y)).similarity], [1], { rtol: 0, atol: 1e-12 });
  });

  it('independent Gaussians have sum of squared correlations p q / (n - 1), and a debiased CKA about 0', async () => {
    const draws = 12;
    let squares = 0;
    let debiased = 0;
    for (let i = 0; i < draws; i++) {
      const [x, y] = [random(200, 16), random(200, 24)];
      squares += (await cca(x, y)).correlations.reduce((sum, r) => sum + r * r, 0) / draws;
      debiased += (await debiasedCka(x, y)).similarity / draws;
    }
    // Six standard errors of the mean over the draws.
    expect(Math.abs(squares - (16 * 24) / 199)).toBeLessThan(0.35);
    expect(Math.abs(debiased)).toBeLessThan(0.02);
  });

  it('minibatch CKA of one batch is debiased CKA', async () => {
    const [x, y] = [random(30, 4), random(30, 6)];
    const batches = new MinibatchCka();
    await batches.add(x, y);
    expectClose([batches.result().similarity], [(await debiasedCka(x, y)).similarity], { rtol: 0, atol: 1e-12 });
  });

  it('the device agrees with float64 to 1e-4', async () => {
    const x = random(600, 40);
    const mix = Float64Array.from(inputs.normal(40 * 30));
    const noise = random(600, 30);
    const y = product(x, mix, 30);
    y.data.forEach((v, i) => {
      y.data[i] = Math.tanh(v / 6) + 0.3 * noise.data[i];
    });
    const exact = await svcca(x, y);
    const found = await svcca(x, y, { precision: 'float32', device: t.device });
    expect(found.precision).toBe('float32');
    expectClose(found.correlations, exact.correlations, { rtol: 0, atol: 1e-4 });
  });
});

describe('edges', () => {
  const inputs = new Inputs('similarity edges');
  const random = (n: number, p: number) => ({ data: Float64Array.from(inputs.normal(n * p)), shape: [n, p] });

  it('refuses too few points, unless forced', async () => {
    await expect(cca(random(20, 50), random(20, 50))).rejects.toThrow(/at least 100 points/);
    const forced = await cca(random(20, 50), random(20, 50), { force: true });
    expect(forced.correlations.length).toBe(19);
    expectClose(forced.correlations, new Float64Array(19).fill(1), { rtol: 0, atol: 1e-9 });
    expect(forced.flags).toContain('few points');
  });

  it('leaves dead neurons out and counts them; a side that never varies is degenerate, not NaN', async () => {
    const x = random(40, 3);
    for (let i = 0; i < 40; i++) x.data[i * 3 + 1] = 7;
    const y = random(40, 2);
    const r = await cca(x, y);
    expect([r.x.dropped, r.x.rank]).toEqual([1, 2]);
    const constant = { data: new Float64Array(80).fill(3), shape: [40, 2] };
    for (const measure of [cca, svcca, pwcca, linearCka, procrustes]) {
      const found = await measure(constant, y);
      expect(found.similarity, measure.name).toBe(0);
      expect(found.flags, measure.name).toContain('degenerate');
    }
  });

  it('counts repeated neurons once', async () => {
    const [x, y] = [random(60, 3), random(60, 4)];
    const twice = { data: new Float64Array(360), shape: [60, 6] };
    for (let i = 0; i < 60; i++) for (let j = 0; j < 6; j++) twice.data[i * 6 + j] = x.data[i * 3 + (j % 3)];
    const [once, both] = [await cca(x, y), await cca(twice, y)];
    expectClose(both.correlations, once.correlations, { rtol: 0, atol: 1e-10 });
    expect(both.flags).toContain('rank deficient');
  });

  it('names what is wrong with its input', async () => {
    await expect(cca(random(30, 2), random(31, 2))).rejects.toThrow(/as many points/);
    const bad = random(30, 2);
    bad.data[5] = Number.NaN;
    await expect(svcca(bad, random(30, 2))).rejects.toThrow(/NaN at point 2, neuron 1/);
    await expect(svcca(random(30, 2), random(30, 2), { threshold: 0 })).rejects.toThrow(/threshold/);
  });
});
