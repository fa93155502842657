import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { BLOCK_PARAMS, blockPlace, PANEL } from './qr-blocks.js';

/** Structure of one application of a level's reflectors. */
export interface UpdateSpec {
  /** Invocations, each with a column. */
  workgroup: number;
}

const VECTORS = PANEL / 4;
/** Vectors of 16 rows of 16. */
const CHUNK = PANEL * VECTORS;
const quads = (f: (q: number) => string): string => Array.from({ length: VECTORS }, (_, q) => f(q)).join('\n');

/**
 * work <- Qᵀ work, or Q work where `backward` is 1, on the rows of every block of a level, columns `first` to `lead`.
 *
 * Layout: work [matrices, rows, lead]; V and T as in qr-blocks.
 * Tiling: a workgroup has one block and a slab of columns, one an invocation. It walks the block twice, a chunk of V
 * in workgroup memory at a time: w = Vᵀ x in registers, then x - V (Tᵀ w), or x - V (T w).
 * Cost: 4 x 16 flops an element; two loads and one store.
 */
export function qrUpdateShader({ workgroup }: UpdateSpec): Shader {
  const fill = (source: string) => `for (var i = lane; i < ${CHUNK}u; i += ${workgroup}u) { tile[i] = ${source}; }`;
  const code = wgsl`
var<workgroup> tile: array<vec4f, ${CHUNK}>;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  ${blockPlace('P.slabs')}
  let column = P.first + unit % P.slabs * ${workgroup}u + lane;
  let inside = column < P.lead;
  let base = matrix * P.rows * P.lead + min(column, P.lead - 1u);
  let reflectors = index * P.depth * ${CHUNK}u;
  ${quads((q) => `var w${q} = vec4f();`)}
  for (var q = 0u; q < chunks; q++) {
    let row0 = start + q * P.stride;
    workgroupBarrier();
    ${fill(`v[reflectors + q * ${CHUNK}u + i]`)}
    workgroupBarrier();
    for (var i = 0u; i < P.width; i++) {
      let x = work[base + min(row0 + i, P.rows - 1u) * P.lead];
      ${quads((q) => `w${q} = fma(vec4f(x), tile[i * ${VECTORS}u + ${q}u], w${q});`)}
    }
  }
  workgroupBarrier();
  ${fill(`t[(2u * index + P.backward) * ${CHUNK}u + i]`)}
  workgroupBarrier();
  let w = array<vec4f, ${VECTORS}>(${Array.from({ length: VECTORS }, (_, q) => `w${q}`).join(', ')});
  ${quads((q) => `var r${q} = vec4f();`)}
  for (var k = 0u; k < P.width; k++) {
    let part = vec4f(w[k / 4u][k % 4u]);
    ${quads((q) => `r${q} = fma(part, tile[k * ${VECTORS}u + ${q}u], r${q});`)}
  }
  for (var q = 0u; q < chunks; q++) {
    let row0 = start + q * P.stride;
    workgroupBarrier();
    ${fill(`v[reflectors + q * ${CHUNK}u + i]`)}
    workgroupBarrier();
    for (var i = 0u; i < P.width; i++) {
      var sum = 0.0;
      ${quads((q) => `sum += dot(tile[i * ${VECTORS}u + ${q}u], r${q});`)}
      if (inside & (row0 + i < P.rows)) { work[base + (row0 + i) * P.lead] -= sum; }
    }
  }
}`;
  return {
    code,
    bindings: [
      { name: 'work', access: 'read_write', type: 'array<f32>' },
      { name: 'v', access: 'read', type: 'array<vec4f>' },
      { name: 't', access: 'read', type: 'array<vec4f>' },
    ],
    params: [...BLOCK_PARAMS, ['first', 'u32'], ['slabs', 'u32'], ['backward', 'u32']],
  };
}
