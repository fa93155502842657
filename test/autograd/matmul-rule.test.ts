import { describe, it } from 'vitest';
import type * as S from '../../src/index.js';
import { matmul } from '../../src/index.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { product, repeat } from '../support/product.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

const activations = {
  none: (x: number) => x,
  relu: (x: number) => Math.max(x, 0),
  tanh: Math.tanh,
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
} as const;
type Activation = keyof typeof activations;

describe(`derivatives of matmul, first and second order (seed ${SEED})`, () => {
  for (const [ta, tb] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ]) {
    it(`transA ${ta}, transB ${tb}`, async () => {
      await checkGradients({
        device: t.device,
        name: `matmul ${ta} ${tb}`,
        f: (a, b) => matmul(a, b, { transA: ta, transB: tb }),
        host: (a, b) => product(a, b, 2, 3, 5, 4, ta, tb),
        shapes: [ta ? [2, 4, 3] : [2, 3, 4], tb ? [2, 5, 4] : [2, 4, 5]],
      });
    });
  }

  for (const activation of Object.keys(activations) as Activation[]) {
    it(`bias and ${activation}`, async () => {
      const inputs = new Inputs(`bias ${activation}`);
      const host = (a: ArrayLike<number>, b: ArrayLike<number>, bias: ArrayLike<number>) =>
        product(a, b, 1, 3, 5, 4).map((v, i) => v + bias[i % 5]);
      let values = [inputs.uniform(12), inputs.uniform(20), inputs.uniform(5)];
      // Off the kink of relu.
      for (
        let tries = 0;
        tries < 200 && host(values[0], values[1], values[2]).some((v) => Math.abs(v) < 0.02);
        tries++
      ) {
        values = [inputs.uniform(12), inputs.uniform(20), inputs.uniform(5)];
      }
      await checkGradients({
        device: t.device,
        name: `matmul bias ${activation}`,
        f: (a, b, bias) => matmul(a, b, { bias, activation }),
        host: (a, b, bias) => host(a, b, bias).map(activations[activation]),
        shapes: [[3, 4], [4, 5], [5]],
        values,
      });
    });
  }

  const forms: [string, number[], number[], (a: Float64Array, b: Float64Array) => Float64Array, S.MatmulOptions?][] = [
    ['b shared by the batch', [2, 3, 4], [4, 5], (a, b) => product(a, repeat(b, 2), 2, 3, 5, 4)],
    [
      'b shared, a transposed',
      [2, 4, 3],
      [4, 5],
      (a, b) => product(a, repeat(b, 2), 2, 3, 5, 4, true),
      { transA: true },
    ],
    [
      'b shared and transposed',
      [2, 3, 4],
      [5, 4],
      (a, b) => product(a, repeat(b, 2), 2, 3, 5, 4, false, true),
      { transB: true },
    ],
    ['a shared by the batch', [3, 4], [2, 4, 5], (a, b) => product(repeat(a, 2), b, 2, 3, 5, 4)],
    ['a shared with an axis of 1', [1, 3, 4], [2, 4, 5], (a, b) => product(repeat(a, 2), b, 2, 3, 5, 4)],
    ['b shared with an axis of 1', [2, 3, 4], [1, 4, 5], (a, b) => product(a, repeat(b, 2), 2, 3, 5, 4)],
    [
      'outer axes',
      [2, 1, 2, 3],
      [2, 3, 2],
      (a, b) => {
        const spreadA = Float64Array.from({ length: 24 }, (_, i) => a[Math.floor(i / 12) * 6 + (i % 6)]);
        return product(spreadA, repeat(b, 2), 4, 2, 2, 3);
      },
    ],
    ['vectors', [4], [4, 5], (a, b) => product(a, b, 1, 1, 5, 4)],
  ];
  for (const [name, a, b, host, options] of forms) {
    it(name, () =>
      checkGradients({
        device: t.device,
        name: `matmul ${name}`,
        f: (x, y) => matmul(x, y, options),
        host,
        shapes: [a, b],
      }),
    );
  }

  it('a tensor times itself', () =>
    checkGradients({
      device: t.device,
      name: 'square',
      f: (x) => matmul(x, x),
      host: (x) => product(x, x, 1, 3, 3, 3),
      shapes: [[3, 3]],
    }));

  it('a bias of its own for every part', () =>
    checkGradients({
      device: t.device,
      name: 'bias of parts',
      f: (a, b, bias) => matmul(a, b, { bias, activation: 'sigmoid' }),
      host: (a, b, bias) =>
        product(a, b, 2, 3, 5, 4).map((v, i) => activations.sigmoid(v + bias[Math.floor(i / 15) * 5 + (i % 5)])),
      shapes: [
        [2, 3, 4],
        [2, 4, 5],
        [2, 1, 5],
      ],
    }));
});
