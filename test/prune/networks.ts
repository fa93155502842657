import type { Device } from '../../src/index.js';
import { Parameters } from '../../src/nn/index.js';
import type { PruneResult } from '../../src/prune/index.js';
import type { Inputs } from '../support/random.js';

export const SPECS = [
  { name: 'conv1.weight', shape: [6, 3, 3, 5] },
  { name: 'conv1.bias', shape: [6] },
  { name: 'conv2.weight', shape: [7, 1, 1, 6] },
  { name: 'fc.weight', shape: [31, 47] },
  { name: 'fc.bias', shape: [31] },
];
export const WEIGHTS = ['conv1.weight', 'conv2.weight', 'fc.weight'];
export const SIZES = [270, 42, 1457];
export const TOTAL = 1769;

/** Parameters of random values: few distinct ones on demand, so that many are equal. */
export function parametersOn(device: Device, inputs: Inputs, distinct = 0): Parameters {
  const parameters = new Parameters(device, SPECS);
  for (const p of parameters.list())
    p.write(distinct ? Float32Array.from(inputs.integers(p.size, distinct), (v) => v / 8 - 1) : inputs.normal(p.size));
  return parameters;
}

/** A part of a flat tensor's values. */
export function partOf(parameters: Parameters, flat: ArrayLike<number>, name: string): number[] {
  const at = parameters.offset(name);
  return Array.from(flat).slice(at, at + parameters.get(name).size);
}

/** The mask's values by layer, as plain numbers. */
export async function maskValues(parameters: Parameters, { mask }: PruneResult): Promise<Map<string, number[]>> {
  const flat = await mask.data();
  return new Map(parameters.names.map((name) => [name, partOf(parameters, flat, name)]));
}

export const countOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
