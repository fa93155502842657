import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  type Conv2dOptions,
  conv1d,
  conv2d,
  conv2dInput,
  conv2dWeight,
  convTranspose2d,
  DTypeError,
  scope,
  ShapeError,
  type Tensor,
  tensor,
  vjp,
} from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import {
  type ConvCase,
  inputShape,
  outputShape,
  outputSize,
  referenceConv,
  referenceInput,
  referenceWeight,
  weightShape,
} from './conv-reference.js';

const t = testDevice();

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const put = (values: Float32Array, shape: readonly number[]) => tensor(t.device, values, { shape });

/** Derivative of an activation from its result. */
const SLOPES: Record<ConvCase['activation'], (y: number) => number> = {
  none: () => 1,
  relu: (y) => (y > 0 ? 1 : 0),
  tanh: (y) => 1 - y * y,
  sigmoid: (y) => y * (1 - y),
};

interface Drawn {
  c: ConvCase;
  options: Conv2dOptions;
}

/** A geometry with every choice fresh, small enough for a quick reference. */
function draw(inputs: Inputs): Drawn {
  const pick = <T>(...of: T[]): T => of[inputs.integer(of.length)];
  for (;;) {
    const groups = pick(1, 1, 1, 2, 3, 4);
    const depthwise = inputs.integer(6) === 0;
    const ci = depthwise ? 1 : pick(1, 2, 3, 4, 5, 8, 12, 16, 24);
    const co = depthwise ? pick(1, 2) : pick(1, 2, 3, 4, 5, 8, 12, 16, 24);
    const two = (f: () => number): [number, number] => [f(), f()];
    const input = two(() => pick(1, 2, 3, 4, 5, 6, 7, 8, 9, 11));
    const kernel = two(() => pick(1, 2, 3, 3, 4, 5));
    const stride = two(() => pick(1, 1, 2, 3));
    const dilation = two(() => pick(1, 1, 1, 2, 3));
    const form = pick('none', 'number', 'pair', 'sides', 'same');
    const sides = [0, 0, 0, 0].map(() => inputs.integer(4));
    const equal = form === 'number' ? [sides[0], sides[0], sides[0], sides[0]] : [sides[0], sides[0], sides[1], sides[1]];
    const total = (a: 0 | 1) =>
      Math.max(0, (Math.ceil(input[a] / stride[a]) - 1) * stride[a] + (kernel[a] - 1) * dilation[a] + 1 - input[a]);
    const same = ([0, 1] as const).flatMap((a) => [Math.floor(total(a) / 2), Math.ceil(total(a) / 2)]);
    const pads = { none: [0, 0, 0, 0], number: equal, pair: equal, sides, same }[form];
    const padding = { none: undefined, number: pads[0], pair: [pads[0], pads[2]], sides: pads, same: 'same' }[form];
    const output = ([0, 1] as const).map((a) =>
      outputSize(input[a], kernel[a], stride[a], pads[2 * a], pads[2 * a + 1], dilation[a]),
    ) as [number, number];
    const models = pick(2, 3);
    const c: ConvCase = {
      ...{ groups: depthwise ? pick(2, 3, 8) : groups, ci, co, input, kernel, stride, dilation, output, models },
      pad: [pads[0], pads[2]],
      images: pick(1, 2, 3),
      ownX: inputs.integer(2) === 1,
      ownWeight: inputs.integer(2) === 1,
      activation: pick('none', 'none', 'relu', 'tanh', 'sigmoid'),
    };
    if (Math.min(...output) < 1) continue;
    if (count(outputShape(c)) * count(kernel) * ci > 200_000) continue;
    const { activation } = c;
    return { c, options: { stride, dilation, groups: c.groups, activation, padding: padding as Conv2dOptions['padding'] } };
  }
}

