import { ShapeError } from '../gpu/errors.js';
import { sameShape, sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Population } from './population.js';

/**
 * Gives all models values from the host: [models, count], of each model one parameter after the other in the order of
 * `specs`. Of an `mlp` that is the order of `MlpPopulation`, so that weights and masks go from one to the other.
 *
 * @param flat what to write to, laid out like the parameters: they themselves by default
 * @throws ShapeError for another number of values, or a tensor that is laid out otherwise
 */
export function writeModels(population: Population, values: ArrayLike<number>, flat?: Tensor): void {
  const { models, count, parameters } = population;
  if (values.length !== models * count)
    throw new ShapeError('writeModels', `${models * count} values`, `${values.length}`);
  eachParameter(population, (name, at, size) => {
    const rows = new Float32Array(models * size);
    for (let m = 0; m < models; m++) for (let i = 0; i < size; i++) rows[m * size + i] = values[m * count + at + i];
    if (!flat) return parameters.get(name).write(rows);
    const part = parameters.part(flat, name);
    part.write(rows);
    part.dispose();
  });
}

/**
 * The reverse of `writeModels`: [models, count].
 *
 * @param flat what to read, laid out like the parameters: they themselves by default
 */
export async function readModels(population: Population, flat?: Tensor): Promise<Float32Array> {
  const { models, count, parameters } = population;
  if (flat && !sameShape(flat.shape, parameters.flat.shape))
    throw new ShapeError('readModels', `a flat tensor ${parameters.flat}`, String(flat));
  const all = (await (flat ?? parameters.flat).data()) as Float32Array;
  const out = new Float32Array(models * count);
  eachParameter(population, (name, at, size) => {
    const from = parameters.offset(name);
    for (let m = 0; m < models; m++) out.set(all.subarray(from + m * size, from + (m + 1) * size), m * count + at);
  });
  return out;
}

/** Calls with each parameter's name, and where its values begin among one model's, and how many these are. */
function eachParameter({ specs }: Population, visit: (name: string, at: number, size: number) => void): void {
  let at = 0;
  for (const { name, shape } of specs) {
    const size = sizeOf(shape);
    visit(name, at, size);
    at += size;
  }
}
