import { type ConvStripSpec, convStripShader } from '../../shaders/conv-strip.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import type { Tensor } from '../tensor/tensor.js';
import type { ConvAttrs } from './conv-geometry.js';
import { hasTileOverride, sharesBySubgroup } from './gemm-rules.js';

const kernel = defineKernel<ConvStripSpec>({ name: 'convStrip', shader: convStripShader });

/** What a strip kernel needs to know of a convolution, or of its gradient for the input. */
export interface StripProblem {
  op: 'conv2d' | 'conv2dInput';
  models: number;
  images: number;
  /** Channels of one group, of what is read and of the result. */
  depth: number;
  rows: number;
  source: Tensor;
  weight: Tensor;
  bias: Tensor | null;
  out: Tensor;
}

/** Widest kernel row: a tile of few channels keeps all of its taps in registers. */
export const MAX_TAPS = 11;
/** Pixels of strips to one of the result, above which the matrix kernels win: they waste nothing on narrow images. */
const MAX_WASTE = 1.6;
/** Multiply-adds of vectors in the body, above which a pipeline takes long to compile. */
const MAX_BODY = 128;

/**
 * Whether a convolution goes to the kernel of this file: on software devices, where the matrix kernels would have to
 * load their pixels one number at a time.
 */
function takesStrips(attrs: ConvAttrs, p: StripProblem): boolean {
  const { device } = p.out;
  const { stride, dilation, kernel: taps } = attrs;
  const width = p.op === 'conv2d' ? attrs.output[1] : attrs.input[1];
  return (
    sharesBySubgroup(device) &&
    !hasTileOverride(device) &&
    p.depth % 4 !== 0 &&
    (Math.ceil(width / 4) * 4) / width <= MAX_WASTE &&
    taps[1] >= 2 &&
    taps[1] <= MAX_TAPS &&
    [...stride, ...dilation].every((v) => v === 1) &&
    [p.source, p.weight].every((t) => t.dtype === 'f32') &&
    p.models * attrs.groups * tileOf(p.rows, taps[1]).tiles <= device.limits.maxWorkgroups
  );
}

/** Channels of a tile and strips a lane, so that the body stays short enough to compile in a fraction of a second. */
function tileOf(rows: number, taps: number): { rows: number; strips: 1 | 2; tiles: number } {
  const most = Math.max(4, Math.min(24, Math.floor(MAX_BODY / taps)));
  const tiles = Math.ceil(rows / most);
  const step = rows % 4 === 0 ? 4 : 2;
  const each = Math.ceil(rows / tiles / step) * step;
  return { rows: each, strips: 2 * each * taps <= MAX_BODY && each <= 16 ? 2 : 1, tiles: Math.ceil(rows / each) };
}

/** Runs a convolution, or the gradient for its input, if it is one for the kernel of this file. */
export function byStrips(attrs: ConvAttrs, p: StripProblem): boolean {
  if (!takesStrips(attrs, p)) return false;
  if (p.out.size > 0) launch(attrs, p);
  return true;
}

function launch(attrs: ConvAttrs, p: StripProblem): void {
  const { device } = p.out;
  const forward = p.op === 'conv2d';
  const [kh, kw] = attrs.kernel;
  const [h, w] = forward ? attrs.input : attrs.output;
  const [outH, outW] = forward ? attrs.output : attrs.input;
  const { groups } = attrs;
  const tile = tileOf(p.rows, kw);
  const ci = forward ? p.depth : p.rows;
  const tapWidth = kh * kw * ci;
  const part = (t: Tensor | null, rank: number, elements: number) => (t?.rank === rank ? elements : 0);
  const [padY, padX] = forward ? attrs.pad : [kh - 1 - attrs.pad[0], kw - 1 - attrs.pad[1]];
  // Turned round, the gradient walks the taps from the last to the first.
  const steps = forward ? [0, tapWidth, ci, kw * ci, 1] : [(kh * kw - 1) * ci, 1, -ci, -kw * ci, tapWidth];
  const spec: ConvStripSpec = {
    lanes: device.subgroupSize,
    rows: tile.rows,
    strips: tile.strips,
    taps: kw,
    vector: p.rows % 4 === 0,
    byImage: p.images % device.subgroupSize === 0,
    bias: p.bias !== null,
    activation: forward ? attrs.activation : 'none',
  };
  const places = p.images * Math.ceil(outH / tile.strips) * Math.ceil(outW / 4);
  const [x, y] = foldGrid(Math.ceil(places / device.subgroupSize), device.limits.maxWorkgroups);
  device.run(kernel, spec, {
    bindings: [p.weight, p.source, ...(p.bias ? [p.bias] : []), p.out].map((t) => t.binding(p.op)),
    params: [
      ...[p.images, h, w, p.depth * groups, outH, outW, p.rows * groups, groups, p.depth, p.rows],
      ...[tile.tiles, tile.rows],
      part(p.source, 5, p.images * h * w * p.depth * groups),
      part(p.weight, 5, p.depth * p.rows * groups * kh * kw),
      p.depth * p.rows * kh * kw,
      part(p.out, 5, p.images * outH * outW * p.rows * groups),
      part(p.bias, 2, p.rows * groups),
      ...[kh, padY, padX, ...steps],
    ],
    grid: [x, y, p.models * groups * tile.tiles],
    cost: {
      flops: 2 * p.models * p.images * outH * outW * p.rows * groups * kh * kw * p.depth,
      bytes: p.source.bytes + p.weight.bytes + p.out.bytes,
    },
  });
}
