import { describe, expect, it } from 'vitest';
import * as S from '../../src/index.js';
import { scope, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();

const read = async (x: Tensor) => {
  const data = await x.data();
  x.dispose();
  return data;
};

/**
 * (x - mean) / sqrt(variance + eps) over the elements with the same `group`, times gamma plus beta of `channel`.
 */
function normalise(
  x: ArrayLike<number>,
  group: (i: number) => number,
  channel: (i: number) => number,
  gamma?: ArrayLike<number>,
  beta?: ArrayLike<number>,
  eps = 1e-5,
): Float64Array {
  const members = new Map<number, number[]>();
  for (let i = 0; i < x.length; i++) members.set(group(i), [...(members.get(group(i)) ?? []), i]);
  const out = new Float64Array(x.length);
  for (const list of members.values()) {
    const mean = list.reduce((s, i) => s + x[i], 0) / list.length;
    const variance = list.reduce((s, i) => s + (x[i] - mean) ** 2, 0) / list.length;
    for (const i of list)
      out[i] = ((x[i] - mean) / Math.sqrt(variance + eps)) * (gamma?.[channel(i)] ?? 1) + (beta?.[channel(i)] ?? 0);
  }
  return out;
}

describe(`layerNorm (seed ${SEED})`, () => {
  it('agrees with float64, with and without scale and shift, and beside a model axis', async () => {
    const inputs = new Inputs('layerNorm');
    for (const [lead, features] of [
      [[5], 7],
      [[2, 3], 8],
      [[], 16],
      [[4], 1],
    ] as const) {
      const shape: number[] = [...lead, features];
      const n = shape.reduce((a, b) => a * b);
      const x = inputs.uniform(n, -3, 5);
      const [g, b] = [inputs.uniform(features), inputs.uniform(features)];
      const row = (i: number) => Math.floor(i / features);
      const got = scope(() => {
        const [tx, tg, tb] = [tensor(t.device, x, { shape }), tensor(t.device, g), tensor(t.device, b)];
        return [S.layerNorm(tx), S.layerNorm(tx, tg), S.layerNorm(tx, tg, tb), S.layerNorm(tx, undefined, tb, 0.1)];
      });
      const expected = [
        normalise(x, row, (i) => i % features),
        normalise(x, row, (i) => i % features, g),
        normalise(x, row, (i) => i % features, g, b),
        normalise(x, row, (i) => i % features, undefined, b, 0.1),
      ];
      for (const [k, y] of got.entries())
        expectClose(await read(y), expected[k], { rtol: 2e-6, atol: 2e-6, what: `layerNorm [${shape}] form ${k}` });
    }
    const [models, rows, features] = [3, 2, 5];
    const x = inputs.normal(30);
    const [g, b] = [inputs.uniform(15), inputs.uniform(15)];
    const y = scope(() =>
      S.layerNorm(
        tensor(t.device, x, { shape: [models, rows, features] }),
        tensor(t.device, g, { shape: [3, 5] }),
        tensor(t.device, b, { shape: [3, 5] }),
      ),
    );
    const channel = (i: number) => Math.floor(i / 10) * 5 + (i % 5);
    expectClose(
      await read(y),
      normalise(x, (i) => Math.floor(i / 5), channel, g, b),
      { rtol: 2e-6, atol: 2e-6 },
    );
  });

  it('survives a mean much larger than the deviation', async () => {
    const inputs = new Inputs('offset');
    const x = Float32Array.from(inputs.normal(4 * 300), (v) => 1e3 + v);
    const y = await read(scope(() => S.layerNorm(tensor(t.device, x, { shape: [4, 300] }))));
    expectClose(
      y,
      normalise(
        x,
        (i) => Math.floor(i / 300),
        () => 0,
      ),
      { rtol: 0, atol: 5e-4 },
    );
  });

  it('has right derivatives of first and second order', async () => {
    await checkGradients({
      device: t.device,
      name: 'layerNorm',
      f: (x, g, b) => S.layerNorm(x, g, b, 0.1),
      host: (x, g, b) =>
        normalise(
          x,
          (i) => Math.floor(i / 5),
          (i) => i % 5,
          g,
          b,
          0.1,
        ),
      shapes: [[3, 5], [5], [5]],
    });
    await checkGradients({
      device: t.device,
      name: 'layerNorm models',
      f: (x, g, b) => S.layerNorm(x, g, b, 0.1),
      host: (x, g, b) =>
        normalise(
          x,
          (i) => Math.floor(i / 4),
          (i) => Math.floor(i / 12) * 4 + (i % 4),
          g,
          b,
          0.1,
        ),
      shapes: [
        [2, 3, 4],
        [2, 4],
        [2, 4],
      ],
    });
  });
});

describe('groupNorm', () => {
  /** Group and channel of an element of [images, positions, channels]. */
  const places = (positions: number, channels: number, groups: number) => ({
    group: (i: number) =>
      Math.floor(i / (positions * channels)) * groups + Math.floor((i % channels) / (channels / groups)),
    channel: (i: number) => i % channels,
  });

  it('agrees with float64 for every number of groups', async () => {
    const inputs = new Inputs('groupNorm');
    for (const groups of [1, 2, 3, 6]) {
      for (const middle of [[], [5], [2, 4]]) {
        const positions = middle.reduce((a, b) => a * b, 1);
        const x = inputs.uniform(3 * positions * 6, -2, 4);
        const [g, b] = [inputs.uniform(6), inputs.uniform(6)];
        const { group, channel } = places(positions, 6, groups);
        const y = scope(() =>
          S.groupNorm(
            tensor(t.device, x, { shape: [3, ...middle, 6] }),
            groups,
            tensor(t.device, g),
            tensor(t.device, b),
          ),
        );
        expect(y.shape).toEqual([3, ...middle, 6]);
        expectClose(await read(y), normalise(x, group, channel, g, b), {
          rtol: 2e-6,
          atol: 2e-6,
          what: `${groups} groups`,
        });
        const plain = scope(() => S.groupNorm(tensor(t.device, x, { shape: [3, ...middle, 6] }), groups));
        expectClose(await read(plain), normalise(x, group, channel), {
          rtol: 2e-6,
          atol: 2e-6,
          what: `${groups} groups, plain`,
        });
      }
    }
  });

  it('takes a leading model axis, also with a shift alone', async () => {
    const inputs = new Inputs('groupNorm models');
    const [models, images, positions, channels] = [2, 3, 4, 6];
    const x = inputs.normal(models * images * positions * channels);
    const [g, b] = [inputs.uniform(12), inputs.uniform(12)];
    const { group } = places(positions, channels, 3);
    const channel = (i: number) => Math.floor(i / (images * positions * channels)) * channels + (i % channels);
    const got = scope(() => {
      const tx = tensor(t.device, x, { shape: [models, images, positions, channels] });
      const [tg, tb] = [tensor(t.device, g, { shape: [2, 6] }), tensor(t.device, b, { shape: [2, 6] })];
      return [S.groupNorm(tx, 3, tg, tb), S.groupNorm(tx, 3, undefined, tb)];
    });
    expectClose(await read(got[0]), normalise(x, group, channel, g, b), { rtol: 2e-6, atol: 2e-6 });
    expectClose(await read(got[1]), normalise(x, group, channel, undefined, b), { rtol: 2e-6, atol: 2e-6 });
  });

  it('takes no images', () => {
    scope(() => {
      expect(S.groupNorm(S.zeros(t.device, [0, 5, 6]), 3).shape).toEqual([0, 5, 6]);
    });
  });

  it('has right derivatives', async () => {
    const { group, channel } = places(3, 4, 2);
    await checkGradients({
      device: t.device,
      name: 'groupNorm',
      f: (x, g, b) => S.groupNorm(x, 2, g, b, 0.1),
      host: (x, g, b) => normalise(x, group, channel, g, b, 0.1),
      shapes: [[2, 3, 4], [4], [4]],
    });
  });
});

describe('errors', () => {
  it('name the operation, what was expected and what came, and leave nothing behind', () => {
    scope(() => {
      const x = S.zeros(t.device, [2, 3, 4]);
      const c = S.zeros(t.device, [4]);
      const m = S.zeros(t.device, [2, 4]);
      const i = S.zeros(t.device, [4], 'i32');
      const { live, tensors } = t.device.memory();
      const cases: [() => unknown, string][] = [
        [() => S.layerNorm(x, S.reshape(m, [8])), 'layerNorm: expected gamma of shape [4], got [8]'],
        [() => S.layerNorm(x, c, S.reshape(m, [4, 2])), 'layerNorm: expected beta of shape [2, 4], got [4, 2]'],
        [() => S.layerNorm(x, c, m), 'layerNorm: expected beta of shape [4], got [2, 4]'],
        [() => S.layerNorm(x, c, c, -1), 'layerNorm: expected eps >= 0, got -1'],
        [() => S.layerNorm(i), 'layerNorm: expected x of dtype f32, got i32'],
        [() => S.layerNorm(x, i), 'layerNorm: expected gamma of dtype f32, got i32'],
        [() => S.groupNorm(x, 3), 'groupNorm: expected groups that divide 4 channels, got 3'],
        [() => S.groupNorm(x, 0), 'groupNorm: expected groups that divide 4 channels, got 0'],
        [() => S.groupNorm(c, 2), 'groupNorm: expected x of rank >= 2, got [4]'],
        [() => S.groupNorm(x, 2, c, c, Number.NaN), 'groupNorm: expected eps >= 0, got NaN'],
      ];
      for (const [make, text] of cases) expect(() => scope(make)).toThrow(text);
      expect(t.device.memory()).toMatchObject({ live, tensors });
    });
  });

  it('normalisations leave only their result outside of scopes', () => {
    const x = S.zeros(t.device, [2, 3, 4]);
    const m = S.zeros(t.device, [2, 4]);
    for (const op of [() => S.layerNorm(x, m, m), () => S.groupNorm(x, 2, m, m)]) {
      const { tensors } = t.device.memory();
      const y = op();
      expect(t.device.memory().tensors - tensors).toBe(1);
      y.dispose();
    }
    for (const y of [x, m]) y.dispose();
  });
});
