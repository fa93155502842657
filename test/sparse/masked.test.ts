import { describe, expect, it } from 'vitest';
import { type Device, DTypeError, grad, mul, ShapeError, scope, sum, type Tensor, tensor } from '../../src/index.js';
import { csrPattern, maskedMatmul, sampleDense, spmm } from '../../src/sparse/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { product } from '../support/product.js';
import { Inputs, SEED } from '../support/random.js';
import { csrOf, randomMask } from './masks.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

describe(`maskedMatmul (seed ${SEED})`, () => {
  it('agrees with float64, with bias, activation and a batch', async () => {
    const inputs = new Inputs('masked');
    for (const [batch, m, n, k, transB] of [
      [1, 5, 7, 9, false],
      [1, 33, 40, 17, true],
      [3, 4, 8, 12, true],
    ] as const) {
      const mask = randomMask(inputs, n * k, 0.3);
      const [x, w, bias] = [inputs.uniform(batch * m * k), inputs.uniform(n * k), inputs.uniform(n)];
      w[mask.indexOf(0)] = Number.NaN; // what is removed does not matter
      const out = scope(() => {
        const shape = transB ? [n, k] : [k, n];
        return maskedMatmul(
          tensor(t.device, x, { shape: batch === 1 ? [m, k] : [batch, m, k] }),
          tensor(t.device, w, { shape }),
          tensor(t.device, mask, { shape, dtype: 'bool' }),
          { transB, bias: tensor(t.device, bias), activation: 'tanh' },
        );
      });
      const kept = w.map((v, i) => (mask[i] ? v : 0));
      const expected = product(x, kept, 1, batch * m, n, k, false, transB).map((v, i) => Math.tanh(v + bias[i % n]));
      expectClose(await out.data(), expected, { rtol: 3e-6, atol: 1e-6 });
      out.dispose();
    }
  });

  it('has gradients of any order, masked', async () => {
    const mask = Uint8Array.from([1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1]);
    using flags = tensor(t.device, mask, { shape: [4, 3], dtype: 'bool' });
    await checkGradients({
      device: t.device,
      name: 'maskedMatmul',
      f: (x, w, bias: Tensor) => maskedMatmul(x, w, flags, { transB: true, bias, activation: 'sigmoid' }),
      host: (x, w, bias) =>
        product(
          x,
          w.map((v, i) => v * mask[i]),
          1,
          2,
          4,
          3,
          false,
          true,
        ).map((v, i) => 1 / (1 + Math.exp(-v - bias[i % 4]))),
      shapes: [[2, 3], [4, 3], [4]],
    });
  });

  it('has the value and the gradients of the sparse product', async () => {
    await agree(t.device, 'software');
    await agree(discrete.device, 'discrete');
  });

  it('refuses a mask that does not fit', () => {
    scope(() => {
      const x = tensor(t.device, new Float32Array(6), { shape: [2, 3] });
      const w = tensor(t.device, new Float32Array(12), { shape: [4, 3] });
      const mask = tensor(t.device, new Uint8Array(12), { shape: [3, 4], dtype: 'bool' });
      expect(() => maskedMatmul(x, w, mask, { transB: true })).toThrow(ShapeError);
      expect(() => maskedMatmul(x, w, mask)).toThrow("maskedMatmul: expected a mask of w's shape [4, 3], got [3, 4]");
      expect(() => maskedMatmul(x, w, w)).toThrow(DTypeError);
    });
  });
});

/** A linear layer both ways. */
async function agree(device: Device, name: string) {
  const inputs = new Inputs(`agree ${name}`);
  const [batch, ins, outs] = [12, 70, 36];
  const mask = randomMask(inputs, outs * ins, 0.1);
  using pattern = csrPattern(device, csrOf(mask, 1, outs, ins));
  const [masked, sparse] = scope(() => {
    const flags = tensor(device, mask, { shape: [outs, ins], dtype: 'bool' });
    const [x, w] = [
      tensor(device, inputs.uniform(batch * ins), { shape: [batch, ins] }),
      tensor(device, inputs.uniform(outs * ins), { shape: [outs, ins] }),
    ];
    const weights = tensor(device, inputs.uniform(batch * outs), { shape: [batch, outs] });
    x.requiresGrad = w.requiresGrad = true;
    const both = (y: Tensor) => [y, ...grad(sum(mul(y, weights)), [x, w])];
    return [
      both(maskedMatmul(x, w, flags, { transB: true, activation: 'tanh' })),
      both(spmm(pattern, sampleDense(pattern, w), x, { transB: true, transC: true, activation: 'tanh' })),
    ];
  });
  for (const [i, what] of ['y', 'dx', 'dw'].entries()) {
    expectClose(await sparse[i].data(), await masked[i].data(), { rtol: 1e-5, what: `${name}: ${what}` });
    masked[i].dispose();
    sparse[i].dispose();
  }
}