describe(`conv2d (seed ${SEED})`, () => {
  it('and its gradients agree with float64 on fresh geometries', async () => {
    const inputs = new Inputs('conv2d geometries');
    for (let round = 0; round < 60; round++) {
      const { c, options } = draw(inputs);
      const what = `round ${round}, ${JSON.stringify(c)}`;
      const x = inputs.uniform(count(inputShape(c)));
      const w = inputs.uniform(count(weightShape(c)));
      const hasBias = inputs.integer(2) === 1;
      const biasShape = [...(c.ownWeight ? [c.models] : []), c.co * c.groups];
      const bias = hasBias ? inputs.uniform(count(biasShape)) : undefined;
      const g = inputs.uniform(count(outputShape(c)));
      const pulled = scope(() => {
        const at = [put(x, inputShape(c)), put(w, weightShape(c)), ...(bias ? [put(bias, biasShape)] : [])];
        const f = (...[xx, ww, bb]: Tensor[]) => conv2d(xx, ww, { ...options, bias: bb });
        return vjp(f, at, put(g, outputShape(c)));
      });
      expect(pulled.value.shape, what).toEqual(outputShape(c));
      const y = await pulled.value.data();
      const grads = await Promise.all(pulled.grads.map((d) => d.data()));
      for (const d of [pulled.value, ...pulled.grads]) d.dispose();
      const near = { rtol: 3e-6, atol: 1e-6 };
      expectClose(y, referenceConv(c, x, w, bias), { ...near, what: `value, ${what}` });
      const dz = Float64Array.from(g, (v, i) => v * SLOPES[c.activation](y[i]));
      const loose = { rtol: 2e-5, atol: 2e-6 };
      expectClose(grads[0], referenceInput(c, dz, w), { ...loose, what: `gradient of x, ${what}` });
      expectClose(grads[1], referenceWeight(c, x, dz), { ...loose, what: `gradient of the weight, ${what}` });
      if (bias) {
        const sums = new Float64Array(bias.length);
        const channels = c.co * c.groups;
        const perModel = dz.length / (c.ownWeight ? c.models : 1);
        dz.forEach((v, i) => {
          sums[Math.floor(i / perModel) * channels + (i % channels)] += v;
        });
        expectClose(grads[2], sums, { ...loose, what: `gradient of the bias, ${what}` });
      }
    }
  });

  it('its gradient operators take cotangents of their own', async () => {
    const inputs = new Inputs('conv2d gradients');
    for (let round = 0; round < 20; round++) {
      const drawn = draw(inputs).c;
      const c: ConvCase = { ...drawn, activation: 'none', ownX: drawn.ownWeight };
      const [x, w, g] = [inputShape(c), weightShape(c), outputShape(c)].map((s) => inputs.uniform(count(s)));
      const [dx, dw] = scope(() => [
        conv2dInput(put(g, outputShape(c)), put(w, weightShape(c)), c),
        conv2dWeight(put(x, inputShape(c)), put(g, outputShape(c)), c),
      ]);
      expect(dx.shape).toEqual(inputShape(c));
      expect(dw.shape).toEqual(weightShape(c));
      const what = `round ${round}, ${JSON.stringify(c)}`;
      expectClose(await dx.data(), referenceInput(c, g, w), { rtol: 3e-6, atol: 1e-6, what: `input, ${what}` });
      expectClose(await dw.data(), referenceWeight(c, x, g), { rtol: 5e-6, atol: 1e-6, what: `weight, ${what}` });
      dx.dispose();
      dw.dispose();
    }
  });

  it('splits long sums of the weight gradient', async () => {
    const inputs = new Inputs('split');
    const c = plain({ images: 3, ci: 4, co: 5, input: [40, 41], kernel: [3, 3], pad: [1, 1] });
    const x = inputs.uniform(count(inputShape(c)));
    const g = inputs.uniform(count(outputShape(c)));
    const dw = scope(() => conv2dWeight(put(x, inputShape(c)), put(g, outputShape(c)), c));
    expectClose(await dw.data(), referenceWeight(c, x, g), { rtol: 1e-5 });
    dw.dispose();
  });

  it('gives the same bytes twice', async () => {
    const inputs = new Inputs('bytes');
    const c = plain({ images: 3, ci: 8, co: 12, input: [13, 11], kernel: [3, 3], pad: [1, 1], stride: [2, 1] });
    const [x, w, g] = [inputShape(c), weightShape(c), outputShape(c)].map((s) => inputs.uniform(count(s)));
    const once = () =>
      scope(() =>
        vjp(
          (a, b) => conv2d(a, b, { stride: [2, 1], padding: 1, activation: 'tanh' }),
          [put(x, inputShape(c)), put(w, weightShape(c))],
          put(g, outputShape(c)),
        ),
      );
    const [first, second] = [once(), once()];
    const all = (p: typeof first) => Promise.all([p.value, ...p.grads].map((d) => d.data()));
    expect(await all(first)).toEqual(await all(second));
    for (const d of [first, second].flatMap((p) => [p.value, ...p.grads])) d.dispose();
  });

  it('keeps models apart: a NaN in one does not reach another', async () => {
    const c: ConvCase = { ...plain({ images: 2, ci: 4, co: 4, input: [5, 5], kernel: [3, 3] }), models: 3, ownX: true, ownWeight: true };
    const inputs = new Inputs('apart');
    const x = inputs.uniform(count(inputShape(c)));
    x.fill(Number.NaN, x.length / 3, (2 * x.length) / 3);
    const w = inputs.uniform(count(weightShape(c)));
    const y = scope(() => conv2d(put(x, inputShape(c)), put(w, weightShape(c))));
    const values = await y.data();
    y.dispose();
    const third = values.length / 3;
    expect([...values].map(Number.isNaN)).toEqual([...values].map((_, i) => Math.floor(i / third) === 1));
  });

  it('treats an empty batch as an empty result', async () => {
    const y = scope(() => conv2d(put(new Float32Array(0), [0, 5, 5, 3]), put(new Float32Array(54), [2, 3, 3, 3])));
    expect(y.shape).toEqual([0, 3, 3, 2]);
    y.dispose();
    const dw = scope(() => {
      const f = (w: Tensor) => conv2d(put(new Float32Array(0), [0, 5, 5, 3]), w);
      return vjp(f, [put(new Float32Array(54).fill(1), [2, 3, 3, 3])], put(new Float32Array(0), [0, 3, 3, 2]));
    });
    expect([...(await dw.grads[0].data())]).toEqual(new Array(54).fill(0));
    dw.value.dispose();
    dw.grads[0].dispose();
  });
});

