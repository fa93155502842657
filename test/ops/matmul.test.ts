import { describe, expect, it } from 'vitest';
import * as S from '../../src/index.js';
import { matmul, ShapeError, scope, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { product, repeat } from '../support/product.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

const read = async (x: Tensor) => {
  const data = await x.data();
  x.dispose();
  return data;
};

const activations = {
  none: (x: number) => x,
  relu: (x: number) => Math.max(x, 0),
  tanh: Math.tanh,
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
} as const;
type Activation = keyof typeof activations;

describe(`matmul (seed ${SEED})`, () => {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 32, 33, 40, 63, 65];
  it('agrees with float64 on random odd shapes, all transposed forms and batches', async () => {
    const inputs = new Inputs('matmul shapes');
    const pick = () => sizes[inputs.integer(sizes.length)];
    for (let round = 0; round < 40; round++) {
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
      expectClose(await read(out), product(a, b, parts, m, n, k, ta, tb), {
        rtol: 2e-6,
        what: `${parts}x${m}x${n}x${k} ${ta} ${tb}`,
      });
    }
  });

  it('adds a bias and applies every activation in the same kernel', async () => {
    const inputs = new Inputs('epilogue');
    // Lanes along columns (vectors and not) and along rows.
    const forms: [number, number, number, Activation[]][] = [
      [5, 7, 9, ['none', 'relu', 'tanh', 'sigmoid']],
      [40, 3, 8, ['relu', 'tanh']],
      [3, 64, 12, ['sigmoid']],
    ];
    for (const [m, n, k, list] of forms) {
      const [a, b, bias] = [inputs.uniform(m * k), inputs.uniform(k * n), inputs.uniform(n)];
      const plain = product(a, b, 1, m, n, k);
      for (const activation of list) {
        const out = scope(() =>
          matmul(tensor(t.device, a, { shape: [m, k] }), tensor(t.device, b, { shape: [k, n] }), {
            bias: tensor(t.device, bias),
            activation,
          }),
        );
        expectClose(
          await read(out),
          plain.map((v, i) => activations[activation](v + bias[i % n])),
          { rtol: 2e-6, atol: 1e-6, what: `${m}x${n}x${k} ${activation}` },
        );
      }
    }
  });

  it('broadcasts leading axes', async () => {
    const inputs = new Inputs('lead');
    const [m, n, k] = [3, 5, 4];
    for (const [leadA, leadB, lead] of [
      [[2], [], [2]],
      [[], [2], [2]],
      [[2, 3], [3], [2, 3]],
      [[3], [2, 1], [2, 3]],
      [[1], [3], [3]],
      [
        [2, 1],
        [1, 3],
        [2, 3],
      ],
      [[1, 1], [], [1, 1]],
      [[0], [], [0]],
      [[0, 2], [2], [0, 2]],
    ]) {
      const size = (s: readonly number[]) => s.reduce((x, y) => x * y, 1);
      const a = inputs.uniform(size(leadA) * m * k);
      const b = inputs.uniform(size(leadB) * k * n);
      const spread = (x: Float32Array, own: readonly number[], unit: number) =>
        Float64Array.from({ length: size(lead) * unit }, (_, i) => {
          let part = Math.floor(i / unit);
          let index = 0;
          let step = 1;
          for (let d = lead.length - 1; d >= 0; d--) {
            const at = part % lead[d];
            part = Math.floor(part / lead[d]);
            const o = d - (lead.length - own.length);
            if (o >= 0) {
              index += (own[o] === 1 ? 0 : at) * step;
              step *= own[o];
            }
          }
          return x[index * unit + (i % unit)];
        });
      const expected = product(spread(a, leadA, m * k), spread(b, leadB, k * n), size(lead), m, n, k);
      for (const trans of [false, true]) {
        // Transposing the host data instead: a' is given as [k, m].
        const at = trans
          ? Float32Array.from(
              a,
              (_, i) => a[Math.floor(i / (m * k)) * m * k + (i % m) * k + Math.floor((i % (m * k)) / m)],
            )
          : a;
        const out = scope(() =>
          matmul(
            tensor(t.device, at, { shape: [...leadA, ...(trans ? [k, m] : [m, k])] }),
            tensor(t.device, b, { shape: [...leadB, k, n] }),
            { transA: trans },
          ),
        );
        expect(out.shape).toEqual([...lead, m, n]);
        expectClose(await read(out), expected, { rtol: 2e-6, what: `[${leadA}] x [${leadB}]` });
      }
    }
  });

  it('takes vectors on either side, and biases of both forms', async () => {
    const inputs = new Inputs('vectors');
    const [a, b, v, w] = [inputs.uniform(12), inputs.uniform(2 * 12), inputs.uniform(4), inputs.uniform(3)];
    const got = scope(() => {
      const m = tensor(t.device, a, { shape: [3, 4] });
      const batch = tensor(t.device, b, { shape: [2, 3, 4] });
      const [x, y] = [tensor(t.device, v), tensor(t.device, w)];
      return [
        matmul(m, x),
        matmul(y, m),
        matmul(x, x),
        matmul(batch, x),
        matmul(y, batch),
        matmul(batch, m, { transB: true, bias: S.reshape(y, [1, 1, 3]) }),
      ];
    });
    expect(got.map((x) => x.shape)).toEqual([[3], [4], [], [2, 3], [2, 4], [2, 3, 3]]);
    const expected = [
      product(a, v, 1, 3, 1, 4),
      product(w, a, 1, 1, 4, 3),
      product(v, v, 1, 1, 1, 4),
      product(b, repeat(v, 2), 2, 3, 1, 4),
      product(repeat(w, 2), b, 2, 1, 4, 3),
      product(b, repeat(a, 2), 2, 3, 3, 4, false, true).map((x, i) => x + w[i % 3]),
    ];
    for (const [i, x] of got.entries()) expectClose(await read(x), expected[i], { rtol: 2e-6 });
  });

  it('takes sizes of 0: no rows, no columns, and sums of nothing', async () => {
    const got = scope(() => {
      const z = (...shape: number[]) => S.zeros(t.device, shape);
      const bias = tensor(t.device, [-1, 0, 2]);
      return [
        matmul(z(0, 4), z(4, 3)),
        matmul(z(2, 4), z(4, 0)),
        matmul(z(2, 0), z(0, 3)),
        matmul(z(2, 0), z(0, 3), { bias, activation: 'relu' }),
      ];
    });
    expect(got.map((x) => x.shape)).toEqual([
      [0, 3],
      [2, 0],
      [2, 3],
      [2, 3],
    ]);
    expect(await Promise.all(got.map(async (x) => Array.from(await read(x))))).toEqual([
      [],
      [],
      [0, 0, 0, 0, 0, 0],
      [0, 0, 2, 0, 0, 2],
    ]);
  });

  it('reads f16 operands', async () => {
    if (!t.device.hasF16) return;
    const inputs = new Inputs('f16');
    const [a, b] = [inputs.integers(60, 9), inputs.integers(84, 9)];
    const out = scope(() =>
      matmul(
        tensor(t.device, a, { shape: [5, 12], dtype: 'f16' }),
        tensor(t.device, b, { shape: [12, 7], dtype: 'f16' }),
      ),
    );
    expect(out.dtype).toBe('f32');
    expect(Array.from(await read(out))).toEqual(Array.from(product(a, b, 1, 5, 7, 12)));
  });

  it('gives the same bytes twice, also where k is split', async () => {
    const inputs = new Inputs('bytes');
    const [a, b] = [inputs.normal(8 * 5000), inputs.normal(5000 * 8)];
    const once = () =>
      read(scope(() => matmul(tensor(t.device, a, { shape: [8, 5000] }), tensor(t.device, b, { shape: [5000, 8] }))));
    const y = await once();
    expect(await once()).toEqual(y);
    const size = product(a.map(Math.abs), b.map(Math.abs), 1, 8, 8, 5000);
    const exact = product(a, b, 1, 8, 8, 5000);
    for (let i = 0; i < 64; i++) expect(Math.abs(y[i] - exact[i])).toBeLessThan(2e-6 * size[i]);
  });
});

