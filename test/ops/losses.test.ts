import { describe, expect, it } from 'vitest';
import * as S from '../../src/index.js';
import { scope, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';

const t = testDevice();
const INF = Number.POSITIVE_INFINITY;

const read = async (x: Tensor) => {
  const data = await x.data();
  x.dispose();
  return data;
};

/** Cross-entropy of every row against weights of the classes, in float64. */
function rows(logits: ArrayLike<number>, weights: ArrayLike<number>, classes: number): number[] {
  const out: number[] = [];
  for (let r = 0; r < logits.length; r += classes) {
    const row = Array.from({ length: classes }, (_, k) => logits[r + k]);
    const top = Math.max(...row);
    const lse = top + Math.log(row.reduce((s, v) => s + Math.exp(v - top), 0));
    out.push(row.reduce((s, v, k) => s + (weights[r + k] === 0 ? 0 : weights[r + k] * (lse - v)), 0));
  }
  return out;
}

const oneHot = (index: ArrayLike<number>, classes: number, smoothing = 0): Float64Array => {
  const out = new Float64Array(index.length * classes).fill(smoothing / classes);
  for (let r = 0; r < index.length; r++)
    out[r * classes + Math.max(0, Math.min(classes - 1, index[r]))] += 1 - smoothing;
  return out;
};

const total = (v: readonly number[]) => v.reduce((a, b) => a + b, 0);
const reduced = (v: number[], reduction: S.Reduction, n = v.length) =>
  reduction === 'none' ? v : [reduction === 'sum' ? total(v) : total(v) / n];

describe(`crossEntropy (seed ${SEED})`, () => {
  for (const classes of [1, 3, 4, 10, 257]) {
    it(`agrees with float64 for ${classes} classes, hard and soft targets, every reduction and smoothing`, async () => {
      const inputs = new Inputs(`ce ${classes}`);
      for (const [lead, n] of [
        [[7], 7],
        [[2, 3], 6],
        [[], 1],
      ] as const) {
        const logits = inputs.uniform(n * classes, -6, 6);
        const index = inputs.integers(n, classes);
        const soft = inputs.uniform(n * classes, 0, 1);
        for (const labelSmoothing of [0, 0.1]) {
          for (const reduction of ['mean', 'sum', 'none'] as const) {
            const got = scope(() => {
              const x = tensor(t.device, logits, { shape: [...lead, classes] });
              const options = { labelSmoothing, reduction };
              return [
                S.crossEntropy(x, tensor(t.device, index, { shape: lead }), options),
                S.crossEntropy(x, tensor(t.device, Uint32Array.from(index), { shape: lead }), options),
                S.crossEntropy(x, tensor(t.device, soft, { shape: [...lead, classes] }), options),
              ];
            });
            expect(got[0].shape).toEqual(reduction === 'none' ? lead : []);
            const hard = reduced(rows(logits, oneHot(index, classes, labelSmoothing), classes), reduction);
            const mixed = soft.map((w) => w * (1 - labelSmoothing) + labelSmoothing / classes);
            expectClose(await read(got[0]), hard, { rtol: 2e-6, atol: 1e-6 });
            expectClose(await read(got[1]), hard, { rtol: 2e-6, atol: 1e-6 });
            expectClose(await read(got[2]), reduced(rows(logits, mixed, classes), reduction), {
              rtol: 3e-6,
              atol: 1e-6,
            });
          }
        }
      }
    });
  }

  it('clamps indices outside the classes, signed and unsigned', async () => {
    const logits = [
      [1, 2, 4],
      [1, 2, 4],
      [1, 2, 4],
    ];
    const got = scope(() => {
      const x = tensor(t.device, logits);
      return [
        S.crossEntropy(x, tensor(t.device, Int32Array.of(-5, 3, 2 ** 31 - 1)), { reduction: 'none' }),
        S.crossEntropy(x, tensor(t.device, Uint32Array.of(0, 3, 2 ** 32 - 1)), { reduction: 'none' }),
      ];
    });
    const expected = rows(logits.flat(), oneHot([0, 2, 2], 3), 3);
    for (const y of got) expectClose(await read(y), expected, { rtol: 1e-6 });
  });

  it('takes extreme logits, and classes masked by -inf cost nothing', async () => {
    const { loss, grads } = scope(() => {
      const x = tensor(t.device, [
        [1e30, -1e30, 0],
        [-INF, 1, 2],
        [5, -INF, -INF],
      ]);
      const made = S.valueAndGrad(
        (z) => S.sum(S.crossEntropy(z, tensor(t.device, Int32Array.of(0, 1, 0)), { reduction: 'none' })),
        [x],
      );
      return { loss: made.value, grads: made.grads[0] };
    });
    expectClose(await read(loss), [Math.log(1 + Math.E)], { rtol: 1e-6 });
    const p = Math.E / (1 + Math.E);
    expectClose(await read(grads), [0, 0, 0, 0, -p, p, 0, 0, 0], { rtol: 1e-6, atol: 1e-7 });
  });

  it('has right derivatives of first and second order', async () => {
    const index = Int32Array.of(2, 0, 3);
    for (const [labelSmoothing, reduction] of [
      [0, 'mean'],
      [0.1, 'none'],
      [0.3, 'sum'],
    ] as const) {
      await checkGradients({
        device: t.device,
        name: `ce hard ${labelSmoothing} ${reduction}`,
        f: (x) => S.crossEntropy(x, tensor(t.device, index), { labelSmoothing, reduction }),
        host: (x) => reduced(rows(x, oneHot(index, 4, labelSmoothing), 4), reduction),
        shapes: [[3, 4]],
      });
    }
    await checkGradients({
      device: t.device,
      name: 'ce soft',
      f: (x, w) => S.crossEntropy(x, w, { labelSmoothing: 0.2 }),
      host: (x, w) =>
        reduced(
          rows(
            x,
            w.map((v) => v * 0.8 + 0.05),
            4,
          ),
          'mean',
        ),
      shapes: [
        [3, 4],
        [3, 4],
      ],
    });
  });

  it('a soft target has its slope where it is 0, too', async () => {
    const g = scope(
      () =>
        S.valueAndGrad(
          (w) => S.crossEntropy(tensor(t.device, [[1, 2, 3]]), w, { reduction: 'sum' }),
          [tensor(t.device, [[0, 1, 0]])],
        ).grads[0],
    );
    const lse = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3));
    expectClose(await read(g), [lse - 1, lse - 2, lse - 3], { rtol: 1e-6 });
  });
});

