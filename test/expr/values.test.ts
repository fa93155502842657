import { describe, expect, it } from 'vitest';
import { apply, evaluate, input } from '../../src/expr/expr.js';
import { OPS, type OpName, type ValueType } from '../../src/expr/ops.js';
import { type HostArray, scope, type Tensor, tensor } from '../../src/index.js';
import { map } from '../../src/ops/map.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

/** Distance from |x|, as a float32, to its upper neighbour. */
function ulp(x: number): number {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  value[0] = Math.min(Math.abs(x), 3.4e38);
  const low = value[0];
  bits[0]++;
  return Math.max(value[0] - low, 2 ** -149);
}

/** Smallest normal float32: results below it may be flushed to zero. */
const TINY = 2 ** -126;

/** Both code paths of one operation: four lanes on a linear walk, and one lane where the last axis has size 3. */
async function onDevice(op: OpName, columns: readonly HostArray[]): Promise<ArrayLike<number>[]> {
  const n = columns[0].length;
  const run = (f: (xs: Tensor[]) => Tensor) => scope(() => f(columns.map((c) => tensor(t.device, c))));
  const types = columns.map(typeOf);
  const expr = apply(op, ...types.map((type, i) => input(i, type)));
  const four = run((xs) => map(xs, expr));
  const one = run((xs) =>
    map(
      xs.map((x) => x.view('test', [n, 1])),
      expr,
      { shape: [n, 3] },
    ),
  );
  expect(four.dtype).toBe(expr.type);
  const a = await four.data();
  const b = await one.data();
  four.dispose();
  one.dispose();
  return [a, Array.from({ length: n }, (_, i) => b[3 * i + (i % 3)])];
}

const typeOf = (c: HostArray): ValueType =>
  c instanceof Float32Array ? 'f32' : c instanceof Int32Array ? 'i32' : c instanceof Uint32Array ? 'u32' : 'bool';

/** Logarithmically spaced magnitudes of both signs, halves, and exact small numbers. */
function wide(low = 1e-30, high = 1e30, n = 600): Float32Array {
  const out: number[] = [0, -0];
  for (let i = 0; i < n; i++) {
    const x = low * (high / low) ** (i / (n - 1));
    out.push(x, -x);
  }
  for (let k = -6; k <= 6; k++) out.push(k / 2, k, k + 0.25);
  return Float32Array.from(out.filter((x) => Math.abs(x) <= high));
}

interface Bound {
  xs: Float32Array;
  /** Units in the last place of the result that an error may take, by argument. */
  ulps: (x: number) => number;
  /** Absolute error allowed beside it. */
  atol?: number;
}

const fixed = (n: number) => () => n;
// exp itself is as good as WGSL promises: 3 + 2 |x| ulp. What is built on it inherits that.
const likeExp = (x: number) => 8 + 3 * Math.min(Math.abs(x), 100);
const positive = (xs: Float32Array) => xs.filter((x) => x > 0);

const unary: Partial<Record<OpName, Bound>> = {
  neg: { xs: wide(), ulps: fixed(0) },
  abs: { xs: wide(), ulps: fixed(0) },
  sign: { xs: wide(), ulps: fixed(0) },
  floor: { xs: wide(), ulps: fixed(0) },
  ceil: { xs: wide(), ulps: fixed(0) },
  round: { xs: wide(), ulps: fixed(0) },
  relu: { xs: wide(), ulps: fixed(0) },
  exp: { xs: wide(1e-8, 87), ulps: likeExp },
  expm1: { xs: wide(1e-30, 87), ulps: likeExp },
  log: { xs: positive(wide()), ulps: fixed(4), atol: 2 ** -21 },
  log1p: { xs: wide(1e-30, 1e30).filter((x) => x > -0.999), ulps: fixed(6) },
  sqrt: { xs: positive(wide()), ulps: fixed(3) },
  rsqrt: { xs: positive(wide()), ulps: fixed(3) },
  sin: { xs: wide(1e-10, 60), ulps: fixed(0), atol: 1e-6 },
  cos: { xs: wide(1e-10, 60), ulps: fixed(0), atol: 1e-6 },
  tanh: { xs: wide(), ulps: fixed(8) },
  sigmoid: { xs: wide(), ulps: likeExp },
  softplus: { xs: wide(), ulps: likeExp },
  erf: { xs: wide(), ulps: fixed(8) },
};

