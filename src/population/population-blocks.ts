import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Module } from '../nn/module.js';
import type { Seed } from '../tensor/philox.js';
import { Population } from './population.js';
import { type BytesOptions, bytesPerModel } from './population-bytes.js';

export interface BlockOptions extends BytesOptions {
  /** Bytes that a population may take of the device in all. Default 1 GiB. */
  memory?: number;
}

/** Models from .. to of a population that is trained in parts. */
export interface Block {
  from: number;
  to: number;
}

const MEMORY = 2 ** 30;

/** Splits a population into as few blocks of nearly the same size as fit the device. */
export function populationBlocks(device: Device, network: Module, models: number, options: BlockOptions = {}): Block[] {
  const op = 'populationBlocks';
  if (!Number.isInteger(models) || models < 1) throw new ArgumentError(op, 'at least one model', String(models));
  const { total, largest } = bytesPerModel(network, options);
  const memory = options.memory ?? MEMORY;
  const fit = Math.min(Math.floor(memory / total), Math.floor(device.limits.maxBinding / largest));
  if (fit < 1)
    throw new ArgumentError(op, `room for one model (${total} bytes, ${largest} in one tensor)`, `${memory} bytes`);
  const count = Math.ceil(models / fit);
  const bound = (i: number) => Math.round((i * models) / count);
  return Array.from({ length: count }, (_, i) => ({ from: bound(i), to: bound(i + 1) }));
}

/**
 * Runs something for a population of any size: as one where it fits the device, else block by block, each a population
 * of its own that is given back before the next begins.
 *
 * @param run gives one result a model
 * @returns the results of all models in order
 */
export async function inBlocks<T>(
  device: Device,
  network: Module,
  seeds: readonly Seed[],
  options: BlockOptions,
  run: (population: Population, block: Block) => readonly T[] | Promise<readonly T[]>,
): Promise<T[]> {
  const results: T[] = [];
  for (const block of populationBlocks(device, network, seeds.length, options)) {
    const own = seeds.slice(block.from, block.to);
    const population = new Population(device, network, own.length, { seeds: own });
    try {
      const some = await run(population, block);
      if (some.length !== own.length) throw new ArgumentError('inBlocks', `${own.length} results`, `${some.length}`);
      results.push(...some);
    } finally {
      population.dispose();
    }
  }
  return results;
}
