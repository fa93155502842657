import { describe, expect, it } from 'vitest';
import { apply, constant, evaluate, input, scalar } from '../../src/expr/expr.js';
import { erf } from '../../src/expr/host-math.js';
import * as S from '../../src/index.js';
import { scope, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';

const t = testDevice();

const read = async (x: Tensor) => {
  const data = await x.data();
  x.dispose();
  return data;
};

describe('activations against float64', () => {
  const phi = (x: number) => 0.5 * (1 + erf(x * Math.SQRT1_2));
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const cases: [string, (x: Tensor) => Tensor, (x: number) => number, number][] = [
    ['relu', S.relu, (x) => Math.max(x, 0), 0],
    ['relu6', S.relu6, (x) => Math.min(Math.max(x, 0), 6), 0],
    ['leakyRelu', (x) => S.leakyRelu(x, 0.2), (x) => (x > 0 ? x : 0.2 * x), 1e-7],
    ['elu', (x) => S.elu(x, 1.5), (x) => (x > 0 ? x : 1.5 * Math.expm1(x)), 1e-6],
    ['silu', S.silu, (x) => x * sigmoid(x), 1e-6],
    ['gelu', S.gelu, (x) => x * phi(x), 6e-7],
    [
      'gelu tanh',
      (x) => S.gelu(x, 'tanh'),
      (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
      6e-7,
    ],
    ['softplus', S.softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), 1e-6],
    ['square', S.square, (x) => x * x, 1e-7],
    ['pow 2', (x) => S.pow(x, 2), (x) => x * x, 1e-7],
    ['pow 3', (x) => S.pow(x, 3), (x) => x ** 3, 3e-6],
    ['2^x', (x) => S.pow(2, S.clamp(x, -20, 20)), (x) => 2 ** Math.max(-20, Math.min(20, x)), 1e-5],
    ['mod', (x) => S.mod(x, 3), (x) => x - Math.floor(x / 3) * 3, 1e-5],
  ];
  const xs = Float32Array.from({ length: 801 }, (_, i) => ((i - 400) / 400) ** 3 * 12 + 0.013);
  const far = Float32Array.of(-1e30, -1e4, -90, -30, 30, 90, 1e4);
  for (const [name, f, host, tolerance] of cases) {
    it(name, async () => {
      const got = await read(scope(() => f(tensor(t.device, xs))));
      const expected = Float64Array.from(xs, host);
      xs.forEach((x, i) => {
        const allowed = tolerance * Math.max(1, Math.abs(expected[i])) + 1e-30;
        if (!(Math.abs(got[i] - expected[i]) <= allowed))
          expect.fail(`${name}(${x}) is ${got[i]}, expected ${expected[i]}`);
      });
      if (name === 'mod') return;
      const tails = await read(scope(() => f(tensor(t.device, far))));
      far.forEach((x, i) => {
        const e = Math.fround(host(x));
        const same = Math.abs(tails[i] - e) <= 1e-5 * Math.abs(e) + 1e-9 * Math.min(Math.abs(x), 1) || tails[i] === e;
        expect(same, `${name}(${x}) is ${tails[i]}, expected ${e}`).toBe(true);
      });
    });
  }

  it('near 0 they keep relative accuracy', async () => {
    const small = Float32Array.from({ length: 200 }, (_, i) => (i % 2 ? 1 : -1) * 10 ** (-1 - (i % 35)));
    const near: [(x: Tensor) => Tensor, (x: number) => number][] = [
      [S.tanh, Math.tanh],
      [S.erf, erf],
      [S.expm1, Math.expm1],
      [S.log1p, Math.log1p],
      [S.silu, (x) => x * sigmoid(x)],
      [S.gelu, (x) => x * phi(x)],
      [S.elu, (x) => (x > 0 ? x : Math.expm1(x))],
    ];
    for (const [f, host] of near) {
      const got = await read(scope(() => f(tensor(t.device, small))));
      expectClose(got, Float64Array.from(small, host), { rtol: 5e-7, atol: 0, each: true, what: f.name });
    }
  });
});

describe('fuse', () => {
  it('is one kernel whatever the length of the chain', async () => {
    const count = async (fn: () => Tensor) => {
      const rows = await t.device.profile(() => scope(fn).dispose());
      return rows.length;
    };
    const x = tensor(t.device, [0.5, 1, 2]);
    if (t.device.hasTimestamps) {
      expect(
        await count(() => S.fuse((v) => apply('sqrt', apply('exp', apply('tanh', apply('mul', v, v)))), [x])),
      ).toBe(1);
      expect(await count(() => S.sqrt(S.exp(S.tanh(S.mul(x, x)))))).toBe(4);
    }
    const host = { expr: apply('mul', apply('tanh', input(0)), scalar(0)), scalars: [1.5] };
    const got = await read(S.fuse((v, s) => apply('mul', apply('tanh', v), s), [x, 1.5]));
    expectClose(
      got,
      [0.5, 1, 2].map((v) => evaluate(host.expr, { inputs: [v], scalars: host.scalars })),
      { rtol: 1e-6 },
    );
    x.dispose();
  });

  it('host numbers are not part of the shader: NaN and infinities pass', async () => {
    const x = tensor(t.device, [1, -1]);
    expect(Array.from(await read(S.mul(x, Number.POSITIVE_INFINITY)))).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
    expect(Array.from(await read(S.add(x, Number.NaN)))).toEqual([Number.NaN, Number.NaN]);
    x.dispose();
  });

  it('an expression that cannot be emitted leaves nothing behind', () => {
    scope(() => {
      const x = S.ones(t.device, [3]);
      const { live, tensors } = t.device.memory();
      expect(() => S.fuse((v) => apply('mul', v, constant(Number.POSITIVE_INFINITY)), [x])).toThrow(
        'constant must be finite',
      );
      expect(t.device.memory()).toMatchObject({ live, tensors });
    });
  });
});