/** One model, stride and dilation 1, no padding, unless given. */
function plain(g: Pick<ConvCase, 'images' | 'ci' | 'co' | 'input' | 'kernel'> & Partial<ConvCase>): ConvCase {
  const whole = {
    ...{ stride: [1, 1], pad: [0, 0], dilation: [1, 1], groups: 1, activation: 'none', models: 1 },
    ...{ ownX: false, ownWeight: false, output: [0, 0] },
    ...g,
  } as ConvCase;
  const size = (a: 0 | 1) =>
    outputSize(whole.input[a], whole.kernel[a], whole.stride[a], whole.pad[a], whole.pad[a], whole.dilation[a]);
  return { ...whole, output: [size(0), size(1)] };
}

describe(`derivatives of every order (seed ${SEED})`, () => {
  const cases: [string, ConvCase, boolean][] = [
    [
      'strided, padded and grouped, with bias and tanh',
      plain({ images: 2, ci: 2, co: 2, groups: 2, input: [4, 5], kernel: [3, 2], stride: [2, 1], pad: [1, 1], activation: 'tanh' }),
      true,
    ],
    ['dilated, four channels', plain({ images: 1, ci: 4, co: 4, input: [4, 3], kernel: [2, 2], dilation: [2, 1] }), false],
    ['depthwise, sigmoid', plain({ images: 2, ci: 1, co: 1, groups: 3, input: [4, 4], kernel: [3, 3], pad: [1, 1], activation: 'sigmoid' }), true],
    [
      'a model axis on weights and bias alone',
      { ...plain({ images: 1, ci: 2, co: 3, input: [3, 3], kernel: [2, 2], activation: 'tanh' }), models: 2, ownWeight: true },
      true,
    ],
    ['a model axis on x alone', { ...plain({ images: 1, ci: 2, co: 3, input: [3, 3], kernel: [2, 2] }), models: 2, ownX: true }, false],
    ['1 x 1', plain({ images: 2, ci: 3, co: 2, input: [2, 3], kernel: [1, 1], activation: 'tanh' }), true],
  ];
  for (const [name, c, bias] of cases) {
    it(name, async () => {
      const { stride, dilation, groups, activation } = c;
      const options = { stride, dilation, groups, activation, padding: c.pad };
      await checkGradients({
        device: t.device,
        name: `conv2d ${name}`,
        f: (x, w, b) => conv2d(x, w, { ...options, bias: b }),
        host: (x, w, b) => referenceConv(c, x, w, b),
        shapes: [inputShape(c), weightShape(c), ...(bias ? [[...(c.ownWeight ? [c.models] : []), c.co * c.groups]] : [])],
      });
    });
  }

  for (const [name, c] of [
    ['strided', plain({ images: 1, ci: 3, co: 2, input: [5, 6], kernel: [3, 2], stride: [2, 3], pad: [1, 0] })],
    ['grouped and dilated', plain({ images: 2, ci: 2, co: 1, groups: 2, input: [4, 4], kernel: [2, 2], dilation: [2, 1] })],
  ] as const) {
    it(`of a transposed convolution, ${name}`, async () => {
      const { stride, dilation, groups } = c;
      const outputPadding = [0, 1].map(
        (a) => c.input[a] - ((c.output[a] - 1) * stride[a] - 2 * c.pad[a] + dilation[a] * (c.kernel[a] - 1) + 1),
      ) as [number, number];
      await checkGradients({
        device: t.device,
        name: `convTranspose2d ${name}`,
        f: (x, w) => convTranspose2d(x, w, { stride, padding: c.pad, outputPadding, dilation, groups }),
        host: (x, w) => referenceInput(c, x, w),
        shapes: [outputShape(c), weightShape(c)],
      });
    });
  }
});

