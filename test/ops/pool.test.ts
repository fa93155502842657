import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  avgPool2d,
  type Device,
  DTypeError,
  globalAvgPool2d,
  maxPool2d,
  maxPool2dWithIndices,
  mul,
  openDevice,
  type PoolOptions,
  ShapeError,
  scope,
  tensor,
  vjp,
} from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import {
  avgBack,
  avgRef,
  type Geometry,
  maxBack,
  maxRef,
  outSize,
  shared,
  sliding,
  type Two,
} from '../support/pool-reference.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const cases: { images: number; size: Two; channels: number; options: PoolOptions }[] = [
  { images: 2, size: [4, 4], channels: 8, options: { kernel: 2 } },
  { images: 3, size: [5, 7], channels: 3, options: { kernel: 2 } },
  { images: 1, size: [1, 1], channels: 4, options: { kernel: 1 } },
  { images: 2, size: [1, 1], channels: 7, options: { kernel: 3, stride: 2, padding: 1 } },
  { images: 2, size: [9, 8], channels: 4, options: { kernel: 3, stride: 2, padding: 1 } },
  { images: 2, size: [7, 5], channels: 1, options: { kernel: [3, 2], stride: 1 } },
  { images: 1, size: [11, 10], channels: 8, options: { kernel: 2, stride: [3, 4] } },
  { images: 1, size: [8, 9], channels: 3, options: { kernel: 3, stride: 2, ceilMode: true } },
  {
    images: 2,
    size: [6, 5],
    channels: 4,
    options: { kernel: [4, 5], stride: [3, 2], padding: [2, 2], ceilMode: true },
  },
  { images: 1, size: [10, 3], channels: 7, options: { kernel: 2, stride: 3, padding: 1, ceilMode: true } },
  { images: 1, size: [3, 5], channels: 4, options: { kernel: 2, stride: 2, padding: 1, ceilMode: true } },
  { images: 5, size: [6, 6], channels: 4, options: { kernel: 2, stride: 2, padding: 1 } },
  { images: 2, size: [4, 9], channels: 5, options: { kernel: [1, 3] } },
  { images: 3, size: [6, 4], channels: 4, options: { kernel: 2, stride: [1, 2] } },
  { images: 2, size: [7, 8], channels: 10, options: { kernel: 2 } },
  { images: 3, size: [6, 8], channels: 10, options: { kernel: 2 } },
  { images: 2, size: [4, 6], channels: 3, options: { kernel: [1, 2] } },
  { images: 2, size: [6, 6], channels: 4, options: { kernel: 3 } },
];

