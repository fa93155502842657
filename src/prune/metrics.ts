import { ArgumentError } from '../gpu/errors.js';
import type { LayerDensity } from './mask-by-scores.js';

/** What pruning saves on paper, counted from masks, never from zero values. */
export interface PruningCost {
  /** All parameters, biases and normalisation included. */
  size: number;
  sizeKept: number;
  /** size / sizeKept, at least 1. */
  compression: number;
  /** Share of the prunable weights that is removed. */
  sparsity: number;
  /** Multiply-adds of linear layers and convolutions for one input. */
  macs: number;
  macsKept: number;
  /** macs / macsKept, at least 1; infinite where nothing is left to compute. */
  speedup: number;
}

/** Multiply-adds by the name of the layer's weight, out of what `describe` says of a network. */
export function macsByWeight(layers: readonly { name: string; macs: number }[]): Map<string, number> {
  const computing = layers.filter((l) => l.macs > 0);
  return new Map(computing.map(({ name, macs }) => [name ? `${name}.weight` : 'weight', macs]));
}

/**
 * Compression and theoretical speed-up of a mask. Every weight of a linear layer or a convolution is used once at each
 * output position, so that a layer's kept multiply-adds are its share of kept weights; padding counts as work. Layers
 * that are not pruned count whole, also those that the mask does not know.
 *
 * @param size number of all parameters, `parameters.count`
 * @param macs of one input, by the name of the layer's weight (`macsByWeight`)
 * @throws ArgumentError for a pruned layer without multiply-adds, or of more weights than there are parameters
 */
export function pruningCost(
  size: number,
  layers: readonly LayerDensity[],
  macs: ReadonlyMap<string, number>,
): PruningCost {
  const op = 'pruningCost';
  const without = layers.filter((l) => !macs.has(l.name)).map((l) => l.name);
  if (without.length > 0) throw new ArgumentError(op, 'multiply-adds of every pruned layer', `none of ${without}`);
  const total = layers.reduce((n, l) => n + l.total, 0);
  const removed = total - layers.reduce((n, l) => n + l.kept, 0);
  if (total > size) throw new ArgumentError(op, `pruned layers of at most ${size} weights`, `${total}`);
  const all = [...macs.values()].reduce((a, b) => a + b, 0);
  const saved = layers.reduce((n, l) => n + (l.total > 0 ? macs.get(l.name)! * (1 - l.kept / l.total) : 0), 0);
  const macsKept = all - saved;
  return {
    size,
    sizeKept: size - removed,
    compression: removed === 0 ? 1 : size / (size - removed),
    sparsity: total > 0 ? removed / total : 0,
    macs: all,
    macsKept,
    speedup: saved === 0 ? 1 : all / macsKept,
  };
}
