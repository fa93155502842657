import { record } from '../autograd/node.js';
import { ShapeError } from '../gpu/errors.js';
import { axesOf, inferShape, type Shape, showShape, sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** The same values in another shape; one axis may be -1. A view: no copy. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return record('reshape', {}, [x], x.view('reshape', inferShape('reshape', shape, x.size)));
}

/** Another handle on the same values, recorded as the identity. */
export const alias = (x: Tensor): Tensor => record('reshape', {}, [x], x.view('alias', x.shape));

/** Axes from `start` to `end` (inclusive) merged into one. */
export function flatten(x: Tensor, start = 0, end = -1): Tensor {
  const last = end < 0 ? x.rank + end : end;
  if (x.rank === 0) return reshape(x, [1]);
  if (start < 0 || last >= x.rank || start > last) {
    throw new ShapeError('flatten', `axes within rank ${x.rank}`, `${start} to ${end}`);
  }
  return reshape(x, [...x.shape.slice(0, start), sizeOf(x.shape.slice(start, last + 1)), ...x.shape.slice(last + 1)]);
}

/** A new axis of size 1. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const [a] = axesOf('unsqueeze', axis, x.rank + 1);
  return reshape(x, [...x.shape.slice(0, a), 1, ...x.shape.slice(a)]);
}

/** Without the axes of size 1 (all of them, or those named). */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  const gone = axesOf('squeeze', axes, x.rank).filter((a) => axes !== undefined || x.shape[a] === 1);
  for (const a of gone) {
    if (x.shape[a] !== 1) throw new ShapeError('squeeze', `axis ${a} of size 1`, showShape(x.shape));
  }
  return reshape(
    x,
    x.shape.filter((_, a) => !gone.includes(a)),
  );
}

/** A copy-free handle through which no gradient flows. */
export function detach(x: Tensor): Tensor {
  return x.view('detach', x.shape);
}
