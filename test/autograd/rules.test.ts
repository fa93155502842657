import { describe, expect, it } from 'vitest';
import { erf } from '../../src/expr/host-math.js';
import * as S from '../../src/index.js';
import { scope, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

const read = async (x: Tensor) => {
  const data = Array.from(await x.data());
  x.dispose();
  return data;
};

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
/** Magnitudes in [low, high) with random signs: off a kink at 0. */
const away = (name: string, n: number, low = 0.2, high = 2): Float32Array => {
  const inputs = new Inputs(name);
  return inputs.uniform(n, low, high).map((x) => (inputs.integer(2) ? x : -x));
};

describe(`pointwise families (seed ${SEED})`, () => {
  const unary: [string, (x: Tensor) => Tensor, (x: number) => number, 'any' | 'positive' | 'away'][] = [
    ['neg', S.neg, (x) => -x, 'any'],
    ['abs', S.abs, Math.abs, 'away'],
    ['exp', S.exp, Math.exp, 'any'],
    ['expm1', S.expm1, Math.expm1, 'any'],
    ['log', S.log, Math.log, 'positive'],
    ['log1p', S.log1p, Math.log1p, 'positive'],
    ['sqrt', S.sqrt, Math.sqrt, 'positive'],
    ['rsqrt', S.rsqrt, (x) => 1 / Math.sqrt(x), 'positive'],
    ['square', S.square, (x) => x * x, 'any'],
    ['sin', S.sin, Math.sin, 'any'],
    ['cos', S.cos, Math.cos, 'any'],
    ['tanh', S.tanh, Math.tanh, 'any'],
    ['sigmoid', S.sigmoid, sigmoid, 'any'],
    ['softplus', S.softplus, (x) => Math.log1p(Math.exp(x)), 'any'],
    ['erf', S.erf, erf, 'any'],
    ['relu', S.relu, (x) => Math.max(x, 0), 'away'],
    ['relu6', (x) => S.relu6(S.mul(x, 4)), (x) => Math.min(Math.max(4 * x, 0), 6), 'away'],
    ['leakyRelu', (x) => S.leakyRelu(x, 0.1), (x) => (x > 0 ? x : 0.1 * x), 'away'],
    ['elu', (x) => S.elu(x, 0.7), (x) => (x > 0 ? x : 0.7 * Math.expm1(x)), 'away'],
    ['silu', S.silu, (x) => x * sigmoid(x), 'any'],
    ['gelu', S.gelu, (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)), 'any'],
    [
      'gelu tanh',
      (x) => S.gelu(x, 'tanh'),
      (x) => 0.5 * x * (1 + Math.tanh(0.7978845608 * (x + 0.044715 * x ** 3))),
      'any',
    ],
    ['clamp', (x) => S.clamp(x, -0.1, 5), (x) => Math.min(Math.max(x, -0.1), 5), 'away'],
    ['x^3', (x) => S.pow(x, 3), (x) => x ** 3, 'away'],
    ['x^-1.5', (x) => S.pow(x, -1.5), (x) => x ** -1.5, 'positive'],
    ['2^x', (x) => S.pow(2, x), (x) => 2 ** x, 'any'],
    ['1 / x', (x) => S.div(1, x), (x) => 1 / x, 'away'],
    ['x / 3', (x) => S.div(x, 3), (x) => x / 3, 'any'],
    ['1 - x', (x) => S.sub(1, x), (x) => 1 - x, 'any'],
    ['cast', (x) => S.cast(x, 'f32'), (x) => x, 'any'],
  ];
  for (const [name, f, host, domain] of unary) {
    it(name, async () => {
      // Seven elements: one dispatch of four lanes and a tail. relu6 and clamp keep off their upper kinks.
      const values =
        domain === 'positive'
          ? new Inputs(name).uniform(7, 0.4, 2)
          : domain === 'away'
            ? away(name, 7, 0.2, 1.4)
            : new Inputs(name).uniform(7, -1.5, 1.5);
      await checkGradients({ device: t.device, name, f, host: (x) => x.map(host), shapes: [[7]], values: [values] });
    });
  }

  const at = (i: number) => ({ row: Math.floor(i / 4) % 3, column: i % 4, page: Math.floor(i / 12) });
  const binary: [string, (a: Tensor, b: Tensor) => Tensor, (a: number, b: number) => number][] = [
    ['add', S.add, (a, b) => a + b],
    ['sub', S.sub, (a, b) => a - b],
    ['mul', S.mul, (a, b) => a * b],
    ['div', S.div, (a, b) => a / b],
    ['maximum', S.maximum, Math.max],
    ['minimum', S.minimum, Math.min],
    ['pow', (a, b) => S.pow(S.abs(a), b), (a, b) => Math.abs(a) ** b],
    ['mod', (a, b) => S.mod(a, S.add(S.square(b), 3)), (a, b) => a - Math.floor(a / (b * b + 3)) * (b * b + 3)],
  ];
  for (const [name, f, host] of binary) {
    it(`${name}, both sides broadcast`, async () => {
      // a [2, 3, 1], b [3, 4]: each is summed over an axis that the other has.
      const a = away(`${name} a`, 6);
      const b = away(`${name} b`, 12).map((x, i) =>
        Math.abs(x - a[Math.floor(i / 4)]) < 0.05 || Math.abs(x - a[3 + Math.floor(i / 4)]) < 0.05 ? x + 0.13 : x,
      );
      await checkGradients({
        device: t.device,
        name: `${name} broadcast`,
        f,
        host: (x, y) =>
          Float64Array.from({ length: 24 }, (_, i) =>
            host(x[at(i).page * 3 + at(i).row], y[at(i).row * 4 + at(i).column]),
          ),
        shapes: [
          [2, 3, 1],
          [3, 4],
        ],
        values: [a, b],
      });
    });
  }

  it('where, expand and a scalar against a matrix', async () => {
    const mask = Uint8Array.of(1, 0, 1, 0, 0, 1);
    await checkGradients({
      device: t.device,
      name: 'where',
      f: (x, y, s) => S.mul(S.where(tensor(t.device, mask, { shape: [2, 3] }), S.exp(x), S.square(y)), s),
      host: (x, y, s) =>
        Float64Array.from({ length: 6 }, (_, i) => (mask[i] ? Math.exp(x[i % 3]) : y[i] * y[i]) * s[0]),
      shapes: [[3], [2, 3], []],
    });
    await checkGradients({
      device: t.device,
      name: 'expand',
      f: (x) => S.square(S.expand(x, [2, 3, 4])),
      host: (x) => Float64Array.from({ length: 24 }, (_, i) => x[Math.floor(i / 4) % 3] ** 2),
      shapes: [[3, 1]],
    });
  });

  it('f16 leaves get f32 gradients', async () => {
    if (!t.device.hasF16) return;
    const got = scope(() => {
      const x = tensor(t.device, [0.5, 1, -2], { dtype: 'f16' });
      return S.valueAndGrad((v) => S.sum(S.mul(S.cast(v, 'f32'), S.mul(v, v))), [x]).grads[0];
    });
    expect(got.dtype).toBe('f32');
    expectClose(await read(got), [0.75, 3, 12], { rtol: 1e-3 });
  });
});

