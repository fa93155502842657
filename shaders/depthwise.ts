import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { odometer } from './elements.js';
import { activate } from './gemm/epilogue.js';
import type { Activation } from './gemm/spec.js';
import { mathHelpers } from './math.js';

/** Structure of a depthwise convolution; sizes and geometry are parameters. */
export interface DepthwiseSpec {
  /** 4: vec4 over channels, where every input channel has one output channel. */
  lanes: 1 | 4;
  workgroup: number;
}

export interface DepthwiseApplySpec extends DepthwiseSpec {
  /** `forward`: y from x; `input`: dx from the gradient of y. */
  direction: 'forward' | 'input';
  /** Pixels of one row that an invocation makes, so that it loads each weight once for all of them. */
  pixels: number;
  bias: boolean;
  activation: Activation;
}

const unsigned = (...names: string[]) => names.map((name) => [name, 'u32'] as const);
const signed = (...names: string[]) => names.map((name) => [name, 'i32'] as const);

/** Four weights of one tap, for four neighbouring channels: OHWI keeps the taps of a channel together. */
const weights = (lanes: 1 | 4, at: string): string =>
  lanes === 4 ? `vec4f(${[0, 1, 2, 3].map((l) => `weight[${at} + ${l}u * taps]`).join(', ')})` : `weight[${at}]`;

/**
 * Depthwise convolution of NHWC images with OHWI weights: output channel o reads input channel o / multiplier.
 *
 *     forward  y[p, o] = act(sum over taps t of x[p stride + t dilation - pad, o / m] w[o, t] + bias[o])
 *     input    dx[q, c] = sum over taps t with q + pad - t dilation = p stride, and j < m, of dy[p, c m + j] w[c m + j, t]
 *
 * Both walk taps first, first + tapStep, ... and source pixels that move by sourceStep a tap: forward every tap, and
 * `dilation` pixels; input only taps that meet the stride, of which neighbours are tapStep apart.
 * Tiling: one invocation has `pixels` pixels of one row for `lanes` channels, in registers; those pixels lie `apart`
 * pixels apart so that they meet the same taps (the stride for `input`, 1 for `forward`). Neighbours along channels.
 * Cost: 2 taps flops an output; one source load a tap and pixel, 1 / pixels weight loads.
 */
export function depthwiseApplyShader(spec: DepthwiseApplySpec): Shader {
  const { lanes, pixels } = spec;
  const V = lanes === 4 ? 'vec4f' : 'f32';
  const forward = spec.direction === 'forward';
  const walk = odometer('i', ['P.models', 'P.images', 'P.rows', 'P.blocks', 'P.channels']);
  const each = (f: (p: number) => string) => Array.from({ length: pixels }, (_, p) => f(p)).join('\n        ');
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const source = forward ? 'i4 / P.multiplier' : 'i4 * P.multiplier + j';
  const code = wgsl`
${mathHelpers(helpers, lanes)}
#if ${!forward}
// The first tap that reaches a whole output position from pixel at (padding added), or k where none does.
fn firstTap(at: i32, k: i32, stride: i32, dilation: i32, tapStep: i32) -> i32 {
  for (var t = 0; t < tapStep; t++) {
    if ((at - t * dilation) % stride == 0) { return t; }
  }
  return k;
}
#endif
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${spec.workgroup}u;
  var i = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  let taps = u32(P.kh * P.kw);
  ${walk.start('i')}
  ${walk.step('stride')}
  while (i < P.n) {
    let y = i32(i2);
#if ${forward}
    let x = i32(i3) * ${pixels};
    let tapY = 0;
    let tapX = 0;
    let fromY = y * P.strideY - P.padY;
    let fromX = x * P.strideX - P.padX;
    let across = P.strideX;
    let apart = 1;
#else
    let apart = P.strideX;
    let x = i32(i3) / apart * (apart * ${pixels}) + i32(i3) % apart;
    let tapY = firstTap(y + P.padY, P.kh, P.strideY, P.dilationY, P.tapStepY);
    let tapX = firstTap(x + P.padX, P.kw, P.strideX, P.dilationX, P.tapStepX);
    let fromY = (y + P.padY - tapY * P.dilationY) / P.strideY;
    let fromX = (x + P.padX - tapX * P.dilationX) / P.strideX;
    let across = 1;
#endif
    ${each((p) => `var acc${p} = ${V}(0.0);`)}
#if ${!forward}
    for (var j = 0u; j < P.multiplier; j++) {
#endif
    let base = (i0 * P.sourcePart + i1 * u32(P.sourceH * P.sourceW)) * P.sourceChannels + ${lanes === 4 ? 'i4' : source};
    let first = (i0 * P.weightPart + ${lanes === 4 ? 'i4 * 4u' : forward ? 'i4' : source}) * taps;
    var sy = fromY;
    for (var ky = tapY; ky < P.kh; ky += P.tapStepY) {
      if (sy >= 0 && sy < P.sourceH) {
        var sx = fromX;
        for (var kx = tapX; kx < P.kw; kx += P.tapStepX) {
          let w = ${weights(lanes, 'first + u32(ky * P.kw + kx)')};
          ${each((p) => `{ let col = sx + ${p} * across;
          let v = source[base + u32(sy * P.sourceW + clamp(col, 0, P.sourceW - 1)) * P.sourceChannels];
          acc${p} = fma(select(${V}(0.0), v, col >= 0 && col < P.sourceW), w, acc${p}); }`)}
          sx += P.sourceStepX;
        }
      }
      sy += P.sourceStepY;
    }
#if ${!forward}
    }
#endif
#if ${spec.bias}
    let shift = ${lanes === 4 ? 'vec4f(bias[i0 * P.biasPart + i4 * 4u], bias[i0 * P.biasPart + i4 * 4u + 1u], bias[i0 * P.biasPart + i4 * 4u + 2u], bias[i0 * P.biasPart + i4 * 4u + 3u])' : 'bias[i0 * P.biasPart + i4]'};
#endif
    let row = ((i0 * P.images + i1) * P.rows + i2) * u32(P.cols);
    ${each((p) => `{ let col = x + ${p} * apart;
    let value = acc${p}${spec.bias ? ' + shift' : ''};
    if (col < P.cols) { result[(row + u32(col)) * P.channels + i4] = ${activate(spec.activation, 'value', V)}; } }`)}
    i += stride;
    ${walk.advance}
  }
}`;
  return {
    code,
    bindings: [
      { name: 'source', access: 'read', type: `array<${V}>` },
      { name: 'weight', access: 'read', type: 'array<f32>' },
      ...(spec.bias ? [{ name: 'bias', access: 'read', type: 'array<f32>' } as const] : []),
      { name: 'result', access: 'read_write', type: `array<${V}>` },
    ],
    params: [
      ...unsigned('n', 'models', 'images', 'rows', 'blocks', 'channels', 'sourceChannels', 'multiplier', 'sourcePart', 'weightPart', 'biasPart'),
      ...signed('cols', 'sourceH', 'sourceW', 'kh', 'kw', 'strideY', 'strideX', 'padY', 'padX', 'dilationY', 'dilationX'),
      ...signed('tapStepY', 'tapStepX', 'sourceStepY', 'sourceStepX'),
    ],
  };
}

