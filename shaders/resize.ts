import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { chunkWalk, WALK_PARAMS, WALK_WORKGROUP } from './walk.js';

/** Structure of a resize kernel; sizes and the map of positions are parameters. */
export interface ResizeSpec {
  mode: 'nearest' | 'bilinear';
  /** The adjoint: every input pixel gathers from the outputs that read it. */
  adjoint: boolean;
  /** 4: vec4 over channels. */
  lanes: 1 | 4;
}

/**
 * y[o] = sum over pixels i of weight(o, i) x[i], separably in rows and columns, for NHWC images.
 *
 * Positions are exact fractions: output o of an axis reads position max(a o + b, 0) / d of the input. Nearest reads
 * the pixel at its floor; bilinear shares between that pixel and the next one (or the last) by the remainder. Both
 * kernels get weights from the same integers, so that they are transposes of each other to the last bit.
 *
 * Tiling: one invocation a pixel and `lanes` channels of the result, in a chunk walk, neighbours along channels.
 * Cost: forward 1 or 4 loads a result; adjoint one load for each output that may read the pixel.
 */
export function resizeShader(spec: ResizeSpec): Shader {
  const V = spec.lanes === 4 ? 'vec4f' : 'f32';
  const bilinear = spec.mode === 'bilinear';
  const walk = chunkWalk(
    spec.adjoint ? ['P.images', 'P.h', 'P.w', 'P.channels'] : ['P.images', 'P.oh', 'P.ow', 'P.channels'],
  );
  const code = wgsl`
struct Reading { first: u32, second: u32, rest: f32 }
fn readingOf(o: u32, size: u32, a: i32, b: i32, d: i32) -> Reading {
  let at = u32(max(a * i32(o) + b, 0));
  let first = at / u32(d);
  return Reading(first, min(first + 1u, size - 1u), f32(at - first * u32(d)) / f32(d));
}
#if ${spec.adjoint}
fn weightOf(o: u32, i: u32, size: u32, a: i32, b: i32, d: i32) -> f32 {
#if ${bilinear}
  let r = readingOf(o, size, a, b, d);
  return select(0.0, 1.0 - r.rest, r.first == i) + select(0.0, r.rest, r.second == i);
#else
  return 1.0;
#endif
}
fn ceilDiv(n: i32, d: i32) -> i32 { return select((n + d - 1) / d, 0, n <= 0); }
// The outputs that read pixel i: those at positions from i - 1 (nearest: i) up to, not including, i + 1.
fn readersOf(i: u32, outputs: u32, a: i32, b: i32, d: i32) -> vec2u {
  if (a == 0) { return vec2u(0u, outputs); }
  let first = select(0, ceilDiv((i32(i) - ${bilinear ? 1 : 0}) * d - b, a), i > ${bilinear ? 1 : 0}u);
  return vec2u(u32(first), min(u32(ceilDiv((i32(i) + 1) * d - b, a)), outputs));
}
#endif
@compute @workgroup_size(${WALK_WORKGROUP})
fn main(${walk.builtins}) {
  ${walk.start}
  while (${walk.more}) {
#if ${spec.adjoint}
    let rows = readersOf(i1, P.oh, P.aY, P.bY, P.dY);
    let cols = readersOf(i2, P.ow, P.aX, P.bX, P.dX);
    var total = ${V}(0.0);
    for (var r = rows.x; r < rows.y; r++) {
      let weight = weightOf(r, i1, P.h, P.aY, P.bY, P.dY);
      var sum = ${V}(0.0);
      for (var c = cols.x; c < cols.y; c++) {
        sum += weightOf(c, i2, P.w, P.aX, P.bX, P.dX) * src[((i0 * P.oh + r) * P.ow + c) * P.channels + i3];
      }
      total += weight * sum;
    }
    dst[i] = total;
#else
    let row = readingOf(i1, P.h, P.aY, P.bY, P.dY);
    let col = readingOf(i2, P.w, P.aX, P.bX, P.dX);
    let above = (i0 * P.h + row.first) * P.w;
#if ${bilinear}
    let below = (i0 * P.h + row.second) * P.w;
    let top = mix(src[(above + col.first) * P.channels + i3], src[(above + col.second) * P.channels + i3], col.rest);
    let bottom = mix(src[(below + col.first) * P.channels + i3], src[(below + col.second) * P.channels + i3], col.rest);
    dst[i] = mix(top, bottom, row.rest);
#else
    dst[i] = src[(above + col.first) * P.channels + i3];
#endif
#endif
    ${walk.advance}
  }
}`;
  return {
    code,
    bindings: [
      { name: 'src', access: 'read', type: `array<${V}>` },
      { name: 'dst', access: 'read_write', type: `array<${V}>` },
    ],
    params: [
      ...WALK_PARAMS,
      ...['images', 'channels', 'h', 'w', 'oh', 'ow'].map((name) => [name, 'u32'] as const),
      ...['aY', 'bY', 'dY', 'aX', 'bX', 'dX'].map((name) => [name, 'i32'] as const),
    ],
  };
}
