import { type ArgReduceSpec, argReduceShader } from '../../shaders/arg-reduce.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, DTypeError } from '../gpu/errors.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { axisOf, reducedShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { columnsOf } from './cumsum.js';
import type { ReduceOptions } from './reductions.js';

const kernel = defineKernel<ArgReduceSpec>({ name: 'arg reduce', shader: argReduceShader });

/**
 * Index of the greatest element along an axis, or of the whole tensor in row-major order where no axis is given.
 * Ties give the least index; the first NaN, if there is one, counts as greatest.
 *
 * @param x f32, i32, u32 or bool
 * @returns i32 without the axis (or with it as 1)
 * @throws ArgumentError for an axis outside x's rank, or nothing to choose from
 * @throws DTypeError for f16
 */
export const argmax = (x: Tensor, axis?: number, options: ReduceOptions = {}): Tensor =>
  argReduce('argmax', x, axis, options, false);

/** Index of the least element; otherwise as `argmax`: ties give the least index, the first NaN counts as least. */
export const argmin = (x: Tensor, axis?: number, options: ReduceOptions = {}): Tensor =>
  argReduce('argmin', x, axis, options, true);

function argReduce(op: string, x: Tensor, axis: number | undefined, options: ReduceOptions, least: boolean): Tensor {
  const device = commonDevice(op, [x]);
  if (x.dtype === 'f16') throw new DTypeError(op, 'x of dtype f32, i32, u32 or bool', x.dtype);
  const axes = axis === undefined ? x.shape.map((_, a) => a) : [axisOf(op, axis, x.rank)];
  const plan = axis === undefined ? { lead: 1, length: x.size, inner: 1 } : columnsOf(x.shape, axes[0]);
  if (plan.length === 0) throw new ArgumentError(op, 'at least one element to choose from', `${x}`);
  const out = Tensor.empty(op, device, 'i32', reducedShape(x.shape, axes, options.keepDims ?? false));
  if (out.size === 0) return out;
  try {
    launch(op, device, x, out, x.dtype === 'bool' ? 'u32' : x.dtype, least, plan);
  } catch (error) {
    out.dispose();
    throw error;
  }
  return out;
}

interface Columns {
  lead: number;
  length: number;
  inner: number;
}

function launch(
  op: string,
  device: Device,
  x: Tensor,
  out: Tensor,
  key: ArgReduceSpec['key'],
  least: boolean,
  plan: Columns,
): void {
  const { lead, length, inner } = plan;
  const columns = lead * inner;
  const software = device.deviceClass === 'software';
  // Neighbouring invocations read neighbours: along the axis where it is innermost and long, across columns otherwise.
  const shared = inner === 1 && (software ? columns < 64 && length > 64 : length > 32);
  const share = shared ? 1 : software ? 8 : 64;
  const wanted = Math.ceil(((software ? 16 : 512) * share) / columns);
  const pieces = Math.max(1, Math.min(wanted, Math.floor(length / (software ? 4096 : 2048))));
  const chunk = Math.ceil(length / pieces);
  const chunks = Math.ceil(length / chunk);
  const workgroup = software ? 8 : shared ? 256 : 64;
  const units = columns * chunks;
  const base = { key, least, shared, workgroup } as const;
  const grid = (n: number) => foldGrid(shared ? n : Math.ceil(n / workgroup), device.limits.maxWorkgroups);
  const params = [units, length, inner, chunks, chunk];
  const cost = { flops: x.size, bytes: x.bytes };
  if (chunks === 1) {
    device.run(
      kernel,
      { ...base, from: 'values', to: 'index' },
      { bindings: [x.binding(op), out.binding(op)], params, grid: grid(units), cost },
    );
    return;
  }
  const pairs = Tensor.empty(op, device, 'u32', [lead, chunks, inner, 2]);
  try {
    device.run(
      kernel,
      { ...base, from: 'values', to: 'pairs' },
      { bindings: [x.binding(op), pairs.binding(op)], params, grid: grid(units), cost },
    );
    device.run(
      kernel,
      { ...base, from: 'pairs', to: 'index' },
      {
        bindings: [pairs.binding(op), out.binding(op)],
        params: [columns, chunks, inner, 1, chunks],
        grid: grid(columns),
        cost: { flops: 0, bytes: pairs.bytes },
      },
    );
  } finally {
    pairs.dispose();
  }
}
