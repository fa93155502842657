import { describe, expect, it } from 'vitest';
import {
  type Conv2dOptions,
  conv2d,
  conv2dInput,
  conv2dWeight,
  type Device,
  openDevice,
  scope,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.js';
import { overrideTiles } from '../../src/ops/gemm-rules.js';
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

interface Sizes {
  images?: number;
  input: [number, number];
  kernel: [number, number];
  /** Top, bottom, left, right. */
  pads?: [number, number, number, number];
  ci: number;
  co: number;
  groups?: number;
  models?: number;
  ownX?: boolean;
  ownWeight?: boolean;
  activation?: Conv2dOptions['activation'];
  stride?: [number, number];
}

function caseOf(s: Sizes): ConvCase {
  const pads = s.pads ?? [0, 0, 0, 0];
  const stride = s.stride ?? [1, 1];
  const output = ([0, 1] as const).map((a) =>
    outputSize(s.input[a], s.kernel[a], stride[a], pads[2 * a], pads[2 * a + 1], 1),
  ) as [number, number];
  return {
    ...{ images: 1, groups: 1, models: 1, ownX: false, ownWeight: false, activation: 'none', ...s },
    ...{ stride, dilation: [1, 1], pad: [pads[0], pads[2]], output },
  };
}

/** Sizes around those of a strip (4 pixels), a tile (24 channels; two of them; odd ones) and a window. */
const CASES: [string, Sizes][] = [
  ['one pixel short of a strip', { input: [5, 5], kernel: [3, 3], ci: 3, co: 10 }],
  ['one pixel over a strip', { input: [4, 14], kernel: [1, 2], ci: 1, co: 4 }],
  ['LeNet5-Mini, second layer', { images: 2, input: [14, 14], kernel: [5, 5], ci: 10, co: 10, activation: 'relu' }],
  ['two tiles of channels', { input: [6, 8], kernel: [2, 3], pads: [0, 1, 1, 1], ci: 5, co: 30, activation: 'tanh' }],
  ['a last tile of two channels', { input: [3, 9], kernel: [2, 3], pads: [1, 0, 1, 1], ci: 2, co: 26 }],
  ['channels in fours', { images: 3, input: [7, 7], kernel: [3, 3], pads: [1, 1, 1, 1], ci: 3, co: 28 }],
  ['lines in several splits', { images: 9, input: [30, 9], kernel: [3, 4], ci: 3, co: 22 }],
  ['one channel of each', { images: 3, input: [8, 8], kernel: [5, 5], ci: 1, co: 1, activation: 'sigmoid' }],
  ['a kernel as wide as it gets', { input: [2, 13], kernel: [1, 11], pads: [0, 0, 5, 5], ci: 3, co: 13 }],
  ['more padding than kernel', { input: [3, 4], kernel: [2, 2], pads: [3, 4, 5, 3], ci: 3, co: 6 }],
  ['groups', { images: 2, input: [6, 7], kernel: [3, 3], pads: [1, 1, 1, 1], ci: 3, co: 5, groups: 3 }],
  ['models with weights of their own', { input: [6, 8], kernel: [3, 3], ci: 2, co: 6, models: 3, ownWeight: true }],
  ['models', { images: 2, input: [6, 8], kernel: [3, 2], ci: 2, co: 7, models: 2, ownX: true, ownWeight: true }],
  ['an image a lane', { images: 16, input: [11, 9], kernel: [5, 5], ci: 10, co: 10, activation: 'relu' }],
  ['an image a lane, padded', { images: 32, input: [7, 5], kernel: [3, 3], pads: [1, 1, 1, 1], ci: 3, co: 6 }],
  ['an image a lane, lost in padding', { images: 16, input: [3, 4], kernel: [2, 2], pads: [3, 4, 5, 3], ci: 3, co: 6 }],
  [
    'an image a lane, groups and models',
    { images: 16, input: [5, 8], kernel: [4, 3], ci: 3, co: 5, groups: 2, models: 3, ownX: true, ownWeight: true },
  ],
];

describe(`convolution by strips (seed ${SEED})`, () => {
  it.each(CASES)('forward and both gradients: %s', async (name, sizes) => {
    const c = caseOf(sizes);
    const inputs = new Inputs(`strips ${name}`);
    const [x, w, g] = [inputShape(c), weightShape(c), outputShape(c)].map((shape) => inputs.uniform(count(shape)));
    const biasShape = [...(c.ownWeight ? [c.models] : []), c.co * c.groups];
    const bias = inputs.uniform(count(biasShape));
    const [top, bottom, left, right] = sizes.pads ?? [0, 0, 0, 0];
    const run = () =>
      scope(() => {
        const [xt, wt, bt] = [put(x, inputShape(c)), put(w, weightShape(c)), put(bias, biasShape)];
        const { groups, activation } = c;
        const y = conv2d(xt, wt, { bias: bt, groups, activation, padding: [top, bottom, left, right] });
        const attrs = { ...c, activation: 'none' } as const;
        const gt = put(g, outputShape(c));
        return [y, conv2dInput(gt, wt, attrs), conv2dWeight(xt, gt, attrs)];
      });
    const [y, dx, dw] = run();
    const [again, dxAgain, dwAgain] = run();
    expectClose(await y.data(), referenceConv(c, x, w, bias), { rtol: 3e-6, atol: 3e-6, what: `${name}: y` });
    // With a shared x, the op gives every model's own gradient.
    const own = { ...c, ownX: c.ownX || c.ownWeight };
    expectClose(await dx.data(), referenceInput(own, g, w), { rtol: 3e-6, atol: 3e-6, what: `${name}: dx` });
    const ownWeights = { ...c, ownWeight: c.ownX || c.ownWeight };
    expectClose(await dw.data(), referenceWeight(ownWeights, x, g), { rtol: 3e-6, atol: 1e-5, what: `${name}: dw` });
    const values = async (...results: Tensor[]) => Promise.all(results.map((r) => r.data()));
    expect(await values(again, dxAgain, dwAgain)).toEqual(await values(y, dx, dw));
    for (const tensor of [y, dx, dw, again, dxAgain, dwAgain]) tensor.dispose();
  });

  it('has derivatives of any order', async () => {
    const c = caseOf({ input: [3, 7], kernel: [2, 3], pads: [1, 0, 1, 1], ci: 3, co: 5 });
    await checkGradients({
      device: t.device,
      f: (x, w) => conv2d(x, w, { padding: [1, 0, 1, 1], activation: 'tanh' }),
      host: (x, w) => referenceConv({ ...c, activation: 'tanh' }, x, w),
      shapes: [inputShape(c), weightShape(c)],
      name: 'strips',
    });
  });

  /** The kernels of this file that a convolution and its weight gradient run. */
  async function taken(device: Device, changed: Partial<Sizes> = {}): Promise<string> {
    const c = caseOf({ input: [8, 10], kernel: [3, 3], ci: 3, co: 10, ...changed });
    const [x, w, g] = [inputShape, weightShape, outputShape].map((of) => zeros(device, of(c)));
    const kernels = await device.profile(() => {
      conv2d(x, w, { stride: c.stride }).dispose();
      conv2dWeight(x, g, c).dispose();
    });
    for (const tensor of [x, w, g]) tensor.dispose();
    return kernels.map(({ kernel }) => ({ convStrip: 'y', convWeightStrip: 'dw' })[kernel] ?? '').join('');
  }

  it('are taken on software devices where pixels would be loaded one number at a time, and few are wasted', async () => {
    const { device } = t;
    if (device.deviceClass !== 'software' || device.subgroupSize === 0 || !device.hasTimestamps)
      return console.log('skipped: no software device with subgroups and timestamps here');
    expect(await taken(device)).toBe('ydw');
    expect(await taken(device, { ci: 4 }), 'channels in fours').toBe('');
    expect(await taken(device, { stride: [1, 2] }), 'a stride').toBe('');
    expect(await taken(device, { input: [8, 4] }), 'rows of two pixels').toBe('');
    expect(await taken(device, { kernel: [3, 1] }), 'a single tap').toBe('');
    expect(await taken(device, { input: [8, 20], kernel: [1, 12] }), 'twelve taps').toBe('');
    expect(await taken(device, { co: 12 }), 'a gradient that comes in vectors').toBe('y');
    expect(await taken(device, { co: 12, ci: 5 }), 'of many channels').toBe('ydw');
    expect(await taken(device, { co: 12, kernel: [3, 4] }), 'of many taps').toBe('ydw');
    expect(await taken(device, { kernel: [1, 3], ci: 1 }), 'one lane of eight in use').toBe('y');
    overrideTiles(device, () => null);
    expect(await taken(device), 'tiles are forced').toBe('');
    overrideTiles(device, null);
    const gpu = await openDevice({ deviceClass: 'discrete' });
    expect(await taken(gpu), 'a GPU').toBe('');
    await gpu.close();
  });
});
