import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

/** Structure of a kernel over the entries of each line. */
export interface LineSpec {
  /**
   * - `softmax`: out[p] = exp(values[p] - m) / sum of these over the line, m being the line's greatest value
   * - `sum`: out[line] = sum of values[p]
   * - `spread`: out[p] = values[line]
   */
  problem: 'softmax' | 'sum' | 'spread';
  workgroup: number;
}

/**
 * Sums and softmax over the entries p of every line, and the broadcast back to them.
 *
 * Layout: lines by `starts` [parts * lines + 1], taken in `order`; values [batch, nnz], one number a line [batch, lines].
 * Tiling: an invocation a line; those of a workgroup are about equally long.
 * Grid: x lines, folded; z batch.
 * Cost: one load and store an entry; softmax three loads, two exponentials and a store.
 */
export function lineShader({ problem, workgroup }: LineSpec): Shader {
  const code = wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let slot = id.x + id.y * groups.x * ${workgroup}u;
  if (slot >= P.lines) { return; }
  let line = order[slot];
  let base = id.z * P.nnz;
  let first = base + starts[line];
  let last = base + starts[line + 1u];
#if ${problem === 'spread'}
  let value = values[id.z * P.lines + line];
  for (var p = first; p < last; p++) { out[p] = value; }
#elif ${problem === 'sum'}
  var total = 0.0;
  for (var p = first; p < last; p++) { total += values[p]; }
  out[id.z * P.lines + line] = total;
#else
  if (first == last) { return; }
  var top = values[first];
  for (var p = first; p < last; p++) { top = max(top, values[p]); }
  var total = 0.0;
  for (var p = first; p < last; p++) { total += exp(values[p] - top); }
  for (var p = first; p < last; p++) { out[p] = exp(values[p] - top) / total; }
#endif
}`;
  return {
    code,
    bindings: [
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'order', access: 'read', type: 'array<u32>' },
      { name: 'values', access: 'read', type: 'array<f32>' },
      { name: 'out', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ['lines', 'u32'],
      ['nnz', 'u32'],
    ],
  };
}