describe('linear', () => {
  it('is x Wᵀ + b, with and without a model axis, and differentiable', async () => {
    const host = (models: number) => (x: Float64Array, w: Float64Array, b: Float64Array) =>
      product(x, w, models, 3, 5, 4, false, true).map((v, i) => Math.tanh(v + b[Math.floor(i / 15) * 5 + (i % 5)]));
    const f = (x: Tensor, w: Tensor, b: Tensor) => S.linear(x, w, b, 'tanh');
    await checkGradients({ device: t.device, name: 'linear', f, host: host(1), shapes: [[3, 4], [5, 4], [5]] });
    await checkGradients({
      device: t.device,
      name: 'linear models',
      f,
      host: host(2),
      shapes: [
        [2, 3, 4],
        [2, 5, 4],
        [2, 5],
      ],
    });
    const y = scope(() => S.linear(S.ones(t.device, [2, 3, 4]), S.ones(t.device, [5, 4])));
    expect(y.shape).toEqual([2, 3, 5]);
    expect(new Set(await read(y))).toEqual(new Set([4]));
  });
});

describe('errors', () => {
  it('name the operation, what was expected and what came, and leave nothing behind', () => {
    const a = S.zeros(t.device, [2, 3]);
    const v = S.zeros(t.device, [3]);
    const i = S.zeros(t.device, [3, 2], 'i32');
    const b = S.zeros(t.device, [4, 3, 2]);
    const c = S.zeros(t.device, [5, 2, 3]);
    const scalar = S.zeros(t.device, []);
    const { live, tensors } = t.device.memory();
    expect(() => matmul(a, a)).toThrow(ShapeError);
    const cases: [() => unknown, string][] = [
      [() => matmul(a, a), 'matmul: expected inner sizes to agree, got [2, 3] x [2, 3]'],
      [
        () => matmul(a, a, { transA: true, transB: true }),
        'matmul: expected inner sizes to agree, got [2, 3]ᵀ x [2, 3]ᵀ',
      ],
      [() => matmul(c, b), 'matmul: expected shapes that broadcast together, got [5] and [4]'],
      [() => matmul(a, i), 'matmul: expected b of dtype f32 or f16, got i32'],
      [() => matmul(scalar, a), 'matmul: expected a of rank >= 1, got []'],
      [() => matmul(v, a, { transA: true }), 'matmul: expected no transpose of a vector, got transA or transB'],
      [() => matmul(a, a, { transB: true, bias: v }), 'matmul: expected a bias of shape [2] or [1, 2], got [3]'],
      [
        () => matmul(a, a, { transB: true, activation: 'gelu' as 'relu' }),
        'matmul: expected activation among none, relu, tanh, sigmoid, got gelu',
      ],
    ];
    for (const [make, text] of cases) expect(make).toThrow(text);
    expect(t.device.memory()).toMatchObject({ live, tensors });
    for (const x of [a, v, i, b, c, scalar]) x.dispose();
  });
});