describe('reductions', () => {
  /** Groups of a [2, 3, 4] tensor over axes, as lists of indices. */
  const groupsOf = (axes: number[]) => {
    const out = new Map<string, number[]>();
    for (let i = 0; i < 24; i++) {
      const at = [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4].filter((_, a) => !axes.includes(a)).join();
      out.set(at, [...(out.get(at) ?? []), i]);
    }
    return [...out.values()];
  };
  const total = (v: number[]) => v.reduce((a, b) => a + b, 0);
  const kinds: [string, (x: Tensor, axes: number[]) => Tensor, (v: number[]) => number][] = [
    ['sum', (x, axes) => S.square(S.sum(x, axes)), (v) => total(v) ** 2],
    ['mean', (x, axes) => S.square(S.mean(x, axes, { keepDims: true })), (v) => (total(v) / v.length) ** 2],
    [
      'variance',
      (x, axes) => S.variance(x, axes, { correction: 1 }),
      (v) => v.reduce((s, x) => s + (x - total(v) / v.length) ** 2, 0) / (v.length - 1),
    ],
    ['norm', (x, axes) => S.norm(x, axes), (v) => Math.hypot(...v)],
    ['logsumexp', (x, axes) => S.logsumexp(x, axes), (v) => Math.log(total(v.map(Math.exp)))],
    ['max', (x, axes) => S.square(S.max(x, axes)), (v) => Math.max(...v) ** 2],
    ['min', (x, axes) => S.square(S.min(x, axes, { keepDims: true })), (v) => Math.min(...v) ** 2],
  ];
  for (const [name, f, host] of kinds) {
    it(name, async () => {
      for (const axes of [[0], [1, 2], [0, 2], [0, 1, 2]]) {
        // Distinct values 0.05 apart, so that no difference step swaps the greatest.
        const inputs = new Inputs(`${name} ${axes}`);
        const order = Array.from({ length: 24 }, (_, i) => i);
        for (let i = 23; i > 0; i--) {
          const j = inputs.integer(i + 1);
          [order[i], order[j]] = [order[j], order[i]];
        }
        const values = Float32Array.from(order, (k) => (k - 11.7) * 0.08);
        await checkGradients({
          device: t.device,
          name: `${name} over [${axes}]`,
          f: (x) => f(x, axes),
          host: (x) => groupsOf(axes).map((list) => host(list.map((i) => x[i]))),
          shapes: [[2, 3, 4]],
          values: [values],
        });
      }
    });
  }

  it('softmax and logSoftmax', async () => {
    const soft = (x: Float64Array) =>
      Float64Array.from(x, (v, i) => Math.exp(v) / total([0, 1, 2, 3].map((k) => Math.exp(x[i - (i % 4) + k]))));
    await checkGradients({ device: t.device, name: 'softmax', f: (x) => S.softmax(x), host: soft, shapes: [[3, 4]] });
    await checkGradients({
      device: t.device,
      name: 'logSoftmax',
      f: (x) => S.logSoftmax(x),
      host: (x) => soft(x).map(Math.log),
      shapes: [[3, 4]],
    });
  });

  it('ties of an extreme share the gradient evenly', async () => {
    const got = scope(() => {
      const x = tensor(t.device, [
        [3, 1, 3, 3],
        [0, 0, -1, -2],
        [5, 5, 5, 5],
      ]);
      const g = (f: (x: Tensor) => Tensor) => S.valueAndGrad((v) => S.sum(f(v)), [x]).grads[0];
      return [g((v) => S.max(v, 1)), g((v) => S.min(v, 1)), g((v) => S.maximum(v, tensor(t.device, [3, 3, 3, 3])))];
    });
    const third = Math.fround(1 / 3);
    expect(await read(got[0])).toEqual([third, 0, third, third, 0.5, 0.5, 0, 0, 0.25, 0.25, 0.25, 0.25]);
    expect(await read(got[1])).toEqual([0, 1, 0, 0, 0, 0, 0, 1, 0.25, 0.25, 0.25, 0.25]);
    expect(await read(got[2])).toEqual([0.5, 0, 0.5, 0.5, 0, 0, 0, 0, 1, 1, 1, 1]);
  });

  it('the norm has slope 0 at 0, in first and second order', async () => {
    const got = scope(() => {
      const x = tensor(t.device, [
        [0, 0],
        [3, 4],
      ]);
      const f = (v: Tensor) => S.sum(S.norm(v, 1));
      const { grads, products } = S.hvp(f, [x], [S.ones(t.device, [2, 2])]);
      return [grads[0], products[0]];
    });
    expectClose(await read(got[0]), [0, 0, 0.6, 0.8], { rtol: 1e-6 });
    expect((await read(got[1])).every(Number.isFinite)).toBe(true);
  });

  it('powers of 0 and of negative bases have finite derivatives of both orders', async () => {
    const got = scope(() => {
      const [x, y] = [tensor(t.device, [0, -2, 2, 0]), tensor(t.device, [2, 3, 2, 3])];
      const f = (a: Tensor, b: Tensor) => S.sum(S.pow(a, b));
      const { grads, products } = S.hvp(f, [x, y], [S.ones(t.device, [4]), S.zeros(t.device, [4])]);
      return [...grads, products[0]];
    });
    expectClose(await read(got[0]), [0, 12, 4, 0], { rtol: 1e-5, atol: 1e-6 });
    expectClose(await read(got[1]), [0, 0, 4 * Math.LN2, 0], { rtol: 1e-5, atol: 1e-6 });
    expectClose(await read(got[2]), [2, -12, 2, 0], { rtol: 1e-5, atol: 1e-6 });
  });

  it('empty tensors have empty gradients, and an empty batch adds nothing', async () => {
    const got = scope(() => {
      const [x, b] = [S.zeros(t.device, [0, 3]), S.ones(t.device, [3])];
      return S.valueAndGrad((v, w) => S.sum(S.mul(S.add(v, w), w)), [x, b]).grads;
    });
    expect(got.map((g) => g.shape)).toEqual([[0, 3], [3]]);
    expect(await Promise.all(got.map(read))).toEqual([[], [0, 0, 0]]);
  });
});
