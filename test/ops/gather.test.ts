import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  assertIndices,
  type Device,
  DTypeError,
  embedding,
  gather,
  mul,
  oneHot,
  ShapeError,
  scatterAdd,
  scatterAddAlongAxis,
  scope,
  sum,
  type Tensor,
  takeAlongAxis,
  tensor,
} from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

/** x [P, A, N, B] at index [P, K] (or [A, K, B] along). */
interface Problem {
  p: number;
  a: number;
  n: number;
  k: number;
  b: number;
  along: boolean;
}
const indexAt = (s: Problem, p: number, a: number, k: number, b: number) =>
  s.along ? (a * s.k + k) * s.b + b : p * s.k + k;

function eachPick(s: Problem, index: ArrayLike<number>, visit: (out: number, x: number) => void): void {
  for (let p = 0; p < s.p; p++) {
    for (let a = 0; a < s.a; a++) {
      for (let k = 0; k < s.k; k++) {
        for (let b = 0; b < s.b; b++) {
          const n = index[indexAt(s, p, a, k, b)];
          visit(((p * s.a + a) * s.k + k) * s.b + b, ((p * s.a + a) * s.n + n) * s.b + b);
        }
      }
    }
  }
}
function hostGather(s: Problem, x: ArrayLike<number>, index: ArrayLike<number>): Float64Array {
  const out = new Float64Array(s.p * s.a * s.k * s.b);
  eachPick(s, index, (o, i) => (out[o] = x[i]));
  return out;
}
function hostScatter(s: Problem, g: ArrayLike<number>, index: ArrayLike<number>): Float64Array {
  const out = new Float64Array(s.p * s.a * s.n * s.b);
  eachPick(s, index, (o, i) => (out[i] += g[o]));
  return out;
}

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });

async function checkProblem(
  device: Device,
  s: Problem,
  index: Int32Array,
  inputs: Inputs,
  unsigned = false,
): Promise<void> {
  const x = inputs.uniform(s.p * s.a * s.n * s.b);
  const g = inputs.uniform(s.p * s.a * s.k * s.b);
  const [picked, added, again] = scope(() => {
    const at = tensor(device, unsigned ? Uint32Array.from(index) : index, {
      shape: s.along ? [s.a, s.k, s.b] : [s.p, s.k],
    });
    const xs = tensor(device, x, { shape: s.along ? [s.a, s.n, s.b] : [s.p, s.a, s.n, s.b] });
    const gs = tensor(device, g, { shape: s.along ? [s.a, s.k, s.b] : [s.p, s.a, s.k, s.b] });
    const add = () => (s.along ? scatterAddAlongAxis(gs, at, 1, s.n) : scatterAdd(gs, at, 2, s.n, { batch: 1 }));
    return [s.along ? takeAlongAxis(xs, at, 1) : gather(xs, at, 2, { batch: 1 }), add(), add()];
  });
  const what = JSON.stringify(s);
  expect(Array.from(await picked.data()), what).toEqual(Array.from(hostGather(s, x, index)));
  const sums = await added.data();
  expectClose(sums, hostScatter(s, g, index), { rtol: 3e-6, atol: 1e-6, what });
  expect(await again.data(), `same bytes twice, ${what}`).toEqual(sums);
  for (const y of [picked, added, again]) y.dispose();
}

