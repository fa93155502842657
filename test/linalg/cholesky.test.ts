import { describe, expect, it } from 'vitest';
import { compile, scope, type Tensor, tensor } from '../../src/index.js';
import { hostCholesky, multiply, transpose } from '../../src/linalg/host/index.js';
import { assertPositiveDefinite, cholesky, isPositiveDefinite } from '../../src/linalg/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { distance, normals, withSingularValues } from './matrices.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const inputs = new Inputs('device Cholesky');

/** x xᵀ / n + 1, symmetric to the bit in float32. */
function positive(n: number): Float64Array {
  const x = normals(inputs, n * n);
  const a = multiply(x, transpose(x, n, n), n, n, n).map((v, at) => Math.fround(v / n + (at % (n + 1) === 0 ? 1 : 0)));
  return a.map((v, at) => (at % n <= Math.floor(at / n) ? v : a[(at % n) * n + Math.floor(at / n)]));
}

async function read(x: Tensor): Promise<Float64Array> {
  const values = Float64Array.from(await x.data());
  x.dispose();
  return values;
}

describe(`cholesky (seed ${SEED})`, () => {
  it.each([1, 2, 7, 31, 32, 33, 64, 97, 200])('agrees with float64 for %i rows', async (n) => {
    const a = positive(n);
    const expected = hostCholesky(a, n);
    const upper = transpose(expected, n, n);
    for (const device of [t.device, discrete.device]) {
      const run = () =>
        scope(() => {
          const x = tensor(device, Float32Array.from(a), { shape: [n, n] });
          return { l: cholesky(x), u: cholesky(x, { upper: true }) };
        });
      const [first, second] = [run(), run()];
      const l = await read(first.l);
      expectClose(l, expected, { rtol: 1e-5, what: `l of ${n} rows` });
      expectClose(await read(first.u), upper, { rtol: 1e-5, what: `u of ${n} rows` });
      expect(await read(second.l), 'same bytes twice').toEqual(l);
      second.u.dispose();
    }
  });

  it('takes leading axes, nothing at all, and reads one triangle only', async () => {
    const matrices = [positive(40), positive(40), positive(40)];
    const expected = matrices.flatMap((a) => [...hostCholesky(a, 40)]);
    const values = matrices.flatMap((a) => [...a].map((v, at) => (at % 40 > Math.floor(at / 40) ? Number.NaN : v)));
    const l = scope(() => cholesky(tensor(t.device, Float32Array.from(values), { shape: [3, 1, 40, 40] })));
    expect(l.shape).toEqual([3, 1, 40, 40]);
    expectClose(await read(l), expected, { rtol: 1e-5, what: 'three matrices' });
    for (const shape of [
      [0, 0],
      [0, 5, 5],
    ]) {
      const none = scope(() => cholesky(tensor(t.device, new Float32Array(0), { shape })));
      expect(none.shape).toEqual(shape);
      none.dispose();
    }
  });

  it('reconstructs a matrix of condition 1e6 to rounding', async () => {
    const n = 60;
    const s = Array.from({ length: n }, (_, i) => 10 ** ((-3 * i) / (n - 1)));
    const x = withSingularValues(inputs, n, n, s);
    const a = multiply(x, transpose(x, n, n), n, n, n).map(Math.fround);
    const l = await read(scope(() => cholesky(tensor(t.device, Float32Array.from(a), { shape: [n, n] }))));
    expect(distance(multiply(l, transpose(l, n, n), n, n, n), a)).toBeLessThan(1e-6);
  });

  it('tells what is not positive definite: NaN from the bad pivot on, a flag, an error', async () => {
    const good = positive(70);
    const bad = good.slice();
    bad[50 * 71] = -1;
    const both = scope(() => tensor(t.device, Float32Array.from([...good, ...bad]), { shape: [2, 70, 70] }));
    const l = await read(cholesky(both));
    expect(l.subarray(0, 4900).some(Number.isNaN)).toBe(false);
    const spoiled = l.subarray(4900);
    for (let i = 0; i < 70; i++) {
      for (let j = 0; j <= i; j++) expect(Number.isNaN(spoiled[i * 70 + j])).toBe(j >= 50);
    }
    const flags = isPositiveDefinite(both);
    expect([flags.dtype, flags.shape, await flags.data()]).toEqual(['bool', [2], Uint8Array.of(1, 0)]);
    flags.dispose();
    await expect(assertPositiveDefinite(both)).rejects.toThrow(
      'positive definite matrices, got matrix 1 of f32[2, 70, 70]',
    );
    both.dispose();
    for (const values of [
      [
        [0, 0],
        [0, 1],
      ],
      [
        [1, 1],
        [1, 1],
      ],
      [
        [Number.NaN, 0],
        [0, 1],
      ],
    ]) {
      const x = tensor(t.device, values);
      await expect(assertPositiveDefinite(x, 'covariance')).rejects.toThrow('covariance: expected positive definite');
      x.dispose();
    }
    const fine = tensor(t.device, [
      [4, 2],
      [2, 3],
    ]);
    await assertPositiveDefinite(fine);
    fine.dispose();
    const none = scope(() => isPositiveDefinite(tensor(t.device, new Float32Array(0), { shape: [3, 0, 0] })));
    expect(await none.data()).toEqual(Uint8Array.of(1, 1, 1));
    none.dispose();
  });

  it('has gradients of both orders', async () => {
    const values = [Float32Array.from([...positive(3), ...positive(3)])];
    const each = (upper: boolean) => (a: Float64Array) =>
      [0, 9].flatMap((at) => {
        const own = a.slice(at, at + 9);
        const l = hostCholesky(upper ? transpose(own, 3, 3) : own, 3);
        return [...(upper ? transpose(l, 3, 3) : l)];
      });
    for (const upper of [false, true]) {
      await checkGradients({
        device: t.device,
        f: (a) => cholesky(a, { upper }),
        host: each(upper),
        shapes: [[2, 3, 3]],
        values,
        name: `cholesky, upper ${upper}`,
      });
    }
    await checkGradients({
      device: t.device,
      f: (a) => cholesky(a),
      host: (a) => hostCholesky(a, 40),
      shapes: [[40, 40]],
      values: [Float32Array.from(positive(40))],
      name: 'cholesky of several blocks',
      order: 1,
    });
  });

  it('replays inside a compiled step', async () => {
    const a = tensor(t.device, Float32Array.from(positive(50)), { shape: [50, 50] });
    const plain = await read(cholesky(a));
    const step = compile(t.device, (x: Tensor) => cholesky(x));
    for (let i = 0; i < 4; i++) expect(await read(step(a))).toEqual(plain);
    step.dispose();
    a.dispose();
  });

  it('refuses what is not square or not f32', () => {
    scope(() => {
      const wide = tensor(t.device, [
        [1, 2, 3],
        [4, 5, 6],
      ]);
      expect(() => cholesky(wide)).toThrow('cholesky: expected square matrices, got [2, 3]');
      expect(() => isPositiveDefinite(wide)).toThrow('isPositiveDefinite: expected square matrices, got [2, 3]');
      expect(() => cholesky(tensor(t.device, Int32Array.of(1), { shape: [1, 1] }))).toThrow('dtype f32, got i32');
    });
  });
});
