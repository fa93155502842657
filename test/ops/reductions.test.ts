import { describe, expect, it } from 'vitest';
import { apply, coord, input } from '../../src/expr/expr.js';
import * as S from '../../src/index.js';
import { scope, sizeOf, type Tensor, tensor } from '../../src/index.js';
import { map } from '../../src/ops/map.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const INF = Number.POSITIVE_INFINITY;

const read = async (x: Tensor) => {
  const data = await x.data();
  x.dispose();
  return data;
};

/** For each result, the values that are reduced into it, in row-major order. */
function groups(data: ArrayLike<number>, shape: readonly number[], axes: readonly number[]): number[][] {
  const kept = shape.map((d, a) => (axes.includes(a) ? 1 : d));
  const out: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
  for (let flat = 0; flat < data.length; flat++) {
    let rest = flat;
    let index = 0;
    let step = 1;
    for (let a = shape.length - 1; a >= 0; a--) {
      if (!axes.includes(a)) index += (rest % shape[a]) * step;
      step *= kept[a];
      rest = Math.floor(rest / shape[a]);
    }
    out[index].push(data[flat]);
  }
  return out;
}

const total = (v: readonly number[]) => v.reduce((a, b) => a + b, 0);
const average = (v: readonly number[]) => total(v) / v.length;
const spread = (v: readonly number[], correction = 0) => {
  const m = average(v);
  return total(v.map((x) => (x - m) ** 2)) / (v.length - correction);
};
const top = (v: readonly number[]) => v.reduce((a, b) => Math.max(a, b), -INF);
const logOfSum = (v: readonly number[]) => top(v) + Math.log(total(v.map((x) => Math.exp(x - top(v)))));

type Reduce = (x: Tensor, axes?: number | number[], options?: S.ReduceOptions) => Tensor;
const reductions: [string, Reduce, (v: readonly number[]) => number, number][] = [
  ['sum', S.sum, total, 2e-6],
  ['mean', S.mean, average, 2e-6],
  ['max', S.max, top, 0],
  ['min', S.min, (v) => -top(v.map((x) => -x)), 0],
  ['variance', S.variance, (v) => spread(v), 4e-6],
  ['norm', S.norm, (v) => Math.sqrt(total(v.map((x) => x * x))), 2e-6],
  ['logsumexp', S.logsumexp, logOfSum, 2e-6],
];

