import { record } from '../autograd/node.js';
import { ArgumentError, DTypeError, ShapeError } from '../gpu/errors.js';
import { axisOf, showShape, stridesOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { composite } from './composite.js';
import { expand } from './expand.js';
import { reshape } from './reshape.js';
import { launchCopy } from './slice.js';

/**
 * Tensors joined along an axis; all other axes and the dtype agree.
 *
 * @throws ShapeError, DTypeError, ArgumentError (no tensors)
 */
export function concat(xs: readonly Tensor[], axis = 0): Tensor {
  return concatOf('concat', xs, axis);
}

function concatOf(op: string, xs: readonly Tensor[], axis: number): Tensor {
  if (xs.length === 0) throw new ArgumentError(op, 'at least one tensor', 'none');
  const device = commonDevice(op, xs);
  const [first] = xs;
  const at = axisOf(op, axis, first.rank);
  for (const x of xs) {
    if (x.dtype !== first.dtype) throw new DTypeError(op, `tensors of one dtype, ${first.dtype}`, x.dtype);
    if (x.rank !== first.rank || x.shape.some((d, a) => a !== at && d !== first.shape[a])) {
      throw new ShapeError(
        op,
        `shapes that agree except on axis ${at}`,
        `${showShape(first.shape)} and ${showShape(x.shape)}`,
      );
    }
  }
  const shape = first.shape.map((d, a) => (a === at ? xs.reduce((n, x) => n + x.shape[at], 0) : d));
  const out = Tensor.empty(op, device, first.dtype, shape);
  const strides = stridesOf(shape);
  let start = 0;
  for (const x of xs) {
    const own = stridesOf(x.shape);
    launchCopy(op, x, out, {
      axes: x.shape.map((size, a) => ({ size, from: own[a], to: strides[a] })),
      from: 0,
      to: start * strides[at],
    });
    start += x.shape[at];
  }
  return record('concat', { axis: at }, xs, out);
}

/** Tensors of one shape side by side along a new axis. */
export function stack(xs: readonly Tensor[], axis = 0): Tensor {
  if (xs.length === 0) throw new ArgumentError('stack', 'at least one tensor', 'none');
  commonDevice('stack', xs);
  const [first] = xs;
  const at = axisOf('stack', axis, first.rank + 1);
  for (const x of xs) {
    if (showShape(x.shape) !== showShape(first.shape)) {
      throw new ShapeError('stack', 'tensors of one shape', `${showShape(first.shape)} and ${showShape(x.shape)}`);
    }
    if (x.dtype !== first.dtype) throw new DTypeError('stack', `tensors of one dtype, ${first.dtype}`, x.dtype);
  }
  return composite(xs, () => {
    const rows = xs.map((x) => reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]));
    return concatOf('stack', rows, at);
  });
}

/**
 * x repeated reps[a] times along axis a; a list longer than the rank adds leading axes, a shorter one leaves leading
 * axes alone. Any dtype.
 */
export function tile(x: Tensor, reps: readonly number[]): Tensor {
  commonDevice('tile', [x]);
  for (const r of reps)
    if (!Number.isInteger(r) || r < 0) throw new ArgumentError('tile', 'whole numbers of repeats >= 0', String(r));
  const rank = Math.max(x.rank, reps.length);
  const size = Array.from({ length: rank }, (_, a) => x.shape[a - rank + x.rank] ?? 1);
  const times = Array.from({ length: rank }, (_, a) => reps[a - rank + reps.length] ?? 1);
  return stretch(
    x,
    size.flatMap((d) => [1, d]),
    size.flatMap((d, a) => [times[a], d]),
    size.map((d, a) => d * times[a]),
  );
}

/** Every element of x repeated `times` times in a row along an axis. Any dtype. */
export function repeatInterleave(x: Tensor, times: number, axis = 0): Tensor {
  commonDevice('repeatInterleave', [x]);
  const a = axisOf('repeatInterleave', axis, x.rank);
  if (!Number.isInteger(times) || times < 0)
    throw new ArgumentError('repeatInterleave', 'a whole number of repeats >= 0', String(times));
  const widen = (n: number) => [...x.shape.slice(0, a + 1), n, ...x.shape.slice(a + 1)];
  return stretch(
    x,
    widen(1),
    widen(times),
    x.shape.map((d, k) => (k === a ? d * times : d)),
  );
}

function stretch(x: Tensor, from: number[], to: number[], shape: number[]): Tensor {
  return composite([x], () => reshape(expand(reshape(x, from), to), shape));
}
