import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  arange,
  eye,
  full,
  fullLike,
  linspace,
  mul,
  ones,
  onesLike,
  ShapeError,
  scope,
  sum,
  type Tensor,
  tensor,
  tril,
  trilMask,
  triu,
  triuMask,
  zeros,
  zerosLike,
} from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { SEED } from '../support/random.js';

const t = testDevice();
const values = async (make: () => Tensor): Promise<number[]> => {
  const made = scope(make);
  const out = Array.from(await made.data());
  made.dispose();
  return out;
};

describe(`create (seed ${SEED})`, () => {
  it('fills every dtype, with whole numbers exactly', async () => {
    const d = t.device;
    expect(await values(() => zeros(d, [2, 3]))).toEqual([0, 0, 0, 0, 0, 0]);
    expect(await values(() => ones(d, [3], 'bool'))).toEqual([1, 1, 1]);
    expect(await values(() => full(d, [5], -2.5))).toEqual([-2.5, -2.5, -2.5, -2.5, -2.5]);
    for (const v of [0, 1, -1, 65535, 65536, -65537, 2 ** 31 - 1, -(2 ** 31)])
      expect(await values(() => full(d, [3], v, 'i32'))).toEqual([v, v, v]);
    for (const v of [0, 65535, 65536, 2 ** 31, 2 ** 32 - 1])
      expect(await values(() => full(d, [2], v, 'u32'))).toEqual([v, v]);
    expect(await values(() => full(d, [], Number.NEGATIVE_INFINITY))).toEqual([Number.NEGATIVE_INFINITY]);
    expect(await values(() => zeros(d, [0, 4]))).toEqual([]);
    const made = scope(() => zerosLike(tensor(d, Int32Array.of(1, 2))));
    expect(made.dtype).toBe('i32');
    made.dispose();
    expect(
      await values(() =>
        onesLike(
          tensor(d, [
            [1, 2],
            [3, 4],
          ]),
        ),
      ),
    ).toEqual([1, 1, 1, 1]);
    expect(await values(() => fullLike(tensor(d, [1, 2]), 7, 'u32'))).toEqual([7, 7]);
  });

  it('counts', async () => {
    const d = t.device;
    expect(await values(() => arange(d, 5))).toEqual([0, 1, 2, 3, 4]);
    expect(await values(() => arange(d, 7, -3, -3))).toEqual([7, 4, 1, -2]);
    expect(await values(() => arange(d, 9, 2, -3, { dtype: 'u32' }))).toEqual([9, 6, 3]);
    expect(await values(() => arange(d, 2 ** 30, 2 ** 30 + 3))).toEqual([2 ** 30, 2 ** 30 + 1, 2 ** 30 + 2]);
    expect(await values(() => arange(d, 3, 3))).toEqual([]);
    expectClose(await values(() => arange(d, 0, 1, 0.1)), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], {
      rtol: 2e-7,
    });
    const floats = arange(d, 4, { dtype: 'f32' });
    expect([floats.dtype, ...(await floats.data())]).toEqual(['f32', 0, 1, 2, 3]);
    floats.dispose();
  });

  it('spaces evenly with both ends exact', async () => {
    const d = t.device;
    for (const n of [0, 1, 2, 3, 10, 1001]) {
      const got = await values(() => linspace(d, -0.1, 0.7, n));
      expect(got.length).toBe(n);
      if (n > 0) expect(got[0]).toBe(Math.fround(-0.1));
      if (n > 1) expect(got[n - 1]).toBe(Math.fround(0.7));
      expectClose(
        got,
        Float64Array.from({ length: n }, (_, i) => -0.1 + (0.8 * i) / (n - 1 || 1)),
        { rtol: 2e-7 },
      );
    }
  });

  it('makes identities and triangles', async () => {
    const d = t.device;
    expect(await values(() => eye(d, 2, 3))).toEqual([1, 0, 0, 0, 1, 0]);
    expect(await values(() => trilMask(d, 3))).toEqual([1, 0, 0, 1, 1, 0, 1, 1, 1]);
    expect(await values(() => triuMask(d, 2, 3, 1, { dtype: 'f32' }))).toEqual([0, 1, 1, 0, 0, 1]);
    const x = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    expect(await values(() => tril(tensor(d, [x, x]), -1))).toEqual([0, 0, 0, 4, 0, 0, 0, 0, 0, 4, 0, 0]);
    expect(await values(() => triu(tensor(d, x)))).toEqual([1, 2, 3, 0, 5, 6]);
  });

  it('has right derivatives through triangles', async () => {
    await checkGradients({
      device: t.device,
      name: 'tril',
      f: (x) => sum(mul(tril(x, 1), x), 0),
      host: (x) =>
        Float64Array.from({ length: 12 }, (_, i) =>
          [0, 1].reduce((s, p) => s + (i % 4 <= Math.floor(i / 4) + 1 ? x[p * 12 + i] ** 2 : 0), 0),
        ),
      shapes: [[2, 3, 4]],
    });
  });

  it('refuses what it cannot make, naming it', () => {
    const d = t.device;
    expect(() => full(d, [2], 1.5, 'i32')).toThrow(
      'full: expected a whole number from -2147483648 to 2147483647 for dtype i32, got 1.5',
    );
    expect(() => full(d, [2], -1, 'u32')).toThrow(ArgumentError);
    expect(() => zeros(d, [2, -1])).toThrow(ShapeError);
    expect(() => arange(d, 0, 3, 0)).toThrow(
      'arange: expected finite numbers and a step other than 0, got start 0, stop 3, step 0',
    );
    expect(() => linspace(d, 0, 1, 2.5)).toThrow(ArgumentError);
    expect(() => scope(() => tril(tensor(d, [1, 2])))).toThrow('tril: expected x of rank >= 2, got [2]');
  });
});