describe(`convTranspose2d and conv1d (seed ${SEED})`, () => {
  it('convTranspose2d agrees with float64 on fresh geometries', async () => {
    const inputs = new Inputs('convTranspose2d');
    let rounds = 0;
    while (rounds < 15) {
      const c = { ...draw(inputs).c, activation: 'none' } as ConvCase;
      const outputPadding = [0, 1].map(
        (a) => c.input[a] - ((c.output[a] - 1) * c.stride[a] - 2 * c.pad[a] + c.dilation[a] * (c.kernel[a] - 1) + 1),
      ) as [number, number];
      // Padding is the same on both sides here, and outputs that a forward pass could not have made are refused.
      if (outputPadding.some((p, a) => p < 0 || p >= Math.max(c.stride[a], c.dilation[a]))) continue;
      c.ownX = c.ownWeight;
      const x = inputs.uniform(count(outputShape(c)));
      const w = inputs.uniform(count(weightShape(c)));
      const { stride, dilation, groups, pad } = c;
      const y = scope(() =>
        convTranspose2d(put(x, outputShape(c)), put(w, weightShape(c)), { stride, padding: pad, outputPadding, dilation, groups }),
      );
      expect(y.shape).toEqual(inputShape(c));
      expectClose(await y.data(), referenceInput(c, x, w), { rtol: 3e-6, atol: 1e-6, what: JSON.stringify(c) });
      y.dispose();
      rounds++;
    }
  });

  it('conv1d agrees with float64', async () => {
    const inputs = new Inputs('conv1d');
    for (const [ci, co, groups, length, k, stride, pad, dilation] of [
      [4, 8, 1, 17, 3, 1, 1, 1],
      [3, 5, 1, 9, 4, 2, 2, 1],
      [1, 2, 3, 11, 3, 1, 2, 3],
    ]) {
      const c = plain({
        ...{ images: 2, ci, co, groups, input: [1, length], kernel: [1, k], stride: [1, stride], pad: [0, pad], dilation: [1, dilation] },
        activation: 'relu',
      });
      const x = inputs.uniform(count(inputShape(c)));
      const w = inputs.uniform(count(weightShape(c)));
      const bias = inputs.uniform(co * groups);
      const y = scope(() =>
        conv1d(put(x, [2, length, ci * groups]), put(w, [co * groups, k, ci]), {
          ...{ stride, padding: pad, dilation, groups, bias: put(bias, [co * groups]), activation: 'relu' },
        }),
      );
      expect(y.shape).toEqual([2, c.output[1], co * groups]);
      expectClose(await y.data(), referenceConv(c, x, w, bias), { rtol: 3e-6, atol: 1e-6, what: `conv1d of ${JSON.stringify(c)}` });
      y.dispose();
    }
  });
});

