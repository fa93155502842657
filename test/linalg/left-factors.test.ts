import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../../src/index.js';
import { hostSvdvals, multiply, transpose } from '../../src/linalg/host/index.js';
import { leftSingularVectors } from '../../src/linalg/svd.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { distance, normals, orthogonalityError, withSingularValues } from './matrices.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const inputs = new Inputs('left singular vectors');

/** u orthonormal, u loadings = a, rows of the loadings orthogonal and as long as the singular values. */
async function check(a: Float64Array, m: number, n: number, triangular = false): Promise<void> {
  const k = Math.min(m, n);
  for (const device of [t.device, discrete.device]) {
    const [found] = scope(() =>
      leftSingularVectors([{ a: tensor(device, Float32Array.from(a), { shape: [m, n] }), triangular }]),
    );
    const [u, s, loadings] = [await found.u.data(), await found.s.data(), await found.loadings.data()];
    expect([found.u.shape, found.s.shape, found.loadings.shape]).toEqual([[m, k], [k], [k, n]]);
    expect(await found.converged.data()).toEqual(Uint8Array.of(1));
    const rounded = Float64Array.from(Float32Array.from(a));
    const values = hostSvdvals(rounded, m, n);
    expect(distance(s, values)).toBeLessThan(1e-5 * values[0]);
    expect(orthogonalityError(u, m, k)).toBeLessThan(1e-5);
    const w = Float64Array.from(loadings);
    expect(distance(multiply(Float64Array.from(u), w, m, k, n), rounded)).toBeLessThan(1e-5 * values[0]);
    const gram = multiply(w, transpose(w, k, n), k, n, k);
    for (let i = 0; i < k; i++) gram[i * k + i] -= values[i] ** 2;
    expect(distance(gram, new Float64Array(k * k))).toBeLessThan(2e-5 * values[0] ** 2);
    for (const tensor of Object.values(found)) tensor.dispose();
  }
}

describe(`left singular vectors (seed ${SEED})`, () => {
  it.each([
    [1, 1],
    [7, 3],
    [3, 7],
    [33, 33],
    [130, 49],
    [20, 150],
  ])('of a random %i x %i matrix', async (m, n) => {
    await check(normals(inputs, m * n), m, n);
  });

  it('of a triangle as it is', async () => {
    const n = 37;
    await check(
      normals(inputs, n * n).map((v, at) => (at % n < Math.floor(at / n) ? 0 : v)),
      n,
      n,
      true,
    );
  });

  it.each([
    ['condition 1e6', Array.from({ length: 24 }, (_, i) => 10 ** ((-6 * i) / 23))],
    ['rank 5', [3, 2, 1, 0.5, 0.25]],
  ])('of a matrix of %s', async (_, s) => {
    await check(withSingularValues(inputs, 60, 24, s), 60, 24);
  });

  it.each([
    [9, [20, 9], [9, 33]],
    [null, [20, 9], [8, 33]],
  ])('of two matrices at once are those of each (rank at most %s)', async (_, ...shapes) => {
    for (const device of [t.device, discrete.device]) {
      const matrices = (shapes as number[][]).map((shape) =>
        tensor(device, Float32Array.from(normals(inputs, shape[0] * shape[1])), { shape }),
      );
      const together = leftSingularVectors(matrices.map((a) => ({ a })));
      for (const [i, a] of matrices.entries()) {
        const [alone] = leftSingularVectors([{ a }]);
        for (const part of ['u', 's', 'loadings', 'converged'] as const) {
          expect(await together[i][part].data()).toEqual(await alone[part].data());
        }
        for (const tensor of [a, ...Object.values(alone), ...Object.values(together[i])]) tensor.dispose();
      }
    }
  });

  it('are NaN where a value is', async () => {
    const a = tensor(t.device, Float32Array.of(1, Number.NaN, 3, 4), { shape: [2, 2] });
    const [found] = leftSingularVectors([{ a }]);
    expect((await found.s.data()).every(Number.isNaN)).toBe(true);
    for (const tensor of [a, ...Object.values(found)]) tensor.dispose();
  });
});
