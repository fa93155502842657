import { type PoolSpec, poolShader } from '../../shaders/pool.js';
import { record } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { assertDType } from '../tensor/dtype.js';
import { scope } from '../tensor/scope.js';
import { assertRank, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { mean } from './reductions.js';
import { walkOf } from './walk.js';

type Two = readonly [y: number, x: number];

/** Geometry of a pooling over NHWC images. */
export interface PoolAttrs {
  /** Windows share the image out evenly instead of sliding; then kernel, stride and pad are unused. */
  adaptive: boolean;
  kernel: Two;
  stride: Two;
  pad: Two;
  input: Two;
  output: Two;
  /** Averages divide by the window with its padding. */
  countIncludePad: boolean;
}

export interface PoolOptions {
  /** Height and width of a window. */
  kernel: number | Two;
  /** Distance of neighbouring windows; default: the kernel, so that they do not overlap. */
  stride?: number | Two;
  /** Rows and columns outside each edge, at most half the kernel: -inf for maxima, 0 for averages. Default 0. */
  padding?: number | Two;
  /** Keep a last window that reaches beyond the padded image (it is clipped). Default false. */
  ceilMode?: boolean;
}

const poolKernel = defineKernel<PoolSpec>({ name: 'pool', shader: poolShader });

/**
 * Greatest value of each window of x [..., h, w, channels], giving [..., oh, ow, channels]. The gradient goes to the
 * first greatest element in row-major order. NaN wins over every number. f32.
 *
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function maxPool2d(x: Tensor, options: PoolOptions): Tensor {
  const { values, index } = maxOf('maxPool2d', x, slidingWindows('maxPool2d', x, options));
  if (!values.node) index.dispose();
  return values;
}

/** `maxPool2d` and, as i32 row * w + column within the image, which element won each window. */
export function maxPool2dWithIndices(x: Tensor, options: PoolOptions): { values: Tensor; index: Tensor } {
  return maxOf('maxPool2dWithIndices', x, slidingWindows('maxPool2dWithIndices', x, options));
}

/** Greatest value of each of oh x ow windows [floor(o h / oh), ceil((o + 1) h / oh)); see `maxPool2d`. */
export function adaptiveMaxPool2d(x: Tensor, output: number | Two): Tensor {
  const { values, index } = maxOf('adaptiveMaxPool2d', x, adaptiveWindows('adaptiveMaxPool2d', x, output));
  if (!values.node) index.dispose();
  return values;
}

/**
 * Mean of each window of x [..., h, w, channels], giving [..., oh, ow, channels]. Padding counts as zeros unless
 * `countIncludePad` is false; then a clipped window divides by what is left of it. f32.
 *
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function avgPool2d(x: Tensor, options: PoolOptions & { countIncludePad?: boolean }): Tensor {
  const attrs = slidingWindows('avgPool2d', x, options);
  return avgPoolLike(x, { ...attrs, countIncludePad: options.countIncludePad ?? true });
}

/** Mean of each of oh x ow windows [floor(o h / oh), ceil((o + 1) h / oh)) that share out the image. */
export function adaptiveAvgPool2d(x: Tensor, output: number | Two): Tensor {
  return avgPoolLike(x, adaptiveWindows('adaptiveAvgPool2d', x, output));
}

/** Mean over the pixels: x [..., h, w, channels] gives [..., channels]. */
export function globalAvgPool2d(x: Tensor): Tensor {
  checkImages('globalAvgPool2d', x);
  return mean(x, [x.rank - 3, x.rank - 2]);
}

function maxOf(op: string, x: Tensor, attrs: PoolAttrs): { values: Tensor; index: Tensor } {
  const shape = outer(x, attrs.output);
  // A scope, so that one is given back where there is no memory for the other.
  return scope(() => {
    const values = Tensor.empty(op, x.device, 'f32', shape);
    const index = Tensor.empty(op, x.device, 'i32', shape);
    launch('max', op, attrs, [x, values, index], values);
    // Seen from its derivatives, a maximum is the element at its index.
    return { values: record('poolGather', attrs, [x, index], values), index };
  });
}

/** x's element at `index` for every window. */
export function poolGather(x: Tensor, index: Tensor, attrs: PoolAttrs): Tensor {
  const out = Tensor.empty('poolGather', x.device, 'f32', index.shape);
  launch('gather', 'poolGather', attrs, [x, index, out], out);
  return record('poolGather', attrs, [x, index], out);
}

/** Adjoint of `poolGather`: every pixel sums the g of the windows that it won, in a fixed order. */
export function poolScatter(g: Tensor, index: Tensor, attrs: PoolAttrs): Tensor {
  const out = Tensor.empty('poolScatter', g.device, 'f32', outer(g, attrs.input));
  launch('scatter', 'poolScatter', attrs, [g, index, out], disjoint(attrs) ? g : out);
  return record('poolScatter', attrs, [g, index], out);
}

/** Average pooling of a given geometry. */
export function avgPoolLike(x: Tensor, attrs: PoolAttrs): Tensor {
  const out = Tensor.empty('avgPool2d', x.device, 'f32', outer(x, attrs.output));
  launch('avg', 'avgPool2d', attrs, [x, out], out);
  return record('avgPool', attrs, [x], out);
}

/** Adjoint of `avgPoolLike`. */
export function avgPoolInput(g: Tensor, attrs: PoolAttrs): Tensor {
  const out = Tensor.empty('avgPoolInput', g.device, 'f32', outer(g, attrs.input));
  launch('avgInput', 'avgPoolInput', attrs, [g, out], disjoint(attrs) ? g : out);
  return record('avgPoolInput', attrs, [g], out);
}

const outer = (t: Tensor, pixels: Two): number[] => [...t.shape.slice(0, -3), ...pixels, t.shape[t.rank - 1]];

/** Whether no pixel lies in two windows. */
const disjoint = ({ adaptive, kernel, stride, input, output }: PoolAttrs): boolean =>
  [0, 1].every((a) => (adaptive ? input[a] % output[a] === 0 : kernel[a] <= stride[a]));

/** The window, where windows tile the image without a rest and have few pixels. */
function tileOf({ adaptive, kernel, stride, pad, input, output }: PoolAttrs): PoolSpec['tile'] {
  const exact = (a: 0 | 1) => kernel[a] === stride[a] && pad[a] === 0 && input[a] === output[a] * kernel[a];
  return !adaptive && exact(0) && exact(1) && kernel[0] * kernel[1] <= 4 ? [kernel[0], kernel[1]] : null;
}

/** Runs a kernel with one invocation an element (or two or four channels) of `walked`. */
function launch(
  kind: PoolSpec['kind'],
  op: string,
  attrs: PoolAttrs,
  tensors: readonly Tensor[],
  walked: Tensor,
): void {
  const { device, shape, rank, size } = walked;
  if (tensors.some((t) => t.size === 0)) return;
  const channels = shape[rank - 1];
  const lanes = channels % 4 === 0 ? 4 : channels % 2 === 0 ? 2 : 1;
  const n = size / lanes;
  const images = size / (channels * shape[rank - 2] * shape[rank - 3]);
  const walk = walkOf(device, n);
  const tile = kind === 'gather' ? null : tileOf(attrs);
  const spec: PoolSpec = { kind, adaptive: attrs.adaptive, disjoint: disjoint(attrs), tile, lanes };
  device.run(poolKernel, spec, {
    bindings: tensors.map((t) => t.binding(op)),
    params: [
      ...walk.params,
      channels / lanes,
      ...attrs.input,
      ...attrs.output,
      ...attrs.kernel,
      ...attrs.stride,
      ...attrs.pad,
      attrs.countIncludePad ? 1 : 0,
      images,
    ],
    grid: walk.grid,
    cost: { flops: tensors[0].size, bytes: tensors.reduce((b, t) => b + t.bytes, 0) },
  });
}

function checkImages(op: string, x: Tensor): void {
  commonDevice(op, [x]);
  assertDType(op, 'x', x.dtype, 'f32');
  assertRank(op, 'x', x.shape, 3);
  const [h, w] = x.shape.slice(-3);
  if (h < 1 || w < 1) throw new ShapeError(op, 'images of at least one pixel', showShape(x.shape));
}

function pairOf(op: string, name: string, value: number | Two, least: number): Two {
  const [y, x] = typeof value === 'number' ? [value, value] : value;
  for (const v of [y, x])
    if (!Number.isInteger(v) || v < least)
      throw new ArgumentError(op, `${name} as whole numbers >= ${least}`, String(value));
  return [y, x];
}

function slidingWindows(op: string, x: Tensor, options: PoolOptions): PoolAttrs {
  checkImages(op, x);
  const kernel = pairOf(op, 'kernel', options.kernel, 1);
  const stride = pairOf(op, 'stride', options.stride ?? kernel, 1);
  const pad = pairOf(op, 'padding', options.padding ?? 0, 0);
  const input: Two = [x.shape[x.rank - 3], x.shape[x.rank - 2]];
  const sizes = [0, 1].map((a) => {
    if (2 * pad[a] > kernel[a])
      throw new ArgumentError(op, `padding at most half the kernel ${kernel.join(' x ')}`, pad.join(', '));
    const room = input[a] + 2 * pad[a] - kernel[a];
    const count = (options.ceilMode ? Math.ceil(room / stride[a]) : Math.floor(room / stride[a])) + 1;
    // A window must begin inside the image or the padding before it.
    return options.ceilMode && (count - 1) * stride[a] >= input[a] + pad[a] ? count - 1 : count;
  });
  if (sizes.some((s) => s < 1)) {
    throw new ShapeError(
      op,
      `a padded image at least as large as the kernel ${kernel.join(' x ')}`,
      `x ${showShape(x.shape)}, padding ${pad.join(', ')}`,
    );
  }
  return { adaptive: false, kernel, stride, pad, input, output: [sizes[0], sizes[1]], countIncludePad: false };
}

function adaptiveWindows(op: string, x: Tensor, output: number | Two): PoolAttrs {
  checkImages(op, x);
  const size = pairOf(op, 'output', output, 1);
  const input: Two = [x.shape[x.rank - 3], x.shape[x.rank - 2]];
  return { adaptive: true, kernel: [1, 1], stride: [1, 1], pad: [0, 0], input, output: size, countIncludePad: false };
}
