import type { SelectKey } from '../../shaders/select/key.js';
import { ArgumentError, DTypeError, ShapeError } from '../gpu/errors.js';
import { columnsOf } from '../ops/cumsum.js';
import { cast } from '../ops/pointwise.js';
import { transpose } from '../ops/transpose.js';
import { axisOf, type Shape, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** By what elements are ranked: their values, or their absolute values. */
export type SelectBy = 'signed' | 'magnitude';

/** The key of a tensor's elements; those of f16 are ranked as f32. */
export function keyOf(op: string, x: Tensor, by: SelectBy, largest: boolean): SelectKey {
  if (x.dtype === 'bool') throw new DTypeError(op, 'x of dtype f32, f16, i32 or u32', x.dtype);
  if (by !== 'signed' && by !== 'magnitude') throw new ArgumentError(op, "by: 'signed' or 'magnitude'", String(by));
  return { type: x.dtype === 'f16' ? 'f32' : x.dtype, by, largest };
}

/** x's elements of 32 bits in a shape, for the kernels. Untracked. */
export function ranked(op: string, x: Tensor, shape: Shape): Tensor {
  const view = x.view(op, shape);
  return x.dtype === 'f16' ? cast(view, 'f32') : view;
}

/** Lines of x along an axis, as rows [units, n], and how the results [units, m] lie in x's shape. */
export interface Lines {
  axis: number;
  units: number;
  n: number;
  /** x as [units, n]: a view, or a transposed copy. */
  rows(): Tensor;
  /** [units, m] as x's shape with m along the axis. */
  back(rows: Tensor, m: number): Tensor;
}

export function linesOf(op: string, x: Tensor, axis: number): Lines {
  if (x.rank === 0) throw new ShapeError(op, 'x of rank >= 1', showShape(x.shape));
  const at = axisOf(op, axis, x.rank);
  const { lead, length, inner } = columnsOf(x.shape, at);
  const units = lead * inner;
  return {
    axis: at,
    units,
    n: length,
    rows: () => transpose(ranked(op, x, [lead, length, inner]), [0, 2, 1]).view(op, [units, length]),
    back: (rows, m) => {
      const shape = x.shape.map((d, a) => (a === at ? m : d));
      return transpose(rows.view(op, [lead, inner, m]), [0, 2, 1]).view(op, shape);
    },
  };
}

/** Checks a k from the host. */
export function assertRank(op: string, k: number, least: number, n: number): void {
  if (!Number.isInteger(k) || k < least || k > n) {
    const range = n < least ? `at least ${least} element to choose from` : `a whole k from ${least} to ${n}`;
    throw new ArgumentError(op, range, n < least ? `${n}` : String(k));
  }
}

/** Checks ks on the device: u32, one a unit, on x's device. */
export function assertRanks(op: string, k: Tensor, units: number): void {
  if (k.dtype !== 'u32') throw new DTypeError(op, 'k of dtype u32', k.dtype);
  if (k.size !== units) throw new ShapeError(op, `${units} values of k`, showShape(k.shape));
}
