import { type Combine, type ReduceSpec, reduceShader } from '../../shaders/reduce.js';
import { emit } from '../expr/emit.js';
import { type Expr, input, topological } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { DTypeError } from '../gpu/errors.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { broadcastShapes, reducedShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { checkBindings, elementInput, type MapAttrs } from './map.js';
import { type MergedAxis, mergeAxes } from './merge-axes.js';

const reduceKernel = defineKernel<ReduceSpec>({ name: 'reduce', shader: reduceShader });
const inputExpr = input(0);

/** Greatest or least value of an expression over axes; -inf or inf where there are none. Not recorded. */
export function extremumOf(
  op: string,
  inputs: readonly Tensor[],
  expr: Expr,
  axes: readonly number[],
  keepDims: boolean,
  combine: 'max' | 'min',
): Tensor {
  const device = commonDevice(op, inputs);
  const shape = broadcastShapes(op, ...inputs.map((t) => t.shape));
  return reduceOf(op, device, inputs, { expr, scalars: [], shape, axes, keepDims }, combine);
}

/** Longest walk of one invocation before a reduction is split over workgroups, and how many workgroups to aim for. */
const SPLIT = { software: { workgroups: 16, chunk: 512 }, gpu: { workgroups: 512, chunk: 64 } };

/** Combines an expression over `attrs.axes` into a fresh f32 tensor. Not recorded. */
export function reduceOf(
  op: string,
  device: Device,
  inputs: readonly Tensor[],
  attrs: MapAttrs,
  combine: Combine,
): Tensor {
  const { expr, shape, axes } = attrs;
  if (expr.type !== 'f32') throw new DTypeError(op, 'a float expression to reduce', expr.type);
  checkBindings(op, device, inputs.length + 1);
  const out = Tensor.empty(op, device, 'f32', reducedShape(shape, axes, attrs.keepDims));
  if (out.size === 0) return out;
  try {
    launchReduce(op, device, inputs, attrs, combine, out);
  } catch (error) {
    out.dispose();
    throw error;
  }
  return out;
}