describe(`pooling (seed ${SEED})`, () => {
  it('takes maxima with their places and sends gradients there, on devices of each class', async () => {
    const inputs = new Inputs('max pool');
    const other = await openDevice({ deviceClass: 'discrete', poison: true });
    for (const device of [t.device, other]) {
      for (const { images, size, channels, options } of cases) {
        const g = sliding(images, size, channels, options);
        // Few distinct values, so that windows are full of ties.
        const x = Float32Array.from(inputs.integers(images * size[0] * size[1] * channels, 4));
        const u = inputs.uniform(outSize(g));
        const shape = [images, ...size, channels];
        const out = scope(() => {
          const v = tensor(device, x, { shape });
          const pulled = vjp(
            (z) => maxPool2d(z, options),
            [v],
            tensor(device, u, { shape: [images, g.rows.length, g.cols.length, channels] }),
          );
          return { ...maxPool2dWithIndices(v, options), value: pulled.value, dx: pulled.grads[0] };
        });
        const expected = maxRef(x, g);
        const what = JSON.stringify({ size, channels, ...options });
        expect(out.values.shape, what).toEqual([images, g.rows.length, g.cols.length, channels]);
        expect(Array.from(await out.values.data()), what).toEqual(Array.from(expected.values));
        expect(Array.from(await out.value.data()), what).toEqual(Array.from(expected.values));
        expect(Array.from(await out.index.data()), what).toEqual(Array.from(expected.index));
        expectClose(await out.dx.data(), maxBack(u, expected.index, g), { rtol: 1e-6, what });
        for (const y of Object.values(out)) y.dispose();
      }
    }
    await other.close();
  });

  it('averages with and without the padding, and back', async () => {
    const inputs = new Inputs('avg pool');
    for (const { images, size, channels, options } of cases) {
      for (const countIncludePad of [true, false]) {
        const g = sliding(images, size, channels, options, countIncludePad);
        const x = inputs.uniform(images * size[0] * size[1] * channels);
        const u = inputs.uniform(outSize(g));
        const out = scope(() => {
          const cot = tensor(t.device, u, { shape: [images, g.rows.length, g.cols.length, channels] });
          return vjp(
            (z) => avgPool2d(z, { ...options, countIncludePad }),
            [tensor(t.device, x, { shape: [images, ...size, channels] })],
            cot,
          );
        });
        const what = JSON.stringify({ size, channels, countIncludePad, ...options });
        expectClose(await out.value.data(), avgRef(x, g), { rtol: 1e-6, what });
        expectClose(await out.grads[0].data(), avgBack(u, g), { rtol: 1e-6, what });
        out.value.dispose();
        out.grads[0].dispose();
      }
    }
  });

  it('shares images out evenly: adaptive and global', async () => {
    const inputs = new Inputs('adaptive pool');
    for (const [size, output, channels] of [
      [[7, 5], [3, 2], 4],
      [[3, 2], [7, 5], 3],
      [[8, 8], [4, 2], 8],
      [[5, 6], [1, 1], 1],
      [[1, 1], [2, 3], 4],
    ] as const) {
      const g: Geometry = {
        images: 2,
        size: [...size],
        channels,
        rows: shared(size[0], output[0]),
        cols: shared(size[1], output[1]),
      };
      const x = inputs.uniform(2 * size[0] * size[1] * channels);
      const u = inputs.uniform(outSize(g));
      const out = scope(() => {
        const v = tensor(t.device, x, { shape: [2, ...size, channels] });
        const cot = tensor(t.device, u, { shape: [2, ...output, channels] });
        const max = vjp((z) => adaptiveMaxPool2d(z, output), [v], cot);
        const avg = vjp((z) => adaptiveAvgPool2d(z, output), [v], cot);
        return {
          max: max.value,
          maxBack: max.grads[0],
          avg: avg.value,
          avgBack: avg.grads[0],
          all: globalAvgPool2d(v),
        };
      });
      const expected = maxRef(x, g);
      expect(Array.from(await out.max.data())).toEqual(Array.from(expected.values));
      expectClose(await out.maxBack.data(), maxBack(u, expected.index, g), { rtol: 1e-6 });
      expectClose(await out.avg.data(), avgRef(x, g), { rtol: 1e-6 });
      expectClose(await out.avgBack.data(), avgBack(u, g), { rtol: 1e-6 });
      expect(out.all.shape).toEqual([2, channels]);
      expectClose(await out.all.data(), avgRef(x, { ...g, rows: shared(size[0], 1), cols: shared(size[1], 1) }), {
        rtol: 1e-6,
      });
      for (const y of Object.values(out)) y.dispose();
    }
  });

  it('lets NaN win, keeps infinities, and takes the first of equals', async () => {
    const inf = Number.POSITIVE_INFINITY;
    const x = Float32Array.of(1, Number.NaN, 5, 2, -inf, -inf, -inf, -inf, inf, inf, 3, inf, -0, 0, -1, -2);
    const shape = [4, 2, 2, 1];
    for (const lanes of [1, 4]) {
      const wide = Float32Array.from({ length: 16 * lanes }, (_, i) => x[Math.floor(i / lanes)]);
      const out = scope(() =>
        maxPool2dWithIndices(tensor(t.device, wide, { shape: [...shape.slice(0, 3), lanes] }), { kernel: 2 }),
      );
      const [values, index] = [await out.values.data(), await out.index.data()];
      for (let l = 0; l < lanes; l++) {
        const pick = (data: ArrayLike<number>) => [0, 1, 2, 3].map((i) => data[i * lanes + l]);
        expect(pick(index)).toEqual([1, 0, 0, 0]);
        expect(pick(values).map((v) => v + 0)).toEqual([Number.NaN, -inf, inf, 0]);
      }
      out.values.dispose();
      out.index.dispose();
    }
  });

  it('folds all leading axes, takes empty batches, and gives the same bytes twice', async () => {
    const inputs = new Inputs('leading');
    const x = inputs.uniform(2 * 3 * 6 * 6 * 4);
    const run = (shape: number[]) =>
      scope(() => {
        const v = tensor(t.device, x, { shape });
        const pulled = vjp(
          (z) => mul(maxPool2d(z, { kernel: 3, stride: 1 }), avgPool2d(z, { kernel: 3, stride: 1 })),
          [v],
          tensor(t.device, x.slice(0, 2 * 3 * 4 * 4 * 4), { shape: [...shape.slice(0, -3), 4, 4, 4] }),
        );
        return [pulled.value, pulled.grads[0]];
      });
    const [a, b, c] = [run([2, 3, 6, 6, 4]), run([6, 6, 6, 4]), run([6, 6, 6, 4])];
    expect(a[0].shape).toEqual([2, 3, 4, 4, 4]);
    for (let k = 0; k < 2; k++) {
      const bytes = await Promise.all(
        [a, b, c].map(async (y) => Array.from(new Uint32Array((await y[k].data()).buffer))),
      );
      expect(bytes[1]).toEqual(bytes[0]);
      expect(bytes[2]).toEqual(bytes[0]);
    }
    for (const y of [...a, ...b, ...c]) y.dispose();
    const empty = scope(() => maxPool2d(tensor(t.device, new Float32Array(0), { shape: [0, 6, 6, 4] }), { kernel: 2 }));
    expect(empty.shape).toEqual([0, 3, 3, 4]);
    empty.dispose();
  });

  it('leaves no index behind where nothing is recorded', () => {
    const x = tensor(t.device, new Float32Array(16), { shape: [4, 4, 1] });
    const before = t.device.memory().tensors;
    maxPool2d(x, { kernel: 2 }).dispose();
    adaptiveMaxPool2d(x, 2).dispose();
    expect(t.device.memory().tensors).toBe(before);
    x.dispose();
  });

  it('walks more than 65,535 workgroups', async () => {
    const device: Device = await openDevice({ deviceClass: 'discrete' });
    const n = 65536 * 64 + 3;
    const x = Float32Array.from({ length: n }, (_, i) => i);
    const y = scope(() => maxPool2d(tensor(device, x, { shape: [1, n, 1] }), { kernel: [1, 2], stride: 1 }));
    const values = await y.data();
    let wrong = 0;
    for (let i = 0; i < n - 1; i++) if (values[i] !== i + 1) wrong++;
    expect(y.shape).toEqual([1, n - 1, 1]);
    expect(wrong).toBe(0);
    await device.close();
  });

  it('has right first and second derivatives', async () => {
    const inputs = new Inputs('pool gradients');
    // Distinct values 0.1 apart: central differences stay on one side of every tie.
    const distinct = (n: number) => {
      const order = Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = inputs.integer(i + 1);
        [order[i], order[j]] = [order[j], order[i]];
      }
      return Float32Array.from(order, (v) => (v - n / 2) * 0.1);
    };
    const squared = (y: ArrayLike<number>) => Float64Array.from(y, (v) => v * v);
    for (const [size, channels, options] of [
      [[4, 4], 4, { kernel: 2 }],
      [[5, 4], 3, { kernel: 3, stride: 2, padding: 1 }],
      [[4, 5], 1, { kernel: 2, stride: 1 }],
    ] as [Two, number, PoolOptions][]) {
      const n = size[0] * size[1] * channels;
      const shape = [...size, channels];
      const g = sliding(1, size, channels, options);
      const common = { device: t.device, shapes: [shape], values: [distinct(n)], rtol: 1e-3 };
      await checkGradients({
        ...common,
        name: `maxPool2d ${JSON.stringify(options)}`,
        f: (x) => {
          const y = maxPool2d(x, options);
          return mul(y, y);
        },
        host: (x) => squared(maxRef(x, g).values),
      });
      await checkGradients({
        ...common,
        name: `avgPool2d ${JSON.stringify(options)}`,
        f: (x) => {
          const y = avgPool2d(x, { ...options, countIncludePad: false });
          return mul(y, y);
        },
        host: (x) => squared(avgRef(x, g)),
      });
    }
    const g: Geometry = { images: 1, size: [5, 3], channels: 2, rows: shared(5, 3), cols: shared(3, 2) };
    await checkGradients({
      device: t.device,
      name: 'adaptive',
      f: (x) => mul(adaptiveMaxPool2d(x, [3, 2]), adaptiveAvgPool2d(x, [3, 2])),
      host: (x) => {
        const [a, b] = [maxRef(x, g).values, avgRef(x, g)];
        return a.map((v, i) => v * b[i]);
      },
      shapes: [[5, 3, 2]],
      values: [distinct(30)],
    });
  });

  it('says what it expected and what came', () => {
    scope(() => {
      const x = tensor(t.device, new Float32Array(32), { shape: [4, 4, 2] });
      const check = (f: () => unknown, kind: new (...a: never[]) => Error, text: string) => {
        expect(f).toThrow(kind);
        expect(f).toThrow(text);
      };
      check(
        () => maxPool2d(x, { kernel: 0 }),
        ArgumentError,
        'maxPool2d: expected kernel as whole numbers >= 1, got 0',
      );
      check(
        () => maxPool2d(x, { kernel: 2, padding: 2 }),
        ArgumentError,
        'maxPool2d: expected padding at most half the kernel 2 x 2, got 2, 2',
      );
      check(
        () => avgPool2d(x, { kernel: 5 }),
        ShapeError,
        'avgPool2d: expected a padded image at least as large as the kernel 5 x 5, got x [4, 4, 2], padding 0, 0',
      );
      check(
        () => adaptiveAvgPool2d(x, 0),
        ArgumentError,
        'adaptiveAvgPool2d: expected output as whole numbers >= 1, got 0',
      );
      check(
        () => globalAvgPool2d(tensor(t.device, [1, 2])),
        ShapeError,
        'globalAvgPool2d: expected x of rank >= 3, got [2]',
      );
      check(
        () => maxPool2d(tensor(t.device, new Int32Array(8), { shape: [2, 2, 2] }), { kernel: 2 }),
        DTypeError,
        'maxPool2d: expected x of dtype f32, got i32',
      );
      check(
        () => maxPool2d(tensor(t.device, new Float32Array(0), { shape: [0, 2, 2] }), { kernel: 1 }),
        ShapeError,
        'images of at least one pixel, got [0, 2, 2]',
      );
    });
  });
});
