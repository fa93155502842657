import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';

/** Structure of one stage of a scan; sizes are parameters. */
export interface ScanSpec {
  type: 'f32' | 'i32' | 'u32';
  /** `sums`: one total a chunk; `scan`: the running sums themselves. */
  stage: 'sums' | 'scan';
  reverse: boolean;
  exclusive: boolean;
  /** Every chunk begins from a seed (the sum of the chunks before it). */
  seeded: boolean;
  /** A workgroup walks a chunk side by side, where neighbours in memory are neighbours in the scan. */
  shared: boolean;
  /** 4: vec4 loads along the inner axis. */
  lanes: 1 | 4;
  workgroup: number;
}

/**
 * out[a, i, b] = seed + sum over j <= i (j < i where exclusive) of x[a, j, b]; from the end where reverse.
 *
 * Layout: x and out [lead, length, inner], contiguous; sums and seeds [lead, chunks, inner].
 * Tiling: the axis is cut into chunks. One invocation walks a chunk of one column, or a workgroup shares it tile by
 * tile (Hillis-Steele in workgroup memory). Sums of chunks, their exclusive scan, and the scan of every chunk from
 * its seed are three launches; one where there is one chunk. The order of additions is fixed by the shape.
 * Cost: one load an element a stage, one store.
 */
export function scanShader(spec: ScanSpec): Shader {
  const { shared, workgroup, stage } = spec;
  const T = spec.lanes === 4 ? `vec4<${spec.type}>` : spec.type;
  const scan = stage === 'scan';
  const at = (j: string) => `base + ${spec.reverse ? `(P.length - 1u - (${j}))` : `(${j})`} * P.inner`;
  const code = wgsl`
#if ${shared}
var<workgroup> fold: array<${T}, ${workgroup}>;
#endif
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
#if ${shared}
  let unit = group.x + group.y * groups.x;
#else
  let unit = (group.x + group.y * groups.x) * ${workgroup}u + lane;
#endif
  if (unit >= P.units) { return; }
  let b = unit % P.inner;
  let row = unit / P.inner;
  let first = (row % P.chunks) * P.chunk;
  let end = min(first + P.chunk, P.length);
  let base = row / P.chunks * P.length * P.inner + b;
#if ${spec.seeded}
  var total = seeds[unit];
#else
  var total = ${T}();
#endif
#if ${!shared}
  for (var j = first; j < end; j++) {
    let at = ${at('j')};
    let value = x[at];
#if ${scan && spec.exclusive}
    out[at] = total;
#endif
    total += value;
#if ${scan && !spec.exclusive}
    out[at] = total;
#endif
  }
#if ${!scan}
  out[unit] = total;
#endif
#endif
#if ${shared && !scan}
  for (var j = first + lane; j < end; j += ${workgroup}u) { total += x[${at('j')}]; }
  fold[lane] = total;
  for (var width = ${workgroup / 2}u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width) { fold[lane] += fold[lane + width]; }
  }
  if (lane == 0u) { out[unit] = fold[0]; }
#endif
#if ${shared && scan}
  for (var tile = first; tile < end; tile += ${workgroup}u) {
    let j = tile + lane;
    var value = ${T}();
    if (j < end) { value = x[${at('j')}]; }
    fold[lane] = value;
    workgroupBarrier();
    for (var width = 1u; width < ${workgroup}u; width <<= 1u) {
      var before = ${T}();
      if (lane >= width) { before = fold[lane - width]; }
      workgroupBarrier();
      fold[lane] += before;
      workgroupBarrier();
    }
    var result = total;
#if ${spec.exclusive}
    if (lane > 0u) { result += fold[lane - 1u]; }
#else
    result += fold[lane];
#endif
    if (j < end) { out[${at('j')}] = result; }
    total += fold[${workgroup - 1}];
    workgroupBarrier();
  }
#endif
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: `array<${T}>` },
      ...(spec.seeded ? [{ name: 'seeds', access: 'read', type: `array<${T}>` } as const] : []),
      { name: 'out', access: 'read_write', type: `array<${T}>` },
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
