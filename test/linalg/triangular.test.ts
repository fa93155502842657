import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../../src/index.js';
import { hostTriangularSolve } from '../../src/linalg/host/index.js';
import { triangularSolve } from '../../src/linalg/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const inputs = new Inputs('device triangular solve');

const forms = [true, false].flatMap((lower) =>
  [true, false].flatMap((transA) => [true, false].map((unitDiagonal) => ({ lower, transA, unitDiagonal }))),
);

/** Matrices whose triangles are well-conditioned: entries of size 1 / n beside a diagonal from 1 to 2. */
function triangles(count: number, n: number): Float32Array {
  return inputs.uniform(count * n * n).map((v, at) => {
    const place = at % (n * n);
    return Math.floor(place / n) === place % n ? 1.5 + v / 2 : (2 * v) / n;
  });
}

describe(`triangularSolve (seed ${SEED})`, () => {
  it.each([
    [1, 1, 1],
    [2, 5, 3],
    [3, 32, 4],
    [1, 33, 1],
    [2, 31, 37],
    [1, 150, 66],
    [5, 65, 8],
    [2, 0, 3],
    [2, 3, 0],
  ])('agrees with float64 in every form: %i systems of %i unknowns, %i right-hand sides', async (count, n, k) => {
    const a = triangles(count, n);
    const b = inputs.uniform(count * n * k);
    for (const device of [t.device, discrete.device]) {
      for (const form of forms) {
        const [x, again] = scope(() => {
          const [ta, tb] = [tensor(device, a, { shape: [count, n, n] }), tensor(device, b, { shape: [count, n, k] })];
          return [triangularSolve(ta, tb, form), triangularSolve(ta, tb, form)];
        });
        const got = await x.data();
        const what = JSON.stringify(form);
        for (let i = 0; i < count; i++) {
          const own = (v: Float32Array, size: number) => Float64Array.from(v.subarray(i * size, (i + 1) * size));
          const expected = hostTriangularSolve(own(a, n * n), own(b, n * k), n, k, form);
          expectClose(got.slice(i * n * k, (i + 1) * n * k), expected, { rtol: 1e-5, atol: 1e-6, what });
        }
        expect(await again.data(), `same bytes twice, ${what}`).toEqual(got);
        x.dispose();
        again.dispose();
      }
    }
  });

  it('does not read the other triangle, nor a diagonal of ones', async () => {
    const n = 40;
    const a = triangles(1, n);
    const b = inputs.uniform(n * 2);
    for (const { lower, transA, unitDiagonal } of forms) {
      const dirty = a.map((v, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        return (i === j ? unitDiagonal : i > j !== lower) ? Number.NaN : v;
      });
      const run = (values: Float32Array) =>
        scope(() => {
          const [ta, tb] = [tensor(t.device, values, { shape: [n, n] }), tensor(t.device, b, { shape: [n, 2] })];
          return triangularSolve(ta, tb, { lower, transA, unitDiagonal });
        });
      const [clean, same] = [run(a), run(dirty)];
      expect(await same.data()).toEqual(await clean.data());
      clean.dispose();
      same.dispose();
    }
  });

  it('broadcasts leading axes, with gradients', async () => {
    const host = (a: Float64Array, b: Float64Array) => {
      const out: number[] = [];
      for (const right of [0, 1]) {
        for (const left of [0, 1])
          out.push(...hostTriangularSolve(a.slice(left * 9, left * 9 + 9), b.slice(right * 6, right * 6 + 6), 3, 2));
      }
      return out;
    };
    await checkGradients({
      device: t.device,
      f: (a, b) => triangularSolve(a, b),
      host,
      shapes: [
        [2, 3, 3],
        [2, 1, 3, 2],
      ],
      values: [triangles(2, 3), inputs.uniform(12)],
      name: 'triangular solve, broadcast',
    });
  });

  it('has gradients of both orders in every form', async () => {
    for (const form of forms) {
      await checkGradients({
        device: t.device,
        f: (a, b) => triangularSolve(a, b, form),
        host: (a, b) => hostTriangularSolve(a, b, 4, 2, form),
        shapes: [
          [4, 4],
          [4, 2],
        ],
        values: [triangles(1, 4), inputs.uniform(8)],
        name: `triangular solve ${JSON.stringify(form)}`,
      });
    }
  });

  it('spreads a zero pivot as infinities or NaN', async () => {
    const x = scope(() =>
      triangularSolve(
        tensor(t.device, [
          [0, 0],
          [1, 1],
        ]),
        tensor(t.device, [[1], [1]]),
      ),
    );
    expect((await x.data()).every(Number.isFinite)).toBe(false);
    x.dispose();
  });

  it('refuses shapes and dtypes that do not fit', () => {
    scope(() => {
      const a = tensor(t.device, [
        [1, 0],
        [2, 3],
      ]);
      const b = tensor(t.device, [[1], [2], [3]]);
      expect(() => triangularSolve(b, b)).toThrow('triangularSolve: expected square matrices a, got [3, 1]');
      expect(() => triangularSolve(a, b)).toThrow('triangularSolve: expected b with the 2 rows of a, got [3, 1]');
      expect(() => triangularSolve(a, tensor(t.device, [1, 2]))).toThrow('triangularSolve: expected b of rank >= 2');
      expect(() => triangularSolve(a, tensor(t.device, Int32Array.of(1, 2), { shape: [2, 1] }))).toThrow(
        'triangularSolve: expected b of dtype f32, got i32',
      );
      const two = tensor(t.device, new Float32Array(8), { shape: [2, 2, 2] });
      const three = tensor(t.device, new Float32Array(6), { shape: [3, 2, 1] });
      expect(() => triangularSolve(two, three)).toThrow('shapes that broadcast together');
    });
  });
});