describe('bceWithLogits and mseLoss', () => {
  const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const bce = (x: ArrayLike<number>, w: ArrayLike<number>) => Array.from(x, (v, i) => softplus(v) - v * w[i]);
  const mse = (x: ArrayLike<number>, w: ArrayLike<number>) => Array.from(x, (v, i) => (v - w[i]) ** 2);

  for (const [name, f, host] of [
    ['bceWithLogits', S.bceWithLogits, bce],
    ['mseLoss', S.mseLoss, mse],
  ] as const) {
    it(`${name} agrees with float64 for every reduction`, async () => {
      const inputs = new Inputs(name);
      for (const shape of [[5], [3, 4], [2, 3, 7]]) {
        const n = shape.reduce((a, b) => a * b);
        const x = inputs.uniform(n, -5, 5);
        const w = inputs.uniform(n, 0, 1);
        for (const reduction of ['mean', 'sum', 'none'] as const) {
          const y = scope(() => f(tensor(t.device, x, { shape }), tensor(t.device, w, { shape }), { reduction }));
          expect(y.shape).toEqual(reduction === 'none' ? shape : []);
          expectClose(await read(y), reduced(host(x, w), reduction), { rtol: 2e-6 });
        }
      }
    });
    it(`${name} has right derivatives`, async () => {
      await checkGradients({
        device: t.device,
        name,
        f: (x, w) => f(x, w),
        host: (x, w) => reduced(host(x, w), 'mean'),
        shapes: [
          [3, 4],
          [3, 4],
        ],
      });
    });
  }

  it('bceWithLogits is exact far out', async () => {
    const y = scope(() =>
      S.bceWithLogits(tensor(t.device, [1e4, -1e4, 1e4, -1e4]), tensor(t.device, [1, 0, 0, 1]), { reduction: 'none' }),
    );
    expect(Array.from(await read(y))).toEqual([0, 0, 1e4, 1e4]);
  });
});

describe('errors', () => {
  it('name the operation, what was expected and what came, and leave nothing behind', () => {
    scope(() => {
      const x = S.zeros(t.device, [2, 3]);
      const i = tensor(t.device, Int32Array.of(1, 2));
      const b = tensor(t.device, [true, false]);
      const empty = S.zeros(t.device, [2, 0]);
      const { live, tensors } = t.device.memory();
      const cases: [() => unknown, string][] = [
        [
          () => S.crossEntropy(x, x, { labelSmoothing: 1.5 }),
          'crossEntropy: expected labelSmoothing in [0, 1], got 1.5',
        ],
        [
          () => S.crossEntropy(x, x, { labelSmoothing: Number.NaN }),
          'crossEntropy: expected labelSmoothing in [0, 1], got NaN',
        ],
        [() => S.crossEntropy(i, i), 'crossEntropy: expected logits of dtype f32, got i32'],
        [() => S.crossEntropy(x, b), 'crossEntropy: expected target of dtype i32 or u32 or f32, got bool'],
        [() => S.crossEntropy(x, S.reshape(i, [2, 1])), 'crossEntropy: expected a i32 target of shape [2], got [2, 1]'],
        [
          () => S.crossEntropy(x, S.reshape(x, [3, 2])),
          'crossEntropy: expected a f32 target of shape [2, 3], got [3, 2]',
        ],
        [() => S.crossEntropy(empty, i), 'crossEntropy: expected at least one class, got [2, 0]'],
        [() => S.bceWithLogits(x, i), 'bceWithLogits: expected two f32 tensors, got i32'],
        [() => S.mseLoss(x, S.reshape(x, [6])), 'mseLoss: expected a target of shape [2, 3], got [6]'],
      ];
      for (const [make, text] of cases) expect(() => scope(make)).toThrow(text);
      expect(t.device.memory()).toMatchObject({ live, tensors });
    });
  });

  it('losses leave only their result outside of scopes', () => {
    const x = S.zeros(t.device, [2, 3]);
    const i = tensor(t.device, Int32Array.of(1, 2));
    for (const op of [
      () => S.crossEntropy(x, i),
      () => S.crossEntropy(x, x),
      () => S.mseLoss(x, x),
      () => S.bceWithLogits(x, x),
    ]) {
      const { tensors } = t.device.memory();
      const y = op();
      expect(t.device.memory().tensors - tensors).toBe(1);
      y.dispose();
    }
    for (const y of [x, i]) y.dispose();
  });
});
