import { describe, expect, it } from 'vitest';
import { matmul, scope, ShapeError, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

/** Float64 product of batches; a and b hold whole batches already. */
function product(a: ArrayLike<number>, b: ArrayLike<number>, parts: number, m: number, n: number, k: number, ta: boolean, tb: boolean): Float64Array {
  const c = new Float64Array(parts * m * n);
  for (let p = 0; p < parts; p++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let s = 0;
        for (let x = 0; x < k; x++) s += a[p * m * k + (ta ? x * m + i : i * k + x)] * b[p * n * k + (tb ? j * k + x : x * n + j)];
        c[(p * m + i) * n + j] = s;
      }
    }
  }
  return c;
}

const t = testDevice();

describe(`matmul (seed ${SEED})`, () => {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 32, 33, 40, 63, 65];
  it('agrees with float64 on random odd shapes, all transposed forms and batches', async () => {
    const inputs = new Inputs('matmul shapes');
    const pick = () => sizes[inputs.integer(sizes.length)];
    for (let round = 0; round < 60; round++) {
      const [m, n, k] = [pick(), pick(), pick()];
      const parts = inputs.integer(3) + 1;
      const [ta, tb] = [inputs.integer(2) === 1, inputs.integer(2) === 1];
      const a = inputs.uniform(parts * m * k);
      const b = inputs.uniform(parts * k * n);
      const out = scope(() =>
        matmul(
          tensor(t.device, a, { shape: ta ? [parts, k, m] : [parts, m, k] }),
          tensor(t.device, b, { shape: tb ? [parts, n, k] : [parts, k, n] }),
          { transA: ta, transB: tb },
        ),
      );
      expect(out.shape).toEqual([parts, m, n]);
      expectClose(await out.data(), product(a, b, parts, m, n, k, ta, tb), { rtol: 2e-6, what: `${parts}x${m}x${n}x${k} ${ta} ${tb}` });
      out.dispose();
    }
  });

  it('refuses inner sizes that differ, naming both', () => {
    scope(() => {
      const a = tensor(t.device, new Float32Array(6), { shape: [2, 3] });
      expect(() => matmul(a, a)).toThrow(ShapeError);
      expect(() => matmul(a, a)).toThrow('matmul: expected inner sizes to agree, got [2, 3] x [2, 3]');
    });
  });

  for (const [ta, tb] of [[false, false], [true, false], [false, true], [true, true]]) {
    it(`has right first and second derivatives (transA ${ta}, transB ${tb})`, async () => {
      await checkGradients({
        device: t.device,
        name: `matmul ${ta} ${tb}`,
        f: (a, b) => matmul(a, b, { transA: ta, transB: tb }),
        host: (a, b) => product(a, b, 2, 3, 5, 4, ta, tb),
        shapes: [ta ? [2, 4, 3] : [2, 3, 4], tb ? [2, 5, 4] : [2, 4, 5]],
      });
    });
  }
});
