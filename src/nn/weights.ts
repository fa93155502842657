import { ArgumentError, FormatError } from '../gpu/errors.js';
import type { FileArray } from '../sparse/files/elements.js';
import { decodeSafetensors, encodeSafetensors } from '../sparse/files/safetensors.js';
import { type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import type { Model } from './model.js';
import type { Declared } from './module.js';

export interface LoadWeightsOptions {
  /** What errors call the source. */
  name?: string;
  /** Names of the model by names of the source. Default: the same, without a `module.` that all of them begin with. */
  rename?: (name: string) => string;
}

const FLOATS: readonly string[] = ['f32', 'f16', 'bf16', 'f64'];
/** Counters of PyTorch's batch normalisation, which nothing here depends on. */
const COUNTER = /(^|\.)num_batches_tracked$/;
const PARALLEL = 'module.';

/**
 * Sets every parameter and statistic of a model from a PyTorch state dict: a safetensors file, or its tensors. Kernels
 * are turned from [out, in, kh, kw] to this library's [out, kh, kw, in], and matrices behind flattened images from
 * channels first to channels last. Values of f16, bf16 and f64 become f32.
 *
 * @throws FormatError naming everything that is missing, unexpected, or of another shape or kind; the model is unchanged
 * then
 * @throws ArgumentError for a `rename` that makes one name of two
 */
export function loadWeights(
  model: Model,
  source: Uint8Array | ReadonlyMap<string, FileArray>,
  options: LoadWeightsOptions = {},
): void {
  const { name = 'weights' } = options;
  const tensors = source instanceof Uint8Array ? decodeSafetensors(source, { name }).tensors : source;
  const arrays = renamed(tensors, options.rename);
  const faults = faultsOf(model.declared, arrays);
  if (faults.length > 0) throw new FormatError(name, 'tensors', "the model's weights", faults.join('; '));
  for (const d of model.declared) {
    const values = Float32Array.from(arrays.get(d.name)!.data as Float32Array);
    model.get(d.name).write(fromTorch(values, d));
  }
}

/** Every parameter and statistic of a model as PyTorch would have it in a state dict. */
export async function stateDict(model: Model): Promise<Map<string, FileArray>> {
  const parameters = await model.parameters.read();
  const arrays = new Map<string, FileArray>();
  for (const d of model.declared) {
    const values = parameters.get(d.name) ?? ((await model.get(d.name).data()) as Float32Array);
    arrays.set(d.name, { dtype: 'f32', shape: torchShape(d), data: toTorch(values, d) });
  }
  return arrays;
}

/** The state dict as a safetensors file, which PyTorch and `loadWeights` read. */
export async function encodeWeights(model: Model, metadata?: ReadonlyMap<string, string>): Promise<Uint8Array> {
  return encodeSafetensors({ tensors: await stateDict(model), metadata });
}

function renamed(
  tensors: ReadonlyMap<string, FileArray>,
  rename: LoadWeightsOptions['rename'],
): Map<string, FileArray> {
  const named = [...tensors].filter(([name]) => !COUNTER.test(name));
  const parallel = named.every(([name]) => name.startsWith(PARALLEL));
  const standard = (name: string) => (parallel ? name.slice(PARALLEL.length) : name);
  const arrays = new Map<string, FileArray>();
  for (const [name, array] of named) {
    const own = (rename ?? standard)(name);
    if (arrays.has(own)) throw new ArgumentError('loadWeights', 'a rename to different names', `'${own}' twice`);
    arrays.set(own, array);
  }
  return arrays;
}

function faultsOf(declared: readonly Declared[], arrays: ReadonlyMap<string, FileArray>): string[] {
  const known = new Set(declared.map((d) => d.name));
  const missing = declared.filter((d) => !arrays.has(d.name)).map((d) => d.name);
  const unexpected = [...arrays.keys()].filter((name) => !known.has(name));
  const present = declared.flatMap((d) => {
    const array = arrays.get(d.name);
    return array ? [{ d, array }] : [];
  });
  const misshapen = present
    .filter(({ d, array }) => !sameShape(array.shape, torchShape(d)))
    .map(({ d, array }) => `${d.name} of ${showShape(array.shape)}, not ${showShape(torchShape(d))}`);
  const whole = present
    .filter(({ array }) => !FLOATS.includes(array.dtype))
    .map(({ d, array }) => `${d.name} of ${array.dtype}`);
  const list = (what: string, names: readonly string[]) => (names.length > 0 ? [`${what} ${names.join(', ')}`] : []);
  return [
    ...list('missing', missing),
    ...list('unexpected', unexpected),
    ...list('wrong shape:', misshapen),
    ...list('no floating-point numbers:', whole),
  ];
}

/** Kernels are [out, kh, kw, in] here and [out, in, kh, kw] in PyTorch; all else has the same shape. */
function torchShape({ shape }: Declared): number[] {
  if (shape.length !== 4) return [...shape];
  const [out, kh, kw, inputs] = shape;
  return [out, inputs, kh, kw];
}

/** Of a kernel, or a matrix behind a flattened image: rows, pixels and channels. Null where both orders are one. */
function imageOf({ shape, image }: Declared): { rows: number; pixels: number; channels: number } | null {
  const axes: Shape | undefined = shape.length === 4 ? shape.slice(1) : image;
  return axes ? { rows: shape[0], pixels: axes[0] * axes[1], channels: axes[2] } : null;
}

function fromTorch(values: Float32Array, d: Declared): Float32Array {
  const image = imageOf(d);
  return image ? transposed(values, image.rows, image.channels, image.pixels) : values;
}

function toTorch(values: Float32Array, d: Declared): Float32Array {
  const image = imageOf(d);
  return image ? transposed(values, image.rows, image.pixels, image.channels) : values;
}

/** [count, rows, columns] to [count, columns, rows]. */
function transposed(values: Float32Array, count: number, rows: number, columns: number): Float32Array {
  const out = new Float32Array(sizeOf([count, rows, columns]));
  for (let k = 0; k < count; k++) {
    const at = k * rows * columns;
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) out[at + j * rows + i] = values[at + i * columns + j];
  }
  return out;
}
