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

interface Sizes {
  parts: number;
  queries: number;
  keys: number;
  features: number;
  values: number;
}

/** softmax(scale q k') v in float64; `allowed` says which key a query may look at, and looking nowhere is looking evenly. */
function attend(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  s: Sizes,
  scale: number,
  allowed: (part: number, i: number, j: number) => boolean,
): Float64Array {
  const out = new Float64Array(s.parts * s.queries * s.values);
  for (let p = 0; p < s.parts; p++) {
    for (let i = 0; i < s.queries; i++) {
      const open = Array.from({ length: s.keys }, (_, j) => allowed(p, i, j));
      const scores = open.map((ok, j) => {
        let dot = 0;
        for (let f = 0; f < s.features; f++)
          dot += q[(p * s.queries + i) * s.features + f] * k[(p * s.keys + j) * s.features + f];
        return ok ? dot * scale : -1e9;
      });
      const top = Math.max(...scores);
      const e = scores.map((x) => Math.exp(x - top));
      const sum = e.reduce((a, b) => a + b, 0);
      for (let c = 0; c < s.values; c++) {
        for (let j = 0; j < s.keys; j++)
          out[(p * s.queries + i) * s.values + c] += (e[j] / sum) * v[(p * s.keys + j) * s.values + c];
      }
    }
  }
  return out;
}

