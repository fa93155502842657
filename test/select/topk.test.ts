import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  cast,
  checked,
  compile,
  type Device,
  DTypeError,
  kthvalue,
  mul,
  ShapeError,
  scope,
  type Tensor,
  tensor,
  topk,
} from '../../src/index.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { type By, bitsOf, distributions, hostOrder, type Values } from './reference.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const deviceOf = (name: string): Device => (name === 'software' ? t.device : discrete.device);

async function read(...tensors: Tensor[]): Promise<ArrayLike<number>[]> {
  const out = await Promise.all(tensors.map((x) => x.data()));
  for (const x of tensors) x.dispose();
  return out;
}

const firstDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length ? Array.from(a).findIndex((v, i) => v !== b[i]) : Math.min(a.length, b.length);

/** topk and kthvalue of one line against a host sort. */
async function checkLine(device: Device, x: Values, k: number, by: By, largest: boolean, what: string) {
  const order = hostOrder(x, by, largest).slice(0, k);
  const input = tensor(device, x);
  const top = topk(input, k, { by, largest });
  const plain = topk(input, k, { by, largest, sorted: false });
  const kth = kthvalue(input, k, { by, largest });
  const [values, indices, unsorted, at, value, status] = await read(
    top.values,
    top.indices,
    plain.indices,
    kth.indices,
    kth.values,
    top.status,
  );
  await read(plain.values, plain.status, kth.status);
  input.dispose();
  const where = `${what} ${device.deviceClass} ${by} k ${k} of ${x.length} largest ${largest}`;
  expect(firstDifference(indices, order), `${where}: indices`).toBe(-1);
  expect(firstDifference(bitsOf(values), bitsOf(order.map((i) => x[i]))), `${where}: values`).toBe(-1);
  expect(
    firstDifference(
      unsorted,
      order.slice().sort((a, b) => a - b),
    ),
    `${where}: unsorted`,
  ).toBe(-1);
  expect(at[0], `${where}: place of the k-th`).toBe(order[k - 1]);
  const last = x[order[k - 1]];
  expect(value[0], `${where}: the k-th`).toBe(by === 'magnitude' ? Math.abs(last) : last);
  expect(status[0], where).toBe(0);
}

