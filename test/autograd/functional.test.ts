import { describe, expect, it } from 'vitest';
import * as S from '../../src/index.js';
import { scope, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

const read = async (x: Tensor) => {
  const data = Array.from(await x.data());
  x.dispose();
  return data;
};

/** f(x, w) = tanh(x w) of x [2, 3] and w [3, 2]: four outputs of twelve inputs. */
const f = (x: Tensor, w: Tensor) => S.tanh(S.matmul(x, w));
function host(x: Float64Array, w: Float64Array): Float64Array {
  return Float64Array.from({ length: 4 }, (_, i) => {
    let s = 0;
    for (let k = 0; k < 3; k++) s += x[Math.floor(i / 2) * 3 + k] * w[k * 2 + (i % 2)];
    return Math.tanh(s);
  });
}
/** Jacobian [4][12] by central differences. */
function jacobian(x: Float32Array, w: Float32Array): number[][] {
  const at = (k: number, h: number) => {
    const p = [Float64Array.from(x), Float64Array.from(w)];
    p[k < 6 ? 0 : 1][k % 6] += h;
    return host(p[0], p[1]);
  };
  const columns = Array.from({ length: 12 }, (_, k) => {
    const [up, down] = [at(k, 1e-5), at(k, -1e-5)];
    return Array.from(up, (v, i) => (v - down[i]) / 2e-5);
  });
  return [0, 1, 2, 3].map((i) => columns.map((c) => c[i]));
}

const inputs = new Inputs('functional');
const [x0, w0] = [inputs.uniform(6), inputs.uniform(6)];
const J = jacobian(x0, w0);
const make = () => [tensor(t.device, x0, { shape: [2, 3] }), tensor(t.device, w0, { shape: [3, 2] })];

describe(`functional forms (seed ${SEED})`, () => {
  it('valueAndGrad gives a scalar and its gradient, and leaves the arguments untracked', async () => {
    const { value, grads, tracked } = scope(() => {
      const xs = make();
      const made = S.valueAndGrad((x, w) => S.sum(f(x, w)), xs);
      return { ...made, tracked: xs.map((x) => x.tracked) };
    });
    expect(tracked).toEqual([false, false]);
    expectClose(await read(value), [host(Float64Array.from(x0), Float64Array.from(w0)).reduce((a, b) => a + b)], {
      rtol: 1e-6,
      atol: 1e-6,
    });
    const total = Array.from({ length: 12 }, (_, k) => J.reduce((s, row) => s + row[k], 0));
    expectClose(await read(grads[0]), total.slice(0, 6), { rtol: 1e-5 });
    expectClose(await read(grads[1]), total.slice(6), { rtol: 1e-5 });
    scope(() => expectThrows(() => S.valueAndGrad(f, make()), 'grad: expected one scalar, or cotangents, got [2, 2]'));
    scope(() => expectThrows(() => S.valueAndGrad((x) => S.sum(x), make()), 'grad: expected every x to influence y'));
  });

  it('valueAndGrad nests: the gradient of a gradient', async () => {
    const got = scope(() => {
      const inner = (x: Tensor) =>
        S.sum(S.valueAndGrad((v) => S.sum(S.mul(S.mul(v, v), v)), [x], { createGraph: true }).grads[0]);
      return S.valueAndGrad(inner, [tensor(t.device, [1, -2])]).grads[0];
    });
    expectClose(await read(got), [6, -12], { rtol: 1e-6 });
  });

  it('vjp pulls back, jvp pushes forward', async () => {
    const u = inputs.uniform(4);
    const v = [inputs.uniform(6), inputs.uniform(6)];
    const got = scope(() => {
      const xs = make();
      const pulled = S.vjp(f, xs, tensor(t.device, u, { shape: [2, 2] }));
      const pushed = S.jvp(f, xs, [
        tensor(t.device, v[0], { shape: [2, 3] }),
        tensor(t.device, v[1], { shape: [3, 2] }),
      ]);
      return { grads: pulled.grads, values: [pulled.value, pushed.value], tangent: pushed.tangent };
    });
    const back = Array.from({ length: 12 }, (_, k) => J.reduce((s, row, i) => s + row[k] * u[i], 0));
    expectClose((await Promise.all(got.grads.map(read))).flat(), back, { rtol: 1e-5 });
    const forward = J.map((row) => row.reduce((s, x, k) => s + x * v[k < 6 ? 0 : 1][k % 6], 0));
    expect(got.tangent.shape).toEqual([2, 2]);
    expectClose(await read(got.tangent), forward, { rtol: 1e-5 });
    const [a, b] = await Promise.all(got.values.map(read));
    expect(a).toEqual(b);
    scope(() =>
      expectThrows(
        () => S.vjp(f, make(), tensor(t.device, [1])),
        'grad: expected a cotangent of shape [2, 2], got [1]',
      ),
    );
    scope(() => expectThrows(() => S.jvp(f, make(), [tensor(t.device, [1])]), 'grad: expected 2 cotangents, got 1'));
  });

  it('jvp and vjp of a function that ignores an input give zeros', async () => {
    const got = scope(() => {
      const [x, w] = make();
      return [
        S.jvp((a, _) => S.mul(a, 2), [x, w], [x, w]).tangent,
        S.jvp((_) => S.ones(t.device, [2]), [x], [x]).tangent,
        ...S.vjp((a, _) => a, [x, w], x).grads,
      ];
    });
    const values = await Promise.all(got.map(read));
    expectClose(
      values[0],
      Array.from(x0, (x) => 2 * x),
      { rtol: 1e-6 },
    );
    expect(values[1]).toEqual([0, 0]);
    expectClose(values[2], x0, { rtol: 0, atol: 0 });
    expect(values[3]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('hvp agrees with float64', async () => {
    const g = (x: Float64Array, w: Float64Array) => host(x, w).reduce((s, y) => s + y * y * y, 0);
    const v = [inputs.uniform(6), inputs.uniform(6)];
    const { grads, products } = scope(() => {
      const cube = (x: Tensor, w: Tensor) => S.sum(S.pow(f(x, w), 3));
      return S.hvp(cube, make(), [
        tensor(t.device, v[0], { shape: [2, 3] }),
        tensor(t.device, v[1], { shape: [3, 2] }),
      ]);
    });
    const moved = (k: number, h: number, s: number) => {
      const p = [Float64Array.from(x0, (x, i) => x + s * v[0][i]), Float64Array.from(w0, (w, i) => w + s * v[1][i])];
      if (k >= 0) p[k < 6 ? 0 : 1][k % 6] += h;
      return g(p[0], p[1]);
    };
    const first = Array.from({ length: 12 }, (_, k) => (moved(k, 1e-5, 0) - moved(k, -1e-5, 0)) / 2e-5);
    const h = 1e-3;
    const second = Array.from(
      { length: 12 },
      (_, k) => (moved(k, h, h) - moved(k, h, -h) - moved(k, -h, h) + moved(k, -h, -h)) / (4 * h * h),
    );
    expectClose((await Promise.all(grads.map(read))).flat(), first, { rtol: 1e-4, atol: 1e-6 });
    expectClose((await Promise.all(products.map(read))).flat(), second, { rtol: 1e-4, atol: 1e-5 });
  });

  it('jacobianRows gives all rows or the ones asked for', async () => {
    const [all, some] = scope(() => [S.jacobianRows(f, make()), S.jacobianRows(f, make(), [3, 0])]);
    expect(all.map((x) => x.shape)).toEqual([
      [4, 2, 3],
      [4, 3, 2],
    ]);
    expect(some.map((x) => x.shape)).toEqual([
      [2, 2, 3],
      [2, 3, 2],
    ]);
    const rows = (list: number[], from: number) => list.flatMap((r) => J[r].slice(from, from + 6));
    expectClose(await read(all[0]), rows([0, 1, 2, 3], 0), { rtol: 1e-5, atol: 1e-6 });
    expectClose(await read(all[1]), rows([0, 1, 2, 3], 6), { rtol: 1e-5, atol: 1e-6 });
    expectClose(await read(some[0]), rows([3, 0], 0), { rtol: 1e-5, atol: 1e-6 });
    expectClose(await read(some[1]), rows([3, 0], 6), { rtol: 1e-5, atol: 1e-6 });
  });

  it('jacobianRows of samples: row n of a sample depends on that sample only', async () => {
    const got = scope(
      () =>
        S.jacobianRows(
          (x) => S.softmax(x),
          [
            tensor(t.device, [
              [1, 2],
              [3, 5],
            ]),
          ],
        )[0],
    );
    const rows = await read(got);
    for (const r of [0, 1]) expect(rows.slice(4 * r + 2, 4 * r + 4)).toEqual([0, 0]);
    for (const r of [2, 3]) expect(rows.slice(4 * r, 4 * r + 2)).toEqual([0, 0]);
  });

  it('jacobianRows refuses rows that f does not have', () => {
    for (const row of [4, -1, 0.5]) {
      scope(() =>
        expectThrows(() => S.jacobianRows(f, make(), [row]), `jacobianRows: expected rows from 0 to 3, got ${row}`),
      );
    }
  });
});

/** A function under `scope` must not return chai's proxies. */
function expectThrows(fn: () => unknown, text: string): void {
  expect(fn).toThrow(text);
}
