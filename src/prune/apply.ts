import { noGrad } from '../autograd/node.js';
import { apply, constant } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Initialiser } from '../nn/init.js';
import type { Model } from '../nn/model.js';
import type { Parameters } from '../nn/parameters.js';
import { clone, fuse, mul } from '../ops/pointwise.js';
import type { Seed } from '../tensor/philox.js';
import { keep, scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { assertFlat } from './assert-flat.js';
import type { PruneResult } from './mask-by-scores.js';

/** Streams of weights drawn anew begin here, far from those of a model's declarations. */
const STREAM = 0x70720000;

/** A copy of all values, for `rewind`; owned by the caller. */
export const snapshot = (parameters: Parameters): Tensor => keep(noGrad(() => clone(parameters.flat)));

/**
 * Sets all weights where the flat mask is 0 to exactly 0, in place. Optimisers and `Model.sparsify` treat masked
 * weights as 0 by themselves; this is for networks that are pruned and not trained further.
 */
export function applyMask(parameters: Parameters, mask: Tensor): void {
  rewind(parameters, parameters.flat, mask);
}

/**
 * Goes back to the values of a snapshot where the mask is not 0, and to 0 elsewhere: the start of a lottery ticket
 * (Frankle & Carbin 2019), or with a later snapshot its late rewinding. Optimiser state and statistics are not touched.
 *
 * @throws ShapeError for a snapshot or mask that is not laid out like the parameters
 */
export function rewind(parameters: Parameters, values: Tensor, mask?: Tensor): void {
  for (const flat of mask ? [values, mask] : [values]) assertFlat('rewind', parameters, flat);
  noGrad(() =>
    scope(() => {
      const kept = mask
        ? fuse((v, m) => apply('where', apply('ne', m, constant(0)), v, constant(0)), [values, mask], 'rewind')
        : clone(values);
      copyFlat(parameters, kept, parameters.flat);
    }),
  );
}

/**
 * Gives a flat mask the values of another one, in place: compiled training steps, which keep to the mask that they were
 * captured with, prune further from the next step on.
 *
 * @throws ShapeError for masks that are not laid out like the parameters
 */
export function copyMask(parameters: Parameters, from: Tensor, into: Tensor): void {
  for (const mask of [from, into]) assertFlat('copyMask', parameters, mask);
  scope(() => copyFlat(parameters, from, into));
}

export interface ReinitialiseOptions {
  /** Seed of the new weights: another than the model's first one. */
  seed: Seed;
  /** What draws the pruned weights; by default what the model declares. `kaimingNormal('fanIn')` is He's. */
  init?: Initialiser;
  /** Multiply each pruned layer's weights by 1 / sqrt(density), as if the fan-in were what stays. */
  rescale?: boolean;
}

/**
 * Draws every parameter anew, resets the statistics and masks the weights: what tells a mask's worth from that of the
 * weights it was found with. Initialisers see the dense shape.
 */
export function reinitialise(model: Model, pruned: PruneResult, { seed, init, rescale }: ReinitialiseOptions): void {
  const { parameters } = model;
  const op = 'reinitialise';
  assertFlat(op, parameters, pruned.mask);
  const factors = new Map<string, number>();
  for (const { name, kept, total } of pruned.layers) {
    if (!parameters.has(name)) throw new ArgumentError(op, `layers among ${parameters.names.join(', ')}`, `'${name}'`);
    if (rescale && kept > 0) factors.set(name, Math.sqrt(total / kept));
  }
  model.initialise(seed);
  if (init)
    pruned.layers.forEach(({ name }, i) => {
      const weight = parameters.get(name);
      weight.write(init(weight.shape, seed, STREAM + i));
    });
  if (factors.size > 0) scaleBy(parameters, factors);
  applyMask(parameters, pruned.mask);
}

/** Multiplies the parameters named, in place. */
function scaleBy(parameters: Parameters, factors: ReadonlyMap<string, number>): void {
  noGrad(() =>
    scope(() => {
      const scaled = parameters.specs.map(({ name }) => mul(parameters.get(name), factors.get(name) ?? 1));
      parameters.pack(scaled, parameters.flat);
    }),
  );
}

/** Overwrites a flat tensor by another one, with storage of its own. */
function copyFlat(parameters: Parameters, from: Tensor, into: Tensor): void {
  parameters.pack(
    parameters.names.map((name) => parameters.part(from, name)),
    into,
  );
}
