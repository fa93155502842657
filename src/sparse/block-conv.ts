import type { Problem } from '../../shaders/gemm/spec.js';
import { record } from '../autograd/node.js';
import { ShapeError } from '../gpu/errors.js';
import { type Conv2dOptions, type ConvAttrs, geometry } from '../ops/conv-geometry.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, type Shape, sameShape, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { checkOperand } from './block-elements.js';
import { type BlockLaunch, launchSample, launchWalk } from './block-launch.js';
import { checkEpilogue, filled } from './block-matmul.js';
import type { BlockPattern } from './block-pattern.js';

export interface BlockConvOptions extends Conv2dOptions {
  /** Height and width of the kernel. */
  kernel: readonly [h: number, w: number];
}

export interface BlockConvAttrs extends ConvAttrs {
  pattern: BlockPattern;
}

/**
 * 2-D convolution (cross-correlation) of x [images, h, w, in] with a block-sparse weight, giving [images, oh, ow, out].
 * The pattern is that of the weight [out, kh, kw, in / groups] as a matrix [out, kh * kw * in / groups]. Blocks lie
 * within one tap and one group: they divide in / groups and out / groups.
 *
 * @param values f32 [blocks, block, block]
 * @param options as for `conv2d`, and the kernel's size
 * @throws ShapeError when pattern, channels, groups or kernel do not fit
 */
export function blockConv2d(x: Tensor, pattern: BlockPattern, values: Tensor, options: BlockConvOptions): Tensor {
  const op = 'blockConv2d';
  const { kernel, bias, activation = 'none', groups = 1 } = options;
  checkOperand(op, pattern, 'x', x);
  assertRank(op, 'x', x.shape, 4, 4);
  checkBlocks(op, pattern, values);
  const channels = x.shape[3] / groups;
  if (pattern.cols !== kernel[0] * kernel[1] * channels) {
    throw new ShapeError(
      op,
      `a pattern of kh * kw * in / groups = ${kernel[0]} * ${kernel[1]} * ${x.shape[3]} / ${groups} columns`,
      `${pattern}`,
    );
  }
  for (const [name, n] of [
    ['in', channels],
    ['out', pattern.rows / groups],
  ] as const) {
    if (n % pattern.block !== 0)
      throw new ShapeError(op, `${name} / groups divisible by blocks of ${pattern.block}`, `${n} channels`);
  }
  const shape = [pattern.rows, ...kernel, channels];
  const attrs: BlockConvAttrs = { ...geometry(x, { shape }, options, op), pattern };
  checkEpilogue(op, x, pattern.rows, activation, bias);
  return convolve(x, values, attrs, bias);
}

/** The convolution of a given geometry, without bias or activation. */
export const blockConvLike = (x: Tensor, values: Tensor, attrs: BlockConvAttrs): Tensor =>
  convolve(x, values, { ...attrs, activation: 'none' });

function convolve(x: Tensor, values: Tensor, attrs: BlockConvAttrs, bias?: Tensor): Tensor {
  const op = 'blockConv2d';
  const { pattern, output, groups, activation } = attrs;
  const images = x.shape[0];
  const { rows: out } = pattern;
  const y = Tensor.empty(op, x.device, 'f32', [images, ...output, out]);
  const inputs = bias ? [x, values, bias] : [x, values];
  filled(y, () =>
    launchWalk(
      {
        ...plan(op, 'convForward', attrs, images, x.shape[3] / groups),
        spec: {
          problem: 'convForward',
          p: { load: 'k4', half: false },
          q: { load: 'k4', half: false },
          store: { along: 'row', vector: true },
          bias: bias ? 'row' : 'none',
          activation,
          tail: false,
          turned: false,
        },
        p: values,
        q: x,
        bias: bias ?? null,
        lines: out / pattern.block,
        cols: images * output[0] * output[1],
      },
      y,
    ),
  );
  return record('blockConv2d', attrs, inputs, y);
}

/**
 * Gradient of blockConv2d with respect to its input: cotangent g like the output, values as in the forward pass.
 *
 * @throws ShapeError when they do not fit the geometry
 */
export function blockConv2dInput(g: Tensor, values: Tensor, attrs: BlockConvAttrs): Tensor {
  const op = 'blockConv2dInput';
  const { pattern, input, stride, groups } = attrs;
  checkPixels(op, pattern, 'g', g, [...attrs.output, pattern.rows]);
  checkBlocks(op, pattern, values);
  const images = g.shape[0];
  const channels = inputChannels(attrs);
  const dx = Tensor.empty(op, g.device, 'f32', [images, ...input, channels * groups]);
  const grid = [0, 1].map((a) => Math.ceil(input[a] / stride[a]));
  filled(dx, () =>
    launchWalk(
      {
        ...plan(op, 'convInput', attrs, images, channels),
        spec: {
          problem: 'convInput',
          p: { load: 'i4', half: false },
          q: { load: 'k4', half: false },
          store: { along: 'row', vector: true },
          bias: 'none',
          activation: 'none',
          tail: false,
          turned: true,
        },
        p: values,
        q: g,
        bias: null,
        lines: (channels * groups) / pattern.block,
        cols: images * grid[0] * grid[1],
        parts: stride[0] * stride[1],
      },
      dx,
    ),
  );
  return record('blockConv2dInput', { ...attrs, activation: 'none' }, [g, values], dx);
}

