import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  checked,
  compile,
  type Device,
  DTypeError,
  type Keep,
  keepMask,
  type MaskOptions,
  type MaskScope,
  ShapeError,
  scope,
  type Tensor,
  tensor,
} from '../../src/index.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { distributions, expectExactMask, hostMask } from './reference.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const deviceOf = (name: string): Device => (name === 'software' ? t.device : discrete.device);

interface Layer {
  x: Float32Array;
  shape: number[];
}

/** Masks of layers, as one array each. */
async function masksOf(device: Device, layers: readonly Layer[], k: Keep, options: MaskOptions = {}) {
  const xs = layers.map(({ x, shape }) => tensor(device, x, { shape }));
  const { masks, status } = await checked(keepMask(xs, k, options));
  for (const [i, mask] of masks.entries()) expect([mask.dtype, mask.shape]).toEqual(['bool', layers[i].shape]);
  const out = await Promise.all(masks.map((m) => m.data()));
  for (const each of [...xs, ...masks, status]) each.dispose();
  return out as Uint8Array[];
}

const join = (parts: readonly ArrayLike<number>[]): number[] => parts.flatMap((p) => Array.from(p));
const ones = (mask: ArrayLike<number>): number => Array.from(mask).reduce((a, b) => a + b, 0);
/** Few distinct values, so that there are ties everywhere. */
const layer = (inputs: Inputs, ...shape: number[]): Layer => {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, x: Float32Array.from(inputs.integers(size, 15), (v) => (v - 7) / 8) };
};
const same = (got: ArrayLike<number>, want: ArrayLike<number>, what: string) => {
  expect(got.length, what).toBe(want.length);
  expect(
    Array.from(got).findIndex((v, i) => v !== want[i]),
    `${what}: first difference`,
  ).toBe(-1);
};

