import {
  type DepthwiseApplySpec,
  type DepthwiseWeightSpec,
  depthwiseApplyShader,
  depthwiseWeightShader,
} from '../../shaders/depthwise.js';
import type { Device } from '../gpu/device.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { Tensor } from '../tensor/tensor.js';
import type { ConvAttrs } from './conv-geometry.js';
import { sumLeading } from './reduce.js';
import { walkOf } from './walk.js';

const applyKernel = defineKernel<DepthwiseApplySpec>({ name: 'depthwise', shader: depthwiseApplyShader });
const weightKernel = defineKernel<DepthwiseWeightSpec>({ name: 'depthwiseWeight', shader: depthwiseWeightShader });

const forced = new WeakMap<Device, 'direct' | 'gemm'>();

/** Forces the kernels of every depthwise convolution of a device: tests of both, and `secateur tune`. */
export function overrideDepthwise(device: Device, kernels: 'direct' | 'gemm' | null): void {
  if (kernels) forced.set(device, kernels);
  else forced.delete(device);
}

/**
 * Most outputs an input channel for which the direct kernels are chosen: with more, one group fills a tile of the
 * matrix kernels.
 */
const MAX_MULTIPLIER = 8;

/** Whether a convolution with groups of `ci` inputs and `co` outputs goes to the kernels of this file. */
export function isDepthwise(attrs: ConvAttrs, ci: number, co: number, tensors: readonly Tensor[]): boolean {
  if (ci !== 1 || tensors.some((t) => t.dtype !== 'f32')) return false;
  const choice = forced.get(tensors[0].device);
  return choice ? choice === 'direct' : attrs.groups > 1 && co <= MAX_MULTIPLIER;
}

/** What both kernels need to know: sizes, and where each model's share of a tensor begins. */
interface Sizes {
  models: number;
  images: number;
  channels: number;
  multiplier: number;
  lanes: 1 | 4;
}

function sizesOf(attrs: ConvAttrs, x: Tensor, weight: Tensor, g: Tensor): Sizes {
  const multiplier = weight.shape[weight.rank - 4] / attrs.groups;
  return {
    models: Math.max(...[x, weight, g].map((t) => (t.rank === 5 ? t.shape[0] : 1))),
    images: x.shape[x.rank - 4],
    channels: attrs.groups,
    multiplier,
    lanes: multiplier === 1 && attrs.groups % 4 === 0 ? 4 : 1,
  };
}

/** y from x: `out` is [models?, images, ...attrs.output, groups * multiplier]. */
export function launchDepthwiseForward(
  attrs: ConvAttrs,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  out: Tensor,
): void {
  if (out.size === 0) return;
  const s = sizesOf(attrs, x, weight, out);
  const part = x.rank === 5 ? s.images * attrs.input[0] * attrs.input[1] : 0;
  apply('conv2d', attrs, s, {
    source: x,
    part,
    sourceSize: attrs.input,
    sourceChannels: s.channels,
    size: attrs.output,
    weight,
    bias,
    out,
  });
}

/** The gradient of x from that of y: `out` is [models?, images, ...attrs.input, groups]. */
export function launchDepthwiseInput(attrs: ConvAttrs, g: Tensor, weight: Tensor, out: Tensor): void {
  if (out.size === 0) return;
  const s = sizesOf(attrs, out, weight, g);
  const part = g.rank === 5 ? s.images * attrs.output[0] * attrs.output[1] : 0;
  const sourceChannels = s.channels * s.multiplier;
  apply('conv2dInput', attrs, s, {
    source: g,
    part,
    sourceSize: attrs.output,
    sourceChannels,
    size: attrs.input,
    weight,
    bias: null,
    out,
  });
}

/** Pixels of a row in one invocation. */
const PIXELS = { software: 4, gpu: 2 };

interface Application {
  source: Tensor;
  /** Pixels between the models' shares of the source. */
  part: number;
  sourceSize: readonly [number, number];
  sourceChannels: number;
  size: readonly [number, number];
  weight: Tensor;
  bias: Tensor | null;
  out: Tensor;
}

