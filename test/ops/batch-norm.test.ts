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
  models: number;
  rows: number;
  channels: number;
}

/** Mean and variance (over n, and over n - 1) of every model's channels, in float64. */
function statistics(
  x: ArrayLike<number>,
  { models, rows, channels }: Sizes,
): { mean: number[]; variance: number[]; unbiased: number[] } {
  const mean: number[] = [];
  const variance: number[] = [];
  const unbiased: number[] = [];
  for (let m = 0; m < models; m++) {
    for (let c = 0; c < channels; c++) {
      const column = Array.from({ length: rows }, (_, r) => x[(m * rows + r) * channels + c]);
      const mu = column.reduce((a, b) => a + b, 0) / rows;
      const squares = column.reduce((a, b) => a + (b - mu) ** 2, 0);
      mean.push(mu);
      variance.push(squares / rows);
      unbiased.push(squares / Math.max(1, rows - 1));
    }
  }
  return { mean, variance, unbiased };
}

interface Form {
  residual?: ArrayLike<number>;
  relu?: boolean;
  eps?: number;
  mean?: ArrayLike<number>;
  variance?: ArrayLike<number>;
}

function normalise(
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  s: Sizes,
  form: Form = {},
): Float64Array {
  const own = statistics(x, s);
  const { mean = own.mean, variance = own.variance, eps = 1e-5 } = form;
  return Float64Array.from(x, (v, i) => {
    const c = Math.floor(i / (s.rows * s.channels)) * s.channels + (i % s.channels);
    const y = ((v - mean[c]) / Math.sqrt(variance[c] + eps)) * gamma[c] + beta[c] + (form.residual?.[i] ?? 0);
    return form.relu ? Math.max(y, 0) : y;
  });
}

