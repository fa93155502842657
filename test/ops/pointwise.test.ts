import { describe, expect, it } from 'vitest';
import { apply, constant, coord, type Expr, input } from '../../src/expr/expr.js';
import * as S from '../../src/index.js';
import { type DType, scope, sizeOf, type Tensor, tensor } from '../../src/index.js';
import { generate, map } from '../../src/ops/map.js';
import { fromHalf, toHalf } from '../../src/tensor/dtype.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

/** Values of the operands of a broadcast at every element of `shape`, in row-major order. */
function broadcast(
  shape: readonly number[],
  operands: readonly { shape: readonly number[]; data: ArrayLike<number> }[],
): number[][] {
  const rank = shape.length;
  return Array.from({ length: sizeOf(shape) }, (_, flat) => {
    const at: number[] = new Array(rank);
    for (let a = rank - 1, rest = flat; a >= 0; a--) {
      at[a] = rest % shape[a];
      rest = Math.floor(rest / shape[a]);
    }
    return operands.map((x) => {
      let i = 0;
      x.shape.forEach((d, k) => {
        i = i * d + (d === 1 ? 0 : at[rank - x.shape.length + k]);
      });
      return x.data[i];
    });
  });
}

const read = async (x: Tensor) => {
  const data = await x.data();
  x.dispose();
  return data;
};

