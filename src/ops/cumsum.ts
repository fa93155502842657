import { type ScanSpec, scanShader } from '../../shaders/scan.js';
import { record } from '../autograd/node.js';
import type { Device } from '../gpu/device.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { assertDType } from '../tensor/dtype.js';
import { axisOf, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';

export interface CumsumOptions {
  /** Sum from the end of the axis towards its start. */
  reverse?: boolean;
  /** Leave the element itself out: the first result is 0. */
  exclusive?: boolean;
}

export interface CumsumAttrs {
  axis: number;
  reverse: boolean;
  exclusive: boolean;
}

const scanKernel = defineKernel<ScanSpec>({ name: 'scan', shader: scanShader });

/**
 * Running sums along an axis: y[i] = sum over j <= i of x[j]. The order of additions depends on the shape alone.
 *
 * @param x f32, i32 or u32 of any rank >= 1; integers wrap
 * @returns a tensor of x's shape and dtype
 * @throws ArgumentError for an axis outside x's rank
 * @throws DTypeError for bool and f16
 */
export function cumsum(x: Tensor, axis: number, options: CumsumOptions = {}): Tensor {
  const device = commonDevice('cumsum', [x]);
  assertDType('cumsum', 'x', x.dtype, 'f32', 'i32', 'u32');
  const a = axisOf('cumsum', axis, x.rank);
  const { reverse = false, exclusive = false } = options;
  const out = Tensor.empty('cumsum', device, x.dtype, x.shape);
  try {
    launchScan('cumsum', device, x, out, { ...columnsOf(x.shape, a), reverse, exclusive });
  } catch (error) {
    out.dispose();
    throw error;
  }
  return record('cumsum', { axis: a, reverse, exclusive }, [x], out);
}

/** A shape seen as [lead, length, inner] around an axis. */
export function columnsOf(shape: readonly number[], axis: number): { lead: number; length: number; inner: number } {
  return { lead: sizeOf(shape.slice(0, axis)), length: shape[axis], inner: sizeOf(shape.slice(axis + 1)) };
}

export interface ScanPlan {
  lead: number;
  length: number;
  inner: number;
  reverse: boolean;
  exclusive: boolean;
}

/** Scans x [lead, length, inner] into `out` (of the same elements, in other storage). Not recorded. */
export function launchScan(op: string, device: Device, x: Tensor, out: Tensor, plan: ScanPlan): void {
  if (out.size === 0) return;
  const { lead, length, reverse, exclusive } = plan;
  const columns = lead * plan.inner;
  const { shared, chunks: wanted } = layout(device, columns, length, plan.inner);
  const chunk = Math.ceil(length / wanted);
  const chunks = Math.ceil(length / chunk);
  const lanes = !shared && plan.inner % 4 === 0 ? 4 : 1;
  const inner = plan.inner / lanes;
  const units = lead * chunks * inner;
  const workgroup = device.deviceClass === 'software' ? 8 : shared ? 256 : 64;
  const base = { type: x.dtype as ScanSpec['type'], reverse, shared, lanes, workgroup } as const;
  const grid = foldGrid(shared ? units : Math.ceil(units / workgroup), device.limits.maxWorkgroups);
  const params = [units, length, inner, chunks, chunk];
  const cost = { flops: x.size, bytes: x.bytes };
  if (chunks === 1) {
    const spec: ScanSpec = { ...base, stage: 'scan', exclusive, seeded: false };
    device.run(scanKernel, spec, {
      bindings: [x.binding(op), out.binding(op)],
      params,
      grid,
      cost: { ...cost, bytes: 2 * x.bytes },
    });
    return;
  }
  const sums = Tensor.empty(op, device, x.dtype, [lead, chunks, plan.inner]);
  let seeds: Tensor | null = null;
  try {
    seeds = Tensor.empty(op, device, x.dtype, sums.shape);
    const first: ScanSpec = { ...base, stage: 'sums', exclusive: false, seeded: false };
    device.run(scanKernel, first, { bindings: [x.binding(op), sums.binding(op)], params, grid, cost });
    launchScan(op, device, sums, seeds, { lead, length: chunks, inner: plan.inner, reverse: false, exclusive: true });
    const second: ScanSpec = { ...base, stage: 'scan', exclusive, seeded: true };
    const bindings = [x.binding(op), seeds.binding(op), out.binding(op)];
    device.run(scanKernel, second, { bindings, params, grid, cost: { ...cost, bytes: 2 * x.bytes } });
  } finally {
    sums.dispose();
    seeds?.dispose();
  }
}

/** Into how many chunks the axis is cut, and whether a workgroup shares one. */
function layout(device: Device, columns: number, length: number, inner: number): { shared: boolean; chunks: number } {
  if (device.deviceClass === 'software') {
    // 128 lanes keep two cores busy; a chunk of 512 is worth the two launches more.
    return {
      shared: false,
      chunks: columns >= 64 ? 1 : Math.max(1, Math.min(Math.floor(length / 512), Math.ceil(128 / columns))),
    };
  }
  if (columns >= 4096 || length <= 64) return { shared: false, chunks: 1 };
  if (inner > 1)
    return { shared: false, chunks: Math.max(1, Math.min(Math.floor(length / 64), Math.ceil(16384 / columns))) };
  return { shared: true, chunks: Math.max(1, Math.min(Math.floor(length / 2048), Math.ceil(512 / columns))) };
}