function apply(op: string, attrs: ConvAttrs, s: Sizes, a: Application): void {
  const { device } = a.out;
  const { kernel, stride, pad, dilation } = attrs;
  const forward = op === 'conv2d';
  const pixels = PIXELS[device.deviceClass === 'software' ? 'software' : 'gpu'];
  // Neighbouring taps that meet the same phase of the stride, and how far apart they read.
  const tapStep = [0, 1].map((k) => (forward ? 1 : stride[k] / gcd(stride[k], dilation[k])));
  const sourceStep = [0, 1].map((k) => (forward ? dilation[k] : (-dilation[k] * tapStep[k]) / stride[k]));
  const apart = forward ? 1 : stride[1];
  const blocks = apart * Math.ceil(Math.ceil(a.size[1] / apart) / pixels);
  const outChannels = a.out.shape[a.out.rank - 1] / s.lanes;
  const n = s.models * s.images * a.size[0] * blocks * outChannels;
  const walk = walkOf(device, n);
  const filters = s.channels * s.multiplier;
  const spec: DepthwiseApplySpec = {
    lanes: s.lanes,
    direction: forward ? 'forward' : 'input',
    pixels,
    slide: forward ? stride[1] === dilation[1] : sourceStep[1] === -1,
    bias: a.bias !== null,
    activation: forward ? attrs.activation : 'none',
  };
  const tensors = [a.source, a.weight, ...(a.bias ? [a.bias] : []), a.out];
  device.run(applyKernel, spec, {
    bindings: tensors.map((t) => t.binding(op)),
    params: [
      ...walk.params,
      s.models,
      s.images,
      a.size[0],
      blocks,
      outChannels,
      a.sourceChannels / s.lanes,
      s.multiplier,
      a.part,
      a.weight.rank === 5 ? filters : 0,
      a.bias?.rank === 2 ? filters : 0,
      a.size[1],
      ...a.sourceSize,
      ...kernel,
      ...stride,
      ...pad,
      ...dilation,
      ...tapStep,
      ...sourceStep,
    ],
    grid: walk.grid,
    cost: {
      flops: 2 * s.models * s.images * attrs.output[0] * attrs.output[1] * filters * kernel[0] * kernel[1],
      bytes: tensors.reduce((b, t) => b + t.bytes, 0),
    },
  });
}

/** Invocations that a weight gradient is split to: a fixed number, so that the order of additions is the shape's alone. */
const WEIGHT_INVOCATIONS = { software: 2048, gpu: 65536 };

/** The gradient of the weight from x and that of y: `out` is [models?, groups * multiplier, kh, kw, 1]. */
export function launchDepthwiseWeight(attrs: ConvAttrs, x: Tensor, g: Tensor, out: Tensor): void {
  if (out.size === 0) return;
  const { device } = out;
  const { kernel, stride, pad, dilation, input, output } = attrs;
  const s = sizesOf(attrs, x, out, g);
  const software = device.deviceClass === 'software';
  const workgroup = software ? 16 : 64;
  const rows = s.images * output[0];
  // The taps of a row in equal parts of at most four.
  const blocks = Math.ceil(kernel[1] / 4);
  const taps = Math.ceil(kernel[1] / blocks);
  const perSplit = (s.models * s.channels * s.multiplier * kernel[0] * blocks) / s.lanes;
  const splits = Math.max(
    1,
    Math.min(Math.ceil((software ? WEIGHT_INVOCATIONS.software : WEIGHT_INVOCATIONS.gpu) / perSplit), rows, 1024),
  );
  const chunk = Math.ceil(rows / splits);
  const stage = splits > 1 ? Tensor.empty('conv2dWeight', device, 'f32', [splits, out.size]) : out;
  const n = splits * perSplit;
  try {
    device.run(
      weightKernel,
      { lanes: s.lanes, taps, slide: stride[1] === dilation[1], workgroup },
      {
        bindings: [g, x, stage].map((t) => t.binding('conv2dWeight')),
        params: [
          n,
          s.models,
          s.images,
          (s.channels * s.multiplier) / s.lanes,
          s.channels / s.lanes,
          s.multiplier,
          g.rank === 5 ? s.images * output[0] * output[1] : 0,
          x.rank === 5 ? s.images * input[0] * input[1] : 0,
          ...kernel,
          blocks,
          chunk,
          ...input,
          ...output,
          ...stride,
          ...pad,
          ...dilation,
        ],
        grid: foldGrid(Math.ceil(n / workgroup), device.limits.maxWorkgroups),
        cost: { flops: 2 * g.size * kernel[0] * kernel[1], bytes: g.bytes + x.bytes + stage.bytes },
      },
    );
    if (stage !== out) sumLeading('conv2dWeight', device, stage, out);
  } finally {
    if (stage !== out) stage.dispose();
  }
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
