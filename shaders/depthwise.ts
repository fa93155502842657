import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { activate } from './gemm/epilogue.js';
import type { Activation } from './gemm/spec.js';
import { mathHelpers } from './math.js';
import { chunkWalk, WALK_PARAMS, WALK_WORKGROUP } from './walk.js';

/** Structure of a depthwise convolution's y or dx; sizes and geometry are parameters. */
export interface DepthwiseApplySpec {
  /** `forward`: y from x; `input`: dx from the gradient of y. */
  direction: 'forward' | 'input';
  /** 4: vec4 over channels, where every input channel has one output channel. */
  lanes: 1 | 4;
  /** Pixels of one row that an invocation makes, so that it loads each weight once for all of them. */
  pixels: number;
  /** Neighbouring taps read neighbouring pixels of the block: each tap loads one pixel and keeps the others. */
  slide: boolean;
  bias: boolean;
  activation: Activation;
}

/** Structure of a depthwise convolution's dw. */
export interface DepthwiseWeightSpec {
  lanes: 1 | 4;
  /** Neighbouring taps of one row that an invocation sums, so that it loads each gradient once for all of them. */
  taps: number;
  /** As above, along the taps. */
  slide: boolean;
  workgroup: number;
}

const unsigned = (...names: string[]) => names.map((name) => [name, 'u32'] as const);
const signed = (...names: string[]) => names.map((name) => [name, 'i32'] as const);
const list = (n: number, f: (i: number) => string): string[] => Array.from({ length: n }, (_, i) => f(i));

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
 * Cost: 2 taps flops an output. A row of k taps costs pixels + k - 1 source loads where it slides (pixels k where it
 * cannot) and k weight loads.
 */
