import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { odometer } from './elements.js';
import { clampedIndex, GATHER_PARAMS } from './gather.js';

type Stored = 'f32' | 'i32' | 'u32';

/** Sums without sorting: every result reads every index. */
export interface DirectSpec {
  type: Stored;
  index: 'i32' | 'u32';
  lanes: 1 | 4;
  workgroup: number;
}

/** Sums over runs of equal indices. */
export interface SegmentSpec {
  type: Stored;
  lanes: 1 | 4;
  /** Runs longer than a chunk are finished from the sums that `headsShader` made. */
  heads: boolean;
  workgroup: number;
}

/** Sorted positions a chunk, as a shift. */
export const CHUNK_BITS = 8;

const element = (type: Stored, lanes: 1 | 4): string => (lanes === 4 ? `vec4<${type}>` : type);

/**
 * out[p, a, n, b] = sum over k of g[p, a, k, b] where index[...k...] = n, in ascending k.
 *
 * Layout: g [parts, lead, picks, inner], out [parts, lead, size, inner], index by strides as in gather.
 * Tiling: one result (`lanes` inner neighbours) at a time, grid-stride.
 * Cost: picks index loads a result: for few picks, or few results.
 */
export function directShader(spec: DirectSpec): Shader {
  const walk = odometer('i', ['P.parts', 'P.lead', 'P.size', 'P.inner']);
  const T = element(spec.type, spec.lanes);
  const code = wgsl`
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${spec.workgroup}u;
  var i = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  let n = P.parts * P.lead * P.size * P.inner;
  ${walk.start('i')}
  ${walk.step('stride')}
  while (i < n) {
    var total = ${T}();
    var at = i0 * P.ip + i1 * P.ia + i3 * P.ib;
    let origin = (i0 * P.lead + i1) * P.picks * P.inner + i3;
    for (var k = 0u; k < P.picks; k++) {
      if (${clampedIndex(spec.index, 'index[at]')} == i2) { total += g[origin + k * P.inner]; }
      at += P.ik;
    }
    out[i] = total;
    i += stride;
    ${walk.advance}
  }
}`;
  return {
    code,
    bindings: [
      { name: 'g', access: 'read', type: `array<${T}>` },
      { name: 'index', access: 'read', type: `array<${spec.index}>` },
      { name: 'out', access: 'read_write', type: `array<${T}>` },
    ],
    params: GATHER_PARAMS,
  };
}

/**
 * starts[r, n] = number of keys below n in the sorted row r, for n = 0 ... size: the run of n is [starts[n], starts[n + 1]).
 *
 * Layout: keys [rows, picks], starts [rows, size + 1]. Tiling: one binary search an invocation, grid-stride.
 */
