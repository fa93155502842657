import { describe, expect, it } from 'vitest';
import {
  adaptiveAvgPool2d,
  argmax,
  batchNorm,
  bceWithLogits,
  concat,
  conv2d,
  crossEntropy,
  cumsum,
  type Device,
  dropout,
  embedding,
  Generator,
  grad,
  layerNorm,
  logSoftmax,
  matmul,
  maxPool2d,
  mean,
  mul,
  noGrad,
  OutOfMemoryError,
  pad,
  permutation,
  resize2d,
  scaledDotProductAttention,
  scatterAdd,
  scope,
  slice,
  softmax,
  sort,
  stack,
  sum,
  type Tensor,
  tensor,
  transpose,
  variance,
} from '../../src/index.js';
import { Inputs } from '../support/random.js';
import { withDevice } from './devices.js';

/** What the ops work on; all of it is made before memory gets short. */
interface Given {
  x: Tensor;
  image: Tensor;
  kernel: Tensor;
  channel: Tensor;
  labels: Tensor;
  indices: Tensor;
  generator: Generator;
}

function give(device: Device): Given {
  const inputs = new Inputs('exhaustion');
  const make = (...shape: number[]) => tensor(device, inputs.uniform(shape.reduce((a, b) => a * b, 1)), { shape });
  const tracked = (t: Tensor) => {
    t.requiresGrad = true;
    return t;
  };
  return {
    x: tracked(make(48, 48)),
    image: tracked(make(2, 12, 12, 4)),
    kernel: tracked(make(8, 3, 3, 4)),
    channel: tracked(make(4)),
    labels: tensor(device, inputs.integers(48, 48)),
    indices: tensor(device, inputs.integers(100, 48)),
    generator: new Generator(device, 1),
  };
}

type Result = Tensor | { values: Tensor; indices: Tensor };
const ops: [string, (g: Given) => Result][] = [
  ['matmul', ({ x }) => matmul(x, x)],
  ['softmax', ({ x }) => softmax(x)],
  ['logSoftmax', ({ x }) => logSoftmax(x)],
  ['layerNorm', ({ image, channel }) => layerNorm(image, channel, channel)],
  ['batchNorm', ({ image, channel }) => batchNorm(image, channel, channel, { training: true })],
  ['crossEntropy', ({ x, labels }) => crossEntropy(x, labels)],
  ['bceWithLogits', ({ x }) => bceWithLogits(x, x)],
  ['mean', ({ x }) => mean(x)],
  ['variance', ({ x }) => variance(x, [0])],
  ['argmax', ({ x }) => argmax(x, 1)],
  ['sort', ({ x }) => sort(x)],
  ['cumsum', ({ x }) => cumsum(x, 0)],
  ['conv2d', ({ image, kernel }) => conv2d(image, kernel, { padding: 1 })],
  ['maxPool2d', ({ image }) => maxPool2d(image, { kernel: 2 })],
  ['adaptiveAvgPool2d', ({ image }) => adaptiveAvgPool2d(image, 5)],
  ['resize2d', ({ image }) => resize2d(image, [20, 20])],
  [
    'pad',
    ({ x }) =>
      pad(x, [
        [1, 1],
        [2, 2],
      ]),
  ],
  ['slice', ({ x }) => slice(x, [1, 1], [40, 40])],
  ['transpose', ({ x }) => transpose(x)],
  ['concat', ({ x }) => concat([x, x, x], 1)],
  ['stack', ({ x }) => stack([x, x])],
  ['embedding', ({ x, indices }) => embedding(x, indices)],
  ['scatterAdd', ({ x, labels }) => scatterAdd(x, labels, 0, 50)],
  ['dropout', ({ x, generator }) => dropout(x, 0.5, generator)],
  ['permutation', ({ generator }) => permutation(generator, 3000)],
  ['attention', ({ x }) => scaledDotProductAttention(x, x, x)],
];
const tensorsOf = (r: Result): Tensor[] => ('values' in r ? [r.values, r.indices] : [r]);

/** Runs `attempt` with ever more room until it succeeds; after every refusal the device must hold what it held before. */
async function squeeze(step: number, attempt: (given: Given) => void): Promise<void> {
  await withDevice({ poolCap: 0 }, async (device) => {
    const { limits } = device.pool as unknown as { limits: { budget: number } };
    const given = give(device);
    const { live, tensors } = device.memory();
    let refusals = 0;
    for (let room = 0, done = false; !done; room += step) {
      limits.budget = live + room;
      try {
        attempt(given);
        done = true;
      } catch (error) {
        expect(error).toBeInstanceOf(OutOfMemoryError);
        refusals++;
      }
      const now = device.memory();
      expect({ live: now.live, tensors: now.tensors }, `with room for ${room} bytes`).toEqual({ live, tensors });
      device.stream.flush();
    }
    expect(refusals).toBeGreaterThan(0);
    await device.sync();
  });
}

describe('an op that runs out of memory anywhere in its middle', () => {
  it.each(ops)('%s leaves nothing behind, outside of any scope', (_name, op) =>
    squeeze(576, (given) => {
      for (const t of noGrad(() => tensorsOf(op(given)))) t.dispose();
    }),
  );

  it.each(ops)('%s and its gradient leave nothing behind in a scope', (_name, op) =>
    squeeze(2304, (given) =>
      scope(() => {
        const [y] = tensorsOf(op(given));
        if (y.tracked) grad(sum(mul(y, y)), [given.x, given.image, given.kernel, given.channel], { allowUnused: true });
      }),
    ),
  );
});
