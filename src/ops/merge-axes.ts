import { type Shape, stridesOf } from '../tensor/shape.js';

/** One axis of an iteration space after merging: its size and every input's stride in elements (0: broadcast). */
export interface MergedAxis {
  size: number;
  strides: number[];
  reduced: boolean;
  /** Axis of the unmerged space, where nothing was merged into it. */
  axis: number;
}

/**
 * The fewest axes that describe a walk over `shape` by inputs that broadcast to it: axes of size 1 vanish, and
 * neighbours merge where every input steps through both as through one.
 *
 * @param merge false keeps axes apart, for expressions that read coordinates
 */
export function mergeAxes(
  shape: Shape,
  inputs: readonly Shape[],
  reduced: readonly number[],
  merge: boolean,
): MergedAxis[] {
  const rank = shape.length;
  const strides = inputs.map((s) => {
    const own = stridesOf(s);
    const lead = rank - s.length;
    return shape.map((_, a) => (a < lead || s[a - lead] === 1 ? 0 : own[a - lead]));
  });
  const out: MergedAxis[] = [];
  for (let a = 0; a < rank; a++) {
    if (shape[a] === 1 && merge) continue;
    const axis: MergedAxis = {
      size: shape[a],
      strides: strides.map((s) => s[a]),
      reduced: reduced.includes(a),
      axis: a,
    };
    const last = out.at(-1);
    const joins =
      merge && last && last.reduced === axis.reduced && last.strides.every((s, i) => s === axis.strides[i] * axis.size);
    if (joins)
      out[out.length - 1] = { size: last.size * axis.size, strides: axis.strides, reduced: axis.reduced, axis: -1 };
    else out.push(axis);
  }
  return out;
}