describe(`reductions (seed ${SEED})`, () => {
  const subsets = (rank: number) =>
    Array.from({ length: 2 ** rank }, (_, bits) =>
      Array.from({ length: rank }, (_, a) => a).filter((a) => (bits >> a) & 1),
    );

  for (const [name, f, host, rtol] of reductions) {
    it(`${name} over every set of axes of odd shapes`, async () => {
      const inputs = new Inputs(name);
      for (const shape of [[7], [5, 4], [3, 1, 5], [4, 3, 8], [2, 5, 1, 4], [3, 2, 3, 2, 2]]) {
        const data = inputs.uniform(sizeOf(shape), -2, 2);
        const x = tensor(t.device, data, { shape });
        for (const axes of subsets(shape.length)) {
          for (const keepDims of [false, true]) {
            const out = f(x, axes, { keepDims });
            expect(out.shape).toEqual(
              keepDims ? shape.map((d, a) => (axes.includes(a) ? 1 : d)) : shape.filter((_, a) => !axes.includes(a)),
            );
            expectClose(await read(out), groups(data, shape, axes).map(host), {
              rtol,
              atol: 1e-6,
              what: `${name} [${shape}] over [${axes}]`,
            });
          }
        }
        x.dispose();
      }
    });
  }

  it('every path agrees with float64: neighbours kept or reduced, one lane or four, one split or many', async () => {
    const inputs = new Inputs('paths');
    // Shape:axes. Primes and one off a vector; splits of one lane and of four; kept neighbours; rows short enough for
    // one invocation each; axes of 1.
    const cases = `1:0 2:0 3:0 4093:0 4095:0 4096:0 4097:0 100003:0 131072:0 20000,4:0 20000,3:0 3,5000,8:1
      40,64:1 40,63:1 40,65:1 31,64:1 2,3,4000:0,2 2,3,4001:0,2 50,7,60:0,2 2,900,3,16:1 6,5,7,3,4:0,2,4 1000,1:0 1,1000:0`
      .split(/\s+/)
      .map((c) => c.split(':').map((list) => list.split(',').map(Number)));
    for (const [shape, axes] of cases) {
      const data = inputs.uniform(sizeOf(shape), -1, 1);
      const x = tensor(t.device, data, { shape });
      const parts = groups(data, shape, axes);
      const scale = parts.map((v) => total(v.map(Math.abs)));
      const sums = await read(S.sum(x, axes));
      parts.forEach((v, i) => {
        if (!(Math.abs(sums[i] - total(v)) <= 1e-6 * scale[i]))
          expect.fail(`sum [${shape}] over [${axes}]: ${sums[i]}, expected ${total(v)}`);
      });
      expect(Array.from(await read(S.max(x, axes)))).toEqual(parts.map(top));
      expect(await read(S.min(x, axes))).toEqual(await read(scope(() => S.neg(S.max(S.neg(x), axes)))));
      x.dispose();
    }
  });

  it('reads coordinates and several broadcast inputs', async () => {
    const inputs = new Inputs('weighted');
    const shape = [3, 8, 5];
    const a = inputs.uniform(120);
    const b = inputs.uniform(8);
    for (const axes of [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]) {
      const weighted = Float64Array.from(a, (x, i) => x * b[Math.floor(i / 5) % 8] * (i % 5) + Math.floor(i / 40));
      const expr = apply(
        'add',
        apply('mul', apply('mul', input(0), input(1)), apply('toF32', coord(2))),
        apply('toF32', coord(0)),
      );
      const out = scope(() =>
        map([tensor(t.device, a, { shape }), tensor(t.device, b, { shape: [8, 1] })], expr, { axes }),
      );
      expectClose(await read(out), groups(weighted, shape, axes).map(total), { rtol: 2e-6, what: `over [${axes}]` });
    }
    const mixed = scope(() =>
      map([tensor(t.device, a, { shape }), tensor(t.device, b, { shape: [8, 1] })], apply('mul', input(0), input(1)), {
        axes: [0, 2],
      }),
    );
    expectClose(
      await read(mixed),
      groups(
        Float64Array.from(a, (x, i) => x * b[Math.floor(i / 5) % 8]),
        shape,
        [0, 2],
      ).map(total),
      { rtol: 2e-6 },
    );
  });

  it('a million numbers sum to within 1e-6, the same one a million times to within 2e-6', async () => {
    const inputs = new Inputs('million');
    const n = 1_000_000;
    const random = inputs.uniform(n, 0, 1);
    const same = new Float32Array(n).fill(0.1);
    for (const [data, bound] of [
      [random, 1e-6],
      [same, 2e-6],
    ] as const) {
      const exact = total(Array.from(data));
      for (const shape of [[n], [n / 4, 4], [1000, 1000], [n / 5, 5]]) {
        const got = await read(
          scope(() => {
            const x = tensor(t.device, data, { shape });
            return S.stack([S.sum(S.sum(x, 0)), S.sum(x), S.mul(S.mean(x), n)]);
          }),
        );
        for (const v of got) expect(Math.abs(v - exact) / exact, `[${shape}]: ${v}`).toBeLessThan(bound);
      }
    }
  });

  it('gives the same bytes twice', async () => {
    const data = new Inputs('twice').normal(50021);
    const once = () =>
      read(
        scope(() =>
          S.stack([
            S.sum(tensor(t.device, data)),
            S.logsumexp(tensor(t.device, data)),
            S.variance(tensor(t.device, data)),
          ]),
        ),
      );
    expect(await once()).toEqual(await once());
  });

  it('converts integers and bools, and reads f16', async () => {
    const got = await read(
      scope(() =>
        S.stack([
          S.sum(tensor(t.device, Int32Array.of(1, -5, 7))),
          S.sum(tensor(t.device, Uint32Array.of(1, 5, 7))),
          S.mean(tensor(t.device, [true, false, true, true])),
          ...(t.device.hasF16
            ? [
                S.max(tensor(t.device, [1, 9, 3], { dtype: 'f16' })),
                S.sum(tensor(t.device, [1, 9, 3, 0.5], { dtype: 'f16' })),
              ]
            : []),
        ]),
      ),
    );
    expect(Array.from(got)).toEqual([3, 13, 0.75, ...(t.device.hasF16 ? [9, 13.5] : [])]);
  });

  it('variance takes a correction and survives a large mean', async () => {
    const inputs = new Inputs('variance');
    const data = Float32Array.from(inputs.normal(5000), (v) => 1e4 + v);
    const x = tensor(t.device, data);
    expectClose([await read(S.variance(x)).then((v) => v[0])], [spread(Array.from(data))], { rtol: 1e-4 });
    expectClose([await read(S.variance(x, 0, { correction: 1 })).then((v) => v[0])], [spread(Array.from(data), 1)], {
      rtol: 1e-4,
    });
    x.dispose();
  });
});

