import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

/** Most rows of a triangle that one launch solves; larger ones are cut on the host. */
export const TRIANGLE = 32;

/** Structure of the substitution for small triangles. */
export interface TriangularSolveSpec {
  /** The diagonal counts as ones. */
  unitDiagonal: boolean;
  /** Neighbouring right-hand sides that an invocation has: 4 where their number allows it. */
  lanes: 1 | 4;
  workgroup: number;
}

/**
 * x with t x = b for triangles t of up to 32 rows: x_i = (b_i - sum_j t_ij x_j) / t_ii, from the first row or, where
 * `backward` is 1, from the last.
 *
 * Layout: t_ij at tStart + matrix tPart + i rowStep + j columnStep of a; b [matrices, size, columns]; x has rows of
 * `columns`, from xStart + matrix xPart on.
 * Tiling: a workgroup has a slab of columns of one matrix, and t in workgroup memory; an invocation keeps its columns
 * of x in private memory.
 * Cost: size^2 flops a column; one load and one store an element of b.
 */
export function triangularSolveShader({ unitDiagonal, lanes, workgroup }: TriangularSolveSpec): Shader {
  const T = lanes === 4 ? 'vec4f' : 'f32';
  const code = wgsl`
var<workgroup> t: array<f32, ${TRIANGLE * TRIANGLE}>;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  let matrix = unit / P.slabs;
  for (var i = lane; i < P.size * P.size; i += ${workgroup}u) {
    let at = matrix * P.tPart + P.tStart + i / P.size * P.rowStep + i % P.size * P.columnStep;
    t[i / P.size * ${TRIANGLE}u + i % P.size] = a[at];
  }
  workgroupBarrier();
  let column = unit % P.slabs * ${workgroup}u + lane;
  if (column >= P.columns) { return; }
  let source = matrix * P.size * P.columns + column;
  let place = matrix * P.xPart + P.xStart + column;
  var done: array<${T}, ${TRIANGLE}>;
  for (var step = 0u; step < P.size; step++) {
    let i = select(step, P.size - 1u - step, P.backward == 1u);
    var value = b[source + i * P.columns];
    for (var before = 0u; before < step; before++) {
      let j = select(before, P.size - 1u - before, P.backward == 1u);
      value -= t[i * ${TRIANGLE}u + j] * done[j];
    }
#if ${!unitDiagonal}
    value /= t[i * ${TRIANGLE + 1}u];
#endif
    done[i] = value;
    x[place + i * P.columns] = value;
  }
}`;
  return {
    code,
    bindings: [
      { name: 'a', access: 'read', type: 'array<f32>' },
      { name: 'b', access: 'read', type: `array<${T}>` },
      { name: 'x', access: 'read_write', type: `array<${T}>` },
    ],
    params: [
      ['units', 'u32'],
      ['slabs', 'u32'],
      ['size', 'u32'],
      ['tPart', 'u32'],
      ['tStart', 'u32'],
      ['rowStep', 'u32'],
      ['columnStep', 'u32'],
      ['backward', 'u32'],
      /** In units of `lanes` right-hand sides, like the next two. */
      ['columns', 'u32'],
      ['xPart', 'u32'],
      ['xStart', 'u32'],
    ],
  };
}
