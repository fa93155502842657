import { type GatherSpec, gatherShader } from '../../shaders/gather.js';
import { record } from '../autograd/node.js';
import { ArgumentError, DTypeError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { STORED } from '../tensor/dtype.js';
import { axisOf, type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { STRIDE_WORKGROUP, strideGrid } from './grid-stride.js';
import { type IndexInput, withIndices } from './index-input.js';
import { launchScatterAdd } from './scatter-add.js';

export { assertIndices, type IndexInput } from './index-input.js';

export interface GatherOptions {
  /** Leading axes that x and the indices share: each part of x is read by its own indices. */
  batch?: number;
}

/** Attributes of the family; `along` means an index of x's own rank, one list a column. */
export interface GatherAttrs {
  axis: number;
  batch: number;
  along: boolean;
  /** Elements along the axis that is indexed. */
  size: number;
}

/** The problem as x [parts, lead, size, inner], out [parts, lead, picks, inner] and the index's strides over out. */
export interface GatherPlan {
  parts: number;
  lead: number;
  size: number;
  picks: number;
  inner: number;
  strides: readonly [part: number, lead: number, pick: number, inner: number];
  /** Lists of indices, and the stride of the list's elements (the index's inner axis). */
  rows: number;
  rowInner: number;
  /** The row of an output element: part rp + lead ra + inner rb. */
  rowStrides: readonly [rp: number, ra: number, rb: number];
}

const gatherKernel = defineKernel<GatherSpec>({ name: 'gather', shader: gatherShader });

/**
 * Picks along an axis: x [P..., A..., N, B...] by index [P..., I...] gives [P..., A..., I..., B...], P being the first
 * `batch` axes. Indices on the device are limited to [0, N).
 *
 * @param x any dtype
 * @param index i32 or u32 of any rank, or host numbers, which are checked
 * @param axis of x, at or after the batch axes
 * @throws ShapeError where the batch axes differ, or N is 0 and the index is not empty
 * @throws DTypeError for indices that are not integers
 * @throws ArgumentError for a host index outside [0, N), or an axis or batch outside x's rank
 */
export function gather(x: Tensor, index: IndexInput, axis = 0, { batch = 0 }: GatherOptions = {}): Tensor {
  const a = axisOf('gather', axis, x.rank);
  return take('gather', x, index, { axis: a, batch, along: false, size: x.shape[a] });
}

/**
 * Picks along an axis by an index of x's rank: y[..., k, ...] = x[..., index[..., k, ...], ...]. Both have the same
 * sizes but for the axis. Errors as for `gather`.
 */
export function takeAlongAxis(x: Tensor, index: IndexInput, axis: number): Tensor {
  const a = axisOf('takeAlongAxis', axis, x.rank);
  return take('takeAlongAxis', x, index, { axis: a, batch: 0, along: true, size: x.shape[a] });
}

/**
 * Rows of a table: weight [V, D] by ids [I...] gives [I..., D]; a population's [P, V, D] by ids [P, I...] gives
 * [P, I..., D]. Errors as for `gather`.
 */
export function embedding(weight: Tensor, ids: IndexInput): Tensor {
  if (weight.rank !== 2 && weight.rank !== 3) {
    throw new ShapeError('embedding', 'a table [V, D], or [P, V, D] for a population', showShape(weight.shape));
  }
  const batch = weight.rank - 2;
  return take('embedding', weight, ids, { axis: batch, batch, along: false, size: weight.shape[batch] });
}

/**
 * The adjoint of `gather`: adds g [P..., A..., I..., B...] into zeros [P..., A..., size, B...] at the indices
 * [P..., I...]. Summed in ascending order of the indices' positions, in f32, i32 or u32: the same bytes every time.
 *
 * @param axis of the result, at or after the batch axes
 * @throws ShapeError where g does not have the index's axes at `axis`, or size is 0 and the index is not empty
 * @throws DTypeError for bool or f16, or indices that are not integers
 * @throws ArgumentError for a host index outside [0, size)
 */
export function scatterAdd(
  g: Tensor,
  index: IndexInput,
  axis: number,
  size: number,
  { batch = 0 }: GatherOptions = {},
): Tensor {
  checkSize('scatterAdd', size);
  return withIndices('scatterAdd', g.device, index, size, (at) => {
    const spread = at.rank - batch;
    const a = axisOf('scatterAdd', axis, g.rank - spread + 1);
    return add('scatterAdd', g, at, { axis: a, batch, along: false, size });
  });
}

/** The adjoint of `takeAlongAxis`: g and index have one shape, the result has `size` along the axis. Errors as `scatterAdd`. */
export function scatterAddAlongAxis(g: Tensor, index: IndexInput, axis: number, size: number): Tensor {
  checkSize('scatterAddAlongAxis', size);
  const a = axisOf('scatterAddAlongAxis', axis, g.rank);
  return withIndices('scatterAddAlongAxis', g.device, index, size, (at) =>
    add('scatterAddAlongAxis', g, at, { axis: a, batch: 0, along: true, size }),
  );
}

function checkSize(op: string, size: number): void {
  if (!Number.isInteger(size) || size < 0) throw new ArgumentError(op, 'a whole size >= 0', String(size));
}

function take(op: string, x: Tensor, index: IndexInput, attrs: GatherAttrs): Tensor {
  return withIndices(op, x.device, index, attrs.size, (at) => gatherBy(op, x, at, attrs));
}

/** Recorded gather with given attributes; also the reverse rule of `scatterAdd`. */
export function gatherBy(op: string, x: Tensor, index: Tensor, attrs: GatherAttrs): Tensor {
  const device = commonDevice(op, [x, index]);
  const { plan, gathered } = planOf(op, x.shape, index.shape, attrs);
  const out = Tensor.empty(op, device, x.dtype, gathered);
  try {
    if (out.size > 0) launchGather(op, x, index, plan, out);
  } catch (error) {
    out.dispose();
    throw error;
  }
  return record('gather', attrs, [x, index], out);
}

/** Recorded scatterAdd with given attributes; also the reverse rule of `gather`. */
export const scatterAddBy = (op: string, g: Tensor, index: Tensor, attrs: GatherAttrs): Tensor =>
  add(op, g, index, attrs);

function add(op: string, g: Tensor, index: Tensor, attrs: GatherAttrs): Tensor {
  const device = commonDevice(op, [g, index]);
  if (g.dtype === 'bool' || g.dtype === 'f16') throw new DTypeError(op, 'values of dtype f32, i32 or u32', g.dtype);
  const spread = attrs.along ? 1 : index.rank - attrs.batch;
  const shape = [...g.shape.slice(0, attrs.axis), attrs.size, ...g.shape.slice(attrs.axis + spread)];
  const { plan, gathered } = planOf(op, shape, index.shape, attrs);
  if (!sameShape(gathered, g.shape))
    throw new ShapeError(op, `values of shape ${showShape(gathered)}`, showShape(g.shape));
  const out = Tensor.empty(op, device, g.dtype, shape);
  try {
    if (out.size > 0) launchScatterAdd(op, g, index, plan, out);
  } catch (error) {
    out.dispose();
    throw error;
  }
  return record('scatterAdd', attrs, [g, index], out);
}

/** Checks x's shape against the index's and lays the problem out. */
function planOf(
  op: string,
  shape: Shape,
  index: Shape,
  { axis, batch, along, size }: GatherAttrs,
): { plan: GatherPlan; gathered: number[] } {
  if (!Number.isInteger(batch) || batch < 0 || batch > axis)
    throw new ArgumentError(op, `batch axes from 0 to the axis, ${axis}`, String(batch));
  const inner = sizeOf(shape.slice(axis + 1));
  let plan: GatherPlan;
  let gathered: number[];
  if (along) {
    gathered = shape.map((d, a) => (a === axis ? (index[a] ?? 0) : d));
    if (!sameShape(gathered, index))
      throw new ShapeError(op, `indices of shape ${showShape(shape)} but for axis ${axis}`, showShape(index));
    const lead = sizeOf(shape.slice(0, axis));
    const picks = index[axis];
    plan = {
      parts: 1,
      lead,
      size,
      picks,
      inner,
      strides: [0, picks * inner, inner, 1],
      rows: lead * inner,
      rowInner: inner,
      rowStrides: [0, inner, 1],
    };
  } else {
    const shared = shape.slice(0, batch);
    if (!sameShape(index.slice(0, batch), shared))
      throw new ShapeError(op, `indices that begin with the batch axes ${showShape(shared)}`, showShape(index));
    gathered = [...shape.slice(0, axis), ...index.slice(batch), ...shape.slice(axis + 1)];
    const parts = sizeOf(shared);
    const picks = sizeOf(index.slice(batch));
    const lead = sizeOf(shape.slice(batch, axis));
    plan = {
      parts,
      lead,
      size,
      picks,
      inner,
      strides: [picks, 0, 1, 0],
      rows: parts,
      rowInner: 1,
      rowStrides: [1, 0, 0],
    };
  }
  if (size === 0 && plan.picks > 0)
    throw new ShapeError(op, 'no index into an axis of size 0', `indices ${showShape(index)}`);
  return { plan, gathered };
}

function launchGather(op: string, x: Tensor, index: Tensor, plan: GatherPlan, out: Tensor): void {
  const device = x.device;
  const lanes = plan.strides[3] === 0 && plan.inner % 4 === 0 ? 4 : 1;
  device.run(
    gatherKernel,
    {
      type: STORED[x.dtype] as GatherSpec['type'],
      index: index.dtype as 'i32' | 'u32',
      lanes,
      workgroup: STRIDE_WORKGROUP,
    },
    {
      bindings: [x.binding(op), index.binding(op), out.binding(op)],
      params: [plan.parts, plan.lead, plan.size, plan.picks, plan.inner / lanes, ...plan.strides],
      grid: strideGrid(device, out.size / lanes),
      cost: { flops: 0, bytes: 2 * out.bytes + index.bytes },
    },
  );
}
