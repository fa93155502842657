import { ArgumentError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
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
 * among equals the later ones go first. Parameters not named are kept whole.
 *
 * @throws ArgumentError for a sparsity outside [0, 1], no names, or a weight that is NaN
 */
export async function magnitudeMask(
  parameters: Parameters,
  sparsity: number,
  names: readonly string[] = prunable(parameters),
): Promise<PruneResult> {
  if (!(sparsity >= 0 && sparsity <= 1))
    throw new ArgumentError('magnitudeMask', 'a sparsity in [0, 1]', String(sparsity));
  if (names.length === 0) throw new ArgumentError('magnitudeMask', 'at least one weight to prune', 'none');
  const values = await parameters.read();
  const sizes = names.map((name) => sizeOf(parameters.get(name).shape));
  const total = sizes.reduce((a, b) => a + b, 0);
  const magnitude = new Float32Array(total);
  let at = 0;
  for (const name of names) {
    for (const v of values.get(name)!) magnitude[at++] = Math.abs(v);
  }
  if (magnitude.some(Number.isNaN)) throw new ArgumentError('magnitudeMask', 'weights without NaN', 'NaN');
  const keepCount = total - Math.round(sparsity * total);
  const alive = largest(magnitude, keepCount);
  const host = new Float32Array(parameters.flat.size);
  for (const { name, shape } of parameters.specs)
    host.fill(1, parameters.offset(name), parameters.offset(name) + sizeOf(shape));
  const layers: LayerDensity[] = [];
  at = 0;
  names.forEach((name, i) => {
    const offset = parameters.offset(name);
    let kept = 0;
    for (let k = 0; k < sizes[i]; k++) {
      host[offset + k] = alive[at];
      kept += alive[at++];
    }
    layers.push({ name, kept, total: sizes[i] });
  });
  const mask = parameters.like();
  mask.write(host);
  return { mask, layers, kept: keepCount, total };
}

/** Marks the `count` largest values; ties go to the lowest index. */
function largest(values: Float32Array, count: number): Uint8Array {
  const marks = new Uint8Array(values.length);
  if (count === 0) return marks;
  const threshold = Float32Array.from(values).sort()[values.length - count];
  let above = 0;
  for (const v of values) if (v > threshold) above++;
  let ties = count - above;
  values.forEach((v, i) => {
    if (v > threshold || (v === threshold && ties-- > 0)) marks[i] = 1;
  });
  return marks;
}