describe(`topk and kthvalue (seed ${SEED})`, () => {
  for (const name of ['software', 'discrete']) {
    it.each([1, 2, 255, 256, 257, 1031, 8195])(`are those of a sort, n = %i (${name})`, async (n) => {
      const inputs = new Inputs(`topk ${name} ${n}`);
      const ks = [...new Set([1, 1 + inputs.integer(n), n])];
      for (const [what, x] of distributions(inputs, n)) {
        for (const by of ['signed', 'magnitude'] as const) {
          const largest = inputs.integer(2) === 0;
          for (const k of ks) {
            await checkLine(deviceOf(name), x, k, by, largest, what);
            await checkLine(deviceOf(name), x, k, by, !largest, what);
          }
        }
      }
    });

    it(`are those of a sort for 65537 elements (${name})`, async () => {
      const inputs = new Inputs(`topk large ${name}`);
      for (const [what, x] of distributions(inputs, 65537))
        await checkLine(deviceOf(name), x, 1 + inputs.integer(65537), 'magnitude', true, what);
    });

    it(`rank integers over their whole range (${name})`, async () => {
      const inputs = new Inputs(`topk integers ${name}`);
      for (const n of [6, 1500, 9001]) {
        const words = Uint32Array.from({ length: n }, () => inputs.integer(2 ** 32));
        words.set([0, 2 ** 32 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 31 - 1, 1]);
        const signed = new Int32Array(words.buffer.slice(0));
        // The absolute value of the least i32 is no i32.
        const magnitudes = signed.map((v) => Math.max(v, 1 - 2 ** 31));
        const k = 1 + inputs.integer(n);
        await checkLine(deviceOf(name), words, k, 'signed', true, 'u32');
        await checkLine(deviceOf(name), signed, k, 'signed', false, 'i32');
        await checkLine(deviceOf(name), magnitudes, k, 'magnitude', true, 'i32');
      }
    });

    it(`do every line of an axis by itself (${name})`, async () => {
      const device = deviceOf(name);
      const inputs = new Inputs(`topk axes ${name}`);
      const cases: [shape: number[], axis: number, k: number][] = [
        [[5, 7], 1, 3],
        [[3, 11, 4], 1, 2],
        [[9, 2, 5], 0, 9],
        [[2, 3, 300], -1, 17],
        [[3, 5000], 1, 40],
        [[40, 4100], 1, 5],
        [[1030, 12], 1, 4],
        [[2, 6001, 3], 1, 6],
      ];
      for (const [shape, axis, k] of cases) {
        const size = shape.reduce((a, b) => a * b, 1);
        const x = Float32Array.from(inputs.integers(size, 50), (v) => v - 25);
        const at = axis < 0 ? axis + shape.length : axis;
        const n = shape[at];
        const inner = shape.slice(at + 1).reduce((a, b) => a * b, 1);
        const lead = size / n / inner;
        const ks = Uint32Array.from({ length: lead * inner }, () => 1 + inputs.integer(n));
        const [input, ranks] = [tensor(device, x, { shape }), tensor(device, ks)];
        const top = topk(input, k, { axis });
        const kth = kthvalue(input, ranks, { axis, keepDims: true });
        expect(top.indices.shape).toEqual(shape.map((d, a) => (a === at ? k : d)));
        expect(kth.values.shape).toEqual(shape.map((d, a) => (a === at ? 1 : d)));
        const [indices, at2, status] = await read(top.indices, kth.indices, kth.status);
        await read(top.values, top.status, kth.values);
        expect(Array.from(status)).toEqual(new Array(lead * inner).fill(0));
        for (let row = 0; row < lead * inner; row++) {
          const [a, b] = [Math.floor(row / inner), row % inner];
          const line = Array.from({ length: n }, (_, i) => x[(a * n + i) * inner + b]);
          const got = Array.from({ length: k }, (_, i) => indices[(a * k + i) * inner + b]);
          expect(got, `${shape} axis ${axis} row ${row}`).toEqual(hostOrder(line, 'signed', true).slice(0, k));
          expect(at2[row], `${shape} axis ${axis} row ${row}`).toBe(hostOrder(line, 'signed', false)[ks[row] - 1]);
        }
        input.dispose();
        ranks.dispose();
      }
    });
  }

  it('does many tiny rows in more than 65535 workgroups', async () => {
    const rows = 8 * 65536 + 3;
    const x = new Inputs('topk rows').uniform(rows * 3);
    const input = tensor(t.device, x, { shape: [rows, 3] });
    const { values, indices, status } = topk(input, 1);
    const [got] = await read(values, indices, status);
    input.dispose();
    const wrong = Array.from(got).findIndex((v, r) => v !== Math.max(x[3 * r], x[3 * r + 1], x[3 * r + 2]));
    expect(wrong).toBe(-1);
  });

  it('keeps ranks while values are permuted', async () => {
    const n = 3001;
    const inputs = new Inputs('topk permuted');
    const x = Float32Array.from({ length: n }, (_, i) => i * 0.5 - 700);
    const from = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = inputs.integer(i + 1);
      [from[i], from[j]] = [from[j], from[i]];
    }
    const input = tensor(
      t.device,
      Float32Array.from(from, (i) => x[i]),
    );
    const { values, indices, status } = topk(input, 100);
    const [v, at] = await read(values, indices, status);
    input.dispose();
    expect(Array.from(v)).toEqual(Array.from(x).reverse().slice(0, 100));
    expect(Array.from(at, (i) => from[i])).toEqual(Array.from({ length: 100 }, (_, i) => n - 1 - i));
  });

  it('ranks f16 as the numbers it holds', async ({ skip }) => {
    if (!t.device.hasF16) skip();
    const x = new Inputs('topk f16').normal(700);
    const [half, full] = scope(() => {
      const h = cast(tensor(t.device, x), 'f16');
      return [h, cast(h, 'f32')];
    });
    const [a, b] = [topk(half, 50, { by: 'magnitude' }), topk(full, 50, { by: 'magnitude' })];
    expect(a.values.dtype).toBe('f16');
    const [values, indices, wide, expected] = await read(a.values, a.indices, b.values, b.indices);
    await read(a.status, b.status, half, full);
    expect([indices, values]).toEqual([expected, wide]);
  });

  it('gives empty results where nothing is asked for', async () => {
    const results = scope(() => {
      const none = topk(tensor(t.device, [3, 1, 2]), 0);
      const empty = topk(tensor(t.device, new Float32Array(0), { shape: [2, 0] }), 0);
      const rows = kthvalue(tensor(t.device, new Int32Array(0), { shape: [0, 4] }), 2);
      return [none.values, empty.indices, rows.values, rows.status];
    });
    expect(results.map((r) => r.shape)).toEqual([[0], [2, 0], [0], [0]]);
    expect(await read(...results)).toEqual([
      new Float32Array(0),
      new Int32Array(0),
      new Int32Array(0),
      new Uint32Array(0),
    ]);
  });

  it('gives the same bytes twice', async () => {
    const x = Float32Array.from(new Inputs('topk twice').integers(50_000, 100));
    for (const { device } of [t, discrete]) {
      const input = tensor(device, x);
      const runs: ArrayLike<number>[][] = [];
      for (let run = 0; run < 2; run++) {
        const { values, indices, status } = topk(input, 20_000);
        runs.push(await read(values, indices, status));
      }
      input.dispose();
      expect(runs[0]).toEqual(runs[1]);
    }
  });
});

