import { describe, it } from 'vitest';
import { sparseConv2d } from '../../src/sparse/index.js';
import { overrideSparseConv } from '../../src/sparse/sparse-conv-rules.js';
import { type ConvCase, inputShape, plain, referenceConv } from '../ops/conv-reference.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { biasShape, dense, drawWeight, patternOfCase } from './sparse-conv-cases.js';

const t = testDevice();

const cases: [string, ConvCase, boolean][] = [
  [
    'strided, padded and grouped, with bias and tanh',
    plain({
      ...{ images: 2, ci: 2, co: 2, groups: 2, input: [4, 5], kernel: [3, 2], stride: [2, 1], pad: [1, 1] },
      activation: 'tanh',
    }),
    true,
  ],
  ['dilated', plain({ images: 1, ci: 4, co: 4, input: [4, 3], kernel: [2, 2], dilation: [2, 1] }), false],
  [
    'depthwise, sigmoid',
    plain({ images: 2, ci: 1, co: 1, groups: 3, input: [4, 4], kernel: [3, 3], pad: [1, 1], activation: 'sigmoid' }),
    true,
  ],
  [
    'a population that shares x',
    {
      ...plain({ images: 1, ci: 2, co: 3, input: [3, 3], kernel: [2, 2], activation: 'tanh' }),
      ...{ models: 2, ownWeight: true },
    },
    true,
  ],
  [
    'a population',
    {
      ...plain({ images: 1, ci: 2, co: 2, input: [3, 3], kernel: [2, 2], pad: [1, 0] }),
      ...{ models: 2, ownWeight: true, ownX: true },
    },
    false,
  ],
];

describe(`derivatives of every order (seed ${SEED})`, () => {
  // The rules are the same for both forms; one case for the panel will do.
  const formed = [...cases.map((k) => ['direct', ...k] as const), ['panel', ...cases[0]] as const];
  it.each(formed)('%s: %s', async (form, name, c, bias) => {
    const w = drawWeight(new Inputs(name), c, 0.4);
    using pattern = patternOfCase(t.device, c, w);
    const { kernel, stride, dilation, groups, activation, pad } = c;
    overrideSparseConv(t.device, form);
    try {
      await checkGradients({
        device: t.device,
        name: `sparseConv2d ${name}`,
        f: (x, v, b) =>
          sparseConv2d(x, pattern, v, { kernel, stride, dilation, groups, activation, padding: pad, bias: b }),
        host: (x, v, b) => referenceConv(c, x, dense(c, w, v), b),
        shapes: [inputShape(c), [w.columns.length], ...(bias ? [biasShape(c)] : [])],
      });
    } finally {
      overrideSparseConv(t.device, null);
    }
  });
});