describe.each(['software', 'discrete'])(`masks on a %s device (seed ${SEED})`, (name) => {
  it.each([1, 2, 255, 256, 257, 1029, 8197])('keep exactly k, ties lowest index first, n = %i', async (n) => {
    const inputs = new Inputs(`mask ${name} ${n}`);
    for (const [what, x] of distributions(inputs, n)) {
      for (const k of new Set([0, 1, inputs.integer(n + 1), n])) {
        const [mask] = await masksOf(deviceOf(name), [{ x, shape: [n] }], k);
        expect(ones(mask), `${what} ${k} of ${n}`).toBe(k);
        same(mask, hostMask(x, k), `${what} ${k} of ${n}`);
      }
    }
  });

  it('keep exactly k of 65537 and of 1e6', async () => {
    const inputs = new Inputs(`mask large ${name}`);
    for (const n of [65537, 1_000_000]) {
      const k = 1 + inputs.integer(n);
      const coarse = inputs.normal(n).map((v) => Math.round(v * 100) / 100);
      const [mask] = await masksOf(deviceOf(name), [{ x: coarse, shape: [n] }], k);
      expectExactMask(mask, coarse, k);
    }
  });

  it('keep the least, by value or magnitude', async () => {
    const inputs = new Inputs(`mask least ${name}`);
    const one = layer(inputs, 700);
    for (const by of ['signed', 'magnitude'] as const) {
      for (const largest of [true, false]) {
        const [mask] = await masksOf(deviceOf(name), [one], 300, { by, largest });
        same(mask, hostMask(one.x, 300, by, largest), `${by} ${largest}`);
      }
    }
  });

  it('over many tensors are those over their concatenation', async () => {
    const inputs = new Inputs(`mask global ${name}`);
    const lists = [
      [layer(inputs, 3, 5), layer(inputs, 0), layer(inputs, 7), layer(inputs, 2, 3, 4, 5), layer(inputs)],
      [layer(inputs, 41, 37), layer(inputs, 5003), layer(inputs, 1), layer(inputs, 64, 33)],
    ];
    for (const layers of lists) {
      const all = Float32Array.from(join(layers.map((l) => l.x)));
      for (const k of [0, 1, Math.floor(all.length / 3), all.length]) {
        const masks = await masksOf(deviceOf(name), layers, k);
        same(join(masks), hostMask(all, k), `${k} of ${all.length}`);
      }
    }
  });

  it('over tensors too large to be joined are exact', async () => {
    const inputs = new Inputs(`mask unjoined ${name}`);
    const sizes = [600_001, 450_000, 7, 130];
    const layers = sizes.map((n) => ({ shape: [n], x: inputs.normal(n).map((v) => Math.round(v * 50) / 50) }));
    const masks = await masksOf(deviceOf(name), layers, 123_457);
    expectExactMask(join(masks), Float32Array.from(join(layers.map((l) => l.x))), 123_457);
  });

  it('of rows and layers are those of each by itself', async () => {
    const inputs = new Inputs(`mask rows ${name}`);
    const device = deviceOf(name);
    const layers = [layer(inputs, 13, 50), layer(inputs, 2, 3, 70), layer(inputs, 2, 9001)];
    const rows = layers.flatMap(({ x, shape }) => {
      const n = shape.at(-1)!;
      return Array.from({ length: x.length / n }, (_, r) => x.subarray(r * n, (r + 1) * n));
    });
    const ks = rows.map((row) => inputs.integer(row.length + 1));
    const expected = (k: (row: number, n: number) => number, parts: readonly Float32Array[]) =>
      join(parts.map((p, i) => hostMask(p, k(i, p.length))));
    const run = async (k: Keep, of: MaskScope) => join(await masksOf(device, layers, k, { scope: of }));
    same(
      await run(20, 'row'),
      expected(() => 20, rows),
      'rows, one k',
    );
    same(
      await run(ks, 'row'),
      expected((i) => ks[i], rows),
      'rows, a list',
    );
    const onDevice = tensor(device, Uint32Array.from(ks));
    same(
      await run(onDevice, 'row'),
      expected((i) => ks[i], rows),
      'rows, ks on the device',
    );
    onDevice.dispose();
    same(
      await run({ density: 0.3 }, 'row'),
      expected((_, n) => Math.round(0.3 * n), rows),
      'rows, density',
    );
    const whole = layers.map((l) => l.x);
    same(
      await run({ density: 0.1 }, 'layer'),
      expected((_, n) => Math.round(0.1 * n), whole),
      'layers, density',
    );
    same(
      await run([1, 420, 77], 'layer'),
      expected((i) => [1, 420, 77][i], whole),
      'layers, a list',
    );
  });

  it.each([3, 20, 1100])('of %i models are those of each by itself', async (models) => {
    const inputs = new Inputs(`mask models ${name} ${models}`);
    const layers = [
      layer(inputs, models, 5, 4),
      layer(inputs, models, 7),
      layer(inputs, models, models < 20 ? 9000 : 3),
    ];
    const sizes = layers.map((l) => l.x.length / models);
    const n = sizes.reduce((a, b) => a + b, 0);
    const ks = Uint32Array.from({ length: models }, () => inputs.integer(n + 1));
    const onDevice = tensor(deviceOf(name), ks);
    const masks = await masksOf(deviceOf(name), layers, onDevice, { scope: 'model' });
    onDevice.dispose();
    for (let m = 0; m < models; m++) {
      const of = (parts: readonly (Float32Array | Uint8Array)[]) =>
        join(parts.map((p, i) => p.subarray(m * sizes[i], (m + 1) * sizes[i])));
      same(of(masks), hostMask(of(layers.map((l) => l.x)), ks[m]), `model ${m}`);
    }
  });

  it('are the same bytes twice', async () => {
    const layers = [layer(new Inputs(`mask twice ${name}`), 30_011)];
    const run = () => masksOf(deviceOf(name), layers, 10_000);
    expect(await run()).toEqual(await run());
  });
});

