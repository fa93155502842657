import { compile, type Device, type Tensor, tensor } from '../../src/index.js';
import type { Module } from '../../src/nn/index.js';
import { type Population, type PopulationOptimiser, populationStep } from '../../src/population/index.js';
import { Inputs } from '../support/random.js';

export interface HostBatch {
  x: Float32Array;
  t: Int32Array;
  shape: number[];
}

/** Batches of random images and classes. */
export function hostBatches(name: string, count: number, shape: number[], classes: number): HostBatch[] {
  const random = new Inputs(name);
  const size = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, () => ({
    x: random.normal(size),
    t: random.integers(shape[0], classes),
    shape,
  }));
}

export const onDevice = (device: Device, { x, t, shape }: HostBatch): { inputs: Tensor; targets: Tensor } => ({
  inputs: tensor(device, x, { shape }),
  targets: tensor(device, t),
});

/** Trains by one compiled step on shared batches. @returns losses [step][model] */
export async function trainShared(
  population: Population,
  optimiser: PopulationOptimiser,
  batches: readonly HostBatch[],
): Promise<number[][]> {
  const { device } = population;
  const step = compile(device, (inputs: Tensor, targets: Tensor) =>
    populationStep(population, optimiser, { inputs, targets }),
  );
  const losses: number[][] = [];
  for (const batch of batches) {
    const { inputs, targets } = onDevice(device, batch);
    const all = step(inputs, targets);
    losses.push(Array.from(await all.data()));
    for (const t of [inputs, targets, all]) t.dispose();
  }
  step.dispose();
  return losses;
}

export interface Case {
  name: string;
  network: Module;
  input: number[];
  classes: number;
}
