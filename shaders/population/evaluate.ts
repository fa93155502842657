import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { correctText, forwardText, lossText, type NetworkSpec, parameterCount } from './network.js';

/** Structure of the kernel that measures networks on a data set. */
export interface EvaluateSpec extends NetworkSpec {
  /** A workgroup shares a network; else an invocation has one. */
  shared: boolean;
  workgroup: number;
}

/**
 * Sum of the losses, and number of right predictions, of every network over all rows.
 *
 * Layout: state as in training; sums [2, model]: loss (bits) and count.
 * Tiling: shared: an invocation takes every workgroup-th row, and a tree adds them up; else it takes all rows. Losses are
 * added in blocks of 64 rows first, which keeps the rounding of long sums small.
 * Cost: 2 flops a weight and row.
 */
export function evaluateShader(spec: EvaluateSpec): Shader {
  const { sizes, shared, workgroup } = spec;
  const stride = sizes[0] + 1;
  const params = parameterCount(sizes);
  const code = wgsl`
#if ${shared}
var<workgroup> losses: array<f32, ${workgroup}>;
var<workgroup> counts: array<u32, ${workgroup}>;
#endif
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
#if ${shared}
  let position = group.x + group.y * groups.x;
  let begin = lane;
  let by = ${workgroup}u;
#else
  let position = (group.x + group.y * groups.x) * ${workgroup}u + lane;
  let begin = 0u;
  let by = 1u;
#endif
  if (position >= P.span) { return; }
  let n = P.first + position;
  var w: array<f32, ${params}>;
  for (var i = 0u; i < P.params; i++) { w[i] = state[i * P.models + n]; }
  var total = 0.0;
  var right = 0u;
  for (var base = begin; base < P.rows; base += 64u * by) {
    var part = 0.0;
    for (var r = base; r < min(base + 64u * by, P.rows); r += by) {
      let at = r * ${stride}u;
      let target_0 = rows[at + ${sizes[0]}u];
${forwardText(spec, 0, (i) => `rows[at + ${i}u]`)}
${lossText(spec, 0, 'target_0', null)}
${correctText(spec, 0, 'target_0')}
      part += linear_0 + log(normaliser_0);
      right += select(0u, 1u, right_0);
    }
    total += part;
  }
#if ${shared}
  losses[lane] = total;
  counts[lane] = right;
  for (var width = ${workgroup / 2}u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width) {
      losses[lane] += losses[lane + width];
      counts[lane] += counts[lane + width];
    }
  }
  if (lane > 0u) { return; }
  total = losses[0];
  right = counts[0];
#endif
  sums[n] = bitcast<u32>(total);
  sums[P.models + n] = right;
}`;
  return {
    code,
    bindings: [
      { name: 'rows', access: 'read', type: 'array<f32>' },
      { name: 'state', access: 'read', type: 'array<f32>' },
      { name: 'sums', access: 'read_write', type: 'array<u32>' },
    ],
    params: [
      ['models', 'u32'],
      ['first', 'u32'],
      ['span', 'u32'],
      ['params', 'u32'],
      ['rows', 'u32'],
    ],
  };
}
