import { ArgumentError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import { concat } from '../ops/concat.js';
import { sum } from '../ops/reductions.js';
import { launchMasks } from '../select/mark.js';
import { launchSelect } from '../select/radix-select.js';
import { scope } from '../tensor/scope.js';
import { sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** How many weights of a layer a mask keeps. */
export interface LayerDensity {
  name: string;
  kept: number;
  total: number;
}

export interface PruneResult {
  /** 1 where a weight stays, laid out like the parameters' flat buffer; owned by the caller. */
  mask: Tensor;
  layers: LayerDensity[];
  kept: number;
  total: number;
}

/** Names of the weights that pruning usually touches: matrices and kernels, not biases or normalisation. */
export const prunable = (parameters: Parameters): string[] =>
  parameters.specs.filter((s) => s.shape.length >= 2).map((s) => s.name);

/**
 * Global magnitude pruning: over all weights named, exactly round(sparsity * total) of the smallest |w| are masked;
 * among equals the later ones go first. Parameters not named are kept whole. The weights stay on the device.
 *
 * @throws ArgumentError for a sparsity outside [0, 1], no names, or a weight that is NaN
 */
export async function magnitudeMask(
  parameters: Parameters,
  sparsity: number,
  names: readonly string[] = prunable(parameters),
): Promise<PruneResult> {
  const op = 'magnitudeMask';
  if (!(sparsity >= 0 && sparsity <= 1)) throw new ArgumentError(op, 'a sparsity in [0, 1]', String(sparsity));
  if (names.length === 0) throw new ArgumentError(op, 'at least one weight to prune', 'none');
  const sizes = names.map((name) => sizeOf(parameters.get(name).shape));
  const total = sizes.reduce((a, b) => a + b, 0);
  const kept = total - Math.round(sparsity * total);
  const mask = keepOthers(parameters, names);
  try {
    const { status, counts } = scope(() => select(parameters, names, kept, mask));
    const [[nans], rows] = await Promise.all([status.data(), counts.data()]);
    status.dispose();
    counts.dispose();
    if (nans > 0) throw new ArgumentError(op, 'weights without NaN', `${nans} NaN`);
    return { mask, layers: layersOf(parameters, names, sizes, rows), kept, total };
  } catch (error) {
    mask.dispose();
    throw error;
  }
}

/** A flat mask of 1 for the parameters not named, of 0 elsewhere. */
function keepOthers(parameters: Parameters, names: readonly string[]): Tensor {
  const mask = parameters.like();
  const pruned = new Set(names);
  for (const { name, shape } of parameters.specs)
    if (!pruned.has(name)) {
      const part = parameters.part(mask, name);
      part.write(new Float32Array(sizeOf(shape)).fill(1));
      part.dispose();
    }
  return mask;
}

/** Marks the `kept` greatest weights in the flat mask, and counts them by row: exactly, as long as a row has 2^24. */
function select(parameters: Parameters, names: readonly string[], kept: number, mask: Tensor) {
  const { device } = parameters;
  const sources = names.map((name) => parameters.get(name));
  const parts = names.map((name) => parameters.part(mask, name));
  const key = { type: 'f32', by: 'magnitude', largest: true } as const;
  const selection = launchSelect('magnitudeMask', device, { sources, units: 1, key, k: kept, least: 0 });
  launchMasks('magnitudeMask', device, selection, parts);
  const rows = parts.map((part) => sum(part.view('magnitudeMask', [rowsOf(part), part.size / rowsOf(part)]), 1));
  return { status: selection.status, counts: concat(rows) };
}

const rowsOf = (part: Tensor): number => (part.rank > 1 ? Math.max(1, part.shape[0]) : 1);

function layersOf(
  parameters: Parameters,
  names: readonly string[],
  sizes: readonly number[],
  counts: ArrayLike<number>,
): LayerDensity[] {
  let row = 0;
  return names.map((name, i) => {
    let kept = 0;
    for (const end = row + rowsOf(parameters.get(name)); row < end; row++) kept += counts[row];
    return { name, kept, total: sizes[i] };
  });
}