export function depthwiseApplyShader(spec: DepthwiseApplySpec): Shader {
  const { lanes, pixels, slide } = spec;
  const V = lanes === 4 ? 'vec4f' : 'f32';
  const forward = spec.direction === 'forward';
  const walk = chunkWalk(['P.models', 'P.images', 'P.rows', 'P.blocks', 'P.channels']);
  const each = (f: (p: number) => string) => list(pixels, f).join('\n        ');
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const filter = lanes === 4 ? 'i4 * 4u' : forward ? 'i4' : 'i4 * P.multiplier + j';
  const channel = lanes === 4 ? 'i4' : forward ? 'i4 / P.multiplier' : filter;
  const four = (f: (l: number) => string) => (lanes === 4 ? `vec4f(${list(4, f).join(', ')})` : f(0));
  const load = (p: number) => `v${p} = pixelAt(row, sx + ${p} * across);`;
  // The pixel that a tap adds to those of the tap before: ahead of them going forward, behind them going back.
  const fresh = forward ? pixels - 1 : 0;
  const kept = list(pixels, load)
    .filter((_, p) => p !== fresh)
    .join('\n        ');
  const shift = list(pixels - 1, (p) =>
    forward ? `v${p} = v${p + 1};` : `v${pixels - 1 - p} = v${pixels - 2 - p};`,
  ).join(' ');
  const code = wgsl`
${mathHelpers(helpers, lanes)}
fn pixelAt(row: u32, col: i32) -> ${V} {
  let v = source[row + u32(clamp(col, 0, P.sourceW - 1)) * P.sourceChannels];
  return select(${V}(0.0), v, u32(col) < u32(P.sourceW));
}
#if ${!forward}
// The first tap that reaches a whole output position from pixel at (padding added), or k where none does.
fn firstTap(at: i32, k: i32, stride: i32, dilation: i32, tapStep: i32) -> i32 {
  for (var t = 0; t < tapStep; t++) {
    if ((at - t * dilation) % stride == 0) { return t; }
  }
  return k;
}
#endif
@compute @workgroup_size(${WALK_WORKGROUP})
fn main(${walk.builtins}) {
  let taps = u32(P.kh * P.kw);
  ${walk.start}
  while (${walk.more}) {
    let y = i32(i2);
#if ${forward}
    let apart = 1;
    let across = P.strideX;
    let x = i32(i3) * ${pixels};
    let tapY = 0;
    let tapX = 0;
    var sy = y * P.strideY - P.padY;
    let fromX = x * P.strideX - P.padX;
#else
    let apart = P.strideX;
    let across = 1;
    let x = i32(i3) / apart * (apart * ${pixels}) + i32(i3) % apart;
    let tapY = firstTap(y + P.padY, P.kh, P.strideY, P.dilationY, P.tapStepY);
    let tapX = firstTap(x + P.padX, P.kw, P.strideX, P.dilationX, P.tapStepX);
    let firstY = (y + P.padY - tapY * P.dilationY) / P.strideY;
    let fromX = (x + P.padX - tapX * P.dilationX) / P.strideX;
#endif
    ${each((p) => `var acc${p} = ${V}(0.0); var v${p} = ${V}(0.0);`)}
#if ${!forward}
    for (var j = 0u; j < P.multiplier; j++) {
    var sy = firstY;
#endif
    let base = (i0 * P.sourcePart + i1 * u32(P.sourceH * P.sourceW)) * P.sourceChannels + ${channel};
    let first = (i0 * P.weightPart + ${filter}) * taps;
    for (var ky = tapY; ky < P.kh; ky += P.tapStepY) {
      if (sy >= 0 && sy < P.sourceH) {
        let row = base + u32(sy * P.sourceW) * P.sourceChannels;
        var sx = fromX;
#if ${slide}
        ${kept}
#endif
        for (var kx = tapX; kx < P.kw; kx += P.tapStepX) {
          let at = first + u32(ky * P.kw + kx);
          let w = ${four((l) => `weight[at + ${l}u * taps]`)};
#if ${slide}
          ${load(fresh)}
#else
          ${each(load)}
#endif
          ${each((p) => `acc${p} = fma(v${p}, w, acc${p});`)}
#if ${slide}
          ${shift}
#endif
          sx += P.sourceStepX;
        }
      }
      sy += P.sourceStepY;
    }
#if ${!forward}
    }
#endif
#if ${spec.bias}
    let shift = ${four((l) => `bias[i0 * P.biasPart + ${filter} + ${l}u]`)};
#endif
    let place = ((i0 * P.images + i1) * P.rows + i2) * u32(P.cols);
    ${each(
      (p) => `{ let col = x + ${p} * apart;
    let value = acc${p}${spec.bias ? ' + shift' : ''};
    if (col < P.cols) { result[(place + u32(col)) * P.channels + i4] = ${activate(spec.activation, 'value', V)}; } }`,
    )}
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
      ...WALK_PARAMS,
      ...unsigned(
        'models',
        'images',
        'rows',
        'blocks',
        'channels',
        'sourceChannels',
        'multiplier',
        'sourcePart',
        'weightPart',
        'biasPart',
      ),
      ...signed(
        'cols',
        'sourceH',
        'sourceW',
        'kh',
        'kw',
        'strideY',
        'strideX',
        'padY',
        'padX',
        'dilationY',
        'dilationX',
      ),
      ...signed('tapStepY', 'tapStepX', 'sourceStepY', 'sourceStepX'),
    ],
  };
}

/**
 * dw[o, t] = sum over output pixels p of dy[p, o] x[p stride + t dilation - pad, o / multiplier], in `splits` parts
 * along the rows of all images: stage[split, model, o, t], summed afterwards in a fixed tree.
 *
 * Tiling: one invocation has `taps` neighbouring taps of `lanes` channels and walks its share of rows. Neighbours
 * along channels.
 * Cost: 2 flops a pixel and tap; one load of dy a pixel, and one of x where it slides, `taps` where it cannot.
 */
export function depthwiseWeightShader(spec: DepthwiseWeightSpec): Shader {
  const { lanes, taps, slide } = spec;
  const V = lanes === 4 ? 'vec4f' : 'f32';
  const each = (f: (t: number) => string) => list(taps, f).join('\n        ');
  const load = (t: number) => `v${t} = pixelAt(row, sx + ${t} * P.dilationX);`;
  const lane = (l: number) => (lanes === 4 ? `[${l}]` : '');
  const code = wgsl`
fn pixelAt(row: u32, col: i32) -> ${V} {
  let v = x[row + u32(clamp(col, 0, P.w - 1)) * P.xChannels];
  return select(${V}(0.0), v, u32(col) < u32(P.w));
}
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  if (i >= P.n) { return; }
  let channel = i % P.channels;
  let block = i / P.channels % (P.kh * P.blocks);
  let rest = i / (P.channels * P.kh * P.blocks);
  let model = rest % P.models;
  let split = rest / P.models;
  let ky = block / P.blocks;
  let kx = block % P.blocks * ${taps}u;
  let offsetY = i32(ky) * P.dilationY - P.padY;
  let offsetX = i32(kx) * P.dilationX - P.padX;
  let first = split * P.chunk;
  let end = min(first + P.chunk, P.images * u32(P.oh));
  var image = first / u32(P.oh);
  var y = i32(first % u32(P.oh));
  ${each((t) => `var acc${t} = ${V}(0.0); var v${t} = ${V}(0.0);`)}
  for (var r = first; r < end; r++) {
    let sy = y * P.strideY + offsetY;
    if (sy >= 0 && sy < P.h) {
      let row = (model * P.xPart + (image * u32(P.h) + u32(sy)) * u32(P.w)) * P.xChannels + channel${lanes === 4 ? '' : ' / P.multiplier'};
      var at = (model * P.gPart + r * u32(P.ow)) * P.channels + channel;
      var sx = offsetX;
#if ${slide}
      ${list(taps - 1, load).join('\n      ')}
#endif
      for (var c = 0; c < P.ow; c++) {
        let grad = g[at];
#if ${slide}
        ${load(taps - 1)}
#else
        ${each(load)}
#endif
        ${each((t) => `acc${t} = fma(grad, v${t}, acc${t});`)}
#if ${slide}
        ${list(taps - 1, (t) => `v${t} = v${t + 1};`).join(' ')}
#endif
        at += P.channels;
        sx += P.strideX;
      }
    }
    y++;
    if (y == P.oh) { y = 0; image++; }
  }
  let perFilter = P.kh * P.kw;
  let place = ((split * P.models + model) * P.channels + channel) * ${lanes}u * perFilter + ky * P.kw + kx;
  ${each((t) => `if (kx + ${t}u < P.kw) { ${list(lanes, (l) => `stage[place + ${t}u + ${l}u * perFilter] = acc${t}${lane(l)};`).join(' ')} }`)}
}`;
  return {
    code,
    bindings: [
      { name: 'g', access: 'read', type: `array<${V}>` },
      { name: 'x', access: 'read', type: `array<${V}>` },
      { name: 'stage', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ...unsigned(
        'n',
        'models',
        'images',
        'channels',
        'xChannels',
        'multiplier',
        'gPart',
        'xPart',
        'kh',
        'kw',
        'blocks',
        'chunk',
      ),
      ...signed('h', 'w', 'oh', 'ow', 'strideY', 'strideX', 'padY', 'padX', 'dilationY', 'dilationX'),
    ],
  };
}
