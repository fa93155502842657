import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

/** Structure of sampled products that read both sides from storage. */
export interface SddmmDirectSpec {
  /** Both sides lie row by row and n is a multiple of 4: four products at a time. */
  width: 1 | 4;
  workgroup: number;
}

/**
 * values[p] = sum_j A[lineOf[p], j] B[across[p], j] for the entries p of every line, by rows.
 *
 * Layout: element (i, j) of A at i * aLine + j * aStep, of B likewise; by fours the steps are 1.
 * Tiling: one invocation an entry, in a stride over the entries of a part. Neighbours mostly share a row of A.
 * Grid: x entries, y parts or batch.
 * Cost: 2 nnz n flops; every entry reads a row of A and one of B.
 */
export function sddmmDirectShader({ width, workgroup }: SddmmDirectSpec): Shader {
  const step =
    width === 4
      ? 'sum = fma(a[aAt + j], b[bAt + j], sum);'
      : 'sum = fma(a[aAt + j * P.aStep], b[bAt + j * P.bStep], sum);';
  const fours = width === 4 ? 'array<vec4f>' : 'array<f32>';
  const code = wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let part = id.y;
  let last = starts[part * P.linePart + P.m];
  for (var p = starts[part * P.linePart] + id.x; p < last; p += groups.x * ${workgroup}u) {
    let aAt = (part * P.aPart + lineOf[p] * P.aLine) / ${width}u;
    let bAt = (part * P.bPart + across[p] * P.bLine) / ${width}u;
    var sum = ${width === 4 ? 'vec4f()' : '0.0'};
    for (var j = 0u; j < P.n / ${width}u; j++) { ${step} }
    values[part * P.valuePart + p] = ${width === 4 ? '(sum.x + sum.y) + (sum.z + sum.w)' : 'sum'};
  }
}`;
  return {
    code,
    bindings: [
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'lineOf', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      { name: 'a', access: 'read', type: fours },
      { name: 'b', access: 'read', type: fours },
      { name: 'values', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ['m', 'u32'],
      ['n', 'u32'],
      /** Elements from one row to the next, and from one column to the next. */
      ['aLine', 'u32'],
      ['aStep', 'u32'],
      ['bLine', 'u32'],
      ['bStep', 'u32'],
      /** Elements, or lines, from one part to the next; 0 where it is shared. */
      ['aPart', 'u32'],
      ['bPart', 'u32'],
      ['valuePart', 'u32'],
      ['linePart', 'u32'],
    ],
  };
}
