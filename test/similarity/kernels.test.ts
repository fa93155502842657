import { describe, expect, it } from 'vitest';
import {
  debiasedCka,
  hsic,
  linearCka,
  MinibatchCka,
  modifiedRv,
  type PrecisionOptions,
  rbfCka,
} from '../../src/similarity/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { gaussian, host, mapped, messageOf, orthogonal, related, X, Y } from './data.js';

const hold = testDevice();
const PATHS: [string, number, () => PrecisionOptions][] = [
  ['float64', 1e-11, () => ({ precision: 'float64' })],
  ['float32', 3e-6, () => ({ precision: 'float32', device: hold.device })],
];

type Gram = (i: number, j: number) => number;

/** Gram matrices as they are defined, entry by entry. */
function gramOf({ data, shape: [n, p] }: ReturnType<typeof host>, sigma?: number): number[][] {
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => {
      let sum = 0;
      for (let k = 0; k < p; k++)
        sum += sigma ? (data[i * p + k] - data[j * p + k]) ** 2 : data[i * p + k] * data[j * p + k];
      return sigma ? Math.exp(-sum / (2 * sigma ** 2)) : sum;
    }),
  );
}

const total = (n: number, f: Gram) => {
  let sum = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sum += f(i, j);
  return sum;
};

/** tr(K H L H) / (n - 1)². */
function biasedHsic(k: number[][], l: number[][]): number {
  const n = k.length;
  const h: Gram = (i, j) => (i === j ? 1 : 0) - 1 / n;
  const times = (a: Gram, b: Gram): number[][] =>
    k.map((_, i) => k.map((_, j) => k.reduce((sum, _, m) => sum + a(i, m) * b(m, j), 0)));
  const [kh, lh] = [times((i, j) => k[i][j], h), times((i, j) => l[i][j], h)];
  return total(n, (i, j) => kh[i][j] * lh[j][i]) / (n - 1) ** 2;
}

/** Song et al. (2012), equation 5, of Gram matrices that are not centred. */
function unbiasedHsic(k: number[][], l: number[][]): number {
  const n = k.length;
  const off =
    (m: number[][]): Gram =>
    (i, j) =>
      i === j ? 0 : m[i][j];
  const [a, b] = [off(k), off(l)];
  const trace = total(n, (i, j) => a(i, j) * b(j, i));
  const sums = (total(n, a) * total(n, b)) / ((n - 1) * (n - 2));
  let crossed = 0;
  for (let m = 0; m < n; m++) crossed += k.reduce((s, _, i) => s + a(i, m), 0) * l.reduce((s, _, j) => s + b(m, j), 0);
  return (trace + sums - (2 / (n - 2)) * crossed) / (n * (n - 3));
}

