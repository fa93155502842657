import { advanceShader, type Distribution, type RandomSpec, randomShader } from '../../shaders/random.js';
import { isRecording } from '../autograd/node.js';
import { apply, constant } from '../expr/expr.js';
import { ArgumentError, DTypeError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import type { Generator } from '../random/generator.js';
import { isFloat } from '../tensor/dtype.js';
import { type Shape, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { STRIDE_WORKGROUP, strideGrid } from './grid-stride.js';
import { fuse } from './pointwise.js';
import { launchSort } from './radix.js';
import { alias } from './reshape.js';

export { Generator, type GeneratorState } from '../random/generator.js';

const randomKernel = defineKernel<RandomSpec>({ name: 'random', shader: randomShader });
const advanceKernel = defineKernel<null>({ name: 'advance generator', shader: advanceShader });

/** Random 32-bit words: u32 of the given shape, which begins with the generator's models if it has any. */
export function randomBits(generator: Generator, shape: Shape): Tensor {
  return draw('randomBits', generator, shape, 'bits', [0, 0, 0]);
}

/**
 * Uniform numbers in [low, high), multiples of 2^-24 before scaling: f32 of the given shape.
 *
 * @throws ArgumentError unless low < high and both are finite
 */
export function uniform(
  generator: Generator,
  shape: Shape,
  { low = 0, high = 1 }: { low?: number; high?: number } = {},
): Tensor {
  if (!(low < high) || !Number.isFinite(high - low))
    throw new ArgumentError('uniform', 'finite low < high', `${low} and ${high}`);
  return draw('uniform', generator, shape, 'uniform', [low, high - low, floatBelow(high)]);
}

/**
 * Normal numbers by Box-Muller, at most 5.77 standard deviations from the mean: f32 of the given shape.
 *
 * @throws ArgumentError unless mean and std are finite and std >= 0
 */
export function normal(
  generator: Generator,
  shape: Shape,
  { mean = 0, std = 1 }: { mean?: number; std?: number } = {},
): Tensor {
  if (!Number.isFinite(mean) || !Number.isFinite(std) || std < 0)
    throw new ArgumentError('normal', 'a finite mean and std >= 0', `${mean} and ${std}`);
  return draw('normal', generator, shape, 'normal', [mean, std, 0]);
}

/**
 * True with probability p (rounded to f32), independently: bool of the given shape.
 *
 * @throws ArgumentError unless 0 <= p <= 1
 */
export function bernoulli(generator: Generator, shape: Shape, p: number): Tensor {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError('bernoulli', 'a probability from 0 to 1', String(p));
  return draw('bernoulli', generator, shape, 'bernoulli', [p, 0, 0]);
}

/**
 * A random order of 0 ... n - 1: i32 [n], or [models, n] with an order for each. The stable argsort of n random words.
 *
 * @throws ArgumentError unless n is a whole number >= 0
 */
export function permutation(generator: Generator, n: number): Tensor {
  if (!Number.isInteger(n) || n < 0) throw new ArgumentError('permutation', 'a whole number >= 0', String(n));
  const shape = generator.models === null ? [n] : [generator.models, n];
  const order = Tensor.empty('permutation', generator.device, 'i32', shape);
  let bits: Tensor | null = null;
  try {
    bits = draw('permutation', generator, shape, 'bits', [0, 0, 0]);
    const rows = generator.models ?? 1;
    launchSort('permutation', generator.device, bits, order, null, {
      key: 'u32',
      descending: false,
      rows,
      n,
      inner: 1,
      orderInner: 1,
      bits: 32,
      size: 0,
    });
  } catch (error) {
    order.dispose();
    throw error;
  } finally {
    bits?.dispose();
  }
  return order;
}

/**
 * Zeroes each element with probability p and scales the others by 1 / (1 - p), so that the mean stays. The identity,
 * without a draw, where p is 0 or `training` is false.
 *
 * @param x f32 or f16; begins with the generator's models if it has any
 * @throws ArgumentError unless 0 <= p < 1
 * @throws DTypeError for integers and bools
 * @throws ShapeError where x does not begin with the generator's models
 */
export function dropout(
  x: Tensor,
  p: number,
  generator: Generator,
  { training = true }: { training?: boolean } = {},
): Tensor {
  commonDevice('dropout', [x, generator.stateTensor('dropout')]);
  if (!isFloat(x.dtype)) throw new DTypeError('dropout', 'x of dtype f32 or f16', x.dtype);
  if (!(p >= 0 && p < 1)) throw new ArgumentError('dropout', 'a probability p with 0 <= p < 1', String(p));
  if (p === 0 || !training) return alias(x);
  const keeps = draw('dropout', generator, x.shape, 'bernoulli', [1 - p, 0, 0]);
  try {
    return fuse(
      (v, mask, s) => apply('where', mask, apply('mul', v, s), constant(0)),
      [x, keeps, 1 / (1 - p)],
      'dropout',
    );
  } finally {
    if (!(x.tracked && isRecording())) keeps.dispose();
  }
}

/** The greatest f32 below a number that is finite. */
function floatBelow(high: number): number {
  const float = new Float32Array([high]);
  if (float[0] < high) return float[0];
  const bits = new Int32Array(float.buffer);
  if (float[0] === 0) return -(2 ** -149);
  bits[0] += float[0] > 0 ? -1 : 1;
  return float[0];
}

/** A draw of the given distribution; the generator then counts one more. */
function draw(
  op: string,
  generator: Generator,
  shape: Shape,
  distribution: Distribution,
  numbers: readonly [number, number, number],
): Tensor {
  const state = generator.stateTensor(op);
  const { device, models } = generator;
  if (models !== null && shape[0] !== models)
    throw new ShapeError(op, `a shape that begins with the generator's ${models} models`, showShape(shape));
  const dtype = distribution === 'bits' ? 'u32' : distribution === 'bernoulli' ? 'bool' : 'f32';
  const out = Tensor.empty(op, device, dtype, shape);
  try {
    fillRandom(op, state, out, distribution, numbers, [0, 0]);
    const count = state.shape[0];
    device.run(advanceKernel, null, {
      bindings: [state.binding(op)],
      params: [count],
      grid: [Math.ceil(count / 64), 1, 1],
    });
  } catch (error) {
    out.dispose();
    throw error;
  }
  return out;
}

/**
 * Fills `out` from a state [models, 4] as it stands, beginning with the given block of every model's sequence.
 *
 * @param numbers of the distribution: uniform [low, high - low, limit], normal [mean, std], bernoulli [p]
 */
export function fillRandom(
  op: string,
  state: Tensor,
  out: Tensor,
  distribution: Distribution,
  numbers: readonly [number, number, number],
  [low, high]: readonly [low: number, high: number],
): void {
  if (out.size === 0) return;
  const { device } = out;
  const models = state.shape[0];
  const per = out.size / models;
  const blocks = Math.ceil(per / 4);
  device.run(
    randomKernel,
    { distribution, population: models > 1, aligned: models === 1 || per % 4 === 0, workgroup: STRIDE_WORKGROUP },
    {
      bindings: [state.binding(op), out.binding(op)],
      params: [models, blocks, per, low, high, ...numbers],
      grid: strideGrid(device, models * blocks),
      cost: { flops: 0, bytes: out.bytes },
    },
  );
}