describe(`broadcasting (seed ${SEED})`, () => {
  const f = apply('add', apply('mul', input(0), input(1)), input(2));
  it('agrees with the reference on random shapes of rank 0 to 5, with axes of 1 in every place', async () => {
    const inputs = new Inputs('broadcast');
    for (let round = 0; round < 120; round++) {
      const rank = inputs.integer(6);
      // Multiples of 4 take the vector path, others the scalar one; 1 splats.
      const shape = Array.from({ length: rank }, () => [1, 2, 3, 4, 5, 8, 12][inputs.integer(7)]);
      const operands = [0, 1, 2].map((k) => {
        const own =
          k === 0 && round % 2
            ? shape
            : shape.slice(inputs.integer(rank + 1)).map((d) => (inputs.integer(3) === 0 ? 1 : d));
        return { shape: own, data: inputs.uniform(sizeOf(own)) };
      });
      const out = scope(() =>
        map(
          operands.map((x) => tensor(t.device, x.data, { shape: x.shape })),
          f,
        ),
      );
      const expectedShape = Array.from(
        { length: Math.max(...operands.map((x) => x.shape.length)) },
        (_, a, r = Math.max(...operands.map((x) => x.shape.length))) =>
          Math.max(...operands.map((x) => x.shape[a - (r - x.shape.length)] ?? 1)),
      );
      expect(out.shape).toEqual(expectedShape);
      const expected = broadcast(out.shape, operands).map(([a, b, c]) => a * b + c);
      expectClose(await read(out), expected, { rtol: 1e-6, what: operands.map((x) => `[${x.shape}]`).join(' ') });
    }
  });

  it('gives nothing for axes of 0, and broadcasts 1 against 0', async () => {
    for (const [a, b, shape] of [
      [[0], [1], [0]],
      [[3, 0, 4], [4], [3, 0, 4]],
      [
        [2, 1],
        [2, 0],
        [2, 0],
      ],
      [[], [0, 5], [0, 5]],
    ]) {
      const out = scope(() => S.add(S.zeros(t.device, a), S.zeros(t.device, b)));
      expect(out.shape).toEqual(shape);
      expect((await read(out)).length).toBe(0);
    }
  });

  it('refuses shapes that do not broadcast, naming them', () => {
    scope(() => {
      const a = S.zeros(t.device, [2, 3]);
      const b = S.zeros(t.device, [4]);
      const live = t.device.memory();
      expect(() => S.add(a, b)).toThrow(S.ShapeError);
      expect(() => S.add(a, b)).toThrow('add: expected shapes that broadcast together, got [2, 3] and [4]');
      expect(() => S.expand(b, [4, 3])).toThrow('expand: expected shapes that broadcast together, got [4] and [4, 3]');
      expect(() => S.expand(S.zeros(t.device, [2, 4]), [4])).toThrow(
        'expand: expected a shape that [2, 4] broadcasts to, got [4]',
      );
      expect(t.device.memory().live - live.live).toBe(32);
    });
  });

  it('covers more elements than 65,535 workgroups have invocations, and lengths off every vector', async () => {
    for (const n of [65536 * 64 + 5, 1, 2, 3, 5, 63, 64, 65, 257]) {
      const out = scope(() =>
        S.add(
          S.ones(t.device, [n]),
          tensor(
            t.device,
            Float32Array.from({ length: n }, (_, i) => i % 1024),
          ),
        ),
      );
      const got = await read(out);
      let wrong = -1;
      for (let i = 0; i < n && wrong < 0; i++) if (got[i] !== (i % 1024) + 1) wrong = i;
      expect(wrong).toBe(-1);
    }
  });

  it('takes as many tensors as the device binds, and refuses one more', async () => {
    const most = t.device.limits.maxBindings - 1;
    const make = (n: number) => Array.from({ length: n }, (_, i) => tensor(t.device, [i, 2 * i]));
    const sum = (...args: Expr[]) => args.reduce((a, b) => apply('add', a, b));
    const out = scope(() => S.fuse(sum, make(most)));
    expect(Array.from(await read(out))).toEqual([(most * (most - 1)) / 2, most * (most - 1)]);
    scope(() => {
      const many = make(most + 1);
      const { live } = t.device.memory();
      expect(() => S.fuse(sum, many)).toThrow(S.LimitError);
      expect(() => S.fuse(sum, many)).toThrow(
        `fuse: tensors in one kernel is limited to ${most + 1} on this device, got ${most + 2}`,
      );
      expect(t.device.memory().live).toBe(live);
    });
  });

  it('takes more parameters than immediates hold', async () => {
    const inputs = new Inputs('parameters');
    const shapes = [
      [2, 1, 3, 1, 5],
      [1, 4, 1, 2, 1],
      [2, 1, 1, 2, 5],
      [1, 4, 3, 1, 1],
      [2, 4, 3, 2, 5],
    ];
    const operands = shapes.map((shape) => ({ shape, data: inputs.uniform(sizeOf(shape)) }));
    const out = scope(() =>
      S.fuse(
        (a, b, c, d, e, s) => apply('mul', s, apply('add', apply('sub', a, apply('mul', b, c)), apply('mul', d, e))),
        [...operands.map((x) => tensor(t.device, x.data, { shape: x.shape })), 3],
      ),
    );
    const expected = broadcast(out.shape, operands).map(([a, b, c, d, e]) => 3 * (a - b * c + d * e));
    expectClose(await read(out), expected, { rtol: 1e-6 });
  });

  it('gives the same bytes twice', async () => {
    const inputs = new Inputs('bytes');
    const make = inputs.normal(10007);
    const once = () => read(scope(() => S.gelu(S.mul(tensor(t.device, make), 3))));
    expect(await once()).toEqual(await once());
  });
});

describe('coordinates', () => {
  it('are those of the unmerged space, with axes of 1 kept apart', async () => {
    const shape = [2, 1, 3, 4];
    const e = apply(
      'add',
      apply('mul', coord(0), constant(100, 'i32')),
      apply('add', apply('mul', coord(2), constant(10, 'i32')), coord(3)),
    );
    const plain = generate('test', t.device, shape, e, [], 'i32');
    const expected = Array.from(
      { length: 24 },
      (_, i) => 100 * Math.floor(i / 12) + 10 * (Math.floor(i / 4) % 3) + (i % 4),
    );
    expect(Array.from(await read(plain))).toEqual(expected);
    const mixed = scope(() =>
      map([tensor(t.device, [10, 20, 30, 40])], apply('add', apply('toF32', coord(2)), input(0)), { shape }),
    );
    expect(Array.from(await read(mixed))).toEqual(
      Array.from({ length: 24 }, (_, i) => (Math.floor(i / 4) % 3) + 10 * ((i % 4) + 1)),
    );
  });
});