/**
 * dw[o, t] = sum over output pixels p of dy[p, o] x[p stride + t dilation - pad, o / multiplier], in `splits` parts
 * along the rows of all images: stage[split, model, o, t], summed afterwards in a fixed tree.
 *
 * Tiling: one invocation has one tap of `lanes` channels and walks its share of rows, over the columns whose source
 * lies inside the image. Neighbours along channels.
 * Cost: 2 flops, one load of dy and one of x a pixel and tap.
 */
export function depthwiseWeightShader(spec: DepthwiseSpec): Shader {
  const { lanes } = spec;
  const V = lanes === 4 ? 'vec4f' : 'f32';
  const code = wgsl`
// Of the output positions 0..count, those whose source p stride + offset lies in [0, size).
fn inside(count: i32, stride: i32, offset: i32, size: i32) -> vec2i {
  let first = select(0, (stride - 1 - offset) / stride, offset < 0);
  let end = select(0, (size - 1 - offset) / stride + 1, size > offset);
  return vec2i(first, min(end, count));
}
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  if (i >= P.n) { return; }
  let channel = i % P.channels;
  let tap = i / P.channels % (P.kh * P.kw);
  let rest = i / (P.channels * P.kh * P.kw);
  let model = rest % P.models;
  let split = rest / P.models;
  let offsetY = i32(tap / P.kw) * P.dilationY - P.padY;
  let offsetX = i32(tap % P.kw) * P.dilationX - P.padX;
  let rows = inside(P.oh, P.strideY, offsetY, P.h);
  let cols = inside(P.ow, P.strideX, offsetX, P.w);
  let end = min((split + 1u) * P.chunk, P.images * u32(P.oh));
  var image = split * P.chunk / u32(P.oh);
  var y = i32(split * P.chunk % u32(P.oh));
  var total = ${V}(0.0);
  for (var r = split * P.chunk; r < end; r++) {
    if (y >= rows.x && y < rows.y) {
      var atG = (model * P.gPart + u32((i32(image) * P.oh + y) * P.ow + cols.x)) * P.channels + channel;
      let sourceRow = (i32(image) * P.h + y * P.strideY + offsetY) * P.w + offsetX + cols.x * P.strideX;
      var atX = (model * P.xPart + u32(sourceRow)) * P.xChannels + channel${lanes === 4 ? '' : ' / P.multiplier'};
      for (var c = cols.x; c < cols.y; c++) {
        total = fma(g[atG], x[atX], total);
        atG += P.channels;
        atX += u32(P.strideX) * P.xChannels;
      }
    }
    y++;
    if (y == P.oh) { y = 0; image++; }
  }
  let taps = P.kh * P.kw;
  let place = ((split * P.models + model) * P.channels + channel) * ${lanes}u * taps + tap;
  ${lanes === 4 ? [0, 1, 2, 3].map((l) => `stage[place + ${l}u * taps] = total[${l}];`).join('\n  ') : 'stage[place] = total;'}
}`;
  return {
    code,
    bindings: [
      { name: 'g', access: 'read', type: `array<${V}>` },
      { name: 'x', access: 'read', type: `array<${V}>` },
      { name: 'stage', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ...unsigned('n', 'models', 'images', 'channels', 'xChannels', 'multiplier', 'gPart', 'xPart', 'kh', 'kw', 'chunk'),
      ...signed('h', 'w', 'oh', 'ow', 'strideY', 'strideX', 'padY', 'padX', 'dilationY', 'dilationX'),
    ],
  };
}