describe('a mask', () => {
  it('of one tensor comes alone', async () => {
    const x = tensor(t.device, Int32Array.of(-5, 3, 5, 1));
    const { mask, status } = await checked(keepMask(x, { density: 0.5 }));
    expect(Array.from(await mask.data())).toEqual([1, 0, 1, 0]);
    for (const each of [x, mask, status]) each.dispose();
  });

  it('counts -0 as 0, and ranks infinities and subnormals', async () => {
    const x = Float32Array.of(-0, 1e-45, 0, -Infinity, -1e-44, Infinity, 3e38);
    for (let k = 0; k <= x.length; k++)
      same((await masksOf(t.device, [{ x, shape: [7] }], k))[0], hostMask(x, k), `k = ${k}`);
  });

  it('is refused where a score is NaN, and then leaves nothing behind', async () => {
    for (const { device } of [t, discrete]) {
      const xs = [tensor(device, [1, 2]), tensor(device, [Number.NaN, 3, 4])];
      await expect(checked(keepMask(xs, 2), 'keepMask')).rejects.toThrow(
        'keepMask: expected values without NaN, got 1 NaN',
      );
      await expect(checked(keepMask(xs, 0))).rejects.toThrow(ArgumentError);
      await expect(checked(keepMask(xs, 1, { scope: 'layer' }))).rejects.toThrow('1 NaN in row 1 of 2');
      // Without waiting, NaN is the last to be kept.
      const { masks, status } = keepMask(xs, 4);
      expect(join(await Promise.all(masks.map((m) => m.data())))).toEqual([1, 1, 0, 1, 1]);
      for (const each of [...xs, ...masks, status]) each.dispose();
    }
  });

  it('follows its inputs inside a compiled step', async () => {
    const inputs = new Inputs('mask compiled');
    const step = compile(t.device, (a: Tensor, b: Tensor, k: Tensor) => keepMask([a, b], k));
    for (let call = 0; call < 3; call++) {
      const [a, b] = [layer(inputs, 3000), layer(inputs, 40, 50)];
      const k = inputs.integer(5001);
      const xs = [a, b].map(({ x, shape }) => tensor(t.device, x, { shape }));
      const ks = tensor(t.device, Uint32Array.of(k));
      const { masks, status } = step(xs[0], xs[1], ks);
      same(
        join(await Promise.all(masks.map((m) => m.data()))),
        hostMask(join([a.x, b.x]), k),
        `call ${call}, k = ${k}`,
      );
      for (const each of [...xs, ks, ...masks, status]) each.dispose();
    }
    step.dispose();
  });

  it('is refused for bad input', () => {
    scope(() => {
      const x = tensor(t.device, [[1, 2, 3]]);
      expect(() => keepMask([], 0)).toThrow('keepMask: expected at least one tensor of scores, got none');
      expect(() => keepMask(x, 4)).toThrow('keepMask: expected a whole k from 0 to 3, got 4');
      expect(() => keepMask(x, 0.5)).toThrow(ArgumentError);
      expect(() => keepMask(x, { density: 1.01 })).toThrow('keepMask: expected a density in [0, 1], got 1.01');
      expect(() => keepMask([x, tensor(t.device, [1])], 2, { scope: 'layer' })).toThrow(
        'keepMask: expected a whole k from 0 to 1, got 2',
      );
      expect(() => keepMask(x, [1, 2])).toThrow('keepMask: expected 1 values of k, got 2');
      expect(() => keepMask(x, tensor(t.device, Uint32Array.of(1, 2)))).toThrow(ShapeError);
      expect(() => keepMask(x, tensor(t.device, [1]))).toThrow(DTypeError);
      expect(() => keepMask([x, tensor(t.device, Int32Array.of(1))], 1)).toThrow(
        'keepMask: expected scores of one dtype, f32, got i32',
      );
      expect(() => keepMask([x, tensor(t.device, [1, 2])], 1, { scope: 'model' })).toThrow(
        'keepMask: expected a leading axis of 1 everywhere, got [2]',
      );
      expect(() => keepMask(x, 1, { scope: 'column' as 'row' })).toThrow(
        "keepMask: expected scope 'global', 'layer', 'row' or 'model', got column",
      );
    });
  });
});
