import { ArgumentError, FormatError, ShapeError } from '../gpu/errors.js';
import type { Parameters } from '../nn/parameters.js';
import type { FileArray } from '../sparse/files/elements.js';
import { decodeSafetensors, encodeSafetensors } from '../sparse/files/safetensors.js';
import type { DecodeOptions } from '../sparse/files/source.js';
import { type HostMask, packMask, unpackMask } from '../sparse/mask-file.js';
import { sameShape, showShape, sizeOf } from '../tensor/shape.js';
import type { LayerDensity, PruneResult } from './mask-by-scores.js';

/** Masks on the host, by the name of the weight. */
export type HostMasks = ReadonlyMap<string, HostMask>;

/** Metadata of a file of packed bits: how its U8 tensors are to be read. */
const PACKING = 'mask.packing';
/** Metadata that holds the shape of a weight whose mask is packed. */
export const shapeKey = (name: string): string => `${name}.shape`;

/** The masks of the layers pruned, read back from the device. */
export async function readMasks(parameters: Parameters, { mask, layers }: PruneResult): Promise<Map<string, HostMask>> {
  const all = await mask.data();
  return new Map(
    layers.map(({ name, total }) => {
      const at = parameters.offset(name);
      const values = Uint8Array.from(all.subarray(at, at + total), (v) => (v !== 0 ? 1 : 0));
      return [name, { shape: [...parameters.get(name).shape], values }];
    }),
  );
}

/**
 * A mask for parameters out of masks from the host, such as another run's. Parameters without one are kept whole.
 *
 * @throws ArgumentError for a name that the parameters do not have, or no masks
 * @throws ShapeError for a mask of another shape than its weight's
 */
export function maskFromHost(parameters: Parameters, masks: HostMasks): PruneResult {
  const op = 'maskFromHost';
  if (masks.size === 0) throw new ArgumentError(op, 'at least one mask', 'none');
  for (const [name, { shape, values }] of masks) {
    if (!parameters.has(name))
      throw new ArgumentError(op, `masks of weights among ${parameters.names.join(', ')}`, `'${name}'`);
    const expected = parameters.get(name).shape;
    if (!sameShape(shape, expected) || values.length !== sizeOf(shape))
      throw new ShapeError(op, `a mask of shape ${showShape(expected)} for ${name}`, showShape(shape));
  }
  const flat = new Float32Array(parameters.flat.size);
  const layers: LayerDensity[] = [];
  for (const { name, shape } of parameters.specs) {
    const at = parameters.offset(name);
    const values = masks.get(name)?.values;
    if (!values) flat.fill(1, at, at + sizeOf(shape));
    else {
      flat.set(values, at);
      layers.push({ name, kept: values.reduce((a, b) => a + b, 0), total: values.length });
    }
  }
  const mask = parameters.like();
  mask.write(flat);
  const total = (key: 'kept' | 'total') => layers.reduce((n, l) => n + l[key], 0);
  return { mask, layers, kept: total('kept'), total: total('total') };
}

export interface MaskFileOptions {
  /** A BOOL tensor of the weight's shape each (default), or its bits in a U8 tensor of ceil(n / 8), as `packMask` has them. */
  packing?: 'bool' | 'bits';
}

/**
 * Masks as a safetensors file, one tensor each by the name of its weight. Packed bits take an eighth of the room; their
 * file says `mask.packing` = `bits` and each `<name>.shape` in its metadata.
 */
export function encodeMasks(masks: HostMasks, { packing = 'bool' }: MaskFileOptions = {}): Uint8Array {
  if (packing !== 'bool' && packing !== 'bits')
    throw new ArgumentError('encodeMasks', "packing 'bool' or 'bits'", String(packing));
  const tensors = new Map<string, FileArray>();
  const metadata = new Map<string, string>([[PACKING, packing]]);
  for (const [name, { shape, values }] of masks) {
    if (packing === 'bool') tensors.set(name, { dtype: 'bool', shape, data: values });
    else {
      if (sizeOf(shape) !== values.length)
        throw new ShapeError('encodeMasks', `${sizeOf(shape)} values for ${name}`, `${values.length}`);
      const data = packMask(values);
      tensors.set(name, { dtype: 'u8', shape: [data.length], data });
      metadata.set(shapeKey(name), JSON.stringify(shape));
    }
  }
  return encodeSafetensors({ tensors, metadata });
}

/**
 * Reads masks from a safetensors file: BOOL or U8 tensors of 0 and 1, of `encodeMasks` or other programs, or packed bits.
 *
 * @throws FormatError where the file is not safetensors, or a tensor is not a mask
 */
export function decodeMasks(bytes: Uint8Array, options: DecodeOptions = {}): Map<string, HostMask> {
  const { tensors, metadata } = decodeSafetensors(bytes, options);
  const file = options.name ?? 'safetensors';
  const decode = metadata.get(PACKING) === 'bits' ? decodeBits : decodeBytes;
  return new Map([...tensors].map(([name, array]) => [name, decode(file, name, array, metadata)]));
}

function decodeBytes(file: string, name: string, { dtype, shape, data }: FileArray): HostMask {
  const fail = (expected: string, got: string) => new FormatError(file, `tensor '${name}'`, expected, got);
  if (dtype !== 'bool' && dtype !== 'u8') throw fail('a mask of dtype BOOL or U8', dtype);
  const values = data as Uint8Array;
  const bad = values.findIndex((v) => v > 1);
  if (bad >= 0) throw fail('elements of 0 or 1', `${values[bad]} at ${bad}`);
  return { shape, values };
}

/** A mask out of its packed bits and its shape in the metadata. */
export function decodeBits(
  file: string,
  name: string,
  { dtype, data }: FileArray,
  metadata: ReadonlyMap<string, string>,
): HostMask {
  const fail = (expected: string, got: string) => new FormatError(file, `tensor '${name}'`, expected, got);
  const text = metadata.get(shapeKey(name));
  const shape = parseShape(text);
  if (!shape) throw fail(`metadata '${shapeKey(name)}' as a list of axes`, text ?? 'none');
  const count = sizeOf(shape);
  if (dtype !== 'u8' || data.length !== Math.ceil(count / 8))
    throw fail(`${Math.ceil(count / 8)} bytes of U8 for ${showShape(shape)}`, `${data.length} of ${dtype}`);
  try {
    return { shape, values: unpackMask(data as Uint8Array, count) };
  } catch (error) {
    throw fail('packed bits', (error as Error).message);
  }
}

function parseShape(text: string | undefined): number[] | null {
  if (!text || !/^\[(|(0|[1-9]\d{0,9})(,(0|[1-9]\d{0,9}))*)\]$/.test(text)) return null;
  const shape: number[] = JSON.parse(text);
  return Number.isSafeInteger(sizeOf(shape)) ? shape : null;
}