describe('empties and singles', () => {
  it('sums of nothing are 0, means and variances NaN, logsumexp -inf, extremes refused', async () => {
    const x = S.zeros(t.device, [3, 0]);
    expect(Array.from(await read(S.sum(x, 1)))).toEqual([0, 0, 0]);
    expect(Array.from(await read(S.norm(x, 1)))).toEqual([0, 0, 0]);
    expect(Array.from(await read(S.mean(x, 1)))).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(Array.from(await read(S.variance(x, 1)))).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(Array.from(await read(S.logsumexp(x, 1)))).toEqual([-INF, -INF, -INF]);
    expect((await read(S.softmax(x))).length).toBe(0);
    expect((await read(S.sum(x, 0))).length).toBe(0);
    expect((await read(S.max(x, 0))).length).toBe(0);
    const { live } = t.device.memory();
    expect(() => S.max(x, 1)).toThrow('max: expected at least one element to choose from, got f32[3, 0]');
    expect(() => S.min(x)).toThrow(S.ArgumentError);
    expect(t.device.memory().live).toBe(live);
    x.dispose();
  });

  it('one element: the variance is 0, or NaN with the correction', async () => {
    const x = tensor(t.device, [3]);
    expect((await read(S.variance(x)))[0]).toBe(0);
    expect((await read(S.variance(x, 0, { correction: 1 })))[0]).toBeNaN();
    expect((await read(S.logsumexp(x)))[0]).toBe(3);
    x.dispose();
  });

  it('a scalar reduces to itself', async () => {
    const x = tensor(t.device, 2.5);
    for (const f of [S.sum, S.mean, S.max, S.min]) expect((await read(f(x)))[0]).toBe(2.5);
    x.dispose();
  });
});

describe('infinities and NaN', () => {
  it('sum, mean, variance and softmax show NaN; logsumexp keeps infinities', async () => {
    const n = tensor(t.device, [1, Number.NaN, 2]);
    for (const f of [S.sum, S.mean, S.variance, S.norm]) expect((await read(f(n)))[0]).toBeNaN();
    expect(Array.from(await read(S.softmax(n)))).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    n.dispose();
    const rows = tensor(t.device, [
      [-INF, -INF],
      [INF, 1],
      [-INF, 3],
      [-5, -5],
    ]);
    expect(Array.from(await read(S.logsumexp(rows, 1))).slice(0, 3)).toEqual([-INF, INF, 3]);
    expect(Array.from(await read(S.max(rows, 1)))).toEqual([-INF, INF, 3, -5]);
    expect(Array.from(await read(S.min(rows, 1)))).toEqual([-INF, 1, -INF, -5]);
    expect(Array.from(await read(S.sum(rows, 1)))).toEqual([-INF, INF, -INF, -10]);
    rows.dispose();
  });
});

