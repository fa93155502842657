import { philoxNormal, philoxUniform, type Seed } from '../tensor/philox.js';
import { type Shape, sizeOf } from '../tensor/shape.js';

/**
 * An initial value for a parameter: host values from a seed and a stream of its own, the same on every machine (normal
 * ones to a last bit of the platform's logarithm).
 */
export type Initialiser = (shape: Shape, seed: Seed, stream: number) => Float32Array;

/** Inputs and outputs that a weight connects, receptive field included: [out, ...field, in]. */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: sizeOf(shape), fanOut: sizeOf(shape) };
  const field = sizeOf(shape.slice(1, -1));
  return { fanIn: shape[shape.length - 1] * field, fanOut: shape[0] * field };
}

export const zeros: Initialiser = (shape) => new Float32Array(sizeOf(shape));
export const ones: Initialiser = (shape) => new Float32Array(sizeOf(shape)).fill(1);

/** Uniform in [-bound, bound). */
export const uniformWithin =
  (bound: number): Initialiser =>
  (shape, seed, stream) =>
    philoxUniform(seed, stream, 0, sizeOf(shape)).map((u) => (2 * u - 1) * bound);

/** Uniform in ±1 / sqrt(fan in): what torch.nn gives Linear and Conv layers and their biases by default. */
export const torchDefault: Initialiser = (shape, seed, stream) =>
  uniformWithin(1 / Math.sqrt(fans(shape).fanIn))(shape, seed, stream);

/** Normal of this standard deviation. */
export const normalOf =
  (deviation: number): Initialiser =>
  (shape, seed, stream) =>
    philoxNormal(seed, stream, 0, sizeOf(shape)).map((v) => v * deviation);

type Fan = 'fanIn' | 'fanOut';

/** Normal of standard deviation sqrt(2 / fan) (He et al. 2015). */
export const kaimingNormal =
  (mode: Fan = 'fanOut'): Initialiser =>
  (shape, seed, stream) =>
    normalOf(Math.sqrt(2 / fans(shape)[mode]))(shape, seed, stream);

/** Uniform in ±sqrt(6 / fan), of the same standard deviation as `kaimingNormal` (He et al. 2015). */
export const kaimingUniform =
  (mode: Fan = 'fanOut'): Initialiser =>
  (shape, seed, stream) =>
    uniformWithin(Math.sqrt(6 / fans(shape)[mode]))(shape, seed, stream);

/** Normal of standard deviation sqrt(2 / (fan in + fan out)) (Glorot & Bengio 2010). */
export const xavierNormal: Initialiser = (shape, seed, stream) => {
  const { fanIn, fanOut } = fans(shape);
  return normalOf(Math.sqrt(2 / (fanIn + fanOut)))(shape, seed, stream);
};

/** Uniform in ±sqrt(6 / (fan in + fan out)) (Glorot & Bengio 2010). */
export const xavierUniform: Initialiser = (shape, seed, stream) => {
  const { fanIn, fanOut } = fans(shape);
  return uniformWithin(Math.sqrt(6 / (fanIn + fanOut)))(shape, seed, stream);
};
