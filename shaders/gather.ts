import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { odometer } from './elements.js';

/** Structure of one gather. */
export interface GatherSpec {
  /** Stored type of the values; they are copied, never interpreted. */
  type: 'f32' | 'i32' | 'u32' | 'f16';
  /** Type of the indices. */
  index: 'i32' | 'u32';
  /** Four neighbours along the inner axis at a time. */
  lanes: 1 | 4;
  workgroup: number;
}

/** Parameters that every kernel of the family has: sizes of [parts, lead, size, inner] and strides of the index. */
export const GATHER_PARAMS: Shader['params'] = [
  ['parts', 'u32'],
  ['lead', 'u32'],
  ['size', 'u32'],
  ['picks', 'u32'],
  ['inner', 'u32'],
  ['ip', 'u32'],
  ['ia', 'u32'],
  ['ik', 'u32'],
  ['ib', 'u32'],
];

/** WGSL of an index limited to [0, size). */
export const clampedIndex = (type: 'i32' | 'u32', raw: string): string =>
  type === 'i32' ? `u32(clamp(${raw}, 0, i32(P.size) - 1))` : `min(${raw}, P.size - 1u)`;

/**
 * out[p, a, k, b] = x[p, a, index[p ip + a ia + k ik + b ib], b].
 *
 * Layout: x [parts, lead, size, inner], out [parts, lead, picks, inner], contiguous. The strides of the index make it
 * shared by lead and inner axes (take) or of the output's own shape (take along an axis).
 * Tiling: grid-stride loop over the output with coordinates by odometer; `lanes` inner neighbours an iteration.
 * Cost: one index load, one load and one store.
 */
export function gatherShader(spec: GatherSpec): Shader {
  const walk = odometer('i', ['P.parts', 'P.lead', 'P.picks', 'P.inner']);
  const T = spec.lanes === 4 ? `vec4<${spec.type}>` : spec.type;
  const code = wgsl`
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${spec.workgroup}u;
  var i = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  let n = P.parts * P.lead * P.picks * P.inner;
  ${walk.start('i')}
  ${walk.step('stride')}
  while (i < n) {
    let at = ${clampedIndex(spec.index, 'index[i0 * P.ip + i1 * P.ia + i2 * P.ik + i3 * P.ib]')};
    out[i] = x[((i0 * P.lead + i1) * P.size + at) * P.inner + i3];
    i += stride;
    ${walk.advance}
  }
}`;
  return {
    code,
    enables: spec.type === 'f16' ? ['f16'] : [],
    bindings: [
      { name: 'x', access: 'read', type: `array<${T}>` },
      { name: 'index', access: 'read', type: `array<${spec.index}>` },
      { name: 'out', access: 'read_write', type: `array<${T}>` },
    ],
    params: GATHER_PARAMS,
  };
}
