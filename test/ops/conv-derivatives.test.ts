import { describe, it } from 'vitest';
import { conv2d, convTranspose2d } from '../../src/index.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { SEED } from '../support/random.js';
import {
  type ConvCase,
  inputShape,
  outputShape,
  plain,
  referenceConv,
  referenceInput,
  weightShape,
} from './conv-reference.js';

const t = testDevice();

describe(`derivatives of every order (seed ${SEED})`, () => {
  const cases: [string, ConvCase, boolean][] = [
    [
      'strided, padded and grouped, with bias and tanh',
      plain({
        images: 2,
        ci: 2,
        co: 2,
        groups: 2,
        input: [4, 5],
        kernel: [3, 2],
        stride: [2, 1],
        pad: [1, 1],
        activation: 'tanh',
      }),
      true,
    ],
    [
      'dilated, four channels',
      plain({ images: 1, ci: 4, co: 4, input: [4, 3], kernel: [2, 2], dilation: [2, 1] }),
      false,
    ],
    [
      'depthwise, sigmoid',
      plain({ images: 2, ci: 1, co: 1, groups: 3, input: [4, 4], kernel: [3, 3], pad: [1, 1], activation: 'sigmoid' }),
      true,
    ],
    [
      'a model axis on weights and bias alone',
      {
        ...plain({ images: 1, ci: 2, co: 3, input: [3, 3], kernel: [2, 2], activation: 'tanh' }),
        models: 2,
        ownWeight: true,
      },
      true,
    ],
    [
      'a model axis on x alone',
      { ...plain({ images: 1, ci: 2, co: 3, input: [3, 3], kernel: [2, 2] }), models: 2, ownX: true },
      false,
    ],
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
        shapes: [
          inputShape(c),
          weightShape(c),
          ...(bias ? [[...(c.ownWeight ? [c.models] : []), c.co * c.groups]] : []),
        ],
      });
    });
  }

  for (const [name, c] of [
    ['strided', plain({ images: 1, ci: 3, co: 2, input: [5, 6], kernel: [3, 2], stride: [2, 3], pad: [1, 0] })],
    [
      'grouped and dilated',
      plain({ images: 2, ci: 2, co: 1, groups: 2, input: [4, 4], kernel: [2, 2], dilation: [2, 1] }),
    ],
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