describe(`scaledDotProductAttention (seed ${SEED})`, () => {
  it('agrees with float64: leading axes, masks that broadcast, causal, scale', async () => {
    const inputs = new Inputs('attention');
    for (const [lead, queries, keys, features, values] of [
      [[], 3, 5, 4, 2],
      [[2], 1, 1, 1, 1],
      [[2, 3], 4, 4, 8, 8],
      [[3], 7, 5, 3, 6],
    ] as const) {
      const parts = lead.reduce((a: number, b: number) => a * b, 1);
      const s = { parts, queries, keys, features, values };
      const q = inputs.uniform(parts * queries * features, -2, 2);
      const k = inputs.uniform(parts * keys * features, -2, 2);
      const v = inputs.uniform(parts * keys * values);
      const mask = inputs.integers(parts * queries * keys, 2);
      const row = inputs.integers(keys, 2);
      const got = scope(() => {
        const [tq, tk, tv] = [
          tensor(t.device, q, { shape: [...lead, queries, features] }),
          tensor(t.device, k, { shape: [...lead, keys, features] }),
          tensor(t.device, v, { shape: [...lead, keys, values] }),
        ];
        const whole = tensor(t.device, Uint8Array.from(mask), { shape: [...lead, queries, keys] });
        const shared = tensor(t.device, Uint8Array.from(row));
        const f = (options?: S.AttentionOptions) => S.scaledDotProductAttention(tq, tk, tv, options);
        return [
          f(),
          f({ causal: true }),
          f({ mask: whole }),
          f({ mask: shared }),
          f({ mask: whole, causal: true }),
          f({ scale: 2 }),
        ];
      });
      const root = 1 / Math.sqrt(features);
      const inMask = (p: number, i: number, j: number) => mask[(p * queries + i) * keys + j] === 1;
      const expected = [
        attend(q, k, v, s, root, () => true),
        attend(q, k, v, s, root, (_, i, j) => j <= i),
        attend(q, k, v, s, root, inMask),
        attend(q, k, v, s, root, (_, __, j) => row[j] === 1),
        attend(q, k, v, s, root, (p, i, j) => inMask(p, i, j) && j <= i),
        attend(q, k, v, s, 2, () => true),
      ];
      for (const [form, y] of got.entries()) {
        expect(y.shape).toEqual([...lead, queries, values]);
        expectClose(await read(y), expected[form], {
          rtol: 3e-6,
          atol: 1e-6,
          what: `form ${form} of [${lead}] ${queries} ${keys}`,
        });
      }
    }
  });

  it('shares keys and values between the parts of a batch', async () => {
    const inputs = new Inputs('shared keys');
    const q = inputs.uniform(2 * 3 * 4);
    const k = inputs.uniform(5 * 4);
    const v = inputs.uniform(5 * 2);
    const y = scope(() =>
      S.scaledDotProductAttention(
        tensor(t.device, q, { shape: [2, 3, 4] }),
        tensor(t.device, k, { shape: [5, 4] }),
        tensor(t.device, v, { shape: [5, 2] }),
      ),
    );
    const twice = (x: Float32Array) => Float32Array.from([...x, ...x]);
    expectClose(
      await read(y),
      attend(q, twice(k), twice(v), { parts: 2, queries: 3, keys: 5, features: 4, values: 2 }, 0.5, () => true),
      { rtol: 3e-6 },
    );
  });

  it('has right derivatives of first and second order', async () => {
    const s = { parts: 2, queries: 3, keys: 4, features: 2, values: 3 };
    const mask = Uint8Array.of(1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1);
    const shapes = [
      [2, 3, 2],
      [2, 4, 2],
      [2, 4, 3],
    ];
    await checkGradients({
      device: t.device,
      name: 'attention masked',
      f: (q, k, v) => S.scaledDotProductAttention(q, k, v, { mask: tensor(t.device, mask, { shape: [2, 3, 4] }) }),
      host: (q, k, v) => attend(q, k, v, s, Math.SQRT1_2, (p, i, j) => mask[(p * 3 + i) * 4 + j] === 1),
      shapes,
    });
    await checkGradients({
      device: t.device,
      name: 'attention causal',
      f: (q, k, v) => S.scaledDotProductAttention(q, k, v, { causal: true }),
      host: (q, k, v) => attend(q, k, v, s, Math.SQRT1_2, (_, i, j) => j <= i),
      shapes,
    });
  });

  it('refuses what does not fit, naming it, and leaves nothing behind', () => {
    const q = S.zeros(t.device, [2, 3, 4]);
    const k = S.zeros(t.device, [2, 5, 4]);
    const v = S.zeros(t.device, [2, 5, 6]);
    const f32 = S.zeros(t.device, [3, 5]);
    const wide = S.zeros(t.device, [3, 4], 'bool');
    const high = S.zeros(t.device, [4, 2, 3, 5], 'bool');
    const three = S.zeros(t.device, [3, 5, 4]);
    const flat = S.zeros(t.device, [4]);
    const whole = S.zeros(t.device, [2, 5, 6], 'i32');
    const { live, tensors } = t.device.memory();
    const f = S.scaledDotProductAttention;
    const cases: [() => unknown, string][] = [
      [() => f(q, v, v), 'scaledDotProductAttention: expected k with 4 features, got [2, 5, 6]'],
      [() => f(q, k, q), 'scaledDotProductAttention: expected v with 5 keys, got [2, 3, 4]'],
      [() => f(flat, k, v), 'scaledDotProductAttention: expected q of rank >= 2, got [4]'],
      [() => f(q, k, whole), 'scaledDotProductAttention: expected v of dtype f32 or f16, got i32'],
      [() => f(q, three, v), 'scaledDotProductAttention: expected shapes that broadcast together, got [2] and [3]'],
      [() => f(q, k, three), 'scaledDotProductAttention: expected shapes that broadcast together, got [2] and [3]'],
      [() => f(q, k, v, { mask: f32 }), 'scaledDotProductAttention: expected a mask of dtype bool, got f32'],
      [
        () => f(q, k, v, { mask: wide }),
        'scaledDotProductAttention: expected shapes that broadcast together, got [3, 4] and [2, 3, 5]',
      ],
      [
        () => f(q, k, v, { mask: high }),
        'scaledDotProductAttention: expected a mask that broadcasts to [2, 3, 5], got [4, 2, 3, 5]',
      ],
      [() => f(q, k, v, { scale: Number.NaN }), 'scaledDotProductAttention: expected a finite scale, got NaN'],
    ];
    for (const [make, text] of cases) expect(make).toThrow(text);
    expect(t.device.memory()).toMatchObject({ live, tensors });
    const y = f(q, k, v, { causal: true });
    expect(t.device.memory().tensors).toBe(tensors + 1);
    for (const x of [y, q, k, v, f32, wide, high, three, flat, whole]) x.dispose();
  });
});
