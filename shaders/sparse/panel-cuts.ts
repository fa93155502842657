import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

/**
 * cuts[line, c] = the first entry of a line whose coordinate is c * chunk or more; the line's end for the last c.
 *
 * Layout: starts [lines + 1], across [nnz], ascending within a line; cuts [lines, chunks + 1].
 * Tiling: an invocation an element, by binary search.
 * Cost: log2 of a line's entries loads, one store.
 */
export function panelCutsShader({ workgroup }: { workgroup: number }): Shader {
  const code = wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = id.x + id.y * groups.x * ${workgroup}u;
  if (at >= P.lines * (P.chunks + 1u)) { return; }
  let line = at / (P.chunks + 1u);
  let bound = (at % (P.chunks + 1u)) * P.chunk;
  var low = starts[line];
  var high = starts[line + 1u];
  while (low < high) {
    let middle = (low + high) / 2u;
    if (across[middle] < bound) { low = middle + 1u; } else { high = middle; }
  }
  cuts[at] = low;
}`;
  return {
    code,
    bindings: [
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      { name: 'cuts', access: 'read_write', type: 'array<u32>' },
    ],
    params: [
      ['lines', 'u32'],
      ['chunks', 'u32'],
      ['chunk', 'u32'],
    ],
  };
}
