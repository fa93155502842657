import { describe, expect, it } from 'vitest';
import { compile, matmul, mul, reshape, scope, type Tensor, tensor, zeros } from '../../src/index.js';
import { identity, multiply, transpose } from '../../src/linalg/host/index.js';
import { svd, svdvals } from '../../src/linalg/index.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { distance, normals, orthonormal, withSingularValues } from './matrices.js';
import { checkSvd, read } from './spectral.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const devices = () => [t.device, discrete.device];
const inputs = new Inputs('device SVD');

async function checkAll(a: ArrayLike<number>, shape: readonly number[]) {
  for (const device of devices()) await checkSvd(device, a, shape);
}

const table = (m: number, n: number, f: (i: number, j: number) => number): Float64Array =>
  Float64Array.from({ length: m * n }, (_, k) => f(Math.floor(k / n), k % n));

describe(`svd (seed ${SEED})`, () => {
  it.each([
    [1, 1],
    [1, 5],
    [6, 1],
    [2, 2],
    [3, 2],
    [7, 16],
    [17, 17],
    [33, 31],
    [32, 33],
    [130, 49],
    [20, 150],
  ])('factors a random %i x %i matrix', async (m, n) => {
    await checkAll(normals(inputs, m * n), [m, n]);
  });

  it('factors batches of small and of larger matrices, each as if alone', async () => {
    await checkAll(normals(inputs, 3 * 40 * 6 * 5), [3, 40, 6, 5]);
    const shape = [3, 21, 37];
    const a = normals(inputs, 3 * 21 * 37);
    for (const device of devices()) {
      const together = await checkSvd(device, a, shape);
      const alone = await checkSvd(device, a.subarray(21 * 37, 2 * 21 * 37), [21, 37]);
      expect(distance(together.s.subarray(21, 42), alone.s)).toBeLessThan(1e-6 * alone.s[0]);
      expect(distance(together.v.subarray(37 * 21, 2 * 37 * 21), alone.v)).toBeLessThan(1e-3);
    }
  });

  it('takes batches whose work is more than can be bound, in parts', async () => {
    const limits = t.device.limits as { maxBinding: number };
    const before = limits.maxBinding;
    limits.maxBinding = 4 * 9 * 24 * 3;
    try {
      await checkSvd(t.device, normals(inputs, 8 * 99), [8, 11, 9]);
    } finally {
      limits.maxBinding = before;
    }
  });

  it('finds the singular values of a product of orthogonal factors, condition 1e6', async () => {
    const s = Array.from({ length: 40 }, (_, i) => 10 ** ((-6 * i) / 39));
    await checkAll(withSingularValues(inputs, 90, 40, s), [90, 40]);
    const tied = Array.from({ length: 30 }, (_, i) => (i < 10 ? 1 : i < 25 ? 1e-3 : 0));
    await checkAll(withSingularValues(inputs, 30, 44, tied), [30, 44]);
    const close = Array.from({ length: 40 }, (_, i) => 1 + (i % 5) * 1e-5);
    await checkAll(withSingularValues(inputs, 64, 40, close), [64, 40]);
  });

  it('completes vectors of zero, repeated and dependent columns', async () => {
    const [m, n] = [70, 36];
    const a = normals(inputs, m * n);
    for (let i = 0; i < m; i++) {
      a[i * n + 7] = 0;
      a[i * n + 5] = a[i * n + 4];
      a[i * n + 35] = a[i * n] + a[i * n + 2];
    }
    await checkAll(a, [m, n]);
    await checkAll(transpose(a, m, n), [n, m]);
    await checkAll(multiply(normals(inputs, 50 * 4), normals(inputs, 4 * 40), 50, 4, 40), [50, 40]);
    await checkAll(new Float64Array(5 * 40), [8, 5, 5]);
    await checkAll(
      table(40, 30, () => 1),
      [40, 30],
    );
  });

  it('takes columns and rows of very different sizes, in any order', async () => {
    const [m, n] = [64, 32];
    const a = normals(inputs, m * n);
    const shrink = (j: number) => 10 ** ((-6 * j) / (n - 1));
    await checkAll(
      a.map((x, k) => x * shrink(k % n)),
      [m, n],
    );
    await checkAll(
      a.map((x, k) => x * shrink(n - 1 - (k % n))),
      [m, n],
    );
    await checkAll(
      a.map((x, k) => x * shrink((Math.floor(k / n) * 7) % n) * shrink(((k % n) * 5) % n)),
      [m, n],
    );
  });

  it('takes sparse matrices, chains of small entries, and rows and columns scaled at random', async () => {
    const chance = (p: number) => inputs.uniform(1, 0, 1)[0] < p;
    for (let round = 0; round < 4; round++) {
      const [m, n] = [20 + inputs.integer(60), 4 + inputs.integer(30)];
      const few = new Float64Array(m * n);
      for (let i = 0; i < m; i++) {
        const j = inputs.integer(n);
        few[i * n + j] = chance(0.3) ? 1e-7 : chance(0.5) ? 1 : -2;
        if (chance(0.3)) few[i * n + ((j + 1) % n)] = 1;
      }
      await checkAll(few, [m, n]);
      const scale = Array.from(inputs.uniform(m + n, -8, 0), (x) => 10 ** x);
      await checkAll(
        normals(inputs, m * n).map((x, k) => x * scale[k % n] * scale[n + Math.floor(k / n)]),
        [m, n],
      );
    }
    await checkAll(
      table(9, 9, (i, j) => (j === i + 1 ? 1 : i === j ? 1e-6 : 0)),
      [9, 9],
    );
  });

  it('takes Hilbert and Vandermonde matrices, singular to rounding', async () => {
    await checkAll(
      table(40, 40, (i, j) => 1 / (i + j + 1)),
      [40, 40],
    );
    await checkAll(
      table(60, 34, (i, j) => (i / 59) ** j),
      [60, 34],
    );
  });

  it('is exact where rotations have nothing to do, and at the ends of the range of f32', async () => {
    for (const device of devices()) {
      const { u, s, v } = await checkSvd(device, identity(20), [20, 20]);
      expect([u, s, v]).toEqual([identity(20), new Float64Array(20).fill(1), identity(20)]);
      const flat = await checkSvd(device, [3, 0, 0, 0, 0, -2], [3, 2]);
      expect(flat.s).toEqual(Float64Array.of(3, 2));
    }
    await checkAll(
      normals(inputs, 60).map((x) => x * 1e37),
      [10, 6],
    );
    await checkAll(
      normals(inputs, 60).map((x) => x * 1e-34),
      [10, 6],
    );
  });

  it('gives NaN for a matrix with NaN or infinity, and for no other in the batch', async () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const a = Float32Array.from(normals(inputs, 3 * 20));
      a[27] = bad;
      for (const device of devices()) {
        const { u, s, v, converged } = scope(() => svd(tensor(device, a, { shape: [3, 5, 4] })));
        converged.dispose();
        for (const [x, size] of [
          [await read(u), 20],
          [await read(s), 4],
          [await read(v), 16],
        ] as const) {
          expect(x.map((y) => (Number.isNaN(y) ? 1 : 0)).reduce((p, q) => p + q)).toBe(size);
          expect(x.subarray(size, 2 * size).every(Number.isNaN)).toBe(true);
        }
        const values = await read(scope(() => svdvals(tensor(device, a, { shape: [3, 5, 4] }))));
        expect(Array.from(values, Number.isNaN)).toEqual(Array.from({ length: 12 }, (_, i) => i > 3 && i < 8));
      }
    }
  });

  it('says where the sweeps did not suffice', async () => {
    const a = Float32Array.from(normals(inputs, 60 * 60));
    for (const device of devices()) {
      const { converged, ...factors } = scope(() => svd(tensor(device, a, { shape: [60, 60] }), { sweeps: 2 }));
      expect(await read(converged)).toEqual(Float64Array.of(0));
      for (const part of Object.values(factors)) part.dispose();
    }
  });

  it('takes matrices without entries', async () => {
    for (const [m, n] of [
      [0, 3],
      [3, 0],
      [0, 0],
    ]) {
      const { u, s, v, converged } = scope(() => svd(zeros(t.device, [2, m, n])));
      expect([u.shape, s.shape, v.shape]).toEqual([
        [2, m, 0],
        [2, 0],
        [2, n, 0],
      ]);
      for (const x of [u, s, v, converged]) x.dispose();
    }
    const none = scope(() => svdvals(zeros(t.device, [0, 4, 3])));
    expect(none.shape).toEqual([0, 3]);
    none.dispose();
  });

  it('replays in a compiled step', async () => {
    const step = compile(t.device, (x: Tensor) => {
      const { u, s, v } = svd(x);
      return matmul(mul(u, reshape(s, [1, 24])), v, { transB: true });
    });
    for (let i = 0; i < 3; i++) {
      const x = tensor(t.device, Float32Array.from(normals(inputs, 24 * 30)), { shape: [24, 30] });
      expect(distance(await read(step(x)), await x.data())).toBeLessThan(1e-4);
      x.dispose();
    }
    step.dispose();
  });

  it('refuses what it cannot take', () => {
    scope(() => {
      const x = zeros(t.device, [4, 4]);
      expect(() => svd(zeros(t.device, [4]))).toThrow('svd: expected a of rank >= 2, got [4]');
      expect(() => svdvals(zeros(t.device, [2, 2], 'i32'))).toThrow('svdvals: expected a of dtype f32, got i32');
      for (const sweeps of [0, 61, 1.5, Number.NaN])
        expect(() => svd(x, { sweeps })).toThrow(`svd: expected sweeps as a whole number from 1 to 60, got ${sweeps}`);
    });
  });
});

describe('orthonormal factors', () => {
  it('are their own singular vectors, all values one', async () => {
    const q = orthonormal(inputs, 50, 24);
    for (const device of devices()) {
      const { s } = await checkSvd(device, q, [50, 24]);
      expect(distance(s, new Float64Array(24).fill(1))).toBeLessThan(1e-6);
    }
  });
});
