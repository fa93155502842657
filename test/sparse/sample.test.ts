import { describe, expect, it } from 'vitest';
import {
  compile,
  DeviceMismatchError,
  DisposedError,
  DTypeError,
  mul,
  ShapeError,
  scope,
  tensor,
} from '../../src/index.js';
import { csrPattern, densify, maskOf, patternOf, sampleDense } from '../../src/sparse/index.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { csrOf, randomMask } from './masks.js';

const software = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const devices = [
  ['software', software],
  ['discrete', discrete],
] as const;

const sizes: [parts: number, batch: number[], rows: number, cols: number, density: number][] = [
  [1, [], 1, 1, 1],
  [1, [], 31, 33, 0.3],
  [1, [2, 3], 13, 7, 0.4],
  [1, [], 70, 130, 1],
  [1, [2], 5, 6, 0],
  [1, [0], 5, 6, 0.5],
  [1, [], 0, 6, 0],
  [1, [3], 1, 2500, 0.2],
  [4, [], 40, 11, 0.2],
  [2, [], 60, 50, 0.9],
  [70_000, [], 1, 2, 0.5],
  [0, [], 4, 3, 0],
];

describe.each(devices)('values and their dense form (%s)', (kind, t) => {
  it.each(sizes)('of %i parts, batch %j, [%i, %i] at density %d', async (parts, batch, rows, cols, density) => {
    const inputs = new Inputs(`sample ${kind} ${parts} ${batch} ${rows} ${cols}`);
    const size = parts * rows * cols;
    const mask = randomMask(inputs, size, density);
    const own = parts === 1 ? [rows, cols] : [parts, rows, cols];
    const copies = batch.reduce((a, b) => a * b, 1);
    const dense = inputs.uniform(copies * size);
    const kept = [...dense.keys()].filter((i) => mask[i % Math.max(1, size)]);
    using pattern = csrPattern(t.device, csrOf(mask, parts, rows, cols));
    using x = tensor(t.device, dense, { shape: [...batch, ...own] });
    using values = sampleDense(pattern, x);
    expect(values.shape).toEqual([...batch, kept.length / copies || pattern.nnz]);
    expect(await values.data(), `seed ${SEED}`).toEqual(Float32Array.from(kept, (i) => dense[i]));
    using spread = densify(pattern, values);
    expect(spread.shape).toEqual(x.shape);
    expect(await spread.data(), `seed ${SEED}`).toEqual(dense.map((v, i) => (mask[i % size] ? v : 0)));
    using flags = maskOf(pattern);
    expect(flags.dtype).toBe('bool');
    expect(flags.shape).toEqual(own);
    expect(await flags.data()).toEqual(mask);
  });

  it('take another shape of as many elements', async () => {
    const inputs = new Inputs(`filter ${kind}`);
    const shape = [3, 2, 2, 5];
    const mask = randomMask(inputs, 60, 0.4);
    const dense = inputs.uniform(120);
    using flags = tensor(t.device, mask, { shape, dtype: 'bool' });
    using pattern = await patternOf(flags, { partAxes: 0 });
    using x = tensor(t.device, dense, { shape: [2, ...shape] });
    using values = sampleDense(pattern, x, { shape });
    using spread = densify(pattern, values, { shape });
    using back = maskOf(pattern, { shape });
    expect(spread.shape).toEqual([2, ...shape]);
    expect(await spread.data()).toEqual(dense.map((v, i) => (mask[i % 60] ? v : 0)));
    expect(back.shape).toEqual(shape);
    expect(await back.data()).toEqual(mask);
  });

  it('move integers and NaN by their bits', async () => {
    using pattern = csrPattern(t.device, { rows: 2, cols: 2, offsets: [0, 1, 2], columns: [1, 0] });
    using integers = tensor(
      t.device,
      [
        [1, -7],
        [2 ** 30 + 1, 3],
      ],
      { dtype: 'i32' },
    );
    using floats = tensor(t.device, [
      [1, NaN],
      [1e-45, 3],
    ]);
    using a = sampleDense(pattern, integers);
    using b = sampleDense(pattern, floats);
    using c = densify(pattern, b);
    expect(await a.data()).toEqual(Int32Array.of(-7, 2 ** 30 + 1));
    expect(await b.data()).toEqual(Float32Array.of(NaN, 1e-45));
    expect(await c.data()).toEqual(Float32Array.of(0, NaN, 1e-45, 0));
  });

  it.each([
    ['one part', 1, [6, 5], []],
    ['a batch', 1, [6, 5], [3]],
    ['parts', 3, [3, 4, 5], []],
  ] as const)('have gradients of any order: %s', async (name, parts, own, batch) => {
    const size = own.reduce((a: number, b: number) => a * b, 1);
    const [rows, cols] = own.slice(-2);
    const mask = randomMask(new Inputs(`gradients ${name}`), size, 0.4);
    mask[2] = 1;
    using pattern = csrPattern(t.device, csrOf(mask, parts, rows, cols));
    const copies = batch.reduce((a: number, b: number) => a * b, 1);
    const kept = [...Array(copies * size).keys()].filter((i) => mask[i % size]);
    const square = (v: number) => v * v;
    await checkGradients({
      device: t.device,
      name: `sampleDense of ${name}`,
      f: (x) => sampleDense(pattern, mul(x, x)),
      host: (x) => kept.map((i) => square(x[i])),
      shapes: [[...batch, ...own]],
    });
    await checkGradients({
      device: t.device,
      name: `densify of ${name}`,
      f: (v) => mul(densify(pattern, v), densify(pattern, mul(v, v))),
      host: (v) => {
        const out = new Float64Array(copies * size);
        kept.forEach((i, p) => (out[i] = v[p] ** 3));
        return out;
      },
      shapes: [[...batch, pattern.nnz]],
    });
  });
});

