import { type CopySpec, stridedCopyShader } from '../../shaders/slice.js';
import { record } from '../autograd/node.js';
import { constant, scalar } from '../expr/expr.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { isFloat } from '../tensor/dtype.js';
import { axesOf, axisOf, type Shape, showShape, sizeOf, stridesOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { generate, valueType } from './map.js';
import { walkOf } from './walk.js';

/**
 * Which elements a slice takes, or where padding puts them: element i of the smaller tensor is element begin + step i
 * of the larger one, along every axis. `shape` is the result's. The two are each other's adjoint.
 */
export interface SliceAttrs {
  begin: readonly number[];
  /** Never 0; negative steps walk backwards. */
  step: readonly number[];
  shape: Shape;
}

/** One axis of a strided copy: its size and the strides in elements on both sides. */
export interface CopyAxis {
  size: number;
  from: number;
  to: number;
}

/** A rectangular set of elements and where they lie in source and destination. */
export interface CopyPlan {
  axes: readonly CopyAxis[];
  from: number;
  to: number;
}

const copyKernel = defineKernel<CopySpec>({ name: 'copy', shader: stridedCopyShader });

/** The fewest axes that describe the same walk: those of size 1 vanish, neighbours merge where both sides allow it. */
export function mergeCopyAxes(axes: readonly CopyAxis[]): CopyAxis[] {
  const out: CopyAxis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = out.at(-1);
    if (last && last.from === axis.from * axis.size && last.to === axis.to * axis.size) {
      out[out.length - 1] = { ...axis, size: last.size * axis.size };
    } else out.push(axis);
  }
  return out.length > 0 ? out : [{ size: 1, from: 1, to: 1 }];
}

/** How elements of a dtype travel through kernels that only move them. */
export const movedAs = (t: Tensor): 'u32' | 'f16' => (t.dtype === 'f16' ? 'f16' : 'u32');

/** Copies elements of `x` into `out` as the plan says. */
export function launchCopy(op: string, x: Tensor, out: Tensor, plan: CopyPlan): void {
  const axes = mergeCopyAxes(plan.axes);
  const n = axes.reduce((total, a) => total * a.size, 1);
  if (n === 0) return;
  const { device } = x;
  const inner = axes[axes.length - 1];
  const outer = axes.slice(0, -1);
  const aligned = [inner.size, plan.from, plan.to, ...outer.flatMap((a) => [a.from, a.to])].every((v) => v % 4 === 0);
  const lanes = aligned && inner.from === 1 && inner.to === 1 ? 4 : 1;
  const scale = (v: number) => v / lanes;
  const units = n / lanes;
  const walk = walkOf(device, units);
  device.run(
    copyKernel,
    { stored: movedAs(x), rank: axes.length, lanes },
    {
      bindings: [x.binding(op), out.binding(op)],
      params: [
        ...walk.params,
        scale(plan.from),
        scale(plan.to),
        ...outer.map((a) => a.size),
        scale(inner.size),
        ...outer.map((a) => scale(a.from)),
        inner.from,
        ...outer.map((a) => scale(a.to)),
        inner.to,
      ],
      grid: walk.grid,
      cost: { flops: 0, bytes: 2 * n * (x.bytes / x.size) },
    },
  );
}

/** Elements of `x` at begin + step i. A view where only the leading axis is cut and the cut is aligned. */
export function sliceAt(x: Tensor, attrs: SliceAttrs, op = 'slice'): Tensor {
  const { begin, step, shape } = attrs;
  const strides = stridesOf(x.shape);
  const whole = (a: number) => step[a] === 1 && shape[a] === x.shape[a];
  const offset = begin.reduce((sum, b, a) => sum + b * strides[a], 0);
  const leading = x.rank === 0 || (step[0] === 1 && shape.every((_, a) => a === 0 || whole(a)));
  if (leading && sizeOf(shape) > 0 && x.canViewAt(offset))
    return record('slice', attrs, [x], x.view(op, shape, offset));
  const out = Tensor.empty(op, x.device, x.dtype, shape);
  const dense = stridesOf(shape);
  launchCopy(op, x, out, {
    axes: shape.map((size, a) => ({ size, from: step[a] * strides[a], to: dense[a] })),
    from: offset,
    to: 0,
  });
  return record('slice', attrs, [x], out);
}

/** `value` everywhere in `shape`, save for x's elements at begin + step i. */
export function placeAt(x: Tensor, attrs: SliceAttrs, value = 0, op = 'pad'): Tensor {
  const { begin, step, shape } = attrs;
  const strides = stridesOf(shape);
  const type = valueType(x);
  const fill = type === 'f32' ? scalar(0) : constant(value, type);
  const out = generate(op, x.device, shape, fill, type === 'f32' ? [value] : [], x.dtype);
  const dense = stridesOf(x.shape);
  launchCopy(op, x, out, {
    axes: x.shape.map((size, a) => ({ size, from: dense[a], to: step[a] * strides[a] })),
    from: 0,
    to: begin.reduce((sum, b, a) => sum + b * strides[a], 0),
  });
  return record('pad', attrs, [x], out);
}

/**
 * Every `steps[a]`-th element along each axis a, from `begin[a]` up to, not including, `end[a]`. Negative bounds count
 * from the end, null is the natural bound, axes not listed are whole, and a negative step walks backwards (then begin
 * is the higher bound and `end: null` goes through element 0). Any dtype. Where only the leading axis is cut, with
 * step 1, at an offset that the device can bind, the result is a view; else a copy.
 *
 * @throws ArgumentError for a bound outside the axis, or a step of 0
 */
