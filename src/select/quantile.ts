import { isRecording } from '../autograd/node.js';
import { ArgumentError } from '../gpu/errors.js';
import { concat } from '../ops/concat.js';
import { add, cast, equal, mul, sub, where } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import { scope } from '../tensor/scope.js';
import { axisOf, reducedShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { SelectBy } from './inputs.js';
import { type Kthvalue, kthvalueOf } from './kthvalue.js';
import type { Selected } from './status.js';

export interface QuantileOptions {
  /** Axis to take quantiles along; all elements where none is given. */
  axis?: number;
  /** Quantiles of the values (default) or of the absolute values. */
  by?: SelectBy;
  /** Keep the axis (or all of them) as of size 1. */
  keepDims?: boolean;
  /** What a quantile between two elements is; `nearest` takes the even one from halfway, as NumPy does. */
  interpolation?: 'linear' | 'lower' | 'higher' | 'nearest';
}

export interface Quantile extends Selected {
  /** f32, x's shape without the axis; behind a leading axis of the quantiles where q is a list. */
  values: Tensor;
}

/**
 * Quantiles along an axis: with elements v[0] <= ... <= v[n-1] and h = q (n - 1), v[floor h] + (h - floor h) (v[floor h
 * + 1] - v[floor h]); type 7 of Hyndman & Fan (1996), NumPy's default. Order statistics are exact. Gradients flow to the
 * elements taken. NaN as in `topk`: behind all numbers, and counted by `status`.
 *
 * @param x f32, f16, i32 or u32; a rank of 0 only without an axis
 * @param q from 0 to 1, a number or a list of them
 * @throws ArgumentError for a q outside [0, 1], an empty list, no elements, or an axis outside x's rank
 * @throws DTypeError for bool
 */
export function quantile(x: Tensor, q: number | readonly number[], options: QuantileOptions = {}): Quantile {
  const { axis, by = 'signed', keepDims = false, interpolation = 'linear' } = options;
  const list = typeof q === 'number' ? [q] : q;
  if (list.length === 0) throw new ArgumentError('quantile', 'at least one q', 'none');
  for (const v of list) if (!(v >= 0 && v <= 1)) throw new ArgumentError('quantile', 'q in [0, 1]', String(v));
  const at = axis === undefined ? 0 : axisOf('quantile', axis, x.rank);
  const n = axis === undefined ? x.size : x.shape[at];
  const points = list.map((v) => pointOf(v * (n - 1), interpolation));
  const shape = reducedShape(x.shape, axis === undefined ? x.shape.map((_, a) => a) : [at], keepDims);
  const build = (): Quantile => {
    const line = axis === undefined ? reshape(x, [x.size]) : x;
    const elements = new Map<number, Kthvalue>();
    const element = (rank: number): Tensor => {
      const found = elements.get(rank) ?? kthvalueOf('quantile', line, rank + 1, { axis: at, by });
      elements.set(rank, found);
      return x.dtype === 'f32' ? found.values : cast(found.values, 'f32');
    };
    const rows = points.map(({ low, share }) =>
      reshape(share === 0 ? element(low) : between(element(low), element(low + 1), share), [1, ...shape]),
    );
    // The selections rank the same elements, so their statuses are alike.
    const [{ status }, ...others] = elements.values();
    for (const { status: same } of others) same.dispose();
    return { values: reshape(concat(rows), typeof q === 'number' ? shape : [q.length, ...shape]), status };
  };
  return isRecording() && x.tracked ? build() : scope(build);
}

/** The lower element's index, and the share of the step to the next one. */
function pointOf(h: number, interpolation: QuantileOptions['interpolation']): { low: number; share: number } {
  const low = Math.floor(h);
  const share = h - low;
  switch (interpolation) {
    case 'linear':
      return { low, share };
    case 'lower':
      return { low, share: 0 };
    case 'higher':
      return { low: Math.ceil(h), share: 0 };
    case 'nearest':
      return { low: share === 0.5 ? low + (low % 2) : Math.round(h), share: 0 };
    default:
      throw new ArgumentError(
        'quantile',
        "interpolation 'linear', 'lower', 'higher' or 'nearest'",
        String(interpolation),
      );
  }
}

/** a + share (b - a), and a itself where b equals it, infinities included. */
const between = (a: Tensor, b: Tensor, share: number): Tensor => where(equal(a, b), a, add(a, mul(sub(b, a), share)));
