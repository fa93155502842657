import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

/** What moves between a matrix and the values at its entries. */
export interface SampleSpec {
  /** `gather`: values from the matrix; `scatter`: values into the matrix; `mark`: ones into the matrix. */
  move: 'gather' | 'scatter' | 'mark';
  /** Slices are parts, each with its own entries; else they share all entries, and each has its own values. */
  parts: boolean;
  workgroup: number;
}

/**
 * values[p] = dense[row_p, col_p], or the other way round. Elements are moved by their bits, and every entry is at a
 * place of its own, so that a scatter needs no atomics; it leaves the other elements as they are.
 *
 * Layout: dense [slices, rows, cols]; values [nnz], or [slices, nnz] where the slices share the entries.
 * Tiling: `chunks` workgroups a slice, neighbouring invocations at neighbouring entries.
 * Cost: two index loads, a load and a store an entry.
 */
export function sampleShader({ move, parts, workgroup }: SampleSpec): Shader {
  const moves = {
    gather: 'values[own + p] = dense[at];',
    scatter: 'dense[at] = values[own + p];',
    mark: 'dense[at] = 1u;',
  };
  const code = wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  let slice = unit / P.chunks;
  if (slice >= P.slices) { return; }
#if ${parts}
  let own = 0u;
  let first = starts[slice * P.rows];
  let end = starts[(slice + 1u) * P.rows];
#else
  let own = slice * P.nnz;
  let first = 0u;
  let end = P.nnz;
#endif
  let origin = slice * P.rows * P.cols;
  for (var p = first + unit % P.chunks * ${workgroup}u + lane; p < end; p += P.chunks * ${workgroup}u) {
    let at = origin + line_of[p] * P.cols + across[p];
    ${moves[move]}
  }
}`;
  return {
    code,
    bindings: [
      ...(parts ? [{ name: 'starts', access: 'read', type: 'array<u32>' } as const] : []),
      { name: 'line_of', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      ...(move === 'mark'
        ? []
        : [{ name: 'values', access: move === 'gather' ? 'read_write' : 'read', type: 'array<u32>' } as const]),
      { name: 'dense', access: move === 'gather' ? 'read' : 'read_write', type: 'array<u32>' },
    ],
    params: [
      ['slices', 'u32'],
      ['chunks', 'u32'],
      ['rows', 'u32'],
      ['cols', 'u32'],
      ['nnz', 'u32'],
    ],
  };
}
