import { record } from '../autograd/node.js';
import { apply, constant, type Expr, input, scalar } from '../expr/expr.js';
import { ArgumentError, DTypeError } from '../gpu/errors.js';
import { isFloat } from '../tensor/dtype.js';
import { axesOf, sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { composite } from './composite.js';
import { map, valueType } from './map.js';
import { extremumOf } from './reduce.js';
import { reshape } from './reshape.js';

export interface ReduceOptions {
  /** Keep reduced axes as size 1. */
  keepDims?: boolean;
}

type Axes = number | readonly number[] | undefined;

/** The greatest finite float32. */
const MAX_F32 = 3.4028234663852886e38;

/** The elements as floats inside an expression. */
const asFloat = (x: Tensor): Expr => (isFloat(x.dtype) ? input(0) : apply('toF32', input(0, valueType(x))));

/** Sum over axes (all where none are given), in f32; integers and bools are converted. */
export function sum(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return sumOf('sum', x, asFloat(x), axes, options, []);
}

/** Mean over axes; NaN over an empty one. */
export function mean(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const n = countOf('mean', x, axes);
  const share = (scale: number) => sumOf('mean', x, apply('mul', asFloat(x), scalar(0)), axes, options, [scale]);
  if (n > 0) return share(1 / n);
  return composite([x], () => undefinedMean('mean', share(1)));
}

/** NaN for every sum of nothing, which is 0 whatever its terms are divided by. */
const undefinedMean = (op: string, sums: Tensor): Tensor =>
  map([sums], apply('mul', input(0), scalar(0)), { scalars: [Number.NaN], op });

/** Variance over axes, two-pass; `correction` 1 divides by n - 1. NaN where n is no more than the correction. */
export function variance(x: Tensor, axes?: Axes, options: ReduceOptions & { correction?: number } = {}): Tensor {
  requireFloat('variance', x);
  const list = axesOf('variance', axes, x.rank);
  const n = countOf('variance', x, axes);
  const correction = options.correction ?? 0;
  const d = apply('sub', input(0), input(1));
  return composite([x], () => {
    const total = map([x, mean(x, list, { keepDims: true })], apply('mul', apply('mul', d, d), scalar(0)), {
      axes: list,
      keepDims: options.keepDims,
      scalars: [1 / Math.max(n - correction, 0)],
      op: 'variance',
    });
    return n > 0 ? total : undefinedMean('variance', total);
  });
}

/** Euclidean norm over axes. Its gradient at 0 is taken as 0. */
export function norm(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  requireFloat('norm', x);
  const isZero = apply('eq', input(0), constant(0));
  const root = apply('where', isZero, constant(0), apply('sqrt', apply('where', isZero, constant(1), input(0))));
  return composite([x], () =>
    map([sumOf('norm', x, apply('mul', input(0), input(0)), axes, options, [])], root, { op: 'norm' }),
  );
}

/** Greatest value over axes; ties share the gradient evenly. NaN among other values may be passed over. */
export const max = (x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor => extremum('max', x, axes, options);
/** Least value over axes; ties share the gradient evenly. NaN among other values may be passed over. */
export const min = (x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor => extremum('min', x, axes, options);

function extremum(combine: 'max' | 'min', x: Tensor, axes: Axes, options: ReduceOptions): Tensor {
  requireFloat(combine, x);
  const list = axesOf(combine, axes, x.rank);
  if (list.some((a) => x.shape[a] === 0))
    throw new ArgumentError(combine, 'at least one element to choose from', `${x}`);
  const keepDims = options.keepDims ?? false;
  const out = extremumOf(combine, [x], input(0), list, keepDims, combine);
  return record('extremum', { axes: list, keepDims, combine }, [x], out);
}

/** log of the sum of exponentials over axes, safe against overflow; -inf where all are, inf where any is. */
export function logsumexp(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  requireFloat('logsumexp', x);
  const list = axesOf('logsumexp', axes, x.rank);
  const finite = apply('lt', apply('abs', input(1)), constant(MAX_F32));
  const value = apply('where', finite, apply('add', apply('log', input(0)), input(1)), input(1));
  return composite([x], () => {
    const { top, total } = shiftedSum(x, list);
    const out = map([total, top], value, { op: 'logsumexp' });
    return options.keepDims ? out : dropAxes(out, list);
  });
}

/**
 * The greatest value m over axes and Σ exp(x - m), axes kept. m takes no part in derivatives: it cancels exactly in
 * everything that is built from the pair.
 */
export function shiftedSum(x: Tensor, axes: readonly number[]): { top: Tensor; total: Tensor } {
  const top = extremumOf('logsumexp', [x], input(0), axes, true, 'max');
  const total = map([x, top], apply('exp', apply('sub', input(0), input(1))), {
    axes,
    keepDims: true,
    op: 'logsumexp',
  });
  return { top, total };
}

/** Softmax along an axis. */
export function softmax(x: Tensor, axis = -1): Tensor {
  requireFloat('softmax', x);
  const axes = axesOf('softmax', axis, x.rank);
  const share = apply('div', apply('exp', apply('sub', input(0), input(1))), input(2));
  return composite([x], () => {
    const { top, total } = shiftedSum(x, axes);
    return map([x, top, total], share, { op: 'softmax' });
  });
}

/** Logarithm of the softmax along an axis. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  requireFloat('logSoftmax', x);
  const axes = axesOf('logSoftmax', axis, x.rank);
  const value = apply('sub', apply('sub', input(0), input(1)), apply('log', input(2)));
  return composite([x], () => {
    const { top, total } = shiftedSum(x, axes);
    return map([x, top, total], value, { op: 'logSoftmax' });
  });
}

function sumOf(op: string, x: Tensor, expr: Expr, axes: Axes, options: ReduceOptions, scalars: number[]): Tensor {
  const list = axesOf(op, axes, x.rank);
  return map([x], expr, { axes: list, keepDims: options.keepDims, scalars, op });
}

function countOf(op: string, x: Tensor, axes: Axes): number {
  return sizeOf(axesOf(op, axes, x.rank).map((a) => x.shape[a]));
}

function requireFloat(op: string, x: Tensor): void {
  if (!isFloat(x.dtype)) throw new DTypeError(op, 'dtype f32 or f16', x.dtype);
}

const dropAxes = (x: Tensor, axes: readonly number[]): Tensor =>
  reshape(
    x,
    x.shape.filter((_, a) => !axes.includes(a)),
  );
