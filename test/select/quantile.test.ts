import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  checked,
  compile,
  DTypeError,
  mul,
  type QuantileOptions,
  quantile,
  scope,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

type Interpolation = NonNullable<QuantileOptions['interpolation']>;

/** Quantile in float64, from a sort. */
function hostQuantile(x: ArrayLike<number>, q: number, interpolation: Interpolation = 'linear'): number {
  const v = Float64Array.from(x).sort();
  const h = q * (v.length - 1);
  const [low, high] = [Math.floor(h), Math.ceil(h)];
  switch (interpolation) {
    case 'linear':
      return v[low] === v[high] ? v[low] : v[low] + (h - low) * (v[high] - v[low]);
    case 'lower':
      return v[low];
    case 'higher':
      return v[high];
    case 'nearest':
      return h - low < 0.5 || (h - low === 0.5 && low % 2 === 0) ? v[low] : v[high];
  }
}

async function read(x: Tensor, q: number | number[], options: QuantileOptions = {}): Promise<number[]> {
  const { values, status } = await checked(quantile(x, q, options), 'quantile');
  const out = Array.from(await values.data());
  values.dispose();
  status.dispose();
  return out;
}

const KINDS: Interpolation[] = ['linear', 'lower', 'higher', 'nearest'];

describe(`quantile (seed ${SEED})`, () => {
  it('is that of a float64 sort', async () => {
    for (const { device } of [t, discrete]) {
      const inputs = new Inputs('quantile');
      for (const n of [1, 2, 5, 257, 10_001]) {
        const data = inputs.normal(n);
        const x = tensor(device, data);
        const qs = [0, 1, 0.5, inputs.uniform(1, 0, 1)[0]];
        for (const interpolation of KINDS) {
          const got = await read(x, qs, { interpolation });
          const want = qs.map((q) => hostQuantile(data, q, interpolation));
          if (interpolation === 'linear') expectClose(got, want, { rtol: 1e-6, what: `${n} linear` });
          else expect(got, `${n} ${interpolation}`).toEqual(want);
        }
        x.dispose();
      }
    }
  });

  it('has the values that NumPy 2.4 prints', async () => {
    const x = tensor(t.device, [7, 1, 3, -2, 10, 3, 0.5, 8]);
    const qs = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1];
    expectClose(await read(x, qs), [-2, -0.25, 0.875, 3, 7.25, 8.6, 10], { rtol: 1e-6 });
    expect(await read(x, qs, { interpolation: 'lower' })).toEqual([-2, -2, 0.5, 3, 7, 8, 10]);
    expect(await read(x, qs, { interpolation: 'higher' })).toEqual([-2, 0.5, 1, 3, 8, 10, 10]);
    expect(await read(x, qs, { interpolation: 'nearest' })).toEqual([-2, 0.5, 1, 3, 7, 8, 10]);
    // Halfway between two elements, the one at an even place.
    const y = tensor(t.device, [10, 20, 30, 40]);
    expect(await read(y, [0.5, 1 / 6, 5 / 6], { interpolation: 'nearest' })).toEqual([30, 10, 30]);
    x.dispose();
    y.dispose();
  });

  it('goes along an axis, over everything, and over integers', async () => {
    const inputs = new Inputs('quantile axes');
    const data = inputs.integers(3 * 7 * 5, 40);
    const x = tensor(t.device, data, { shape: [3, 7, 5] });
    const line = (a: number, b: number) => Array.from({ length: 7 }, (_, i) => data[(a * 7 + i) * 5 + b]);
    const want = [0.2, 0.9].map((q) =>
      Array.from({ length: 15 }, (_, r) => hostQuantile(line(Math.floor(r / 5), r % 5), q)),
    );
    expectClose(await read(x, [0.2, 0.9], { axis: 1 }), want.flat(), { rtol: 1e-6 });
    expectClose(await read(x, 0.9, { axis: -2, keepDims: true }), want[1], { rtol: 1e-6 });
    expectClose(await read(x, 0.37), [hostQuantile(data, 0.37)], { rtol: 1e-6 });
    const shapes = scope(() =>
      [
        quantile(x, [0.5], { axis: 1 }),
        quantile(x, 0.5, { axis: 1, keepDims: true }),
        quantile(x, 0.5),
        quantile(x, [0, 1], { keepDims: true }),
      ].map(({ values }) => values.shape),
    );
    expect(shapes).toEqual([[1, 3, 5], [3, 1, 5], [], [2, 1, 1, 1]]);
    expect(await read(x, 0.5, { by: 'magnitude' })).toEqual([hostQuantile(data, 0.5)]);
    x.dispose();
  });

  it('is exact between equals, infinite ones too', async () => {
    const x = tensor(t.device, [0.1, 0.1, 0.1, Infinity, Infinity, Infinity]);
    expect(await read(x, [0.07, 0.33, 0.77, 1])).toEqual([0.1, 0.1, Infinity, Infinity].map(Math.fround));
    x.dispose();
  });

  it('has right first and second derivatives', async () => {
    const x = Float32Array.from({ length: 24 }, (_, i) => ((i * 7) % 24) / 10 - 1.15);
    await checkGradients({
      device: t.device,
      name: 'quantile',
      f: (v) => {
        const { values } = quantile(v, [0.4, 0.75], { axis: 1 });
        return mul(mul(values, values), values);
      },
      host: (v) =>
        Float64Array.from({ length: 12 }, (_, i) => {
          const [a, b] = [Math.floor(i / 3) % 2, i % 3];
          const line = Array.from({ length: 4 }, (_, j) => v[(a * 4 + j) * 3 + b]);
          return hostQuantile(line, i < 6 ? 0.4 : 0.75) ** 3;
        }),
      shapes: [[2, 4, 3]],
      values: [x],
    });
  });

  it('runs inside a compiled step', async () => {
    const inputs = new Inputs('quantile compiled');
    const step = compile(t.device, (v: Tensor) => quantile(v, 0.9));
    for (let call = 0; call < 3; call++) {
      const data = inputs.normal(2000);
      const v = tensor(t.device, data);
      const { values, status } = step(v);
      expectClose([await values.item()], [hostQuantile(data, 0.9)], { rtol: 1e-6 });
      for (const each of [v, values, status]) each.dispose();
    }
    step.dispose();
  });

  it('refuses NaN and bad arguments', async () => {
    const bad = tensor(t.device, [1, Number.NaN]);
    await expect(checked(quantile(bad, [0, 0.3]), 'quantile')).rejects.toThrow(
      'quantile: expected values without NaN, got 1 NaN',
    );
    bad.dispose();
    scope(() => {
      const x = tensor(t.device, [1, 2]);
      expect(() => quantile(x, 1.5)).toThrow('quantile: expected q in [0, 1], got 1.5');
      expect(() => quantile(x, Number.NaN)).toThrow(ArgumentError);
      expect(() => quantile(x, [])).toThrow('quantile: expected at least one q, got none');
      expect(() => quantile(x, 0.5, { axis: 1 })).toThrow(ArgumentError);
      expect(() => quantile(x, 0.5, { interpolation: 'cubic' as 'linear' })).toThrow(
        "quantile: expected interpolation 'linear', 'lower', 'higher' or 'nearest', got cubic",
      );
      expect(() => quantile(tensor(t.device, new Float32Array(0)), 0.5)).toThrow(
        'quantile: expected at least 1 element to choose from, got 0',
      );
      expect(() => quantile(tensor(t.device, [true]), 0.5)).toThrow(DTypeError);
    });
  });
});