describe('dtypes', () => {
  const dtypes: DType[] = ['f32', 'i32', 'u32', 'bool', 'f16'];
  const values = [0, 1, 2, 3, 7, 1, 0, 255, 1024];

  it('casts between all dtypes, lanes 4 and 1', async () => {
    for (const from of dtypes) {
      for (const to of dtypes) {
        if (!t.device.hasF16 && [from, to].includes('f16')) continue;
        const held = from === 'bool' ? values.map((v) => (v ? 1 : 0)) : values;
        const expected = to === 'bool' ? held.map((v) => (v ? 1 : 0)) : held;
        const out = scope(() => S.cast(tensor(t.device, values, { dtype: from }), to));
        expect(out.dtype).toBe(to);
        expect([from, to, ...Array.from(await read(out))]).toEqual([from, to, ...expected]);
      }
    }
  });

  it('float to integer goes towards zero, integers keep their bits, and anything not 0 is true', async () => {
    const cast = async (xs: S.HostArray, to: DType) =>
      Array.from(await read(scope(() => S.cast(tensor(t.device, xs), to))), (v) => v + 0);
    expect(await cast(Float32Array.of(1.9, -1.9, -0.5, 0.5, 3e9), 'i32')).toEqual([1, -1, 0, 0, 2147483520]);
    expect(await cast(Float32Array.of(1.9, -1.9, 3e9, 5e9), 'u32')).toEqual([1, 0, 3e9, 4294967040]);
    expect(await cast(Int32Array.of(-1, 5), 'u32')).toEqual([4294967295, 5]);
    expect(await cast(Uint32Array.of(4294967295, 5), 'i32')).toEqual([-1, 5]);
    expect(await cast(Float32Array.of(0, -0, 1e-30, -2), 'bool')).toEqual([0, 0, 1, 1]);
    expect(await cast(Int32Array.of(-3, 0), 'bool')).toEqual([1, 0]);
  });

  it('stores f16 rounded to nearest even, and computes on it in f32', async () => {
    if (!t.device.hasF16) return;
    const inputs = new Inputs('halves');
    const xs = Float32Array.from([
      ...inputs.uniform(501, -1000, 1000),
      ...inputs.uniform(500, -1e-5, 1e-5),
      65504,
      1e-8,
      -0,
    ]);
    const half = Float32Array.from(xs, (x) => fromHalf(toHalf(x)));
    const { stored, doubled, widened } = scope(() => {
      const h = S.cast(tensor(t.device, xs), 'f16');
      return { stored: h, doubled: S.mul(h, 0.5), widened: S.add(h, tensor(t.device, xs)) };
    });
    expect([stored.dtype, doubled.dtype, widened.dtype]).toEqual(['f16', 'f16', 'f32']);
    expectClose(await read(stored), half, { rtol: 0, atol: 2 ** -24 });
    expectClose(
      await read(doubled),
      half.map((h) => fromHalf(toHalf(h * 0.5))),
      { rtol: 0, atol: 2 ** -24 },
    );
    expectClose(
      await read(widened),
      half.map((h, i) => h + xs[i]),
      { rtol: 1e-6 },
    );
  });

  it('integers stay integers beside whole numbers, and refuse others', async () => {
    const i = scope(() => S.mul(tensor(t.device, Int32Array.of(1, -2, 2 ** 30)), 3));
    expect(i.dtype).toBe('i32');
    expect(Array.from(await read(i))).toEqual([3, -6, (3 * 2 ** 30) | 0]);
    const u = scope(() => S.sub(0, tensor(t.device, Uint32Array.of(1, 0))));
    expect([u.dtype, ...Array.from(await read(u))]).toEqual(['u32', 4294967295, 0]);
    scope(() => {
      const x = tensor(t.device, Uint32Array.of(1, 2));
      const y = tensor(t.device, Int32Array.of(1, 2));
      const { live } = t.device.memory();
      expect(() => S.mul(y, 0.5)).toThrow(
        'mul: expected a whole number from -2147483648 to 2147483647 beside dtype i32, got 0.5',
      );
      expect(() => S.add(x, -1)).toThrow('add: expected a whole number from 0 to 4294967295 beside dtype u32, got -1');
      expect(() => S.add(y, 2 ** 31)).toThrow(S.DTypeError);
      expect(() => S.add(x, y)).toThrow('add: expected two numbers of one type, got u32, i32');
      expect(() => S.exp(x)).toThrow('exp: expected one f32, got u32');
      expect(() => S.logicalAnd(x, x)).toThrow('and: expected two bools, got u32, u32');
      expect(() => S.fuse((a) => a, [1, 2])).toThrow('fuse: expected at least one tensor, got only numbers');
      expect(t.device.memory().live).toBe(live);
    });
  });

  it('comparisons and masks are bool', async () => {
    const { less, both, eq } = scope(() => {
      const a = tensor(t.device, [1, 2, 3, 4, 5]);
      return {
        less: S.less(a, 3),
        both: S.logicalOr(S.greater(a, 4), S.logicalNot(S.greaterEqual(a, 2))),
        eq: S.notEqual(a, 2),
      };
    });
    expect([less.dtype, ...Array.from(await read(less))]).toEqual(['bool', 1, 1, 0, 0, 0]);
    expect(Array.from(await read(both))).toEqual([1, 0, 0, 0, 1]);
    expect(Array.from(await read(eq))).toEqual([1, 0, 1, 1, 1]);
  });
});

