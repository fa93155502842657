import type { Shader } from '../../src/gpu/kernel.js';

/**
 * grid[row, column] = 1 where any element of that block of x is not 0, else 0; NaN where the block has one.
 *
 * Layout: x [rows, cols] by its bits, grid [rows / b, cols / b] by its bits, b from a parameter.
 * Tiling: one block at a time, grid-stride. Cost: one load of four an element's four.
 */
export function blockFlagsShader({ float, workgroup }: { float: boolean; workgroup: number }): Shader {
  // Bit tests: -0 is zero, and no compiler may flush a denormal or assume NaN away.
  const magnitude = float ? 'v << vec4u(1u)' : 'v';
  const code = `
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${workgroup}u;
  let quads = P.block / 4u;
  for (var at = gid.x + gid.y * groups.x * ${workgroup}u; at < P.blocks; at += stride) {
    let first = at / P.across * P.block * P.across * quads + at % P.across * quads;
    var top = vec4u();
    for (var e = 0u; e < P.block * quads; e++) {
      let v = x[first + e / quads * P.across * quads + e % quads];
      top = max(top, ${magnitude});
    }
    let most = max(max(top.x, top.y), max(top.z, top.w));
    grid[at] = select(select(0u, 0x3f800000u, most != 0u), 0x7fc00000u, ${float ? 'most > 0xff000000u' : 'false'});
  }
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: 'array<vec4u>' },
      { name: 'grid', access: 'read_write', type: 'array<u32>' },
    ],
    params: [
      ['blocks', 'u32'],
      ['across', 'u32'],
      ['block', 'u32'],
    ],
  };
}

/**
 * `toBlocks`: values[part, block, i, j] = dense[part, b row + i, b column + j]; else the same assignment turned round.
 *
 * Layout: dense [parts, rows, cols], values [parts, blocks, b, b], both as vec4f along a row.
 * Tiling: four elements at a time, grid-stride. Cost: two loads of an index, a load and a store of four.
 */
export function blockElementsShader({ toBlocks, workgroup }: { toBlocks: boolean; workgroup: number }): Shader {
  const code = `
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${workgroup}u;
  let quads = P.block / 4u;
  let area = P.block * quads;
  for (var v = gid.x + gid.y * groups.x * ${workgroup}u; v < P.parts * P.blocks * area; v += stride) {
    let at = v / area % P.blocks;
    let row = (v / area / P.blocks) * P.rows + line_of[at] * P.block + v % area / quads;
    let place = row * P.cols / 4u + across[at] * quads + v % quads;
    ${toBlocks ? 'values[v] = dense[place];' : 'dense[place] = values[v];'}
  }
}`;
  return {
    code,
    bindings: [
      { name: 'line_of', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      { name: 'dense', access: toBlocks ? 'read' : 'read_write', type: 'array<vec4f>' },
      { name: 'values', access: toBlocks ? 'read_write' : 'read', type: 'array<vec4f>' },
    ],
    params: [
      ['parts', 'u32'],
      ['blocks', 'u32'],
      ['rows', 'u32'],
      ['cols', 'u32'],
      ['block', 'u32'],
    ],
  };
}