function launchReduce(
  op: string,
  device: Device,
  inputs: readonly Tensor[],
  attrs: MapAttrs,
  combine: Combine,
  out: Tensor,
): void {
  const { expr, shape, axes: reducedAxes, scalars } = attrs;
  const used = topological(expr)
    .filter((e) => e.op === 'coord')
    .map((e) => e.value);
  const merged = mergeAxes(
    shape,
    inputs.map((t) => t.shape),
    reducedAxes,
    used.length === 0,
  );
  const kept = merged.filter((a) => !a.reduced);
  const reduced = merged.filter((a) => a.reduced);
  if (reduced.length === 0) reduced.push({ size: 1, strides: inputs.map(() => 0), reduced: true, axis: -1 });
  const results = out.size;
  const length = reduced.reduce((n, a) => n * a.size, 1);
  const software = device.deviceClass === 'software';
  const innerKept = merged.at(-1)?.reduced === false;
  // One invocation a result where neighbours are results, or where a row is too short to share.
  const across = innerKept || (length <= (software ? 64 : 32) && results >= 32) ? 'kept' : 'reduced';
  const inner = across === 'kept' ? kept.at(-1) : reduced.at(-1);
  const vector =
    used.length === 0 &&
    inner !== undefined &&
    inner.size % 4 === 0 &&
    inner.size > 0 &&
    (across === 'kept' ? innerKept : true);
  const lanes = vector && inputs.every((_, i) => fits(merged, inner, i)) ? 4 : 1;
  const workgroup = software ? (across === 'kept' ? 16 : 8) : across === 'kept' ? 64 : 256;
  const unitResults = across === 'kept' && lanes === 4 ? results / 4 : results;
  const unitLength = across === 'reduced' && lanes === 4 ? length / 4 : length;
  const groups = across === 'kept' ? Math.ceil(unitResults / workgroup) : unitResults;
  const rule = software ? SPLIT.software : SPLIT.gpu;
  const perLane = across === 'kept' ? unitLength : Math.ceil(unitLength / workgroup);
  const splits = Math.max(1, Math.min(Math.ceil(rule.workgroups / groups), Math.floor(perLane / rule.chunk), 1024));
  const chunk = Math.max(1, Math.ceil(unitLength / splits));
  const emitted = emit(expr, lanes);
  const scale = (a: MergedAxis) => (lanes === 4 && a === inner ? 4 : 1);
  const stride = (a: MergedAxis, i: number) =>
    lanes === 4 && inner?.strides[i] === 1 ? (a === inner ? 1 : a.strides[i] / 4) : a.strides[i] * scale(a);
  const spec: ReduceSpec = {
    combine,
    body: emitted.body,
    helpers: emitted.helpers,
    inputs: inputs.map((t, i) =>
      elementInput(t, lanes === 4 ? (inner?.strides[i] === 1 ? 'vector' : 'splat') : 'scalar'),
    ),
    kept: kept.length,
    reduced: reduced.length,
    across,
    lanes,
    scalars: scalars.length,
    coords: [...new Set(used)].map((axis) => ({ axis, digit: digitOf(axis, kept, reduced) })),
    workgroup,
  };
  const params = [
    unitResults,
    unitLength,
    chunk,
    blockOf(chunk, across === 'reduced' ? workgroup : 1),
    ...kept.map((a) => a.size / scale(a)),
    ...reduced.map((a) => a.size / scale(a)),
    ...inputs.flatMap((_, i) => kept.map((a) => stride(a, i))),
    ...inputs.flatMap((_, i) => reduced.map((a) => stride(a, i))),
    ...scalars,
  ];
  const [x, y] = foldGrid(groups, device.limits.maxWorkgroups);
  const bindings = inputs.map((t) => t.binding(op));
  const cost = { flops: emitted.flops * results * length, bytes: inputs.reduce((b, t) => b + t.bytes, 0) };
  if (splits === 1) {
    device.run(reduceKernel, spec, { bindings: [...bindings, out.binding(op)], params, grid: [x, y, 1], cost });
    return;
  }
  const stage = Tensor.empty(op, device, 'f32', [splits, results]);
  try {
    device.run(reduceKernel, spec, { bindings: [...bindings, stage.binding(op)], params, grid: [x, y, splits], cost });
    launchReduce(
      op,
      device,
      [stage],
      { expr: inputExpr, scalars: [], shape: [splits, results], axes: [0], keepDims: false },
      combine,
      out,
    );
  } finally {
    stage.dispose();
  }
}

/** Length of the blocks that a walk of `chunk` in steps of `by` is cut into: none in a short one, else a square root. */
function blockOf(chunk: number, by: number): number {
  const steps = Math.ceil(chunk / by);
  return (steps <= 64 ? steps : Math.ceil(Math.sqrt(steps))) * by;
}

/** Whether input `i` can be read four at a time (stride 1) or splatted (stride 0) along `inner`. */
function fits(axes: readonly MergedAxis[], inner: MergedAxis, i: number): boolean {
  const s = inner.strides[i];
  return s === 0 || (s === 1 && axes.every((a) => a === inner || a.strides[i] % 4 === 0));
}

function digitOf(axis: number, kept: readonly MergedAxis[], reduced: readonly MergedAxis[]): string {
  const k = kept.findIndex((a) => a.axis === axis);
  if (k >= 0) return `k${k}`;
  const r = reduced.findIndex((a) => a.axis === axis);
  return r >= 0 ? `r${r}` : '0';
}

/** Sums a stage [splits, ...] over its first axis into `out`. */
export function sumLeading(op: string, device: Device, stage: Tensor, out: Tensor): void {
  launchReduce(
    op,
    device,
    [stage],
    { expr: inputExpr, scalars: [], shape: [stage.shape[0], out.size], axes: [0], keepDims: false },
    'sum',
    out,
  );
}