/**
 * Gradient of blockConv2d with respect to its values, at the pattern's blocks only: the forward pass's input, and a
 * cotangent g like its output.
 *
 * @returns [blocks, block, block]
 * @throws ShapeError when they do not fit the geometry
 */
export function blockConv2dWeight(x: Tensor, g: Tensor, attrs: BlockConvAttrs): Tensor {
  const op = 'blockConv2dWeight';
  const { pattern, output } = attrs;
  checkPixels(op, pattern, 'x', x, [...attrs.input, inputChannels(attrs) * attrs.groups]);
  checkPixels(op, pattern, 'g', g, [...output, pattern.rows]);
  if (x.shape[0] !== g.shape[0])
    throw new ShapeError(op, 'as many images in x as in g', `${x.shape[0]} and ${g.shape[0]}`);
  const { block, blocks } = pattern;
  const dv = Tensor.empty(op, x.device, 'f32', [blocks, block, block]);
  const pixels = x.shape[0] * output[0] * output[1];
  filled(dv, () =>
    launchSample(
      {
        ...plan(op, 'convWeight', attrs, x.shape[0], inputChannels(attrs)),
        spec: {
          problem: 'convWeight',
          p: { load: 'i4', half: false },
          q: { load: 'i4', half: false },
          store: { along: 'col', vector: true },
          bias: 'none',
          activation: 'none',
          tail: pixels % 4 !== 0,
          turned: false,
        },
        p: g,
        q: x,
        bias: null,
        lines: pattern.rows / block,
        cols: pattern.byRow.longest * block,
      },
      pixels,
      dv,
    ),
  );
  return record('blockConv2dWeight', { ...attrs, activation: 'none' }, [x, g], dv);
}

/** Input channels of one group. */
const inputChannels = ({ pattern, kernel }: BlockConvAttrs): number => pattern.cols / (kernel[0] * kernel[1]);

function checkPixels(op: string, pattern: BlockPattern, name: string, t: Tensor, image: Shape): void {
  checkOperand(op, pattern, name, t);
  if (t.rank !== 4 || !sameShape(t.shape.slice(1), image))
    throw new ShapeError(op, `${name} of shape [images, ${image.join(', ')}]`, showShape(t.shape));
}

function checkBlocks(op: string, pattern: BlockPattern, values: Tensor): void {
  pattern.assertLive(op);
  commonDevice(op, [values, pattern.byRow.starts]);
  assertDType(op, 'values', values.dtype, 'f32');
  const { block, blocks } = pattern;
  if (!sameShape(values.shape, [blocks, block, block]))
    throw new ShapeError(op, `values of shape ${showShape([blocks, block, block])}`, showShape(values.shape));
}

/** What the three launches have in common; `ci` counts the input channels of one group. */
function plan(
  op: string,
  problem: Problem,
  attrs: BlockConvAttrs,
  images: number,
  ci: number,
): Pick<BlockLaunch, 'op' | 'pattern' | 'parts' | 'products' | 'params'> {
  const { pattern, groups, input, output, kernel, stride, pad, dilation } = attrs;
  const { block, blocks, rows: out } = pattern;
  const pixels = images * output[0] * output[1];
  const [rows, cols] = {
    convForward: [out, pixels],
    convInput: [ci * groups, images * Math.ceil(input[0] / stride[0]) * Math.ceil(input[1] / stride[1])],
    convWeight: [out, pattern.cols],
    matmul: [0, 0],
  }[problem];
  return {
    op,
    pattern,
    parts: 1,
    products: blocks * block * block * pixels,
    params: {
      ...{ rows, cols, depth: 0, chunk: 0, splits: 1, parts: 1, groups, images },
      ...{ h: input[0], w: input[1], ho: output[0], wo: output[1], kh: kernel[0], kw: kernel[1] },
      ...{ strideY: stride[0], strideX: stride[1], padY: pad[0], padX: pad[1] },
      ...{ dilationY: dilation[0], dilationX: dilation[1], ci, co: out / groups },
      ...{ xPart: 0, wPart: 0, yPart: 0, biasPart: 0 },
      ...{ cPart: blocks * block * block, cLead: problem === 'convWeight' ? block : out },
    },
  };
}