describe(`unary float operations on the device (seed ${SEED})`, () => {
  for (const [name, { xs, ulps, atol = 0 }] of Object.entries(unary)) {
    it(`${name} is as accurate as promised over its range`, async () => {
      const op = name as OpName;
      for (const got of await onDevice(op, [xs])) {
        xs.forEach((x, i) => {
          const e = evaluate(apply(op, input(0)), { inputs: [x] });
          const allowed = ulps(x) * ulp(e) + atol + (ulps(x) > 0 ? TINY : 0);
          const error = Math.abs(got[i] - e);
          if (!(error <= allowed))
            expect.fail(`${op}(${x}) is ${got[i]}, expected ${e}: ${(error / ulp(e)).toFixed(1)} ulp`);
        });
      }
    });
  }

  it('passes NaN on through everything but tests and signs', async () => {
    const names = Object.keys(unary).filter((op) => !['sign'].includes(op)) as OpName[];
    for (const op of names) {
      for (const got of await onDevice(op, [Float32Array.of(Number.NaN, 1, Number.NaN, 1, 1)])) {
        expect([op, got[0], got[2]]).toEqual([op, Number.NaN, Number.NaN]);
      }
    }
  });

  it('takes infinities to their limits', async () => {
    const limits: [OpName, number, number][] = [
      ['tanh', -1, 1],
      ['sigmoid', 0, 1],
      ['softplus', 0, Number.POSITIVE_INFINITY],
      ['erf', -1, 1],
      ['expm1', -1, Number.POSITIVE_INFINITY],
      ['exp', 0, Number.POSITIVE_INFINITY],
      ['relu', 0, Number.POSITIVE_INFINITY],
    ];
    for (const [op, low, high] of limits) {
      const [got] = await onDevice(op, [Float32Array.of(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)]);
      expect([op, ...Array.from(got)]).toEqual([op, low, high]);
    }
  });

  it('isNan goes by bits: NaN of both signs and any payload, and nothing else', async () => {
    const words = Uint32Array.of(
      0x7fc00000,
      0xffc00000,
      0x7f800001,
      0xff800001,
      0x7fffffff,
      0x7f800000,
      0xff800000,
      0,
      0x80000000,
      0x7f7fffff,
      1,
    );
    for (const got of await onDevice('isNan', [new Float32Array(words.buffer)])) {
      expect(Array.from(got)).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    }
  });

  it('bitsOf gives the 32 bits', async () => {
    const xs = wide();
    for (const got of await onDevice('bitsOf', [xs]))
      expect(Array.from(got)).toEqual(Array.from(new Uint32Array(xs.buffer, 0, xs.length)));
  });
});

/** Random numbers of magnitudes from 2^-20 to 2^20, both signs, with exact small ones between. */
function spread(name: string, n: number): Float32Array {
  const inputs = new Inputs(name);
  const exponent = inputs.uniform(n, -20, 20);
  const mantissa = inputs.uniform(n, -2, 2);
  return Float32Array.from({ length: n }, (_, i) =>
    i % 7 === 0 ? inputs.integer(9) - 4 : mantissa[i] * 2 ** exponent[i],
  );
}

