import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import { philoxNormal, type Seed } from '../tensor/philox.js';
import { type Tensor, tensor } from '../tensor/tensor.js';
import type { Activations, HostActivations } from './activations.js';

export interface NoiseFloorOptions {
  /** Default 0. */
  seed?: Seed;
  /** Pairs of independent draws. Default 3. */
  draws?: number;
  /** Gives the measure tensors of this device instead of host arrays. */
  device?: Device;
}

export interface NoiseFloor {
  /** Mean similarity of unrelated data. */
  mean: number;
  /** Of each draw. */
  values: number[];
}

/**
 * What a measure says of unrelated sides of the same shapes, independent normal numbers: many measures are far from 0
 * there, and should be reported with it. Two networks trained from different seeds are the other floor to report.
 *
 * @param shape points and the neurons of both sides
 * @param measure for instance (x, y) => svcca(x, y)
 * @throws ArgumentError unless all counts are whole numbers >= 1
 */
export async function noiseFloor(
  shape: { points: number; x: number; y: number },
  measure: (x: Activations, y: Activations) => Promise<{ similarity: number }>,
  { seed = 0, draws = 3, device }: NoiseFloorOptions = {},
): Promise<NoiseFloor> {
  const { points, x, y } = shape;
  for (const n of [points, x, y, draws])
    if (!Number.isInteger(n) || n < 1)
      throw new ArgumentError('noiseFloor', 'points, neurons and draws as whole numbers >= 1', String(n));
  const values: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const a = { data: philoxNormal(seed, 0, draw, points * x), shape: [points, x] };
    const b = { data: philoxNormal(seed, 1, draw, points * y), shape: [points, y] };
    values.push(await (device ? withTensors(device, a, b, measure) : measure(a, b)).then((r) => r.similarity));
  }
  return { mean: values.reduce((sum, value) => sum + value / draws, 0), values };
}

/** A similarity on the scale where unrelated data is 0 and equal data 1. @throws ArgumentError unless the floor is below 1 */
export function normalisedSimilarity(similarity: number, floor: number): number {
  if (!(floor < 1)) throw new ArgumentError('normalisedSimilarity', 'a floor below 1', String(floor));
  return (similarity - floor) / (1 - floor);
}

async function withTensors<T>(
  device: Device,
  x: HostActivations,
  y: HostActivations,
  fn: (x: Tensor, y: Tensor) => Promise<T>,
): Promise<T> {
  const [a, b] = [x, y].map(({ data, shape }) => tensor(device, data as Float32Array, { shape }));
  try {
    return await fn(a, b);
  } finally {
    a.dispose();
    b.dispose();
  }
}