describe.each(PATHS)('HSIC and CKA, %s', (_, tolerance, options) => {
  const inputs = new Inputs('kernels');

  it.each([
    [12, 3, 5],
    [9, 14, 2],
    [31, 7, 7],
    [4, 1, 1],
  ])('as defined: %i points of %i and %i neurons', async (n, p, q) => {
    const [x, y] = related(inputs, n, p, q);
    const [k, l] = [gramOf(x), gramOf(y)];
    for (const form of ['features', 'gram'] as const) {
      const o = { form, ...options() };
      const scale = Math.sqrt(biasedHsic(k, k) * biasedHsic(l, l));
      const near = { rtol: 0, atol: 4 * tolerance * scale, what: `${form} of ${n}` };
      expectClose([(await hsic(x, y, o)).hsic], [biasedHsic(k, l)], near);
      expectClose([(await hsic(x, y, { unbiased: true, ...o })).hsic], [unbiasedHsic(k, l)], near);
    }
    const sigma = [1.7, 0.9] as const;
    const [rk, rl] = [gramOf(x, sigma[0]), gramOf(y, sigma[1])];
    const rbf = { kernel: 'rbf', sigma, ...options() } as const;
    expectClose([(await hsic(x, y, rbf)).hsic], [biasedHsic(rk, rl)], { atol: tolerance, what: 'rbf' });
    const unbiased = (await hsic(x, y, { unbiased: true, ...rbf })).hsic;
    expectClose([unbiased], [unbiasedHsic(rk, rl)], { atol: tolerance, what: 'rbf without bias' });
  });

  it('rotations and scales change nothing, invertible maps do', async () => {
    const [x, y] = related(inputs, 40, 6, 9);
    const turned = mapped(
      x,
      orthogonal(inputs, 6).map((v) => 0.01 * v),
      6,
      2,
    );
    const bent = mapped(x, inputs.normal(36), 6);
    for (const measure of [linearCka, debiasedCka, modifiedRv, rbfCka]) {
      const [a, b, c] = [
        await measure(x, y, options()),
        await measure(turned, y, options()),
        await measure(bent, y, options()),
      ];
      expectClose([b.similarity], [a.similarity], { atol: 4 * tolerance, rtol: 0, what: measure.name });
      expect(Math.abs(c.similarity - a.similarity), measure.name).toBeGreaterThan(1e-4);
    }
  });

  it('debiased CKA of independent sides is about 0, of either sign', async () => {
    const values: number[] = [];
    for (let i = 0; i < 4; i++)
      values.push(
        (await debiasedCka(gaussian(inputs, 400, 80), gaussian(inputs, 400, 120), { ...options() })).similarity,
      );
    for (const v of values) expect(Math.abs(v)).toBeLessThan(0.02);
  });

  it('is 0 and degenerate where a side does not vary', async () => {
    const flat = host(new Array(30).fill(0.1), [10, 3]);
    const y = gaussian(inputs, 10, 2);
    for (const measure of [linearCka, debiasedCka, modifiedRv, rbfCka])
      for (const [a, b] of [
        [flat, y],
        [y, flat],
        [flat, flat],
      ]) {
        const found = await measure(a, b, options());
        expect([found.similarity, found.flags], measure.name).toEqual([0, ['degenerate']]);
      }
    expect((await hsic(flat, y, options())).hsic).toBe(0);
    expect((await rbfCka(flat, y, { sigma: 2, ...options() })).similarity).toBe(0);
  });

  it('minibatches: the ratio of means, of any size of batch in expectation', async () => {
    const [n, p, q] = [480, 10, 14];
    const [x, y] = related(inputs, n, p, q);
    const whole = (await debiasedCka(x, y, options())).similarity;
    for (const size of [480, 60, 20]) {
      const cka = new MinibatchCka(options());
      const terms = { xx: 0, xy: 0, yy: 0 };
      for (let i = 0; i < n; i += size) {
        const a = { data: x.data.subarray(i * p, (i + size) * p), shape: [size, p] };
        const b = { data: y.data.subarray(i * q, (i + size) * q), shape: [size, q] };
        await cka.add(a, b);
        for (const [key, l, r] of [
          ['xx', a, a],
          ['xy', a, b],
          ['yy', b, b],
        ] as const)
          terms[key] += (await hsic(l, r, { unbiased: true, ...options() })).hsic;
      }
      const found = cka.result();
      expectClose([found.similarity], [terms.xy / Math.sqrt(terms.xx * terms.yy)], { rtol: 20 * tolerance });
      expectClose([found.similarity], [whole], { atol: size === n ? 20 * tolerance : 0.06, rtol: 0, what: `${size}` });
      expect([found.batches, found.points]).toEqual([n / size, n]);
    }
  });
});

