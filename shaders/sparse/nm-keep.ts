import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

export interface NmKeepSpec {
  /** `magnitude`: the greatest |x| of each group, x f32; `mask`: what is not 0, filled up with the first others. */
  by: 'magnitude' | 'mask';
  workgroup: number;
}

/**
 * kept[row, c] = whether element c is among the N kept of its group of M neighbours; exactly N are, ties go to the
 * least index. census[0] = the least element that cannot be ranked: a NaN, or the first of a group of which a mask
 * keeps more than N.
 *
 * Layout: x and kept [rows, cols] by their bits, groups of M along a row, M at most 16.
 * Tiling: one group at a time, grid-stride. Cost: one load and one store an element, N M comparisons a group.
 */
export function nmKeepShader({ by, workgroup }: NmKeepSpec): Shader {
  const code = wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${workgroup}u;
  for (var g = gid.x + gid.y * groups.x * ${workgroup}u; g < P.count; g += stride) {
    let base = g * P.m;
    var keys: array<u32, 16>;
    var bad = 0xffffffffu;
    var given = 0u;
    for (var i = 0u; i < P.m; i++) {
      let bits = x[base + i];
#if ${by === 'magnitude'}
      keys[i] = bits << 1u;
      if (keys[i] > 0xff000000u) { bad = min(bad, base + i); }
#else
      keys[i] = select(0u, 1u, (bits << P.shift) != 0u);
      given += keys[i];
#endif
    }
#if ${by === 'mask'}
    if (given > P.n) { bad = base; }
#endif
    if (bad != 0xffffffffu) { atomicMin(&census[0], bad); }
    var chosen = 0u;
    for (var turn = 0u; turn < P.n; turn++) {
      var best = 0u;
      var at = 16u;
      for (var i = 0u; i < P.m; i++) {
        let free = ((chosen >> i) & 1u) == 0u;
        if (free & ((at == 16u) | (keys[i] > best))) {
          best = keys[i];
          at = i;
        }
      }
      chosen |= 1u << at;
    }
    for (var i = 0u; i < P.m; i++) { kept[base + i] = (chosen >> i) & 1u; }
  }
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: 'array<u32>' },
      { name: 'kept', access: 'read_write', type: 'array<u32>' },
      { name: 'census', access: 'read_write', type: 'array<atomic<u32>>' },
    ],
    params: [
      ['count', 'u32'],
      ['n', 'u32'],
      ['m', 'u32'],
      /** Bits of x that say nothing of its being 0: the sign of a float. */
      ['shift', 'u32'],
    ],
  };
}
