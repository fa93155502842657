import { type ConvWeightStripSpec, convWeightStripShader } from '../../shaders/conv-weight-strip.js';
import { defineKernel } from '../gpu/kernel.js';
import { Tensor } from '../tensor/tensor.js';
import type { ConvAttrs } from './conv-geometry.js';
import { MAX_TAPS } from './conv-strip.js';
import { hasTileOverride, sharesBySubgroup } from './gemm-rules.js';
import { sumLeading } from './reduce.js';

const kernel = defineKernel<ConvWeightStripSpec>({ name: 'convWeightStrip', shader: convWeightStripShader });

/** What the strip kernel needs to know of a weight gradient. */
export interface WeightStripProblem {
  models: number;
  images: number;
  /** Channels of one group, of x and of dy. */
  depth: number;
  rows: number;
  x: Tensor;
  dy: Tensor;
  out: Tensor;
}

/** Sums a lane keeps, above which a pipeline takes long to compile. */
const MAX_SUMS = 80;
/** Lanes and pixels of strips to one that counts, above which the matrix kernels win. */
const MAX_WASTE = 2.2;
/** Taps, or source channels, from which on strips beat matrix kernels even where those load dy in vectors. */
const MANY_TAPS = 4;
const MANY_CHANNELS = 5;
/** Lines of dy that a split has at the least, and splits at the most. */
const LEAST_LINES = 16;
const MOST_SPLITS = 64;

/**
 * Whether a weight gradient goes to the kernel of this file: on software devices, where the matrix kernels would have to
 * load their pixels one number at a time.
 */
function takesStrips(attrs: ConvAttrs, p: WeightStripProblem): boolean {
  const { device } = p.out;
  const { stride, dilation, kernel: taps, output } = attrs;
  const lanes = device.subgroupSize;
  const columns = taps[0] * p.depth;
  return (
    sharesBySubgroup(device) &&
    !hasTileOverride(device) &&
    p.depth % 4 !== 0 &&
    (p.rows % 4 !== 0 || p.depth >= MANY_CHANNELS || taps[1] >= MANY_TAPS) &&
    ((Math.ceil(columns / lanes) * lanes) / columns) * ((Math.ceil(output[1] / 4) * 4) / output[1]) <= MAX_WASTE &&
    taps[1] >= 2 &&
    taps[1] <= MAX_TAPS &&
    [...stride, ...dilation].every((v) => v === 1) &&
    [p.x, p.dy].every((t) => t.dtype === 'f32') &&
    p.models * attrs.groups * tileOf(p.rows, taps[1]).tiles <= device.limits.maxWorkgroups
  );
}

function tileOf(rows: number, taps: number): { rows: number; tiles: number } {
  const tiles = Math.ceil(rows / Math.max(4, Math.min(24, Math.floor(MAX_SUMS / taps))));
  return { rows: Math.ceil(rows / tiles), tiles };
}

/** Runs a weight gradient if it is one for the kernel of this file. */
export function weightByStrips(attrs: ConvAttrs, p: WeightStripProblem): boolean {
  if (!takesStrips(attrs, p)) return false;
  if (p.out.size > 0) launch(attrs, p);
  return true;
}

function launch(attrs: ConvAttrs, p: WeightStripProblem): void {
  const { device } = p.out;
  const { groups } = attrs;
  const [kh, kw] = attrs.kernel;
  const [h, w] = attrs.input;
  const [outH, outW] = attrs.output;
  const tile = tileOf(p.rows, kw);
  const columns = Math.ceil((kh * p.depth) / device.subgroupSize);
  const parts = p.models * groups * tile.tiles;
  const lines = p.images * outH;
  const wanted = Math.ceil((4 * (device.driver?.cores ?? 4)) / (columns * parts));
  const splits = Math.max(1, Math.min(wanted, Math.floor(lines / LEAST_LINES), MOST_SPLITS));
  const part = (t: Tensor, elements: number) => (t.rank === 5 ? elements : 0);
  const target = splits > 1 ? Tensor.empty('conv2dWeight', device, 'f32', [splits, p.out.size]) : p.out;
  try {
    device.run(
      kernel,
      { lanes: device.subgroupSize, rows: tile.rows, taps: kw },
      {
        bindings: [p.dy, p.x, target].map((t) => t.binding('conv2dWeight')),
        params: [
          ...[p.images, h, w, p.depth * groups, outH, outW, p.rows * groups, groups, p.depth, p.rows],
          ...[tile.tiles, tile.rows],
          part(p.x, p.images * h * w * p.depth * groups),
          part(p.dy, p.images * outH * outW * p.rows * groups),
          part(p.out, p.rows * groups * kh * kw * p.depth),
          ...[kh, Math.ceil(lines / splits), p.out.size, ...attrs.pad],
        ],
        grid: [columns, splits, parts],
        cost: {
          flops: 2 * p.models * lines * outW * p.rows * groups * kh * kw * p.depth,
          bytes: p.x.bytes + p.dy.bytes + target.bytes,
        },
      },
    );
    if (splits > 1) sumLeading('conv2dWeight', device, target, p.out);
  } finally {
    if (target !== p.out) target.dispose();
  }
}
