import { panelCutsShader } from '../../shaders/sparse/panel-cuts.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { Tensor } from '../tensor/tensor.js';
import type { Lines } from './pattern.js';
import type { PanelForm } from './spmm-rules.js';

const kernel = defineKernel<{ workgroup: number }>({ name: 'panel cuts', shader: panelCutsShader });

/** A dense matrix of a launch: row by row, or (`turned`) column by column, and elements between parts (0: shared). */
export interface Side {
  tensor: Tensor;
  turned: boolean;
  part: number;
}

/** The part of a kernel's spec that says how the panel lies, for B [k, n]. */
export const panelOf = ({ lanes, columns, capacity }: PanelForm, b: Side, k: number, n: number) => ({
  lanes,
  columns,
  capacity,
  quads: n % 4 === 0,
  b: b.turned ? (k % 4 === 0 ? ('columns4' as const) : ('columns' as const)) : ('rows' as const),
});

/** Lines of a range: a multiple of 4, so that C can be written four rows at a time. */
export const rangeOf = (m: number, { ranges }: PanelForm): number => Math.ceil(m / ranges / 4) * 4;

/** One launch for each chunk of K: where the lines' entries begin, and the parameters that come last. */
export interface Chunk {
  first: Tensor;
  chunked: boolean;
  params: readonly number[];
  /** Share of the work. */
  share: number;
}

/**
 * Launches once where K fits the panel. Else once for every chunk, after finding where each line's entries of every
 * chunk begin: a loop over chunks in the kernel itself would keep the addresses of the loader in registers throughout,
 * which cost half as much again.
 */
export function eachChunk(
  op: string,
  lines: Lines,
  k: number,
  { capacity }: PanelForm,
  launch: (chunk: Chunk) => void,
): void {
  const chunks = Math.ceil(k / capacity);
  if (chunks <= 1) {
    launch({ first: lines.starts, chunked: false, params: [], share: 1 });
    return;
  }
  const { device } = lines.starts;
  const count = lines.starts.size - 1;
  const cuts = Tensor.empty(op, device, 'u32', [count, chunks + 1]);
  try {
    const workgroup = 64;
    device.run(
      kernel,
      { workgroup },
      {
        bindings: [lines.starts, lines.across, cuts].map((t) => t.binding(op)),
        params: [count, chunks, capacity],
        grid: foldGrid(Math.ceil(cuts.size / workgroup), device.limits.maxWorkgroups),
        cost: { flops: 0, bytes: cuts.bytes + lines.across.bytes },
      },
    );
    for (let c = 0; c < chunks; c++) launch({ first: cuts, chunked: true, params: [chunks, c], share: 1 / chunks });
  } finally {
    cuts.dispose();
  }
}
