import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { orderKey } from './order-key.js';

/** Structure of one stage of an argmax or argmin. */
export interface ArgReduceSpec {
  key: 'f32' | 'i32' | 'u32';
  /** argmin: keys are turned round, and NaN stays on top. */
  least: boolean;
  /** `values`: reads x; `pairs`: reads the (key, index) pairs of an earlier stage. */
  from: 'values' | 'pairs';
  /** `index`: the result; `pairs`: one (key, index) a chunk, for the next stage. */
  to: 'index' | 'pairs';
  /** A workgroup shares a chunk; else an invocation has one of its own. */
  shared: boolean;
  workgroup: number;
}

/**
 * out[a, b] = the least i for which x[a, i, b] is greatest (least for argmin). NaN counts as the extremum.
 *
 * Layout: x [lead, length, inner]; pairs [lead, chunks, inner] of vec2u (order-preserving key, index).
 * Tiling: one invocation, or one workgroup, walks a chunk of one column; a second launch combines chunks.
 * Cost: one load an element.
 */
export function argReduceShader(spec: ArgReduceSpec): Shader {
  const { shared, workgroup } = spec;
  const code = wgsl`
${orderKey(spec.key, spec.least)}
fn better(a: vec2u, b: vec2u) -> bool { return a.x > b.x || (a.x == b.x && a.y < b.y); }
#if ${shared}
var<workgroup> fold: array<vec2u, ${workgroup}>;
#endif
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
#if ${shared}
  let unit = group.x + group.y * groups.x;
  let offset = lane;
  let by = ${workgroup}u;
#else
  let unit = (group.x + group.y * groups.x) * ${workgroup}u + lane;
  let offset = 0u;
  let by = 1u;
#endif
  if (unit >= P.units) { return; }
  let row = unit / P.inner;
  let first = (row % P.chunks) * P.chunk;
  let end = min(first + P.chunk, P.length);
  let base = row / P.chunks * P.length * P.inner + unit % P.inner;
  var best = vec2u(0u, 0xffffffffu);
  for (var j = first + offset; j < end; j += by) {
#if ${spec.from === 'values'}
    let next = vec2u(order_key(x[base + j * P.inner]), j);
#else
    let next = x[base + j * P.inner];
#endif
    if (better(next, best)) { best = next; }
  }
#if ${shared}
  fold[lane] = best;
  for (var width = ${workgroup / 2}u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width && better(fold[lane + width], fold[lane])) { fold[lane] = fold[lane + width]; }
  }
  if (lane > 0u) { return; }
  best = fold[0];
#endif
#if ${spec.to === 'index'}
  out[unit] = best.y;
#else
  out[unit] = best;
#endif
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: spec.from === 'values' ? 'array<u32>' : 'array<vec2u>' },
      { name: 'out', access: 'read_write', type: spec.to === 'index' ? 'array<u32>' : 'array<vec2u>' },
    ],
    params: [
      ['units', 'u32'],
      ['length', 'u32'],
      ['inner', 'u32'],
      ['chunks', 'u32'],
      ['chunk', 'u32'],
    ],
  };
}
