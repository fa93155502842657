import { ArgumentError } from '../../gpu/errors.js';
import { Linear, Sequential } from '../layers.js';
import type { Module } from '../module.js';

/** Fully connected layers of the given sizes with ReLU between them: mlp([784, 300, 100, 10]) is LeNet-300-100. */
export function mlp(sizes: readonly number[]): Module {
  if (sizes.length < 2) throw new ArgumentError('mlp', 'at least two sizes', `${sizes.length}`);
  return new Sequential(
    sizes.slice(1).map((out, i) => new Linear(sizes[i], out, { activation: i < sizes.length - 2 ? 'relu' : 'none' })),
  );
}
