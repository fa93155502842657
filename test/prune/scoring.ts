import type { Batch } from '../../src/data/index.js';
import { type Device, mul, type Shape, square, sub, sum, type Tensor, tensor } from '../../src/index.js';
import {
  BatchNorm2d,
  type Context,
  Conv2d,
  Dropout,
  Flatten,
  GlobalAvgPool2d,
  Linear,
  type Model,
  Module,
  mlp,
  resnetCifar,
  Sequential,
} from '../../src/nn/index.js';
import type { Models, PruneResult } from '../../src/prune/index.js';
import type { Inputs } from '../support/random.js';
import { partOf } from './networks.js';

/** Linear layers without biases, with given weights once a model has them. */
export const linearNet = (sizes: readonly number[], activation: 'none' | 'relu' = 'none'): Module =>
  new Sequential(
    sizes.slice(1).map((out, i) => {
      const last = i === sizes.length - 2;
      return new Linear(sizes[i], out, { bias: false, activation: last ? 'none' : activation });
    }),
  );

/** Outputs its weights, whatever the input. */
export class Weights extends Module {
  constructor(shape: Shape) {
    super();
    this.declare('parameter', 'weight', shape, () => new Float32Array(2));
  }
  protected forward(_: Tensor, context: Context): Tensor {
    return this.own(context, 'weight');
  }
}

export function setWeights(model: Models, ...values: number[][]): void {
  model.parameters.names.forEach((name, i) => void model.parameters.get(name).write(values[i]));
}

/** Everything that scoring may meet: batch normalisation, dropout, a residual block, a projection; for 8x8x3 images. */
export const convNet = (): Module =>
  new Sequential({
    body: resnetCifar(8, { width: 4, classes: 12, shortcut: 'B' }),
    drop: new Dropout(0.3),
    out: new Linear(12, 5),
  });

/** A chain of convolutions with batch normalisation, ReLU and no biases: R is conserved in it. */
export const chainNet = (depth: number, channels = 6): Module =>
  new Sequential({
    ...Object.fromEntries(
      Array.from({ length: depth }, (_, i) => [
        `block${i}`,
        new Sequential({
          conv: new Conv2d(i === 0 ? 3 : channels, channels, 3, { padding: 1, bias: false }),
          bn: new BatchNorm2d(channels, { activation: 'relu' }),
        }),
      ]),
    ),
    pool: GlobalAvgPool2d(),
    out: new Linear(channels, 5, { bias: false }),
  });

export const mlpNet = (): Module => new Sequential({ flatten: Flatten(), body: mlp([8 * 8 * 3, 20, 10, 5]) });

/** Half the summed squares of y - target. */
export const halfSquares = (y: Tensor, target: Tensor): Tensor => mul(sum(square(sub(y, target))), 0.5);

export const CLASSES = 5;

export function imageBatches(device: Device, inputs: Inputs, count: number, size = 6): Batch[] {
  return Array.from({ length: count }, () => ({
    inputs: tensor(device, inputs.normal(size * 192), { shape: [size, 8, 8, 3] }),
    targets: tensor(device, inputs.integers(size, CLASSES)),
  }));
}

export function disposeBatches(batches: readonly Batch[]): void {
  for (const { inputs, targets } of batches) {
    inputs.dispose();
    targets.dispose();
  }
}

/** All that scoring must leave as it is. */
export async function stateOf(model: Models): Promise<unknown[]> {
  const statistics = [...model.statistics.values()].map((t) => t.data());
  return [await model.parameters.flat.data(), ...(await Promise.all(statistics)), await model.generator.state()];
}

/** Statistics of no batch: what a wrong reset would bring back. */
export function drawStatistics(model: Models, inputs: Inputs): void {
  for (const t of model.statistics.values()) t.write(inputs.uniform(t.size, 0.5, 1.5));
}

/** A flat tensor's values by parameter. */
export async function valuesOf({ parameters }: Models, flat: Tensor): Promise<number[][]> {
  const all = await flat.data();
  return parameters.names.map((name) => partOf(parameters, all, name));
}

/** The masks' values by layer; disposes of the mask. */
export async function takeMasks(model: Model, { mask }: PruneResult): Promise<number[][]> {
  const values = await valuesOf(model, mask);
  mask.dispose();
  return values;
}
