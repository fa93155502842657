import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  concat,
  type DType,
  DTypeError,
  flip,
  mul,
  openDevice,
  pad,
  repeatInterleave,
  ShapeError,
  scope,
  slice,
  split,
  stack,
  swapAxes,
  type Tensor,
  tensor,
  tile,
  transpose,
} from '../../src/index.js';
import { fromHalf, toHalf } from '../../src/tensor/dtype.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const stridesOf = (shape: readonly number[]) => shape.map((_, a) => sizeOf(shape.slice(a + 1)));

/** Values of `shape` given by a function of the coordinates. */
function build<T>(shape: readonly number[], f: (at: number[]) => T): T[] {
  const strides = stridesOf(shape);
  return Array.from({ length: sizeOf(shape) }, (_, i) => f(shape.map((d, a) => Math.floor(i / strides[a]) % d)));
}
const at = (x: ArrayLike<number>, shape: readonly number[], i: readonly number[]) =>
  x[stridesOf(shape).reduce((s, d, a) => s + d * i[a], 0)];
const read = async (y: Tensor) => {
  const values = Array.from(await y.data());
  y.dispose();
  return values;
};
const ones = (n: number) => Array.from({ length: n }, () => 1);

describe(`movement (seed ${SEED})`, () => {
  const shapes = [
    [3, 4],
    [1, 7],
    [8, 12],
    [33, 65],
    [5, 4, 8],
    [2, 3, 4, 5],
    [1, 5, 1, 3],
    [7, 1],
    [4, 4, 4, 4],
    [2, 3, 2, 3, 2],
    [0, 3],
    [2, 16, 31],
  ];

  it('transposes like an index map, in every permutation, on kernels of each device class', async () => {
    const inputs = new Inputs('transpose');
    const devices = [t.device, await openDevice({ deviceClass: 'discrete', poison: true })];
    for (const device of devices) {
      for (const shape of shapes) {
        for (const dtype of device.hasF16 ? (['f32', 'f16'] as const) : (['f32'] as const)) {
          // Whole numbers that a half holds exactly.
          const x = Float32Array.from(inputs.integers(sizeOf(shape), 2048));
          const perm = shape.map((_, a) => a).sort(() => inputs.integer(3) - 1);
          const swap = [...shape.map((_, a) => a).slice(0, -2), shape.length - 1, shape.length - 2];
          const out = scope(() => {
            const v = tensor(device, x, { shape, dtype });
            return [transpose(v, perm), transpose(v)];
          });
          for (const [k, p] of [perm, swap].entries()) {
            const to = p.map((a) => shape[a]);
            const from = (i: number[]) => shape.map((_, a) => i[p.indexOf(a)]);
            expect(out[k].shape).toEqual(to);
            expect(await read(out[k]), `${dtype} ${shape} by ${p}`).toEqual(build(to, (i) => at(x, shape, from(i))));
          }
        }
      }
    }
    expect(devices[1].memory().tensors).toBe(0);
    await devices[1].close();
  });

  it('slices like an index map, with steps of both signs', async () => {
    const inputs = new Inputs('slice');
    for (const shape of shapes.filter((s) => sizeOf(s) > 0)) {
      for (let round = 0; round < 4; round++) {
        const x = inputs.integers(sizeOf(shape), 1 << 20);
        const step = shape.map(() => [1, 1, 2, 3, -1, -2][inputs.integer(6)]);
        const begin = shape.map((n) => inputs.integer(n));
        const end = shape.map((n, a) => (step[a] > 0 ? Math.min(n, begin[a] + inputs.integer(n + 1)) : null));
        const size = shape.map((_, a) => Math.max(0, Math.ceil(((end[a] ?? -1) - begin[a]) / step[a])));
        const y = scope(() => slice(tensor(t.device, x, { shape }), begin, end, step));
        expect(y.shape).toEqual(size);
        expect(await read(y)).toEqual(
          build(size, (i) =>
            at(
              x,
              shape,
              i.map((v, a) => begin[a] + step[a] * v),
            ),
          ),
        );
      }
    }
  });

  it('cuts the leading axis without a copy where the offset allows it', async () => {
    const values = Float32Array.from({ length: 64 * 64 }, (_, i) => i);
    const x = tensor(t.device, values, { shape: [64, 64] });
    const before = t.device.memory().live;
    const view = slice(x, [16], [-16]);
    expect(t.device.memory().live).toBe(before);
    expect(await read(view)).toEqual(Array.from(values.slice(16 * 64, 48 * 64)));
    const copy = slice(x, [16, 1], [48, 64]);
    expect(t.device.memory().live).toBeGreaterThan(before);
    copy.dispose();
    x.dispose();
  });

  it('pads with any value between and around, and a slice undoes it', async () => {
    const inputs = new Inputs('pad');
    for (const shape of shapes) {
      const x = inputs.uniform(sizeOf(shape));
      const lo = shape.map(() => inputs.integer(4));
      const hi = shape.map(() => inputs.integer(4));
      const gap = shape.map(() => inputs.integer(3));
      const size = shape.map((n, a) => lo[a] + (n === 0 ? 0 : (n - 1) * (gap[a] + 1) + 1) + hi[a]);
      const { y, back } = scope(() => {
        const y = pad(
          tensor(t.device, x, { shape }),
          lo.map((l, a) => [l, hi[a]]),
          -2.5,
          gap,
        );
        return {
          y,
          back: slice(
            y,
            lo,
            size.map((n, a) => n - hi[a]),
            gap.map((g) => g + 1),
          ),
        };
      });
      expect(y.shape).toEqual(size);
      expect(await read(y)).toEqual(
        build(size, (i) => {
          const q = i.map((v, a) => (v - lo[a]) / (gap[a] + 1));
          return q.every((v, a) => Number.isInteger(v) && v >= 0 && v < shape[a]) ? at(x, shape, q) : -2.5;
        }),
      );
      expect(await read(back)).toEqual(Array.from(x));
    }
  });

  it('moves every dtype bit by bit', async () => {
    // A device without f16 has four kinds of bits to move.
    const halves = Float32Array.of(-0, 65504, 6e-8, Number.NaN, 0.5, Number.NEGATIVE_INFINITY);
    const kinds: [DType, Int32Array | Uint32Array | Uint8Array | Float32Array, number][] = [
      ['i32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1, -1, 7, 0, 5), -(2 ** 31)],
      ['u32', Uint32Array.of(2 ** 32 - 1, 0, 1, 2 ** 31, 4, 5), 2 ** 32 - 1],
      ['bool', Uint8Array.of(1, 0, 0, 1, 1, 0), 1],
      ['f32', Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, -0, 1e-45, 3.4e38, 1), Number.NEGATIVE_INFINITY],
    ];
    if (t.device.hasF16) kinds.push(['f16', halves.map((v) => fromHalf(toHalf(v))), -2]);
    for (const [dtype, values, fill] of kinds) {
      const v = Array.from(values);
      const out = scope(() => {
        const x = tensor(t.device, values, { shape: [2, 3], dtype });
        return [transpose(x), flip(x), pad(x, [[0, 1]], fill), concat([x, x], 1), tile(x, [2, 1]), stack([x, x])];
      });
      for (const y of out) expect(y.dtype).toBe(dtype);
      const [a, b, c, d, e, f] = await Promise.all(out.map(read));
      expect(a).toEqual([v[0], v[3], v[1], v[4], v[2], v[5]]);
      expect(b).toEqual([...v].reverse());
      expect(c).toEqual([...v, fill, fill, fill]);
      expect(d).toEqual([...v.slice(0, 3), ...v.slice(0, 3), ...v.slice(3), ...v.slice(3)]);
      expect(e).toEqual([...v, ...v]);
      expect(f).toEqual([...v, ...v]);
    }
  });

  it('obeys its laws: transpose twice, flip twice, concat of split, stack of slices', async () => {
    const inputs = new Inputs('laws');
    for (const shape of shapes) {
      const x = inputs.uniform(sizeOf(shape));
      const rank = shape.length;
      const results = scope(() => {
        const v = tensor(t.device, x, { shape });
        const axis = inputs.integer(rank);
        const n = shape[axis];
        const cut = inputs.integer(n + 1);
        const perm = shape.map((_, a) => (a + 1) % rank);
        const whole = (a: number) => shape.map((_, k) => (k === axis ? a : null));
        const rows = Array.from({ length: n }, (_, k) => slice(v, whole(k), whole(k + 1)));
        return [
          swapAxes(swapAxes(v, 0, -1), 0, -1),
          transpose(
            transpose(v, perm),
            perm.map((_, a) => (a + rank - 1) % rank),
          ),
          flip(flip(v, axis), axis),
          concat(split(v, [cut, n - cut], axis), axis),
          ...(n > 0 ? [concat(rows, axis), concat(split(v, n, axis), axis)] : []),
        ];
      });
      for (const y of results) {
        expect(y.shape).toEqual(shape);
        expect(await read(y)).toEqual(Array.from(x));
      }
    }
  });

  it('stacks, tiles and interleaves like index maps', async () => {
    const inputs = new Inputs('stack');
    const shape = [2, 3, 5];
    const xs = [inputs.uniform(30), inputs.uniform(30), inputs.uniform(30)];
    for (let axis = 0; axis <= 3; axis++) {
      const y = scope(() =>
        stack(
          xs.map((x) => tensor(t.device, x, { shape })),
          axis,
        ),
      );
      const to = [...shape.slice(0, axis), 3, ...shape.slice(axis)];
      expect(y.shape).toEqual(to);
      expect(await read(y)).toEqual(
        build(to, (i) =>
          at(
            xs[i[axis]],
            shape,
            i.filter((_, a) => a !== axis),
          ),
        ),
      );
    }
    for (const reps of [[2], [1, 2, 3], [2, 1, 1, 2], [], [0, 1, 1]]) {
      const rank = Math.max(3, reps.length);
      const full = [...ones(rank - 3), ...shape];
      const times = [...ones(rank - reps.length), ...reps];
      const to = full.map((d, a) => d * times[a]);
      const y = scope(() => tile(tensor(t.device, xs[0], { shape }), reps));
      expect(y.shape).toEqual(to);
      expect(await read(y)).toEqual(
        build(to, (i) =>
          at(
            xs[0],
            full,
            i.map((v, a) => v % full[a]),
          ),
        ),
      );
    }
    for (let axis = 0; axis < 3; axis++) {
      const to = shape.map((d, a) => (a === axis ? d * 3 : d));
      const y = scope(() => repeatInterleave(tensor(t.device, xs[0], { shape }), 3, axis));
      expect(await read(y)).toEqual(
        build(to, (i) =>
          at(
            xs[0],
            shape,
            i.map((v, a) => (a === axis ? Math.floor(v / 3) : v)),
          ),
        ),
      );
    }
  });

  it('disposes what it makes on the way', () => {
    const x = tensor(t.device, new Float32Array(6), { shape: [2, 3] });
    const tensors = t.device.memory().tensors;
    for (const y of [stack([x, x]), tile(x, [2, 2]), repeatInterleave(x, 2), pad(x, [[1, 1]]), transpose(x)])
      y.dispose();
    expect(t.device.memory().tensors).toBe(tensors);
    x.dispose();
  });

  it('copies with more than 65,535 workgroups, the same bytes twice', async () => {
    const device = await openDevice({ deviceClass: 'discrete' });
    const n = 65536 * 64 + 5;
    const values = Uint32Array.from({ length: n }, (_, i) => i);
    const out = scope(() => {
      const x = tensor(device, values);
      return [flip(x), flip(x)];
    });
    const [a, b] = await Promise.all(out.map((y) => y.data()));
    let wrong = 0;
    for (let i = 0; i < n; i++) if (a[i] !== n - 1 - i || b[i] !== a[i]) wrong++;
    expect(wrong).toBe(0);
    await device.close();
  });

  it('has right first and second derivatives', async () => {
    const gather =
      (from: readonly number[], to: readonly number[], f: (i: number[]) => number[] | null) => (x: Float64Array) =>
        build(to, (i) => {
          const j = f(i);
          return j ? at(x, from, j) ** 2 : 0;
        });
    const squared = (f: (x: Tensor) => Tensor) => (x: Tensor) => {
      const y = f(x);
      return mul(y, y);
    };
    const cases: [string, (x: Tensor) => Tensor, number[], number[], (i: number[]) => number[] | null][] = [
      ['transpose', (x) => transpose(x, [2, 0, 1]), [2, 3, 4], [4, 2, 3], ([a, b, c]) => [b, c, a]],
      ['slice', (x) => slice(x, [null, 1], [null, 4], [-1, 2]), [3, 5], [3, 2], ([a, b]) => [2 - a, 1 + 2 * b]],
      ['slice view', (x) => slice(x, [1], [3]), [3, 64], [2, 64], ([a, b]) => [a + 1, b]],
      [
        'pad',
        (x) => pad(x, [[1, 2]], 0, [1, 2]),
        [2, 2],
        [6, 4],
        ([a, b]) => (a % 2 === 1 && a < 4 && b % 3 === 0 ? [(a - 1) / 2, b / 3] : null),
      ],
      ['flip', (x) => flip(x, [0, 1]), [3, 2], [3, 2], ([a, b]) => [2 - a, 1 - b]],
      ['tile', (x) => tile(x, [2, 3]), [2, 2], [4, 6], ([a, b]) => [a % 2, b % 2]],
      ['repeatInterleave', (x) => repeatInterleave(x, 3), [2, 2], [6, 2], ([a, b]) => [Math.floor(a / 3), b]],
      ['split', (x) => split(x, [1, 2], 1)[1], [2, 3], [2, 2], ([a, b]) => [a, b + 1]],
    ];
    for (const [name, f, from, to, index] of cases) {
      await checkGradients({ device: t.device, name, f: squared(f), host: gather(from, to, index), shapes: [from] });
    }
    await checkGradients({
      device: t.device,
      name: 'concat',
      f: (x, y) => squared((z) => z)(concat([x, y, x], 1)),
      host: (x, y) =>
        build([2, 7], ([a, b]) => (b < 2 ? x[a * 2 + b] : b < 5 ? y[a * 3 + b - 2] : x[a * 2 + b - 5]) ** 2),
      shapes: [
        [2, 2],
        [2, 3],
      ],
    });
    await checkGradients({
      device: t.device,
      name: 'stack',
      f: (x, y) => squared((z) => z)(stack([x, y], 1)),
      host: (x, y) => build([3, 2], ([a, b]) => [x, y][b][a] ** 2),
      shapes: [[3], [3]],
    });
  });

  it('says what it expected and what came', () => {
    scope(() => {
      const x = tensor(t.device, new Float32Array(6), { shape: [2, 3] });
      const i = tensor(t.device, new Int32Array(6), { shape: [2, 3] });
      const check = (f: () => unknown, kind: new (...a: never[]) => Error, text: string) => {
        expect(f).toThrow(kind);
        expect(f).toThrow(text);
      };
      check(() => transpose(x, [0, 0]), ArgumentError, 'transpose: expected each axis of [2, 3] once, got [0, 0]');
      check(() => slice(x, [0, 4], [1, 5]), ArgumentError, 'slice: expected bounds from -3 to 3, got 4');
      check(() => slice(x, [0], [1], [0]), ArgumentError, 'slice: expected steps as whole numbers other than 0, got 0');
      check(() => slice(x, [0, 0, 0], []), ShapeError, 'slice: expected at most 2 bounds for [2, 3], got 3');
      check(() => pad(x, [[-1, 0]]), ArgumentError, 'pad: expected pads as whole numbers >= 0, got -1');
      check(() => pad(i, [[1, 0]], 0.5), ArgumentError, 'pad: expected a value of dtype i32, got 0.5');
      check(
        () => split(x, [1, 1], 1),
        ShapeError,
        'split: expected sizes that add up to 3, axis 1 of [2, 3], got 1 + 1',
      );
      check(
        () => split(x, 2, 1),
        ShapeError,
        'split: expected a number of parts that divides axis 1, got 2 parts of [2, 3]',
      );
      check(() => concat([]), ArgumentError, 'concat: expected at least one tensor, got none');
      check(() => concat([x, i]), DTypeError, 'concat: expected tensors of one dtype, f32, got i32');
      check(
        () => concat([x, transpose(x)]),
        ShapeError,
        'concat: expected shapes that agree except on axis 0, got [2, 3] and [3, 2]',
      );
      check(() => stack([x, transpose(x)]), ShapeError, 'stack: expected tensors of one shape, got [2, 3] and [3, 2]');
      check(() => tile(x, [-1]), ArgumentError, 'tile: expected whole numbers of repeats >= 0, got -1');
      check(() => flip(x, 2), ArgumentError, 'flip: expected an axis from -2 to 1, got 2');
      check(() => swapAxes(x, 0, 5), ArgumentError, 'swapAxes: expected an axis from -2 to 1, got 5');
    });
  });
});