export function startsShader({ workgroup }: { workgroup: number }): Shader {
  const walk = odometer('i', ['P.rows', 'P.ends']);
  const code = wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${workgroup}u;
  var i = gid.x + gid.y * groups.x * ${workgroup}u;
  let n = P.rows * P.ends;
  ${walk.start('i')}
  ${walk.step('stride')}
  while (i < n) {
    var low = 0u;
    var high = P.picks;
    while (low < high) {
      let middle = (low + high) >> 1u;
      if (keys[i0 * P.picks + middle] < i1) { low = middle + 1u; } else { high = middle; }
    }
    starts[i] = low;
    i += stride;
    ${walk.advance}
  }
}`;
  return {
    code,
    bindings: [
      { name: 'keys', access: 'read', type: 'array<u32>' },
      { name: 'starts', access: 'read_write', type: 'array<u32>' },
    ],
    params: [
      ['rows', 'u32'],
      ['ends', 'u32'],
      ['picks', 'u32'],
    ],
  };
}

const SEGMENT_PARAMS: Shader['params'] = [
  ['parts', 'u32'],
  ['lead', 'u32'],
  ['size', 'u32'],
  ['picks', 'u32'],
  ['inner', 'u32'],
  ['chunks', 'u32'],
  ['rp', 'u32'],
  ['ra', 'u32'],
  ['rb', 'u32'],
];

/**
 * heads[p, a, c, b] = sum of g over the run with which chunk c of the sorted row begins, where that run began earlier.
 *
 * Layout: keys and order [rows, picks] with row = p rp + a ra + b rb; heads [parts, lead, chunks, inner].
 * Tiling: one chunk of 2^CHUNK_BITS positions (and `lanes` inner neighbours) an invocation, grid-stride.
 */
export function headsShader(spec: Omit<SegmentSpec, 'heads'>): Shader {
  const walk = odometer('i', ['P.parts', 'P.lead', 'P.chunks', 'P.inner']);
  const T = element(spec.type, spec.lanes);
  const code = wgsl`
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${spec.workgroup}u;
  var i = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  let n = P.parts * P.lead * P.chunks * P.inner;
  ${walk.start('i')}
  ${walk.step('stride')}
  while (i < n) {
    var total = ${T}();
    let row = (i0 * P.rp + i1 * P.ra + i3 * P.rb) * P.picks;
    let origin = (i0 * P.lead + i1) * P.picks * P.inner + i3;
    let first = i2 << ${CHUNK_BITS}u;
    let end = min(first + ${1 << CHUNK_BITS}u, P.picks);
    if (first > 0u) {
      let before = keys[row + first - 1u];
      var j = first;
      while (j < end) {
        if (keys[row + j] != before) { break; }
        total += g[origin + order[row + j] * P.inner];
        j++;
      }
    }
    heads[i] = total;
    i += stride;
    ${walk.advance}
  }
}`;
  return {
    code,
    bindings: [
      { name: 'g', access: 'read', type: `array<${T}>` },
      { name: 'keys', access: 'read', type: 'array<u32>' },
      { name: 'order', access: 'read', type: 'array<u32>' },
      { name: 'heads', access: 'read_write', type: `array<${T}>` },
    ],
    params: SEGMENT_PARAMS,
  };
}

/**
 * out[p, a, n, b] = sum of g over the run of n in the sorted row: its own positions up to the end of the chunk where the
 * run begins, then the heads of the chunks that it reaches into. The order is fixed, and no walk is longer than a chunk
 * plus the number of chunks, however often one index occurs.
 *
 * Layout: as headsShader, starts [rows, size + 1]. Tiling: one result (`lanes` inner neighbours) at a time, grid-stride.
 * Cost: an index load and a load a position, one store a result.
 */
export function segmentShader(spec: SegmentSpec): Shader {
  const walk = odometer('i', ['P.parts', 'P.lead', 'P.size', 'P.inner']);
  const T = element(spec.type, spec.lanes);
  const code = wgsl`
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${spec.workgroup}u;
  var i = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  let n = P.parts * P.lead * P.size * P.inner;
  ${walk.start('i')}
  ${walk.step('stride')}
  while (i < n) {
    var total = ${T}();
    let row = i0 * P.rp + i1 * P.ra + i3 * P.rb;
    let origin = (i0 * P.lead + i1) * P.picks * P.inner + i3;
    let run = row * (P.size + 1u) + i2;
    let first = starts[run];
    let end = starts[run + 1u];
#if ${spec.heads}
    let stop = min(end, ((first >> ${CHUNK_BITS}u) + 1u) << ${CHUNK_BITS}u);
#else
    let stop = end;
#endif
    for (var j = first; j < stop; j++) { total += g[origin + order[row * P.picks + j] * P.inner]; }
#if ${spec.heads}
    let chunks = (i0 * P.lead + i1) * P.chunks;
    for (var c = (first >> ${CHUNK_BITS}u) + 1u; (c << ${CHUNK_BITS}u) < end; c++) { total += heads[(chunks + c) * P.inner + i3]; }
#endif
    out[i] = total;
    i += stride;
    ${walk.advance}
  }
}`;
  return {
    code,
    bindings: [
      { name: 'g', access: 'read', type: `array<${T}>` },
      { name: 'order', access: 'read', type: 'array<u32>' },
      { name: 'starts', access: 'read', type: 'array<u32>' },
      ...(spec.heads ? [{ name: 'heads', access: 'read', type: `array<${T}>` } as const] : []),
      { name: 'out', access: 'read_write', type: `array<${T}>` },
    ],
    params: SEGMENT_PARAMS,
  };
}
