import { describe, expect, it } from 'vitest';
import {
  type Conv2dOptions,
  conv1d,
  conv2d,
  conv2dInput,
  conv2dWeight,
  convTranspose2d,
  scope,
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
  plain,
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
    const equal =
      form === 'number' ? [sides[0], sides[0], sides[0], sides[0]] : [sides[0], sides[0], sides[1], sides[1]];
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
    return {
      c,
      options: { stride, dilation, groups: c.groups, activation, padding: padding as Conv2dOptions['padding'] },
    };
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
    const c: ConvCase = {
      ...plain({ images: 2, ci: 4, co: 4, input: [5, 5], kernel: [3, 3] }),
      models: 3,
      ownX: true,
      ownWeight: true,
    };
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

  it.each([
    ['one model', {}],
    ['models over images that they share', { models: 3, ownWeight: true }],
    ['models over images of their own', { models: 2, ownWeight: true, ownX: true }],
  ])('is a linear layer where the kernel is as large as the image: %s', async (name, own) => {
    const c = plain({ images: 5, ci: 7, co: 6, input: [4, 3], kernel: [4, 3], activation: 'tanh', ...own });
    const inputs = new Inputs(`whole ${name}`);
    const biasShape = c.ownWeight ? [c.models, c.co] : [c.co];
    const [x, w, bias] = [inputShape(c), weightShape(c), biasShape].map((s) => inputs.uniform(count(s)));
    const wanted = referenceConv(c, x, w, bias);
    const run = () =>
      conv2d(put(x, inputShape(c)), put(w, weightShape(c)), { bias: put(bias, biasShape), activation: 'tanh' });
    const y = scope(run);
    expect(y.shape).toEqual(outputShape(c));
    expectClose(await y.data(), wanted, { rtol: 1e-5, atol: 1e-6 });
    y.dispose();
    if (t.device.hasTimestamps) {
      const rows = await t.device.profile(() => scope(() => void run()));
      expect(rows.map(({ kernel, key }) => `${kernel} ${/"problem":"(\w+)"/.exec(key)?.[1]}`)).toEqual(['gemm matmul']);
    }
    await checkGradients({
      device: t.device,
      f: (a, b, d) => conv2d(a, b, { bias: d, activation: 'tanh' }),
      host: (a, b, d) => referenceConv(c, a, b, d),
      shapes: [inputShape(c), weightShape(c), biasShape],
      name: `whole ${name}`,
    });
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
        convTranspose2d(put(x, outputShape(c)), put(w, weightShape(c)), {
          stride,
          padding: pad,
          outputPadding,
          dilation,
          groups,
        }),
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
        ...{
          images: 2,
          ci,
          co,
          groups,
          input: [1, length],
          kernel: [1, k],
          stride: [1, stride],
          pad: [0, pad],
          dilation: [1, dilation],
        },
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
      expectClose(await y.data(), referenceConv(c, x, w, bias), {
        rtol: 3e-6,
        atol: 1e-6,
        what: `conv1d of ${JSON.stringify(c)}`,
      });
      y.dispose();
    }
  });
});