describe('NaN', () => {
  it('is counted, ranked last, and refused where the result is awaited', async () => {
    for (const { device } of [t, discrete]) {
      for (const n of [60, 9000]) {
        const x = new Inputs('topk NaN').uniform(3 * n);
        x[n + 5] = Number.NaN;
        x[2 * n - 1] = -Number.NaN;
        const input = tensor(device, x, { shape: [3, n] });
        for (const largest of [true, false]) {
          for (const by of ['signed', 'magnitude'] as const) {
            const { values, indices, status } = topk(input, n - 2, { largest, by });
            const [v, at, nans] = await read(values, indices, status);
            expect(Array.from(nans)).toEqual([0, 2, 0]);
            expect(Array.from(v).some(Number.isNaN)).toBe(false);
            const line = x.subarray(n, 2 * n);
            expect(Array.from(at).slice(n - 2, 2 * n - 4)).toEqual(hostOrder(line, by, largest).slice(0, n - 2));
          }
        }
        await expect(checked(topk(input, 3), 'topk')).rejects.toThrow(
          'topk: expected values without NaN, got 2 NaN in row 1 of 3',
        );
        input.dispose();
      }
    }
  });

  it('leaves good results alone', async () => {
    const input = tensor(t.device, [1, 3, 2]);
    const { values, indices, status } = await checked(kthvalue(input, 2));
    expect(await read(values, indices, status, input)).toEqual([
      Float32Array.of(2),
      Int32Array.of(2),
      Uint32Array.of(0),
      Float32Array.of(1, 3, 2),
    ]);
  });

  it('is told from a k on the device that is out of range', async () => {
    for (const { device } of [t, discrete]) {
      const input = tensor(device, [1, 3, 2, 6, 5, 4], { shape: [2, 3] });
      const ks = tensor(device, Uint32Array.of(0, 9));
      const { values, indices, status } = kthvalue(input, ks);
      expect(Array.from((await read(values))[0])).toEqual([1, 6]);
      await read(indices, status);
      await expect(checked(kthvalue(input, ks))).rejects.toThrow(ArgumentError);
      await expect(checked(kthvalue(input, ks))).rejects.toThrow('a k out of range in row 0 of 2');
      input.dispose();
      ks.dispose();
    }
  });
});

