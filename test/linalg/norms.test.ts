import { describe, expect, it } from 'vitest';
import { scope, type Tensor, tensor, zeros } from '../../src/index.js';
import { hostSvd, multiply } from '../../src/linalg/host/index.js';
import { matrixRank, nuclearNorm, randomisedSvd, spectralNorm } from '../../src/linalg/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { distance, normals, orthogonalityError, reconstructionError, withSingularValues } from './matrices.js';
import { read, TOLERANCE } from './spectral.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const devices = () => [t.device, discrete.device];
const inputs = new Inputs('spectral norms');

describe(`norms by singular values (seed ${SEED})`, () => {
  it('are the largest and the sum of the singular values, for every matrix of a batch', async () => {
    const a = Float32Array.from(normals(inputs, 4 * 33 * 18));
    const s = Array.from(
      { length: 4 },
      (_, i) => hostSvd(Float64Array.from(a.subarray(i * 594, (i + 1) * 594)), 33, 18).s,
    );
    for (const device of devices()) {
      const of = (f: (x: Tensor) => Tensor) => read(scope(() => f(tensor(device, a, { shape: [2, 2, 33, 18] }))));
      expectClose(
        await of(spectralNorm),
        s.map((x) => x[0]),
      );
      expectClose(
        await of(nuclearNorm),
        s.map((x) => x.reduce((p, q) => p + q)),
      );
    }
  });

  it('of matrices without entries: nuclear 0, spectral refused', async () => {
    const x = zeros(t.device, [2, 3, 0]);
    expect(await read(scope(() => nuclearNorm(x)))).toEqual(new Float64Array(2));
    expect(() => spectralNorm(x)).toThrow('spectralNorm: expected matrices with entries, got [2, 3, 0]');
    x.dispose();
  });
});

describe('matrixRank', () => {
  it('counts what is above rounding, or above the share asked for', async () => {
    const low = multiply(normals(inputs, 40 * 6), normals(inputs, 6 * 25), 40, 6, 25);
    const full = withSingularValues(
      inputs,
      40,
      25,
      Array.from({ length: 25 }, (_, i) => 10 ** (-i / 6)),
    );
    const a = Float32Array.from([...low, ...full, ...new Float64Array(1000)]);
    for (const device of devices()) {
      const ranks = (rtol?: number) =>
        read(scope(() => matrixRank(tensor(device, a, { shape: [3, 40, 25] }), { rtol })));
      expect(await ranks()).toEqual(Float64Array.of(6, 25, 0));
      expect((await ranks(0.9e-2))[1]).toBe(13);
    }
  });

  it('is 0 without entries, and for matrices with NaN', async () => {
    expect(await read(scope(() => matrixRank(zeros(t.device, [2, 0, 3]))))).toEqual(new Float64Array(2));
    const nan = await read(scope(() => matrixRank(tensor(t.device, [[Number.NaN, 1]]))));
    expect(nan).toEqual(Float64Array.of(0));
  });

  it('refuses a share outside 0 to 1, and what is no matrix', () => {
    scope(() => {
      expect(() => matrixRank(zeros(t.device, [3]))).toThrow('svdvals: expected a of rank >= 2, got [3]');
      const x = zeros(t.device, [2, 2]);
      expect(() => matrixRank(x, { rtol: -1 })).toThrow('matrixRank: expected rtol from 0 to 1, got -1');
      expect(() => matrixRank(x, { rtol: Number.NaN })).toThrow('got NaN');
    });
  });
});

describe('randomisedSvd', () => {
  it.each([
    [120, 45],
    [30, 140],
  ])('finds the leading triplets of a decaying %i x %i matrix', async (m, n) => {
    const values = Array.from({ length: 30 }, (_, i) => 2 ** -i);
    const a = Float32Array.from(withSingularValues(inputs, m, n, values));
    for (const device of devices()) {
      const run = (seed: number) => scope(() => randomisedSvd(tensor(device, a, { shape: [m, n] }), 8, { seed }));
      const [first, again, other] = [run(1), run(1), run(2)];
      const [u, s, v] = [await read(first.u), await read(first.s), await read(first.v)];
      expect([u.length, s.length, v.length]).toEqual([8 * m, 8, 8 * n]);
      expect(distance(s, values.slice(0, 8))).toBeLessThan(TOLERANCE);
      expect(orthogonalityError(u, m, 8)).toBeLessThan(TOLERANCE);
      expect(orthogonalityError(v, n, 8)).toBeLessThan(TOLERANCE);
      // What is left is as large as the first value that was left out.
      expect(reconstructionError(a, u, s, v)).toBeLessThan(values[8] + TOLERANCE);
      expect(await read(again.u), 'same bytes twice').toEqual(u);
      expect(await read(other.u)).not.toEqual(u);
      for (const x of [first.converged, again.s, again.v, again.converged, other.s, other.v, other.converged])
        x.dispose();
    }
  });

  it('takes batches, and is the whole decomposition where the sample is as large', async () => {
    const a = Float32Array.from(normals(inputs, 3 * 12 * 7));
    const { u, s, v, converged } = scope(() =>
      randomisedSvd(tensor(t.device, a, { shape: [3, 12, 7] }), 7, { oversample: 0, powerIterations: 0 }),
    );
    const [us, ss, vs] = [await read(u), await read(s), await read(v)];
    converged.dispose();
    for (let i = 0; i < 3; i++) {
      const part = (x: ArrayLike<number> & { subarray(a: number, b: number): ArrayLike<number> }, size: number) =>
        x.subarray(i * size, (i + 1) * size);
      const error = reconstructionError(part(a, 84), part(us, 84), part(ss, 7), part(vs, 49));
      expect(error).toBeLessThan(TOLERANCE * ss[7 * i]);
    }
  });

  it('refuses ranks and options that it cannot take', () => {
    scope(() => {
      const x = zeros(t.device, [5, 4]);
      for (const rank of [0, 5, 1.5])
        expect(() => randomisedSvd(x, rank)).toThrow(`randomisedSvd: expected rank from 1 to 4, got ${rank}`);
      expect(() => randomisedSvd(x, 2, { oversample: -1 })).toThrow(
        'expected oversample as a whole number >= 0, got -1',
      );
      expect(() => randomisedSvd(x, 2, { powerIterations: 0.5 })).toThrow('expected powerIterations as a whole number');
      expect(() => randomisedSvd(zeros(t.device, [5]), 1)).toThrow('randomisedSvd: expected a of rank >= 2');
    });
  });
});