describe('binary float operations on the device', () => {
  const n = 500;
  for (const op of ['add', 'sub', 'mul', 'div', 'min', 'max', 'lt', 'le', 'gt', 'ge', 'eq', 'ne'] as const) {
    it(op, async () => {
      const a = spread(`${op} a`, n);
      const b = spread(`${op} b`, n);
      for (let i = 0; i < n; i += 5) b[i] = a[i];
      for (let i = 0; i < n; i++) if (op === 'div' && b[i] === 0) b[i] = 1;
      for (const got of await onDevice(op, [a, b])) {
        for (let i = 0; i < n; i++) {
          const e = evaluate(apply(op, input(0), input(1)), { inputs: [a[i], b[i]] });
          const error = Math.abs(got[i] - e);
          if (!(error <= 2.5 * ulp(e))) expect.fail(`${op}(${a[i]}, ${b[i]}) is ${got[i]}, expected ${e}`);
        }
      }
    });
  }

  it('mod has the sign of the divisor', async () => {
    const a = Float32Array.of(5.5, -5.5, 5.5, -5.5, 0, 7, -1, 1e-3, 0.75);
    const b = Float32Array.of(2, 2, -2, -2, 3, 7, 3, 4, 0.5);
    for (const got of await onDevice('mod', [a, b])) {
      a.forEach((x, i) => {
        const e = evaluate(apply('mod', input(0), input(1)), { inputs: [x, b[i]] });
        expect(Math.abs(got[i] - e), `mod(${x}, ${b[i]}) = ${got[i]}`).toBeLessThan(1e-6);
        expect(got[i] * b[i]).toBeGreaterThanOrEqual(0);
      });
    }
  });

  it('pow takes negative bases with whole exponents, and gives NaN for others', async () => {
    const bases: number[] = [];
    const powers: number[] = [];
    for (const x of [-3, -2, -1.5, -1, -0.25, 0, 0.25, 1, 1.5, 2, 10]) {
      for (const y of [-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 5, 7.5, 8]) {
        bases.push(x);
        powers.push(y);
      }
    }
    const inputs = new Inputs('pow');
    for (let i = 0; i < 400; i++) {
      bases.push(2 ** inputs.uniform(1, -6, 6)[0]);
      powers.push(inputs.uniform(1, -15, 15)[0]);
    }
    const a = Float32Array.from(bases);
    const b = Float32Array.from(powers);
    for (const got of await onDevice('pow', [a, b])) {
      a.forEach((x, i) => {
        const e = x ** b[i];
        const what = `pow(${x}, ${b[i]}) is ${got[i]}, expected ${e}`;
        if (!Number.isFinite(e)) expect(got[i], what).toBe(e);
        // The error of log2 is multiplied by the exponent: WGSL allows 3 ulp of log2, and 2^-21 for bases from 0.5 to 2.
        else if (
          !(Math.abs(got[i] - e) <= (8 + Math.abs(b[i]) * (3 + 4 * Math.abs(Math.log2(Math.abs(x) || 1)))) * ulp(e))
        )
          expect.fail(what);
      });
    }
  });
});