describe(`gather and scatterAdd (seed ${SEED})`, () => {
  it('agree with the host on random problems, batched and along', async () => {
    const inputs = new Inputs('gather problems');
    const pick = (sizes: number[]) => sizes[inputs.integer(sizes.length)];
    for (let round = 0; round < 60; round++) {
      const along = inputs.integer(2) === 1;
      const s: Problem = {
        p: along ? 1 : pick([1, 2, 3]),
        a: pick([1, 2, 5]),
        n: pick([1, 2, 7, 64, 301]),
        k: pick([0, 1, 3, 17, 129, 600]),
        b: pick([1, 3, 4, 8]),
        along,
      };
      const index = inputs.integers(along ? s.a * s.k * s.b : s.p * s.k, s.n);
      await checkProblem(round % 2 ? t.device : discrete.device, s, index, inputs, inputs.integer(2) === 1);
    }
  });

  it('sum long runs of one index in pieces, and few among many', async () => {
    const inputs = new Inputs('gather runs');
    for (const device of [t.device, discrete.device]) {
      const s: Problem = { p: 1, a: 1, n: 1009, k: 5003, b: 4, along: false };
      await checkProblem(device, s, new Int32Array(s.k).fill(513), inputs);
      await checkProblem(
        device,
        s,
        Int32Array.from({ length: s.k }, (_, i) => (i % 7 === 0 ? i % s.n : (i % 3) * 504)),
        inputs,
      );
      await checkProblem(
        device,
        { ...s, p: 2, k: 2500, b: 3 },
        Int32Array.from({ length: 5000 }, (_, i) => (i < 2500 ? 0 : 1008)),
        inputs,
      );
      await checkProblem(device, { ...s, a: 2, b: 3, along: true }, inputs.integers(2 * 5003 * 3, 4), inputs);
    }
  });

  it('walk more than 65535 workgroups of the discrete class', async () => {
    const n = 65536 * 64 + 3;
    const out = scope(() =>
      gather(
        tensor(discrete.device, Float32Array.of(5, 6, 7)),
        tensor(
          discrete.device,
          Int32Array.from({ length: n }, (_, i) => i % 3),
        ),
        0,
      ),
    );
    const got = await out.data();
    let wrong = 0;
    for (let i = 0; i < n; i++) if (got[i] !== 5 + (i % 3)) wrong++;
    expect(wrong).toBe(0);
    out.dispose();
  });

  it('copies every dtype, and takes host numbers of any nesting', async () => {
    const read = async (make: () => Tensor) => {
      const y = scope(make);
      const out = [y.dtype, y.shape, Array.from(await y.data())];
      y.dispose();
      return out;
    };
    const d = t.device;
    expect(await read(() => gather(tensor(d, [true, false, true]), [2, 1, 1]))).toEqual(['bool', [3], [1, 0, 0]]);
    expect(await read(() => gather(tensor(d, Uint32Array.of(2 ** 32 - 1, 5)), Uint32Array.of(1, 0)))).toEqual([
      'u32',
      [2],
      [5, 2 ** 32 - 1],
    ]);
    expect(
      await read(() =>
        gather(
          tensor(d, [
            [1, 2],
            [3, 4],
          ]),
          [
            [0, 1],
            [1, 1],
          ],
          1,
        ),
      ),
    ).toEqual(['f32', [2, 2, 2], [1, 2, 2, 2, 3, 4, 4, 4]]);
    expect(
      await read(() =>
        gather(
          tensor(d, [
            [1, 2],
            [3, 4],
          ]),
          1,
        ),
      ),
    ).toEqual(['f32', [2], [3, 4]]);
    if (d.hasF16)
      expect(await read(() => gather(tensor(d, [0.5, 2, 4], { dtype: 'f16' }), [2, 0]))).toEqual([
        'f16',
        [2],
        [4, 0.5],
      ]);
    expect(await read(() => scatterAdd(tensor(d, Int32Array.of(1, 2, 3)), [1, 1, 0], 0, 2))).toEqual([
      'i32',
      [2],
      [3, 3],
    ]);
    expect(await read(() => oneHot(tensor(d, Int32Array.of(0, 2, 9, -4)), 3))).toEqual([
      'f32',
      [4, 3],
      [1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0],
    ]);
    expect(await read(() => oneHot(tensor(d, Uint32Array.of(2 ** 32 - 1)), 3, 'bool'))).toEqual([
      'bool',
      [1, 3],
      [0, 0, 1],
    ]);
  });

  it('limits indices on the device and finds bad ones when asked', async () => {
    const bad = tensor(t.device, Int32Array.of(-5, 1, 99));
    const [y, s] = scope(() => [
      gather(tensor(t.device, [10, 20, 30]), bad),
      scatterAdd(tensor(t.device, [1, 2, 4]), bad, 0, 3),
    ]);
    expect(Array.from(await y.data())).toEqual([10, 20, 30]);
    expect(Array.from(await s.data())).toEqual([1, 2, 4]);
    await expect(assertIndices(bad, 3)).rejects.toThrow(
      'assertIndices: expected indices from 0 to 2, got -5 at position 0',
    );
    const good = tensor(t.device, Uint32Array.of(0, 2));
    await expect(assertIndices(good, 3)).resolves.toBeUndefined();
    for (const x of [bad, good, y, s]) x.dispose();
  });

  it('refuses what does not fit, naming it, without leaks', () => {
    scope(() => {
      const d = t.device;
      const x = tensor(d, new Float32Array(12), { shape: [3, 4] });
      expect(() => gather(x, [0, 3])).toThrow('gather: expected indices from 0 to 2, got 3 at position 1');
      expect(() => gather(x, [0.5])).toThrow(ArgumentError);
      expect(() => gather(x, tensor(d, [0, 1]))).toThrow('gather: expected indices of dtype i32 or u32, got f32');
      expect(() => gather(x, [0], 2)).toThrow(ArgumentError);
      expect(() => gather(x, [[0]], 1, { batch: 1 })).toThrow(
        'gather: expected indices that begin with the batch axes [3], got [1, 1]',
      );
      expect(() => gather(x, [0], 0, { batch: 1 })).toThrow('gather: expected batch axes from 0 to the axis, 0, got 1');
      expect(() => gather(tensor(d, new Float32Array(0)), tensor(d, Int32Array.of(0)))).toThrow(ShapeError);
      expect(() => takeAlongAxis(x, [0, 1], 0)).toThrow(
        'takeAlongAxis: expected indices of shape [3, 4] but for axis 0, got [2]',
      );
      expect(() => scatterAdd(x, [0, 1], 0, 5)).toThrow('scatterAdd: expected values of shape [2, 4], got [3, 4]');
      expect(() => scatterAdd(x, [0, 1, 9], 0, 5)).toThrow(
        'scatterAdd: expected indices from 0 to 4, got 9 at position 2',
      );
      expect(() => scatterAdd(tensor(d, [true]), [0], 0, 2)).toThrow(DTypeError);
      expect(() => embedding(tensor(d, [1, 2]), [0])).toThrow(
        'embedding: expected a table [V, D], or [P, V, D] for a population, got [2]',
      );
      expect(() => oneHot(tensor(d, [1]), 3)).toThrow(DTypeError);
      expect(() => oneHot(tensor(d, Int32Array.of(1)), 0)).toThrow(ArgumentError);
    });
  });

  const ids = Int32Array.of(2, 0, 2, 2, 1, 0);
  it('embedding has right derivatives with repeated ids, also for a population', async () => {
    const one: Problem = { p: 1, a: 1, n: 3, k: 6, b: 4, along: false };
    await checkGradients({
      device: t.device,
      name: 'embedding',
      f: (w) =>
        mul(
          embedding(w, tensor(t.device, ids, { shape: [2, 3] })),
          embedding(w, [
            [0, 1, 2],
            [2, 0, 2],
          ]),
        ),
      host: (w) => {
        const back = hostGather(one, w, ids.slice().reverse());
        return hostGather(one, w, ids).map((v, i) => v * back[i]);
      },
      shapes: [[3, 4]],
    });
    const two: Problem = { p: 2, a: 1, n: 3, k: 3, b: 5, along: false };
    await checkGradients({
      device: t.device,
      name: 'population embedding',
      f: (w) => {
        const y = embedding(w, tensor(t.device, ids, { shape: [2, 3] }));
        return mul(y, y);
      },
      host: (w) => hostGather(two, w, ids).map((v) => v * v),
      shapes: [[2, 3, 5]],
    });
  });

  it('takeAlongAxis and both adjoints have right derivatives', async () => {
    const along: Problem = { p: 1, a: 2, n: 3, k: 2, b: 3, along: true };
    const at = Int32Array.of(2, 0, 1, 2, 2, 1, 0, 0, 0, 1, 2, 0);
    await checkGradients({
      device: t.device,
      name: 'takeAlongAxis',
      f: (x) => {
        const y = takeAlongAxis(x, tensor(t.device, at, { shape: [2, 2, 3] }), 1);
        return mul(y, y);
      },
      host: (x) => hostGather(along, x, at).map((v) => v * v),
      shapes: [[2, 3, 3]],
    });
    await checkGradients({
      device: t.device,
      name: 'scatterAddAlongAxis',
      f: (g) => {
        const y = scatterAddAlongAxis(g, tensor(t.device, at, { shape: [2, 2, 3] }), 1, 3);
        return mul(y, y);
      },
      host: (g) => hostScatter(along, g, at).map((v) => v * v),
      shapes: [[2, 2, 3]],
    });
    const taken: Problem = { p: 1, a: 2, n: 4, k: 6, b: 2, along: false };
    await checkGradients({
      device: t.device,
      name: 'scatterAdd',
      f: (g) => {
        const y = scatterAdd(g, tensor(t.device, ids), 1, 4);
        return mul(y, y);
      },
      host: (g) => hostScatter(taken, g, ids).map((v) => v * v),
      shapes: [[2, 6, 2]],
    });
  });

  it('frees host indices that no gradient needs, and keeps those that one does', async () => {
    const x = tensor(t.device, [1, 2, 3]);
    const before = t.device.memory().tensors;
    const y = gather(x, [2, 0]);
    expect(t.device.memory().tensors).toBe(before + 1);
    y.dispose();
    x.requiresGrad = true;
    const kept = scope(() => {
      const z = sum(gather(x, [2, 0]));
      expect(z.node).not.toBeNull();
      return z;
    });
    expect(await kept.item()).toBe(4);
    kept.dispose();
    x.dispose();
  });
});