describe(`batchNorm in training (seed ${SEED})`, () => {
  it('agrees with float64: odd channels and vectors of four, one chunk and many, residual, ReLU, model axis', async () => {
    const inputs = new Inputs('batchNorm');
    for (const [middle, channels, models] of [
      [[2], 1, 0],
      [[7], 3, 0],
      [[7], 4, 0],
      [[5, 3, 3], 8, 0],
      [[31, 33], 5, 0],
      [[64, 40], 4, 0],
      [[6], 5, 3],
      [[3, 4, 4], 8, 2],
      [[70], 4, 2],
    ] as const) {
      const rows = middle.reduce((a: number, b: number) => a * b, 1);
      const s = { models: models || 1, rows, channels };
      const shape = [...(models ? [models] : []), ...middle, channels];
      const small = models ? [models, channels] : [channels];
      const n = s.models * rows * channels;
      const x = inputs.uniform(n, -1, 3);
      const residual = inputs.uniform(n);
      const [g, b] = [inputs.uniform(s.models * channels, 0.5, 2), inputs.uniform(s.models * channels)];
      const startMean = inputs.uniform(s.models * channels);
      const startVariance = inputs.uniform(s.models * channels, 0.5, 2);
      const of = (v: Float32Array) => tensor(t.device, v, { shape: small });
      const got = scope(() => {
        const [tx, tr] = [tensor(t.device, x, { shape }), tensor(t.device, residual, { shape })];
        const running = { mean: of(startMean), variance: of(startVariance) };
        const f = (options: S.BatchNormOptions) => S.batchNorm(tx, of(g), of(b), { training: true, ...options });
        return {
          y: [
            f({}),
            f({ running, momentum: 0.3, activation: 'relu' }),
            f({ residual: tr }),
            f({ residual: tr, activation: 'relu', eps: 0.1 }),
          ],
          running,
        };
      });
      const expected = [
        normalise(x, g, b, s),
        normalise(x, g, b, s, { relu: true }),
        normalise(x, g, b, s, { residual }),
        normalise(x, g, b, s, { residual, relu: true, eps: 0.1 }),
      ];
      for (const [k, y] of got.y.entries()) {
        expect(y.shape).toEqual(shape);
        expectClose(await read(y), expected[k], { rtol: 3e-6, atol: 3e-6, what: `[${shape}] form ${k}` });
      }
      const { mean, unbiased } = statistics(x, s);
      expectClose(
        await read(got.running.mean),
        mean.map((m, i) => 0.7 * startMean[i] + 0.3 * m),
        { rtol: 2e-6, what: 'running mean' },
      );
      expectClose(
        await read(got.running.variance),
        unbiased.map((v, i) => 0.7 * startVariance[i] + 0.3 * v),
        { rtol: 3e-6, what: 'running variance' },
      );
    }
  });

  it('stays accurate where the mean is much larger than the deviation', async () => {
    const inputs = new Inputs('offset');
    for (const channels of [4, 3]) {
      const s = { models: 1, rows: 2000, channels };
      const x = Float32Array.from(inputs.normal(s.rows * channels), (v) => 1e4 + v);
      const made = scope(() => {
        const running = { mean: S.zeros(t.device, [channels]), variance: S.zeros(t.device, [channels]) };
        const y = S.batchNorm(
          tensor(t.device, x, { shape: [s.rows, channels] }),
          S.ones(t.device, [channels]),
          S.zeros(t.device, [channels]),
          { training: true, running, momentum: 1 },
        );
        return { y, ...running };
      });
      const { mean, unbiased } = statistics(x, s);
      // The mean itself is rounded to a float32: 5e-4 at 1e4.
      expectClose(await read(made.y), normalise(x, new Float64Array(channels).fill(1), new Float64Array(channels), s), {
        rtol: 0,
        atol: 1e-3,
      });
      expectClose(await read(made.mean), mean, { rtol: 2e-7 });
      expectClose(await read(made.variance), unbiased, { rtol: 1e-4 });
    }
  });

  it('gives the same bytes twice', async () => {
    const x = new Inputs('bytes').normal(999 * 5);
    const once = () =>
      read(
        scope(() => {
          const [tx, g, b] = [tensor(t.device, x, { shape: [999, 5] }), S.ones(t.device, [5]), S.zeros(t.device, [5])];
          return S.valueAndGrad(
            (...xs) => S.sum(S.square(S.add(S.batchNorm(xs[0], xs[1], xs[2], { training: true }), xs[0]))),
            [tx, g, b],
          ).grads[0];
        }),
      );
    expect(await once()).toEqual(await once());
  });

  it('shows NaN through the ReLU', async () => {
    const y = scope(() =>
      S.batchNorm(tensor(t.device, [[1], [Number.NaN]]), S.ones(t.device, [1]), S.zeros(t.device, [1]), {
        training: true,
        activation: 'relu',
      }),
    );
    expect(Array.from(await read(y))).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('batchNorm outside of training', () => {
  it('uses the running statistics and leaves them alone', async () => {
    const inputs = new Inputs('eval');
    for (const models of [0, 2]) {
      const s = { models: models || 1, rows: 6, channels: 5 };
      const shape = models ? [models, 2, 3, 5] : [2, 3, 5];
      const small = models ? [models, 5] : [5];
      const n = s.models * 30;
      const [x, residual] = [inputs.uniform(n), inputs.uniform(n)];
      const [g, b, mean] = [inputs.uniform(s.models * 5), inputs.uniform(s.models * 5), inputs.uniform(s.models * 5)];
      const variance = inputs.uniform(s.models * 5, 0.2, 2);
      const of = (v: Float32Array) => tensor(t.device, v, { shape: small });
      const made = scope(() => {
        const running = { mean: of(mean), variance: of(variance) };
        const f = (options: S.BatchNormOptions) =>
          S.batchNorm(tensor(t.device, x, { shape }), of(g), of(b), { running, ...options });
        return { y: [f({}), f({ activation: 'relu', residual: tensor(t.device, residual, { shape }) })], running };
      });
      expectClose(await read(made.y[0]), normalise(x, g, b, s, { mean, variance }), { rtol: 2e-6 });
      expectClose(await read(made.y[1]), normalise(x, g, b, s, { mean, variance, residual, relu: true }), {
        rtol: 2e-6,
      });
      expect(await read(made.running.mean)).toEqual(mean);
      expect(await read(made.running.variance)).toEqual(variance);
    }
  });

  it('takes no rows', () => {
    scope(() => {
      const [one, zero] = [S.ones(t.device, [3]), S.zeros(t.device, [3])];
      expect(
        S.batchNorm(S.zeros(t.device, [0, 3]), one, zero, { running: { mean: zero, variance: one } }).shape,
      ).toEqual([0, 3]);
    });
  });
});

describe('batchNorm derivatives', () => {
  const s = { models: 1, rows: 6, channels: 4 };
  const forms: [string, number[][], Sizes, (...xs: Tensor[]) => Tensor, (...xs: Float64Array[]) => Float64Array][] = [
    [
      'plain',
      [[2, 3, 4], [4], [4]],
      s,
      (x, g, b) => S.batchNorm(x, g, b, { training: true, eps: 0.1 }),
      (x, g, b) => normalise(x, g, b, s, { eps: 0.1 }),
    ],
    [
      'residual',
      [[6, 4], [4], [4], [6, 4]],
      s,
      (x, g, b, r) => S.batchNorm(x, g, b, { training: true, eps: 0.1, residual: r }),
      (x, g, b, r) => normalise(x, g, b, s, { eps: 0.1, residual: r }),
    ],
    [
      'models',
      [
        [2, 3, 3],
        [2, 3],
        [2, 3],
      ],
      { models: 2, rows: 3, channels: 3 },
      (x, g, b) => S.batchNorm(x, g, b, { training: true, eps: 0.1 }),
      (x, g, b) => normalise(x, g, b, { models: 2, rows: 3, channels: 3 }, { eps: 0.1 }),
    ],
  ];
  for (const [name, shapes, , f, host] of forms) {
    it(`${name}: first and second order`, () =>
      checkGradients({ device: t.device, name: `batchNorm ${name}`, f, host, shapes }));
  }

  it('relu and residual: first and second order, off the kink', async () => {
    const inputs = new Inputs('relu');
    for (let round = 0; ; round++) {
      const values = [inputs.uniform(24), inputs.uniform(4), inputs.uniform(4), inputs.uniform(24)];
      const before = normalise(values[0], values[1], values[2], s, { eps: 0.1, residual: values[3] });
      if (before.some((y) => Math.abs(y) < 0.02) && round < 200) continue;
      await checkGradients({
        device: t.device,
        name: 'batchNorm relu',
        f: (x, g, b, r) => S.batchNorm(x, g, b, { training: true, eps: 0.1, residual: r, activation: 'relu' }),
        host: (x, g, b, r) => normalise(x, g, b, s, { eps: 0.1, residual: r, relu: true }),
        shapes: [[6, 4], [4], [4], [6, 4]],
        values,
      });
      return;
    }
  });

  it('the fused gradient and the recorded one agree, over several chunks and both widths', async () => {
    const inputs = new Inputs('fused');
    for (const [shape, models] of [
      [[500, 4], 0],
      [[333, 3], 0],
      [[2, 150, 4], 2],
      [[2, 97, 5], 2],
    ] as const) {
      const n = shape.reduce((a: number, b: number) => a * b, 1);
      const channels = shape[shape.length - 1];
      const small = models ? [models, channels] : [channels];
      const sizes = small.reduce((a, b) => a * b, 1);
      const [x, r, u] = [inputs.uniform(n), inputs.uniform(n), inputs.uniform(n)];
      const [g, b] = [inputs.uniform(sizes, 0.5, 1.5), inputs.uniform(sizes)];
      const grads = (createGraph: boolean) =>
        scope(() => {
          const xs = [
            tensor(t.device, x, { shape }),
            tensor(t.device, g, { shape: small }),
            tensor(t.device, b, { shape: small }),
            tensor(t.device, r, { shape }),
          ];
          const f = (...[tx, tg, tb, tr]: Tensor[]) =>
            S.sum(
              S.mul(
                S.batchNorm(tx, tg, tb, { training: true, residual: tr, activation: 'relu' }),
                tensor(t.device, u, { shape }),
              ),
            );
          return S.valueAndGrad(f, xs, { createGraph }).grads;
        });
      const fused = grads(false);
      const recorded = grads(true);
      for (const [k, y] of fused.entries()) {
        expect(y.shape).toEqual(recorded[k].shape);
        expectClose(await read(y), await read(recorded[k]), {
          rtol: 5e-6,
          atol: 1e-6,
          what: `gradient ${k} of [${shape}]`,
        });
      }
    }
  });
});

describe('errors', () => {
  it('name the operation, what was expected and what came, and leave nothing behind', () => {
    scope(() => {
      const x = S.zeros(t.device, [2, 3, 4]);
      const c = S.zeros(t.device, [4]);
      const m = S.zeros(t.device, [2, 4]);
      const i = S.zeros(t.device, [4], 'i32');
      const none = S.zeros(t.device, [0, 4]);
      const { live, tensors } = t.device.memory();
      const training = true;
      const cases: [() => unknown, string][] = [
        [() => S.batchNorm(x, c, c), 'batchNorm: expected running statistics outside of training, got none'],
        [
          () => S.batchNorm(none, c, c, { training }),
          'batchNorm: expected at least one row a channel in training, got [0, 4]',
        ],
        [() => S.batchNorm(c, c, c, { training }), 'batchNorm: expected x of rank >= 2, got [4]'],
        [() => S.batchNorm(x, x, c, { training }), 'batchNorm: expected gamma of rank 1 to 2, got [2, 3, 4]'],
        [() => S.batchNorm(x, c, m, { training }), 'batchNorm: expected beta of shape [4], got [2, 4]'],
        [() => S.batchNorm(x, m, c, { training }), 'batchNorm: expected beta of shape [2, 4], got [4]'],
        [() => S.batchNorm(x, c, i, { training }), 'batchNorm: expected beta of dtype f32, got i32'],
        [
          () => S.batchNorm(x, c, c, { running: { mean: c, variance: m } }),
          'batchNorm: expected running.variance of shape [4], got [2, 4]',
        ],
        [
          () => S.batchNorm(x, c, c, { training, residual: m }),
          'batchNorm: expected a residual of shape [2, 3, 4], got [2, 4]',
        ],
        [() => S.batchNorm(x, c, c, { training, eps: -1 }), 'batchNorm: expected eps >= 0, got -1'],
        [() => S.batchNorm(x, c, c, { training, momentum: 2 }), 'batchNorm: expected momentum in [0, 1], got 2'],
        [
          () => S.batchNorm(x, c, c, { training, activation: 'tanh' as 'relu' }),
          'batchNorm: expected activation none or relu, got tanh',
        ],
      ];
      for (const [make, text] of cases) expect(() => scope(make)).toThrow(text);
      expect(t.device.memory()).toMatchObject({ live, tensors });
    });
  });

  it('leaves only its result outside of scopes', () => {
    const x = S.zeros(t.device, [2, 3, 4]);
    const m = S.ones(t.device, [2, 4]);
    for (const op of [
      () => S.batchNorm(x, m, m, { training: true, residual: x }),
      () => S.batchNorm(x, m, m, { running: { mean: m, variance: m } }),
    ]) {
      const { tensors } = t.device.memory();
      const y = op();
      expect(t.device.memory().tensors - tensors).toBe(1);
      y.dispose();
    }
    for (const y of [x, m]) y.dispose();
  });
});