describe('integer operations on the device', () => {
  const n = 400;
  const edges = [0, 1, -1, 2, -2, 2 ** 31 - 1, -(2 ** 31), 65535, 65536, -65537];
  const whole = (name: string): Int32Array => {
    const inputs = new Inputs(name);
    return Int32Array.from({ length: n }, (_, i) =>
      i % 3 === 0
        ? edges[inputs.integer(edges.length)]
        : i % 3 === 1
          ? inputs.integer(2 ** 31) * (inputs.integer(2) ? 1 : -1)
          : inputs.integer(21) - 10,
    );
  };
  for (const type of ['i32', 'u32'] as const) {
    const column = (name: string) => (type === 'i32' ? whole(name) : new Uint32Array(whole(name).buffer));
    const binary = [
      'add',
      'sub',
      'mul',
      'div',
      'mod',
      'min',
      'max',
      'bitAnd',
      'bitOr',
      'bitXor',
      'lt',
      'le',
      'gt',
      'ge',
      'eq',
      'ne',
    ] as const;
    for (const op of binary) {
      it(`${op} of ${type} wraps and compares as in 32 bits`, async () => {
        const a = column(`${op} a`);
        const b = column(`${op} b`);
        const expected = Array.from(a, (x, i) => OPS[op].evaluate([x, b[i]], type));
        for (const got of await onDevice(op, [a, b]))
          expect(Array.from(got, (v) => v + 0)).toEqual(expected.map((v) => v + 0));
      });
    }
    const unaryOps =
      type === 'i32'
        ? (['neg', 'abs', 'toF32', 'toI32', 'toU32', 'toBool'] as const)
        : (['toF32', 'toI32', 'toU32', 'toBool'] as const);
    for (const op of unaryOps) {
      it(`${op} of ${type}`, async () => {
        const a = column(op);
        const expected = Array.from(a, (x) => OPS[op].evaluate([x], type));
        for (const got of await onDevice(op, [a])) {
          expect(Array.from(got, (v) => v + 0)).toEqual(expected.map((v) => (op === 'toF32' ? Math.fround(v) : v) + 0));
        }
      });
    }
  }

  it('floats become integers towards zero, within the range of the type', async () => {
    const xs = Float32Array.of(
      0,
      -0,
      0.99,
      -0.99,
      1.5,
      -1.5,
      2.5,
      65536.7,
      2147483520,
      2147483648,
      4294967040,
      4294967296,
      1e30,
      -2147483648,
      -3e9,
      -1e30,
    );
    for (const op of ['toI32', 'toU32', 'toBool', 'toF32'] as const) {
      const expected = Array.from(xs, (x) => OPS[op].evaluate([x], 'f32'));
      for (const got of await onDevice(op, [xs]))
        expect([op, ...Array.from(got, (v) => v + 0)]).toEqual([op, ...expected.map((v) => v + 0)]);
    }
  });
});

describe('bool operations on the device', () => {
  const p = Uint8Array.of(0, 0, 1, 1, 1);
  const q = Uint8Array.of(0, 1, 0, 1, 1);
  for (const [op, columns, expected] of [
    ['and', [p, q], [0, 0, 0, 1, 1]],
    ['or', [p, q], [0, 1, 1, 1, 1]],
    ['not', [p], [1, 1, 0, 0, 0]],
    ['eq', [p, q], [1, 0, 0, 1, 1]],
    ['ne', [p, q], [0, 1, 1, 0, 0]],
    ['toF32', [p], [0, 0, 1, 1, 1]],
    ['toI32', [p], [0, 0, 1, 1, 1]],
    ['toU32', [p], [0, 0, 1, 1, 1]],
    ['toBool', [p], [0, 0, 1, 1, 1]],
    ['where', [p, q, Uint8Array.of(1, 1, 0, 0, 0)], [1, 1, 0, 1, 1]],
    ['where', [p, Float32Array.of(1, 2, 3, 4, 5), Float32Array.of(-1, -2, -3, -4, -5)], [-1, -2, 3, 4, 5]],
    ['where', [p, Int32Array.of(1, 2, 3, 4, 5), Int32Array.of(-1, -2, -3, -4, -5)], [-1, -2, 3, 4, 5]],
    ['where', [p, Uint32Array.of(1, 2, 3, 4, 5), Uint32Array.of(6, 7, 8, 9, 10)], [6, 7, 3, 4, 5]],
  ] as [OpName, HostArray[], number[]][]) {
    it(`${op} of ${columns.map(typeOf).join(', ')}`, async () => {
      for (const got of await onDevice(op, columns)) expect(Array.from(got)).toEqual(expected);
    });
  }
});

it('checks every operation of the table', () => {
  const binary = [
    'add',
    'sub',
    'mul',
    'div',
    'mod',
    'pow',
    'min',
    'max',
    'lt',
    'le',
    'gt',
    'ge',
    'eq',
    'ne',
    'bitAnd',
    'bitOr',
    'bitXor',
  ];
  const others = ['and', 'or', 'not', 'where', 'isNan', 'bitsOf', 'toF32', 'toI32', 'toU32', 'toBool'];
  expect(new Set([...Object.keys(unary), ...binary, ...others])).toEqual(new Set(Object.keys(OPS)));
});
