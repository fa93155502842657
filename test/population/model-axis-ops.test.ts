import { describe, expect, it } from 'vitest';
import {
  bceWithLogits,
  conv2d,
  crossEntropy,
  grad,
  linear,
  mseLoss,
  mul,
  scope,
  sum,
  tensor,
} from '../../src/index.js';
import { BatchNorm2d, Dropout, Flatten, Linear, Sequential } from '../../src/nn/index.js';
import { Population } from '../../src/population/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs } from '../support/random.js';

describe('ops beside a leading axis of models', () => {
  const t = testDevice();
  const random = new Inputs('model axis ops');

  it('losses keep one number a leading index, of targets that are shared or own', async () => {
    const [models, rows, classes] = [3, 5, 4];
    const logits = random.normal(models * rows * classes);
    const targets = random.integers(models * rows, classes);
    const soft = random.uniform(models * rows * classes, 0, 1);
    const one = (i: number, size: number) => [i * size, (i + 1) * size] as const;
    const read = async (make: () => ReturnType<typeof sum>) => {
      const y = scope(make);
      const values = Array.from(await y.data());
      y.dispose();
      return { shape: y.shape, values };
    };
    const x = () => tensor(t.device, logits, { shape: [models, rows, classes] });
    for (const reduction of ['mean', 'sum'] as const) {
      const own = await read(() =>
        crossEntropy(x(), tensor(t.device, targets, { shape: [models, rows] }), { leading: 1, reduction }),
      );
      const shared = await read(() =>
        crossEntropy(x(), tensor(t.device, targets.slice(0, rows)), { leading: 1, reduction, labelSmoothing: 0.1 }),
      );
      const full = [models, rows, classes];
      const squares = await read(() =>
        mseLoss(x(), tensor(t.device, soft, { shape: full }), { leading: 1, reduction }),
      );
      const shape = [rows, classes];
      const bce = await read(() =>
        bceWithLogits(x(), tensor(t.device, soft.slice(0, rows * classes), { shape }), { leading: 1, reduction }),
      );
      for (const y of [own, shared, squares, bce]) expect(y.shape).toEqual([models]);
      for (let i = 0; i < models; i++) {
        const part = () => tensor(t.device, logits.slice(...one(i, rows * classes)), { shape });
        const softOf = (k: number) => tensor(t.device, soft.slice(...one(k, rows * classes)), { shape });
        const alone = [
          await read(() => crossEntropy(part(), tensor(t.device, targets.slice(...one(i, rows))), { reduction })),
          await read(() =>
            crossEntropy(part(), tensor(t.device, targets.slice(0, rows)), { reduction, labelSmoothing: 0.1 }),
          ),
          await read(() => mseLoss(part(), softOf(i), { reduction })),
          await read(() => bceWithLogits(part(), softOf(0), { reduction })),
        ];
        [own, shared, squares, bce].forEach((y, k) => expectClose([y.values[i]], alone[k].values, { rtol: 1e-5 }));
      }
    }
    scope(() => {
      expect(() => crossEntropy(x(), tensor(t.device, targets.slice(0, rows)))).toThrow('target of shape [3, 5]');
      expect(() => mseLoss(x(), x(), { leading: 4 })).toThrow('leading axes from 0 to 3');
      expect(() => mseLoss(x(), tensor(t.device, soft.slice(0, 4)), { leading: 1 })).toThrow('a target of shape');
    });
  });

  it('the loss of one model is all that its logits get a gradient of', async () => {
    await checkGradients({
      device: t.device,
      name: 'losses of models',
      shapes: [[2, 3, 2]],
      f: (x) => mseLoss(x, tensor(t.device, [1, 2, 3, 4, 5, 6], { shape: [3, 2] }), { leading: 1 }),
      host: (x) => [0, 1].map((m) => [1, 2, 3, 4, 5, 6].reduce((s, v, k) => s + (x[6 * m + k] - v) ** 2 / 6, 0)),
    });
  });

  it('a convolution shares images with an axis of 1, gradients of both included', async () => {
    const [models, images, ci, co] = [3, 2, 2, 5];
    const x = random.normal(images * 6 * 5 * ci);
    const w = random.normal(models * co * 9 * ci);
    const b = random.normal(models * co);
    const g = random.normal(models * images * 4 * 3 * co);
    const run = (lead: number[]) =>
      scope(() => {
        const xs = tensor(t.device, x, { shape: [...lead, images, 6, 5, ci] });
        const ws = tensor(t.device, w, { shape: [models, co, 3, 3, ci] });
        const bs = tensor(t.device, b, { shape: [models, co] });
        for (const leaf of [xs, ws, bs]) leaf.requiresGrad = true;
        const y = conv2d(xs, ws, { bias: bs });
        expect(y.shape).toEqual([models, images, 4, 3, co]);
        const weight = tensor(t.device, g, { shape: y.shape });
        return [y, ...grad(sum(mul(y, weight)), [xs, ws, bs])];
      });
    const [led, plain] = [run([1]), run([])];
    for (const [i, y] of led.entries()) expect(await y.data()).toEqual(await plain[i].data());
    for (const y of [...led, ...plain]) y.dispose();
  });

  it('a linear layer maps rows of more axes than a batch, also where there are as many rows as models', async () => {
    const [models, batch, steps, from, to] = [3, 3, 2, 4, 5];
    const x = random.normal(models * batch * steps * from);
    const w = random.normal(models * to * from);
    const y = scope(() =>
      linear(
        tensor(t.device, x, { shape: [models, batch, steps, from] }),
        tensor(t.device, w, { shape: [models, to, from] }),
      ),
    );
    expect(y.shape).toEqual([models, batch, steps, to]);
    const expected = new Float64Array(models * batch * steps * to);
    for (let row = 0; row < models * batch * steps; row++)
      for (let j = 0; j < to; j++)
        for (let k = 0; k < from; k++)
          expected[row * to + j] += x[row * from + k] * w[(Math.floor(row / (batch * steps)) * to + j) * from + k];
    expectClose(await y.data(), expected);
    y.dispose();
  });

  it('layers that come before any weight take what all models share', async () => {
    const [models, batch] = [3, 64];
    const net = new Sequential({
      norm: new BatchNorm2d(2),
      drop: new Dropout(0.5),
      flatten: Flatten(),
      fc: new Linear(8, 3),
    });
    const p = new Population(t.device, net, models, { seeds: [1, 2, 2] });
    const x = tensor(t.device, random.normal(batch * 8), { shape: [batch, 2, 2, 2] });
    const seen = new Map<string, number[]>();
    const y = scope(() => p.forward(x, { training: true, observe: (path, v) => void seen.set(path, [...v.shape]) }));
    expect(seen.get('flatten')).toEqual([models, batch, 8]);
    const values = Array.from(await p.get('norm.running_mean').data());
    expect(values.slice(0, 2)).toEqual(values.slice(4));
    const logits = await y.data();
    const model = (i: number) => logits.slice(i * batch * 3, (i + 1) * batch * 3);
    expect(model(1)).toEqual(model(2));
    expect(model(0)).not.toEqual(model(1));
    for (const owned of [p, x, y]) owned.dispose();
  });
});