describe('refusals', () => {
  const zeros = (shape: number[], dtype: 'f32' | 'i32' = 'f32') =>
    tensor(t.device, dtype === 'i32' ? new Int32Array(count(shape)) : new Float32Array(count(shape)), { shape });
  const x = () => zeros([1, 5, 5, 4]);
  const w = () => zeros([6, 3, 3, 4]);
  const cases: [string, () => unknown, new (...args: never[]) => Error, string][] = [
    ['channels that differ', () => conv2d(x(), zeros([6, 3, 3, 3])), ShapeError, 'conv2d: expected channels = 3 x groups'],
    ['groups that do not divide', () => conv2d(x(), zeros([5, 3, 3, 2]), { groups: 2 }), ShapeError, '2 groups'],
    ['a kernel beyond the input', () => conv2d(x(), zeros([6, 6, 3, 4])), ShapeError, 'a padded input at least as large as the kernel'],
    ['a stride of 0', () => conv2d(x(), w(), { stride: 0 }), ArgumentError, 'conv2d: expected stride as whole numbers >= 1, got 0'],
    ['a dilation of 1.5', () => conv2d(x(), w(), { dilation: [1, 1.5] }), ArgumentError, 'dilation as whole numbers >= 1, got 1,1.5'],
    ['negative padding', () => conv2d(x(), w(), { padding: -1 }), ArgumentError, 'conv2d: expected padding as whole numbers >= 0, got -1'],
    ['a bias of another length', () => conv2d(x(), w(), { bias: zeros([5]) }), ShapeError, 'expected a bias of shape [6], got [5]'],
    ['integers', () => conv2d(zeros([1, 5, 5, 4], 'i32'), w()), DTypeError, 'conv2d: expected x'],
    ['models that differ', () => conv2d(zeros([2, 1, 5, 5, 4]), zeros([3, 6, 3, 3, 4])), ShapeError, '3 models on the leading axis'],
    ['a rank of 3', () => conv2d(zeros([5, 5, 4]), w()), ShapeError, 'conv2d: expected x'],
    ['an unknown activation', () => conv2d(x(), w(), { activation: 'gelu' as 'relu' }), ArgumentError, 'conv2d: expected activation among'],
    ['transposed: channels', () => convTranspose2d(x(), w()), ShapeError, 'convTranspose2d: expected 6 channels'],
    [
      'transposed: outputPadding beyond the stride',
      () => convTranspose2d(x(), zeros([4, 3, 3, 2]), { outputPadding: 1 }),
      ArgumentError,
      'convTranspose2d: expected outputPadding below stride or dilation, got 1',
    ],
    ['transposed: models that differ', () => convTranspose2d(zeros([2, 1, 5, 5, 4]), zeros([3, 4, 3, 3, 2])), ShapeError, 'a weight with the model axis of x [2, 1, 5, 5, 4], got [3, 4, 3, 3, 2]'],
    ['transposed: no pixel left', () => convTranspose2d(x(), zeros([4, 1, 1, 2]), { padding: 3 }), ShapeError, 'at least one pixel'],
  ];
  for (const [name, call, type, text] of cases) {
    it(name, () => {
      const before = t.device.memory().tensors;
      scope(() => {
        expect(call).toThrow(type);
        expect(call).toThrow(text);
      });
      expect(t.device.memory().tensors).toBe(before);
    });
  }
});