it('a compiled step replays both', async () => {
  const { device } = software;
  using pattern = csrPattern(device, { rows: 2, cols: 3, offsets: [0, 2, 3], columns: [0, 2, 1] });
  const step = compile(device, (x) => densify(pattern, sampleDense(pattern, x)));
  for (let i = 1; i <= 4; i++) {
    using x = tensor(device, [
      [i, 2, 3],
      [4, 5 * i, 6],
    ]);
    using y = step(x);
    expect([...(await y.data())]).toEqual([i, 0, 3, 0, 5 * i, 0]);
  }
  step.dispose();
});

it('refuse what does not fit the pattern', () => {
  const { device } = software;
  const pattern = csrPattern(device, { rows: 2, cols: 3, offsets: [0, 2, 3], columns: [0, 2, 1] });
  using parts = csrPattern(device, { rows: 1, cols: 3, parts: 2, offsets: [0, 2, 3], columns: [0, 2, 1] });
  const refuses = (make: () => unknown, kind: new (...args: never[]) => Error, message: string) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  };
  scope(() => {
    const x = tensor(device, [
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const v = tensor(device, [1, 2, 3]);
    refuses(() => sampleDense(pattern, x), ShapeError, 'expected dense of shape [...batch, 2, 3], got [3, 2]');
    refuses(() => sampleDense(pattern, v), ShapeError, 'got [3]');
    refuses(() => sampleDense(parts, x), ShapeError, 'expected dense of shape [2, 1, 3], got [3, 2]');
    refuses(
      () => sampleDense(pattern, x, { shape: [3, 3] }),
      ShapeError,
      'a shape of 6 elements for [2, 3], got [3, 3]',
    );
    refuses(() => densify(pattern, x), ShapeError, 'expected values of shape [...batch, 3], got [3, 2]');
    refuses(() => densify(parts, v.view('test', [1, 3])), ShapeError, 'expected values of shape [3], got [1, 3]');
    refuses(() => densify(pattern, tensor(device, 1)), ShapeError, 'got []');
    refuses(() => maskOf(pattern, { shape: [5] }), ShapeError, 'a shape of 6 elements for [2, 3], got [5]');
    refuses(() => densify(pattern, tensor(device, [true, true, false])), DTypeError, 'f32 or i32 or u32, got bool');
    refuses(() => densify(pattern, tensor(discrete.device, [1, 2, 3])), DeviceMismatchError, 'every tensor on');
    pattern.dispose();
    refuses(() => densify(pattern, v), DisposedError, 'densify: pattern [2, 3] with 3 entries was disposed');
    refuses(() => sampleDense(pattern, x), DisposedError, 'was disposed');
    refuses(() => maskOf(pattern), DisposedError, 'was disposed');
  });
});
