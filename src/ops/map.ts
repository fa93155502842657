import type { ElementInput } from '../../shaders/elements.js';
import { type MapSpec, mapShader } from '../../shaders/map.js';
import { record } from '../autograd/node.js';
import { emit } from '../expr/emit.js';
import { type Expr, usesCoord } from '../expr/expr.js';
import type { ValueType } from '../expr/ops.js';
import type { Device } from '../gpu/device.js';
import { DTypeError, LimitError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { type DType, STORED } from '../tensor/dtype.js';
import { broadcastShapes, type Shape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { type MergedAxis, mergeAxes } from './merge-axes.js';
import { reduceOf } from './reduce.js';
import { walkOf } from './walk.js';

/**
 * The one pointwise primitive: an expression over broadcast inputs, summed over some axes of the iteration space.
 * Its derivative with respect to any input is again of this form, so it is closed under differentiation.
 */
export interface MapAttrs {
  expr: Expr;
  scalars: readonly number[];
  /** The space that every input broadcasts to. */
  shape: Shape;
  /** Axes summed away. */
  axes: readonly number[];
  keepDims: boolean;
}

export interface MapOptions {
  scalars?: readonly number[];
  shape?: Shape;
  axes?: readonly number[];
  keepDims?: boolean;
  /** dtype of the result; by default that of the expression. */
  dtype?: DType;
  /** Name for messages. */
  op?: string;
}

const mapKernel = defineKernel<MapSpec>({ name: 'map', shader: mapShader });

/** Value type of a tensor inside an expression. */
export const valueType = (t: Tensor): ValueType => (t.dtype === 'f16' ? 'f32' : t.dtype);

/** f(inputs...) elementwise with broadcasting, optionally summed over axes. */
export function map(inputs: readonly Tensor[], expr: Expr, options: MapOptions = {}): Tensor {
  const op = options.op ?? 'map';
  const device = commonDevice(op, inputs);
  const shape = options.shape ?? broadcastShapes(op, ...inputs.map((t) => t.shape));
  const attrs: MapAttrs = {
    expr,
    scalars: options.scalars ?? [],
    shape,
    axes: options.axes ?? [],
    keepDims: options.keepDims ?? false,
  };
  const out =
    attrs.axes.length > 0
      ? reduceOf(op, device, inputs, attrs, 'sum')
      : mapOf(op, device, inputs, attrs, options.dtype ?? expr.type);
  return record('map', attrs, inputs, out);
}

/** A map without inputs (constants, coordinates) on a device. */
export function generate(
  op: string,
  device: Device,
  shape: Shape,
  expr: Expr,
  scalars: readonly number[],
  dtype: DType,
): Tensor {
  return mapOf(op, device, [], { expr, scalars, shape, axes: [], keepDims: false }, dtype);
}

function mapOf(op: string, device: Device, inputs: readonly Tensor[], attrs: MapAttrs, dtype: DType): Tensor {
  const { expr, shape } = attrs;
  if (valueTypeOf(dtype) !== expr.type)
    throw new DTypeError(op, `an expression of type ${valueTypeOf(dtype)}`, expr.type);
  checkBindings(op, device, inputs.length + 1);
  const out = Tensor.empty(op, device, dtype, shape);
  try {
    if (out.size > 0) launchMap(op, device, inputs, attrs, out);
  } catch (error) {
    out.dispose();
    throw error;
  }
  return out;
}

/** Writes the map into a given output (which no input may share). */
export function launchMap(op: string, device: Device, inputs: readonly Tensor[], attrs: MapAttrs, out: Tensor): void {
  const { expr, shape, scalars } = attrs;
  const coords = usesCoord(expr);
  const axes = mergeAxes(
    shape,
    inputs.map((t) => t.shape),
    [],
    !coords,
  );
  const linear = !coords && axes.length <= 1;
  const inner = axes.at(-1);
  const lanes = !coords && canVector(axes, inputs.length, linear) ? 4 : 1;
  const emitted = emit(expr, lanes);
  const rank = linear ? 0 : axes.length;
  const units = axes.map((a, k) => (lanes === 4 && k === axes.length - 1 ? a.size / 4 : a.size));
  const n = lanes === 4 ? Math.ceil(out.size / 4) : out.size;
  const strides = inputs.flatMap((_, i) => {
    if (rank === 0) return lanes === 4 ? [] : [axes.length === 0 ? 0 : axes[0].strides[i]];
    const vector = lanes === 4 && inner?.strides[i] === 1;
    return axes.map((a, k) =>
      vector
        ? k === axes.length - 1
          ? 1
          : a.strides[i] / 4
        : k === axes.length - 1 && lanes === 4
          ? a.strides[i] * 4
          : a.strides[i],
    );
  });
  const walk = walkOf(device, n);
  const spec: MapSpec = {
    body: emitted.body,
    helpers: emitted.helpers,
    inputs: inputs.map((t, i) =>
      elementInput(t, lanes === 4 ? (inner === undefined || inner.strides[i] === 0 ? 'splat' : 'vector') : 'scalar'),
    ),
    type: expr.type,
    stored: STORED[out.dtype] as MapSpec['stored'],
    rank,
    lanes,
    scalars: scalars.length,
    coords,
  };
  device.run(mapKernel, spec, {
    bindings: [...inputs.map((t) => t.binding(op)), out.binding(op)],
    params: [...walk.params, ...(rank > 0 ? units : []), ...strides, ...scalars],
    grid: walk.grid,
    cost: { flops: emitted.flops * out.size, bytes: out.bytes + inputs.reduce((b, t) => b + t.bytes, 0) },
  });
}

/** vec4 access along the innermost merged axis: all strides 1 or 0 there, and everything else a multiple of 4. */
function canVector(axes: readonly MergedAxis[], inputs: number, linear: boolean): boolean {
  const inner = axes.at(-1);
  if (!inner) return false;
  if (!linear && inner.size % 4 !== 0) return false;
  for (let i = 0; i < inputs; i++) {
    const s = inner.strides[i];
    if (s !== 0 && s !== 1) return false;
    if (s === 1 && axes.slice(0, -1).some((a) => a.strides[i] % 4 !== 0)) return false;
  }
  return true;
}

/** How a kernel reads this tensor's elements. */
export function elementInput(t: Tensor, load: ElementInput['load']): ElementInput {
  return { stored: STORED[t.dtype] as 'f32', bool: t.dtype === 'bool', load };
}

const valueTypeOf = (dtype: DType): ValueType => (dtype === 'f16' ? 'f32' : dtype);

export function checkBindings(op: string, device: Device, n: number): void {
  if (n > device.limits.maxBindings) throw new LimitError(op, 'tensors in one kernel', device.limits.maxBindings, n);
}