describe('softmax and logSoftmax', () => {
  it('agree with float64 along every axis', async () => {
    const inputs = new Inputs('softmax');
    const shape = [3, 5, 4];
    const data = inputs.uniform(60, -8, 8);
    const x = tensor(t.device, data, { shape });
    for (const axis of [0, 1, 2, -1, -3]) {
      const a = (axis + 3) % 3;
      const lse = groups(data, shape, [a]).map(logOfSum);
      const inner = sizeOf(shape.slice(a + 1));
      const at = (i: number) => lse[Math.floor(i / (inner * shape[a])) * inner + (i % inner)];
      expectClose(
        await read(S.logSoftmax(x, axis)),
        Float64Array.from(data, (v, i) => v - at(i)),
        { rtol: 1e-6 },
      );
      expectClose(
        await read(S.softmax(x, axis)),
        Float64Array.from(data, (v, i) => Math.exp(v - at(i))),
        { rtol: 0, atol: 3e-7 },
      );
    }
    x.dispose();
  });

  it('extreme logits neither overflow nor lose the small ones', async () => {
    const x = tensor(t.device, [
      [1e30, 0, -1e30],
      [1e4, 1e4 - 1, -1e4],
      [-1e30, -1e30, -1e30],
      [-INF, 0, 1],
      [88, 89, 90],
    ]);
    const soft = Array.from(await read(S.softmax(x)));
    const log = Array.from(await read(S.logSoftmax(x)));
    const e = Math.E;
    const third = 1 / 3;
    const sum = 1 + e + e * e;
    expectClose(
      soft,
      [
        1,
        0,
        0,
        e / (1 + e),
        1 / (1 + e),
        0,
        third,
        third,
        third,
        0,
        1 / (1 + e),
        e / (1 + e),
        1 / sum,
        e / sum,
        (e * e) / sum,
      ],
      { rtol: 0, atol: 3e-7 },
    );
    expectClose(log.slice(0, 3), [0, -1e30, -2e30], { rtol: 1e-6 });
    expectClose(log.slice(6, 9), [Math.log(third), Math.log(third), Math.log(third)], { rtol: 1e-6 });
    expect(log[9]).toBe(-INF);
    for (const row of [0, 1, 2, 3, 4])
      expect(Math.abs(soft[3 * row] + soft[3 * row + 1] + soft[3 * row + 2] - 1)).toBeLessThan(1e-6);
    x.dispose();
  });
});

describe('errors', () => {
  it('name the operation, what was expected and what came, and leave nothing behind', () => {
    scope(() => {
      const x = S.zeros(t.device, [2, 3]);
      const i = tensor(t.device, Int32Array.of(1, 2));
      const { live, tensors } = t.device.memory();
      const cases: [() => unknown, string][] = [
        [() => S.sum(x, 2), 'sum: expected an axis from -2 to 1, got 2'],
        [() => S.mean(x, [0, -3]), 'mean: expected an axis from -2 to 1, got -3'],
        [() => S.logsumexp(x, 0.5), 'logsumexp: expected an axis from -2 to 1, got 0.5'],
        [() => S.softmax(x, 5), 'softmax: expected an axis from -2 to 1, got 5'],
        [() => S.logSoftmax(x, 5), 'logSoftmax: expected an axis from -2 to 1, got 5'],
        [() => S.variance(x, 3), 'variance: expected an axis from -2 to 1, got 3'],
        [() => S.max(i), 'max: expected dtype f32 or f16, got i32'],
        [() => S.variance(i), 'variance: expected dtype f32 or f16, got i32'],
        [() => S.norm(i), 'norm: expected dtype f32 or f16, got i32'],
        [() => S.softmax(i), 'softmax: expected dtype f32 or f16, got i32'],
        [() => S.logsumexp(i), 'logsumexp: expected dtype f32 or f16, got i32'],
      ];
      for (const [make, text] of cases) expect(make).toThrow(text);
      expect(() => S.sum(x, [1, 1])).toThrow(S.SecateurError);
      expect(t.device.memory()).toMatchObject({ live, tensors });
    });
  });

  it('composite operations leave only their result outside of scopes', () => {
    const x = tensor(t.device, [
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const ops: [string, () => Tensor][] = [
      ...reductions.map(([name, f]) => [name, () => f(x, 1)] as [string, () => Tensor]),
      ['softmax', () => S.softmax(x)],
      ['logSoftmax', () => S.logSoftmax(x)],
    ];
    for (const [name, op] of ops) {
      const { tensors } = t.device.memory();
      const y = op();
      expect([name, t.device.memory().tensors - tensors]).toEqual([name, 1]);
      y.dispose();
    }
    x.dispose();
  });
});
