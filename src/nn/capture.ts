import { ArgumentError } from '../gpu/errors.js';
import { alias } from '../ops/reshape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Module } from './module.js';
import { matchNames, type NamePattern } from './names.js';

/** Paths of every module below this one, parents first. */
export const modulePaths = (network: Module): string[] =>
  [...network.children.values()].flatMap((m) => [m.path, ...modulePaths(m)]);

/**
 * Keeps the results of the modules that patterns name while `run` runs a network.
 *
 * @throws ArgumentError for a pattern that matches no module, or a module that did not run
 */
export function captureModules(
  network: Module,
  x: Tensor,
  patterns: readonly NamePattern[],
  run: (observe: (path: string, y: Tensor) => void) => Tensor,
): { output: Tensor; activations: Map<string, Tensor> } {
  const op = 'Model.capture';
  const wanted = new Set(matchNames(op, modulePaths(network), patterns));
  const results = new Map<string, Tensor>();
  // A module may hand on what it got; each name has a tensor of its own, so that disposing one touches no other.
  const taken = new Set([x]);
  const own = (y: Tensor): Tensor => {
    const result = taken.has(y) ? alias(y) : y;
    taken.add(result);
    return result;
  };
  const y = run((path, y) => {
    if (wanted.has(path)) results.set(path, own(y));
  });
  const silent = [...wanted].filter((path) => !results.has(path));
  if (silent.length > 0) throw new ArgumentError(op, 'modules that run', silent.join(', '));
  return { output: own(y), activations: new Map([...wanted].map((path) => [path, results.get(path)!])) };
}