describe('derivatives and steps', () => {
  // Distinct by at least 0.05 in value and magnitude, so that no step of the differences changes a rank.
  const x = Float32Array.from({ length: 24 }, (_, i) => (((i * 7) % 24) / 10 + 0.05) * (i % 3 === 0 ? -1 : 1));
  const cube = (v: Tensor): Tensor => mul(mul(v, v), v);
  const line = (v: ArrayLike<number>, a: number, b: number) =>
    Array.from({ length: 4 }, (_, i) => v[(a * 4 + i) * 3 + b]);

  it('topk has right first and second derivatives', async () => {
    await checkGradients({
      device: t.device,
      name: 'topk',
      f: (v) => cube(topk(v, 2, { axis: 1, by: 'magnitude' }).values),
      host: (v) =>
        Float64Array.from({ length: 12 }, (_, i) => {
          const [a, j, b] = [Math.floor(i / 6), Math.floor(i / 3) % 2, i % 3];
          const of = line(v, a, b);
          return of[hostOrder(line(x, a, b), 'magnitude', true)[j]] ** 3;
        }),
      shapes: [[2, 4, 3]],
      values: [x],
    });
  });

  it('kthvalue has right first and second derivatives', async () => {
    await checkGradients({
      device: t.device,
      name: 'kthvalue',
      f: (v) => cube(kthvalue(v, 3, { axis: 1, by: 'magnitude' }).values),
      host: (v) =>
        Float64Array.from({ length: 6 }, (_, i) => {
          const [a, b] = [Math.floor(i / 3), i % 3];
          return Math.abs(line(v, a, b)[hostOrder(line(x, a, b), 'magnitude', false)[2]]) ** 3;
        }),
      shapes: [[2, 4, 3]],
      values: [x],
    });
  });

  it('run inside a compiled step, with k from the device', async () => {
    const inputs = new Inputs('topk compiled');
    const step = compile(t.device, (v: Tensor, k: Tensor) => {
      const top = topk(v, 5);
      const kth = kthvalue(v, k);
      return [top.values, kth.values, top.status];
    });
    for (let call = 0; call < 3; call++) {
      const data = inputs.normal(4000);
      const rank = 1 + inputs.integer(4000);
      const [v, k] = [tensor(t.device, data), tensor(t.device, Uint32Array.of(rank))];
      const [top, kth, status] = await read(...step(v, k));
      const sorted = data.slice().sort();
      expect(Array.from(top)).toEqual(Array.from(sorted.slice(-5).reverse()));
      expect([kth[0], status[0]]).toEqual([sorted[rank - 1], 0]);
      v.dispose();
      k.dispose();
    }
    step.dispose();
  });
});

describe('bad input', () => {
  it('is refused with what was expected', () => {
    scope(() => {
      const v = tensor(t.device, [1, 2, 3]);
      expect(() => topk(v, 4)).toThrow('topk: expected a whole k from 0 to 3, got 4');
      expect(() => topk(v, -1)).toThrow(ArgumentError);
      expect(() => topk(v, 1.5)).toThrow('topk: expected a whole k from 0 to 3, got 1.5');
      expect(() => topk(v, Number.NaN)).toThrow(ArgumentError);
      expect(() => topk(v, 1, { axis: 1 })).toThrow('topk: expected an axis from -1 to 0, got 1');
      expect(() => topk(v, 1, { by: 'size' as 'signed' })).toThrow(
        "topk: expected by: 'signed' or 'magnitude', got size",
      );
      expect(() => topk(tensor(t.device, [true]), 1)).toThrow(DTypeError);
      expect(() => topk(tensor(t.device, 1), 1)).toThrow(ShapeError);
      expect(() => kthvalue(v, 0)).toThrow('kthvalue: expected a whole k from 1 to 3, got 0');
      expect(() => kthvalue(tensor(t.device, new Float32Array(0)), 1)).toThrow(
        'kthvalue: expected at least 1 element to choose from, got 0',
      );
      expect(() => kthvalue(v, tensor(t.device, [1]))).toThrow('kthvalue: expected k of dtype u32, got f32');
      expect(() => kthvalue(v, tensor(t.device, Uint32Array.of(1, 2)))).toThrow(
        'kthvalue: expected 1 values of k, got [2]',
      );
    });
  });
});
