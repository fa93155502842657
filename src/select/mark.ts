import { blockCountShader, type MarkSpec, type MarkStage, markShader } from '../../shaders/select/mark.js';
import type { Device } from '../gpu/device.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { launchScan } from '../ops/cumsum.js';
import { scope } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';
import { loadsOf, type Selection } from './radix-select.js';

const countKernel = defineKernel<MarkSpec>({ name: 'select count', shader: blockCountShader });
const markKernel = defineKernel<MarkSpec>({ name: 'select mark', shader: markShader });

/** How one tensor is cut into blocks whose elements are ranked one after the other. */
interface Blocks {
  x: Tensor;
  out: Tensor;
  vector: boolean;
  loads: number;
  tail: number;
  shared: boolean;
  workgroup: number;
  /** Loads a block, and blocks a unit. */
  block: number;
  blocks: number;
  /** Blocks of the tensors before it. */
  base: number;
}

/**
 * Writes masks of the selected elements: one a source, of its size, u32 (bool) or f32. Behind the elements of a source
 * whose size is not a multiple of 4, up to three zeros may follow.
 */
export function launchMasks(op: string, device: Device, selection: Selection, masks: readonly Tensor[]): void {
  const stored = masks[0].dtype === 'f32' ? 'f32' : 'u32';
  launchMarks(op, device, selection, 'mask', stored, masks, null);
}

/** Writes the indices [units, k] of the selected elements, ascending, and their keys. The selection has one source. */
export function launchIndices(op: string, device: Device, selection: Selection, indices: Tensor, keys: Tensor): void {
  launchMarks(op, device, selection, 'indices', 'u32', [indices], keys);
}

/** Writes the index [units] of the last selected element, in the order of keys and then indices. One source. */
export function launchLocate(op: string, device: Device, selection: Selection, index: Tensor): void {
  launchMarks(op, device, selection, 'locate', 'u32', [index], null);
}

function launchMarks(
  op: string,
  device: Device,
  selection: Selection,
  stage: MarkStage,
  stored: MarkSpec['stored'],
  outs: readonly Tensor[],
  keys: Tensor | null,
): void {
  const { sources, units, state, key } = selection;
  const parts = blocksOf(device, sources, outs, units);
  const all = parts.reduce((sum, p) => sum + p.blocks, 0);
  const seeded = all > 1;
  const launch = (kernel: typeof markKernel, p: Blocks, tensors: readonly Tensor[], bytes: number) => {
    const spec: MarkSpec = { key, stage, seeded, vector: p.vector, shared: p.shared, stored, workgroup: p.workgroup };
    const work = units * p.blocks;
    device.run(kernel, spec, {
      bindings: [p.x, state, ...tensors].map((t) => t.binding(op)),
      params: [units, p.blocks, p.block, p.loads, p.tail, p.base, all, keys ? keys.size / units : 0],
      grid: foldGrid(p.shared ? work : Math.ceil(work / p.workgroup), device.limits.maxWorkgroups),
      cost: { flops: 0, bytes },
    });
  };
  scope(() => {
    const starts: Tensor[] = [];
    if (seeded) {
      const counts = Tensor.empty(op, device, 'u32', [2, units, all]);
      starts.push(Tensor.empty(op, device, 'u32', counts.shape));
      for (const p of parts) launch(countKernel, p, [counts], p.x.bytes);
      launchScan(op, device, counts, starts[0], {
        lead: 2 * units,
        length: all,
        inner: 1,
        reverse: false,
        exclusive: true,
      });
    }
    for (const p of parts) {
      const bytes = p.x.bytes + (stage === 'indices' ? 2 : 1) * p.out.bytes;
      launch(markKernel, p, [...starts, p.out, ...(keys ? [keys] : [])], bytes);
    }
  });
}

function blocksOf(device: Device, sources: readonly Tensor[], outs: readonly Tensor[], units: number): Blocks[] {
  const parts: Blocks[] = [];
  let base = 0;
  sources.forEach((x, i) => {
    if (x.size === 0) return;
    const { vector, loads, tail } = loadsOf(x.size / units, units);
    const cut = cutOf(device, loads, units);
    const blocks = Math.ceil(loads / cut.block);
    parts.push({ x, out: outs[i], vector, loads, tail, ...cut, blocks, base });
    base += blocks;
  });
  return parts;
}

/** On software devices an invocation has a block of its own, 256 in all; elsewhere workgroups share blocks. */
function cutOf(device: Device, loads: number, units: number): { shared: boolean; workgroup: number; block: number } {
  if (device.deviceClass === 'software') {
    const wanted = Math.max(1, Math.min(Math.floor(loads / 128), Math.ceil(256 / units)));
    return { shared: false, workgroup: 8, block: Math.ceil(loads / wanted) };
  }
  if (loads <= 32) return { shared: false, workgroup: 64, block: loads };
  const workgroup = loads <= 256 ? 64 : 256;
  return { shared: true, workgroup, block: workgroup * 8 };
}
