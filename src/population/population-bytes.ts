import type { Device } from '../gpu/device.js';
import { LimitError } from '../gpu/errors.js';
import type { Declared, Module } from '../nn/module.js';
import { type Shape, sizeOf } from '../tensor/shape.js';

/** What a model is trained with, where its bytes count. */
export interface BytesOptions {
  /** Shape of one input and the size of a batch: then activations count as well. */
  input?: Shape;
  batch?: number;
  /** Buffers of optimiser state: 2 for Adam (default), 1 for SGD with momentum, 0 without. */
  slots?: number;
}

/** What one model of a population takes on the device. */
export interface ModelBytes {
  /** Parameters, gradients (as they come and gathered), optimiser state, mask and the elements' owners. */
  parameters: number;
  /** Results of all modules, and their gradients; 0 where no input was given. */
  activations: number;
  total: number;
  /** The largest tensor alone: that of all models must fit into one binding. */
  largest: number;
}

/** Bytes that each model takes in training: parameters exactly, activations as the modules' results and their gradients. */
export function bytesPerModel(network: Module, options: BytesOptions = {}): ModelBytes {
  const { input, batch = 1, slots = 2 } = options;
  const declared = network.build();
  const flat = parameterBytes(declared);
  let activations = 0;
  let largest = flat;
  if (input)
    network.trace([batch, ...input], (module, _, y) => {
      // A module with children hands on what they made.
      if (module.children.size > 0) return;
      activations += 2 * 4 * sizeOf(y);
      largest = Math.max(largest, 4 * sizeOf(y));
    });
  const parameters = flat * (5 + slots);
  return { parameters, activations, total: parameters + activations, largest };
}

/** @throws LimitError where the parameters of all models are more than a kernel can bind */
export function assertFits(device: Device, declared: readonly Declared[], models: number): void {
  const bytes = models * parameterBytes(declared);
  const most = device.limits.maxBinding;
  if (bytes > most) {
    const what = `bytes of parameters (${models} models; split them by populationBlocks)`;
    throw new LimitError('Population', what, most, bytes);
  }
}

const parameterBytes = (declared: readonly Declared[]): number =>
  declared.reduce((n, d) => n + (d.kind === 'parameter' ? 4 * sizeOf(d.shape) : 0), 0);
