import { describe, expect, it } from 'vitest';
import { compile, matmul, mul, reshape, scope, type Tensor, tensor, zeros } from '../../src/index.js';
import { identity, multiply, scaleColumns, transpose } from '../../src/linalg/host/index.js';
import { eigh, eigvalsh } from '../../src/linalg/index.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { distance, normals, orthonormal } from './matrices.js';
import { checkEigh, read } from './spectral.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const devices = () => [t.device, discrete.device];
const inputs = new Inputs('device eigh');

async function checkAll(a: ArrayLike<number>, shape: readonly number[]) {
  for (const device of devices()) await checkEigh(device, a, shape);
}

function symmetric(n: number): Float64Array {
  const x = normals(inputs, n * n);
  const y = transpose(x, n, n);
  return x.map((v, i) => v + y[i]);
}

/** q diag(w) qᵀ with random orthogonal q, rounded to symmetric f32. */
function withEigenvalues(w: readonly number[]): Float64Array {
  const n = w.length;
  const q = orthonormal(inputs, n, n);
  const a = multiply(scaleColumns(q, w, n), transpose(q, n, n), n, n, n).map(Math.fround);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) a[i * n + j] = a[j * n + i];
  return a;
}

describe(`eigh (seed ${SEED})`, () => {
  it.each([1, 2, 3, 16, 17, 33, 70])('factors a random symmetric matrix of %i rows', async (n) => {
    await checkAll(symmetric(n), [n, n]);
  });

  it('factors batches', async () => {
    const parts = Array.from({ length: 12 }, () => symmetric(5));
    await checkAll(
      parts.flatMap((p) => [...p]),
      [3, 4, 5, 5],
    );
  });

  it('tells eigenvalues of one magnitude and opposite sign apart, and keeps ties orthonormal', async () => {
    await checkAll(withEigenvalues([-2, -2, -1, -1, 0, 0, 1, 1, 2, 2, 2, -2]), [12, 12]);
    await checkAll(
      identity(20).map((v) => -v),
      [20, 20],
    );
    await checkAll(
      Float64Array.from({ length: 400 }, (_, k) => (Math.floor(k / 20) + (k % 20) === 19 ? 1 : 0)),
      [20, 20],
    );
    await checkAll(new Float64Array(9), [3, 3]);
    await checkAll(new Float64Array(36 * 36).fill(1), [36, 36]);
  });

  it('takes Gram matrices of condition 1e6 and of low rank, of either sign', async () => {
    const w = Array.from({ length: 30 }, (_, i) => 10 ** ((-6 * i) / 29));
    await checkAll(withEigenvalues(w), [30, 30]);
    const x = normals(inputs, 40 * 3);
    const gram = multiply(x, transpose(x, 40, 3), 40, 3, 40);
    await checkAll(gram, [40, 40]);
    await checkAll(
      gram.map((v) => -v),
      [40, 40],
    );
  });

  it('takes the ends of the range of f32', async () => {
    await checkAll(
      symmetric(6).map((v) => v * 2e37),
      [6, 6],
    );
    await checkAll(
      symmetric(6).map((v) => v * 1e-34),
      [6, 6],
    );
  });

  it('is that of the symmetric part', async () => {
    const a = normals(inputs, 81);
    const part = transpose(a, 9, 9).map((v, i) => (v + a[i]) / 2);
    for (const device of devices()) {
      const make = (x: Float64Array) => tensor(device, Float32Array.from(x), { shape: [9, 9] });
      const whole = await read(scope(() => eigvalsh(make(a))));
      expect(distance(whole, await read(scope(() => eigvalsh(make(part)))))).toBeLessThan(1e-5);
    }
  });

  it('gives NaN for a matrix with NaN or infinity, and for no other in the batch', async () => {
    const a = new Float32Array(2 * 9).fill(1);
    a[10] = Number.NEGATIVE_INFINITY;
    for (const device of devices()) {
      const { values, vectors, converged } = scope(() => eigh(tensor(device, a, { shape: [2, 3, 3] })));
      converged.dispose();
      expect(Array.from(await read(values), Number.isNaN)).toEqual([false, false, false, true, true, true]);
      expect(Array.from(await read(vectors), Number.isNaN)).toEqual(Array.from({ length: 18 }, (_, i) => i >= 9));
      const alone = await read(scope(() => eigvalsh(tensor(device, a, { shape: [2, 3, 3] }))));
      expect(Array.from(alone, Number.isNaN)).toEqual([false, false, false, true, true, true]);
    }
  });

  it('says where the sweeps did not suffice', async () => {
    const a = Float32Array.from(symmetric(60));
    const { values, vectors, converged } = scope(() => eigh(tensor(t.device, a, { shape: [60, 60] }), { sweeps: 1 }));
    expect(await read(converged)).toEqual(Float64Array.of(0));
    values.dispose();
    vectors.dispose();
  });

  it('replays in a compiled step, and takes matrices without entries', async () => {
    const step = compile(t.device, (x: Tensor) => {
      const { values, vectors } = eigh(x);
      return matmul(mul(vectors, reshape(values, [1, 20])), vectors, { transB: true });
    });
    for (let i = 0; i < 3; i++) {
      const x = tensor(t.device, Float32Array.from(symmetric(20)), { shape: [20, 20] });
      expect(distance(await read(step(x)), await x.data())).toBeLessThan(1e-4);
      x.dispose();
    }
    step.dispose();
    const { values, vectors, converged } = scope(() => eigh(zeros(t.device, [2, 0, 0])));
    expect([values.shape, vectors.shape]).toEqual([
      [2, 0],
      [2, 0, 0],
    ]);
    for (const x of [values, vectors, converged]) x.dispose();
  });

  it('refuses what it cannot take', () => {
    scope(() => {
      expect(() => eigh(zeros(t.device, [3, 4]))).toThrow('eigh: expected square matrices, got [3, 4]');
      expect(() => eigvalsh(zeros(t.device, [4]))).toThrow('eigvalsh: expected a of rank >= 2, got [4]');
      expect(() => eigh(zeros(t.device, [2, 2], 'i32'))).toThrow('eigh: expected a of dtype f32, got i32');
      expect(() => eigh(zeros(t.device, [2, 2]), { sweeps: 0 })).toThrow('eigh: expected sweeps');
    });
  });
});