describe('bandwidths', () => {
  const inputs = new Inputs('bandwidths');
  it('are the median distance of pairs, on host and device', async () => {
    for (const n of [2, 3, 4, 5, 8, 33]) {
      const x = gaussian(inputs, n, 3);
      const distances: number[] = [];
      for (let i = 0; i < n; i++)
        for (let j = 0; j < i; j++)
          distances.push(Math.hypot(...[0, 1, 2].map((k) => x.data[i * 3 + k] - x.data[j * 3 + k])));
      distances.sort((a, b) => a - b);
      const m = distances.length;
      const median = (distances[Math.floor((m - 1) / 2)] + distances[Math.floor(m / 2)]) / 2;
      const full = [...new Array(n).fill(0), ...distances.flatMap((d) => [d * d, d * d])].sort((a, b) => a - b);
      const demo = Math.sqrt((full[Math.floor((n * n - 1) / 2)] + full[Math.floor((n * n) / 2)]) / 2);
      for (const options of [{}, { precision: 'float32', device: hold.device } as const]) {
        expectClose((await rbfCka(x, x, { fraction: 0.4, ...options })).sigma!, [0.4 * median, 0.4 * median], {
          rtol: 2e-6,
        });
        if (demo > 0)
          expectClose((await rbfCka(x, x, { median: 'demo', fraction: 2, ...options })).sigma!, [2 * demo, 2 * demo], {
            rtol: 2e-6,
          });
      }
    }
  });

  it('refuse a median of 0, unless sigma is given', async () => {
    const lumped = host([0, 0, 0, 0, 0, 1], [6, 1]);
    for (const options of [{}, { precision: 'float32', device: hold.device } as const]) {
      expect(await messageOf(() => rbfCka(X, lumped, options))).toBe(
        'ArgumentError: rbfCka: expected a median distance above 0 in y (or sigma), got more than half of its points alike',
      );
      expect((await rbfCka(X, lumped, { sigma: 1, ...options })).similarity).toBeGreaterThan(0);
    }
  });
});

describe('bad input', () => {
  const says = async (work: () => unknown, message: string) => expect(await messageOf(work)).toBe(message);
  it('is named', async () => {
    const three = host([1, 2, 4], [3, 1]);
    await says(() => debiasedCka(three, three), 'ArgumentError: debiasedCka: expected at least 4 points, got 3');
    await says(() => hsic(three, three, { unbiased: true }), 'ArgumentError: hsic: expected at least 4 points, got 3');
    const one = host([1], [1, 1]);
    await says(() => hsic(one, one), 'ArgumentError: hsic: expected at least 2 points, got 1');
    await says(() => rbfCka(one, one), 'ArgumentError: rbfCka: expected at least 2 points, got 1');
    await says(
      () => hsic(X, Y, { kernel: 'cosine' as 'rbf' }),
      "ArgumentError: hsic: expected kernel 'linear' or 'rbf', got cosine",
    );
    await says(
      () => linearCka(X, Y, { form: 'both' as 'gram' }),
      "ArgumentError: linearCka: expected form 'features' or 'gram', got both",
    );
    await says(() => rbfCka(X, Y, { fraction: 0 }), 'ArgumentError: rbfCka: expected a finite fraction above 0, got 0');
    await says(
      () => rbfCka(X, Y, { sigma: [1, -1] }),
      'ArgumentError: rbfCka: expected a finite sigma above 0, got -1',
    );
    await says(
      () => rbfCka(X, Y, { median: 'mean' as 'demo' }),
      "ArgumentError: rbfCka: expected median 'pairs' or 'demo', got mean",
    );
    await says(
      () => linearCka(X, host([1, 2], [2, 1])),
      'ShapeError: linearCka: expected as many points in x as in y, got [6, 2] and [2, 1]',
    );
    const cka = new MinibatchCka();
    await says(() => cka.result(), 'ArgumentError: MinibatchCka.result: expected at least one batch, got none');
    await says(() => cka.add(three, three), 'ArgumentError: MinibatchCka.add: expected at least 4 points, got 3');
    const spoiled = host([1, 2, 3, Number.NaN], [4, 1]);
    await says(
      () => cka.add(spoiled, spoiled),
      'ArgumentError: MinibatchCka.add: expected finite values in x, got NaN at point 3, neuron 0',
    );
    await cka.add(X, Y);
    expectClose([cka.result().similarity], [0.66975808], { atol: 6e-9, rtol: 0, what: 'failed batches left no trace' });
  });

  it('products beyond one binding are refused with numbers', async () => {
    const many = { data: new Float32Array(6000), shape: [6000, 1] };
    many.data[5] = 1;
    const most = Math.floor(Math.sqrt(hold.device.limits.maxBinding / 4));
    expect(most).toBeLessThan(6000);
    expect(await messageOf(() => rbfCka(many, many, { precision: 'float32', sigma: 1, device: hold.device }))).toBe(
      `LimitError: rbfCka: rows of a product (take fewer points, or batches of MinibatchCka) is limited to ${most} on this device, got 6000`,
    );
  });
});