export function slice(
  x: Tensor,
  begin: readonly (number | null)[],
  end: readonly (number | null)[],
  steps: readonly number[] = [],
): Tensor {
  commonDevice('slice', [x]);
  for (const list of [begin, end, steps]) {
    if (list.length > x.rank)
      throw new ShapeError('slice', `at most ${x.rank} bounds for ${showShape(x.shape)}`, `${list.length}`);
  }
  const step = x.shape.map((_, a) => steps[a] ?? 1);
  for (const s of step)
    if (!Number.isInteger(s) || s === 0)
      throw new ArgumentError('slice', 'steps as whole numbers other than 0', String(s));
  const first = x.shape.map((n, a) => boundOf(begin[a], n, step[a] > 0 ? 0 : n - 1));
  const stop = x.shape.map((n, a) => boundOf(end[a], n, step[a] > 0 ? n : -1));
  const shape = x.shape.map((n, a) => {
    const size = Math.max(0, Math.ceil((stop[a] - first[a]) / step[a]));
    if (size > 0 && (first[a] < 0 || first[a] >= n))
      throw new ArgumentError('slice', `bounds within axis ${a} of size ${n}`, `${begin[a]}`);
    return size;
  });
  return sliceAt(x, { begin: first, step, shape });
}

function boundOf(value: number | null | undefined, n: number, natural: number): number {
  if (value === null || value === undefined) return natural;
  if (!Number.isInteger(value) || value < -n || value > n)
    throw new ArgumentError('slice', `bounds from ${-n} to ${n}`, String(value));
  return value < 0 ? value + n : value;
}

/**
 * `value` around x: `pads[a]` = [before, after] elements along axis a, and `interior[a]` between neighbours. Axes not
 * listed keep their size. Any dtype; the gradient is the slice that undoes it.
 *
 * @throws ArgumentError for a pad that is negative or broken, or a value that the dtype does not hold
 */
export function pad(
  x: Tensor,
  pads: readonly (readonly [before: number, after: number])[],
  value = 0,
  interior: readonly number[] = [],
): Tensor {
  commonDevice('pad', [x]);
  if (pads.length > x.rank || interior.length > x.rank) {
    throw new ShapeError(
      'pad',
      `at most ${x.rank} axes for ${showShape(x.shape)}`,
      `${Math.max(pads.length, interior.length)}`,
    );
  }
  for (const v of [...pads.flat(), ...interior])
    if (!Number.isInteger(v) || v < 0) throw new ArgumentError('pad', 'pads as whole numbers >= 0', String(v));
  const low = { i32: -(2 ** 31), u32: 0, bool: 0 };
  const high = { i32: 2 ** 31 - 1, u32: 2 ** 32 - 1, bool: 1 };
  const { dtype } = x;
  if (!isFloat(dtype)) {
    const t = dtype as keyof typeof low;
    if (!Number.isInteger(value) || value < low[t] || value > high[t])
      throw new ArgumentError('pad', `a value of dtype ${dtype}`, String(value));
  }
  const step = x.shape.map((_, a) => (interior[a] ?? 0) + 1);
  const begin = x.shape.map((_, a) => pads[a]?.[0] ?? 0);
  const shape = x.shape.map((n, a) => begin[a] + (n === 0 ? 0 : (n - 1) * step[a] + 1) + (pads[a]?.[1] ?? 0));
  return placeAt(x, { begin, step, shape }, value);
}

/** x with the order of its elements along `axes` (all where none are given) reversed. */
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  commonDevice('flip', [x]);
  const turned = axesOf('flip', axes, x.rank);
  const back = (a: number) => turned.includes(a) && x.shape[a] > 1;
  return sliceAt(
    x,
    {
      begin: x.shape.map((n, a) => (back(a) ? n - 1 : 0)),
      step: x.shape.map((_, a) => (back(a) ? -1 : 1)),
      shape: x.shape,
    },
    'flip',
  );
}

/**
 * x cut along an axis into parts of the given sizes, or into that many equal ones.
 *
 * @throws ShapeError when the sizes do not add up to the axis
 */
export function split(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  commonDevice('split', [x]);
  const a = axisOf('split', axis, x.rank);
  const n = x.shape[a];
  if (typeof sizes === 'number' && (!Number.isInteger(sizes) || sizes < 1 || n % sizes !== 0)) {
    throw new ShapeError(
      'split',
      `a number of parts that divides axis ${a}`,
      `${sizes} parts of ${showShape(x.shape)}`,
    );
  }
  const list = typeof sizes === 'number' ? new Array<number>(sizes).fill(n / sizes) : sizes;
  const fits = list.every((s) => Number.isInteger(s) && s >= 0) && list.reduce((sum, s) => sum + s, 0) === n;
  if (!fits)
    throw new ShapeError('split', `sizes that add up to ${n}, axis ${a} of ${showShape(x.shape)}`, list.join(' + '));
  let start = 0;
  return list.map((size) => {
    const begin = x.shape.map((_, k) => (k === a ? start : 0));
    start += size;
    return sliceAt(
      x,
      { begin, step: x.shape.map(() => 1), shape: x.shape.map((d, k) => (k === a ? size : d)) },
      'split',
    );
  });
}
