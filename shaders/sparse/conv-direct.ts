import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { activate } from '../gemm/epilogue.js';
import type { Activation } from '../gemm/spec.js';
import { mathHelpers } from '../math.js';
import { type Direction, TAP_PARAMS } from './conv-stream.js';

export interface ConvDirectSpec {
  direction: Direction;
  bias: boolean;
  activation: Activation;
  workgroup: number;
}

const SOURCE: Shader['params'] = [
  ['images', 'u32'],
  ['resultH', 'u32'],
  ['resultW', 'u32'],
  ['resultC', 'u32'],
  ['sourceH', 'u32'],
  ['sourceW', 'u32'],
  ['sourceC', 'u32'],
  /** Images between the shares of two parts; 0 where they share the source. */
  ['sourcePart', 'u32'],
];

export const DIRECT_PARAMS: Shader['params'] = [
  ['n', 'u32'],
  /** Pixels of one phase in all images, and the phase's rows and columns. */
  ['pixels', 'u32'],
  ['gridH', 'u32'],
  ['gridW', 'u32'],
  ['lines', 'u32'],
  ['capacity', 'u32'],
  ['biasPart', 'u32'],
  ...SOURCE,
  ['strideY', 'i32'],
  ['strideX', 'i32'],
];

export const DIRECT_VALUES_PARAMS: Shader['params'] = [
  ['entries', 'u32'],
  ['parts', 'u32'],
  /** Output and input channels of one group. */
  ['side', 'u32'],
  ['depth', 'u32'],
  ...SOURCE,
  ...TAP_PARAMS,
];

/**
 * y or dx of a sparse convolution from storage: result[pixel, o] = act(sum over the nonzeros p of o of
 * values[p] source[pixel + p] + bias[o]). For devices without subgroups, and for windows too large for private memory.
 *
 * Layout: source and result NHWC; counts and stream as `convStreamShader` makes them, form `direct`, one chunk.
 * Tiling: one result an invocation; neighbours are pixels of one channel, so that all walk the same nonzeros.
 * Cost: 2 flops, a vec4 load (the same for neighbours) and a load a nonzero and pixel.
 */
export function convDirectShader(spec: ConvDirectSpec): Shader {
  const forward = spec.direction === 'forward';
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const code = wgsl`
${mathHelpers(helpers, 1)}
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  if (i >= P.n) { return; }
  let line = i / P.pixels % P.lines;
  let phase = i / P.pixels / P.lines;
  let part = line / P.resultC;
  let channel = line % P.resultC;
  let gridX = i % P.pixels % P.gridW;
  let gridY = i % P.pixels / P.gridW % P.gridH;
  let image = i % P.pixels / P.gridW / P.gridH;
#if ${forward}
  let y = gridY;
  let x = gridX;
  let fromY = i32(gridY) * P.strideY;
  let fromX = i32(gridX) * P.strideX;
#else
  let y = gridY * u32(P.strideY) + phase / u32(P.strideX);
  let x = gridX * u32(P.strideX) + phase % u32(P.strideX);
  let fromY = i32(gridY);
  let fromX = i32(gridX);
#endif
  if (y >= P.resultH || x >= P.resultW) { return; }
  let base = ((i32(part * P.sourcePart + image) * i32(P.sourceH) + fromY) * i32(P.sourceW) + fromX) * i32(P.sourceC);
  let segment = phase * P.lines + line;
  var p = segment * P.capacity;
  let end = p + counts[segment];
  var sum = 0.0;
  for (; p < end; p++) {
    let entry = stream[p];
    let inside = (u32(fromY + i32(entry.x)) < P.sourceH) & (u32(fromX + i32(entry.y)) < P.sourceW);
    let value = source[u32(select(0, base + i32(entry.z), inside))];
    sum = select(sum, fma(bitcast<f32>(entry.w), value, sum), inside);
  }
  let value = sum${spec.bias ? ' + bias[part * P.biasPart + channel]' : ''};
  let place = (((part * P.images + image) * P.resultH + y) * P.resultW + x) * P.resultC + channel;
  result[place] = ${activate(spec.activation, 'value', 'f32')};
}`;
  return {
    code,
    bindings: [
      { name: 'counts', access: 'read', type: 'array<u32>' },
      { name: 'stream', access: 'read', type: 'array<vec4u>' },
      { name: 'source', access: 'read', type: 'array<f32>' },
      ...(spec.bias ? [{ name: 'bias', access: 'read', type: 'array<f32>' } as const] : []),
      { name: 'result', access: 'read_write', type: 'array<f32>' },
    ],
    params: DIRECT_PARAMS,
  };
}

/**
 * dw of a sparse convolution at the nonzeros, from storage: values[p] = sum over pixels of x[pixel + p] g[pixel, row of p].
 *
 * Layout: x and g NHWC; starts, across and line_of of the pattern by row.
 * Tiling: one nonzero a workgroup; its invocations share the pixels and add up by a tree.
 * Cost: 2 flops and two loads a nonzero and pixel.
 */
export function convDirectValuesShader({ workgroup }: { workgroup: number }): Shader {
  const code = `
var<workgroup> sums: array<f32, ${workgroup}>;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = group.x + group.y * groups.x;
  if (p >= P.entries) { return; }
  var part = 0u;
  while (part + 1u < P.parts) {
    if (starts[(part + 1u) * P.resultC] > p) { break; }
    part++;
  }
  let output = line_of[p];
  let tap = i32(across[p] / P.depth);
  let channel = output / P.side * P.depth + across[p] % P.depth;
  let downY = tap / P.kw * P.dilationY - P.padY;
  let downX = tap % P.kw * P.dilationX - P.padX;
  let pixels = P.images * P.resultH * P.resultW;
  var sum = 0.0;
  for (var i = lane; i < pixels; i += ${workgroup}u) {
    let image = i / P.resultW / P.resultH;
    let y = u32(i32(i / P.resultW % P.resultH) * P.strideY + downY);
    let x = u32(i32(i % P.resultW) * P.strideX + downX);
    let inside = (y < P.sourceH) & (x < P.sourceW);
    let at = (((part * P.sourcePart + image) * P.sourceH + y) * P.sourceW + x) * P.sourceC + channel;
    let value = source[select(0u, at, inside)];
    let slope = g[(part * pixels + i) * P.resultC + output];
    sum = select(sum, fma(value, slope, sum), inside);
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = ${workgroup / 2}u; half > 0u; half >>= 1u) {
    if (lane < half) { sums[lane] += sums[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) { values[p] = sums[0]; }
}`;
  return {
    code,
    bindings: [
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      { name: 'line_of', access: 'read', type: 'array<u32>' },
      { name: 'source', access: 'read', type: 'array<f32>' },
      { name: 'g', access: 'read', type: 'array<f32>' },
      { name: 'values', access: 'read_write', type: 'array<f32>' },
    ],
    params: DIRECT_VALUES_PARAMS,
  };
}