describe('where, clamp, minimum, maximum', () => {
  it('where takes tensors and numbers on either side and broadcasts', async () => {
    const got = scope(() => {
      const m = tensor(t.device, [[true], [false]]);
      const x = tensor(t.device, [1, 2, 3]);
      return [
        S.where(m, x, -1),
        S.where(m, 0, x),
        S.where(m, 7, 8),
        S.where(m, x, S.neg(x)),
        S.where(m, m, S.logicalNot(m)),
        S.where(m, tensor(t.device, Int32Array.of(5)), 6),
      ];
    });
    const values = await Promise.all(got.map(read));
    expect(values.map((v) => Array.from(v))).toEqual([
      [1, 2, 3, -1, -1, -1],
      [0, 0, 0, 1, 2, 3],
      [7, 8],
      [1, 2, 3, -1, -2, -3],
      [1, 1],
      [5, 6],
    ]);
    expect(got.map((x) => x.dtype)).toEqual(['f32', 'f32', 'f32', 'f32', 'bool', 'i32']);
    scope(() => {
      const x = S.ones(t.device, [2]);
      expect(() => S.where(x, 1, 2)).toThrow('where: expected a mask of dtype bool, got f32');
    });
  });

  it('clamp keeps NaN, takes infinite bounds, and refuses crossed ones', async () => {
    const x = tensor(t.device, [-5, -1, 0, 1, 5, Number.NaN]);
    expect(Array.from(await read(S.clamp(x, -1, 2)))).toEqual([-1, -1, 0, 1, 2, Number.NaN]);
    expect(Array.from(await read(S.clamp(x, Number.NEGATIVE_INFINITY, 0)))).toEqual([-5, -1, 0, 0, 0, Number.NaN]);
    expect(() => S.clamp(x, 2, 1)).toThrow('clamp: expected low <= high, got 2 and 1');
    x.dispose();
  });
});

describe('clone and expand', () => {
  it('own their storage', async () => {
    const x = tensor(t.device, [1, 2, 3]);
    const c = S.clone(x);
    const e = S.expand(x, [2, 3]);
    x.write([7, 8, 9]);
    expect(Array.from(await read(c))).toEqual([1, 2, 3]);
    expect(Array.from(await read(e))).toEqual([1, 2, 3, 1, 2, 3]);
    for (const dtype of ['i32', 'u32', 'bool'] as const) {
      const y = S.cast(x, dtype);
      const z = S.expand(y, [2, 3]);
      const d = S.clone(y);
      expect([z.dtype, d.dtype]).toEqual([dtype, dtype]);
      expect(await read(z)).toEqual(await read(S.concat([y, y])));
      for (const v of [y, d]) v.dispose();
    }
    x.dispose();
  });
});
