import { ArgumentError, FormatError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import type { FileArray } from '../sparse/files/elements.js';
import { decodeSafetensors, encodeSafetensors, type Safetensors } from '../sparse/files/safetensors.js';
import type { DecodeOptions } from '../sparse/files/source.js';
import { packMask } from '../sparse/mask-file.js';
import type { Shape } from '../tensor/shape.js';
import type { PruneResult } from './mask-by-scores.js';
import { decodeBits, type HostMasks, readMasks, shapeKey } from './mask-files.js';

/** A parameter's values on the host, row-major. */
export interface HostWeight {
  shape: Shape;
  values: Float32Array;
}

export type HostWeights = ReadonlyMap<string, HostWeight>;

/** Bytes of the parameters as safetensors files. */
export interface DiskSize {
  /** All values, masked ones as zeros. */
  dense: number;
  /** `encodeCompact`. */
  compact: number;
}

/**
 * Weights as a safetensors file without what masks remove. A masked weight `fc` becomes
 *
 * | tensor      | dtype, shape      | what                                             |
 * |-------------|-------------------|--------------------------------------------------|
 * | `fc.kept`   | F32 [kept]        | values that stay, in row-major order             |
 * | `fc.mask`   | U8 [ceil(n / 8)]  | where they lie: bits as `packMask` makes them    |
 *
 * and `fc.shape` in the metadata; the others, and those of which nothing is removed, are F32 tensors as ever.
 *
 * @throws ArgumentError for a mask without weights or of another size, or where names collide
 */
export function encodeCompact(weights: HostWeights, masks: HostMasks): Uint8Array {
  const tensors = new Map<string, FileArray>();
  const metadata = new Map<string, string>();
  const put = (name: string, array: FileArray) => {
    if (tensors.has(name)) throw new ArgumentError('encodeCompact', 'names that stay apart', `'${name}' twice`);
    tensors.set(name, array);
  };
  for (const [name, { values }] of masks)
    if (weights.get(name)?.values.length !== values.length)
      throw new ArgumentError('encodeCompact', `masks of weights of their size`, `'${name}' of ${values.length}`);
  for (const [name, { shape, values }] of weights) {
    const mask = masks.get(name)?.values;
    if (!mask || mask.every((m) => m === 1)) put(name, { dtype: 'f32', shape: [...shape], data: values });
    else {
      const kept = values.filter((_, i) => mask[i] !== 0);
      const bits = packMask(mask);
      put(`${name}.kept`, { dtype: 'f32', shape: [kept.length], data: kept });
      put(`${name}.mask`, { dtype: 'u8', shape: [bits.length], data: bits });
      metadata.set(shapeKey(name), JSON.stringify(shape));
    }
  }
  return encodeSafetensors({ tensors, metadata });
}

/**
 * Reads what `encodeCompact` wrote: all weights in their dense shapes, 0 where the mask removed them.
 *
 * @throws FormatError where the file is not safetensors, or parts of a weight are missing or do not fit together
 */
export function decodeCompact(bytes: Uint8Array, options: DecodeOptions = {}): Map<string, HostWeight> {
  const { tensors, metadata } = decodeSafetensors(bytes, options);
  const file = options.name ?? 'safetensors';
  const weights = new Map<string, HostWeight>();
  for (const [tensor, array] of tensors) {
    const name = tensor.replace(/\.(kept|mask)$/, '');
    if (name !== tensor && metadata.has(shapeKey(name))) {
      if (!weights.has(name)) weights.set(name, spread(file, name, { tensors, metadata }));
    } else {
      assertF32(file, tensor, array);
      weights.set(tensor, { shape: array.shape, values: array.data as Float32Array });
    }
  }
  return weights;
}

/** A weight out of the values that stay and where they lie. */
function spread(file: string, name: string, { tensors, metadata }: Safetensors): HostWeight {
  const [kept, mask] = ['kept', 'mask'].map((part) => {
    const array = tensors.get(`${name}.${part}`);
    if (!array) throw new FormatError(file, `tensor '${name}'`, `a tensor '${name}.${part}'`, 'none');
    return array;
  });
  assertF32(file, `${name}.kept`, kept);
  const { shape, values: flags } = decodeBits(file, name, mask, metadata);
  const ones = flags.reduce((a, b) => a + b, 0);
  if (kept.data.length !== ones)
    throw new FormatError(file, `tensor '${name}.kept'`, `${ones} values`, `${kept.data.length}`);
  let next = 0;
  return { shape, values: Float32Array.from(flags, (flag) => (flag ? Number(kept.data[next++]) : 0)) };
}

function assertF32(file: string, name: string, { dtype }: FileArray): void {
  if (dtype !== 'f32') throw new FormatError(file, `tensor '${name}'`, 'dtype F32', dtype);
}

/** Bytes that the parameters take on disk, with and without what a mask removes: lengths of files really made. */
export async function diskSize(parameters: Parameters, pruned: PruneResult): Promise<DiskSize> {
  const [values, masks] = await Promise.all([parameters.read(), readMasks(parameters, pruned)]);
  const weights: HostWeights = new Map(
    parameters.specs.map(({ name, shape }) => [name, { shape, values: values.get(name)! }]),
  );
  return { dense: encodeCompact(weights, new Map()).length, compact: encodeCompact(weights, masks).length };
}
