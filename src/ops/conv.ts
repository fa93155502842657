import type { Activation } from '../../shaders/gemm/spec.js';
import { record } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { composite } from './composite.js';
import {
  type Conv2dOptions,
  type ConvAttrs,
  checkBias,
  checkImages,
  geometry,
  type Pair,
  pair,
} from './conv-geometry.js';
import { convForward, convInput, convWeight } from './conv-kernels.js';
import { linear, matmul } from './matmul.js';
import { reshape } from './reshape.js';

export type { Conv2dOptions, ConvAttrs, Pair } from './conv-geometry.js';

/**
 * 2-D convolution (cross-correlation) of x [images, h, w, in] with weight [out, kh, kw, in / groups], giving
 * [images, oh, ow, out]. A model axis may lead: x [models, images, h, w, in] (or shared, without it or of 1) and weight
 * [models, out, kh, kw, in / groups].
 *
 * @throws ShapeError when channels, groups or kernel do not fit
 */
export function conv2d(x: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  const { bias, activation = 'none' } = options;
  commonDevice('conv2d', bias ? [x, weight, bias] : [x, weight]);
  assertDType('conv2d', 'x', x.dtype, 'f32', 'f16');
  assertDType('conv2d', 'weight', weight.dtype, 'f32', 'f16');
  assertRank('conv2d', 'x', x.shape, 4, 5);
  assertRank('conv2d', 'weight', weight.shape, 4, 5);
  if (!['none', 'relu', 'tanh', 'sigmoid'].includes(activation)) {
    throw new ArgumentError('conv2d', 'activation among none, relu, tanh, sigmoid', String(activation));
  }
  if (x.rank === 5 && x.shape[0] === 1 && weight.rank === 5) {
    return composite(bias ? [x, weight, bias] : [x, weight], () =>
      conv2d(reshape(x, x.shape.slice(1)), weight, options),
    );
  }
  if (x.rank === 5 && weight.rank === 4) {
    const [models, images, ...rest] = x.shape;
    return composite(bias ? [x, weight, bias] : [x, weight], () => {
      const y = conv2d(reshape(x, [models * images, ...rest]), weight, options);
      return reshape(y, [models, images, ...y.shape.slice(1)]);
    });
  }
  const attrs = geometry(x, weight, options);
  const [kh, kw] = attrs.kernel;
  const pointwise =
    kh === 1 && kw === 1 && attrs.stride[0] === 1 && attrs.stride[1] === 1 && attrs.pad[0] === 0 && attrs.pad[1] === 0;
  if (
    pointwise &&
    attrs.groups === 1 &&
    weight.rank === 4 &&
    attrs.output[0] === x.shape[1] &&
    attrs.output[1] === x.shape[2]
  ) {
    return composite(bias ? [x, weight, bias] : [x, weight], () =>
      matmul(x, reshape(weight, [weight.shape[0], weight.shape[3]]), { transB: true, bias, activation }),
    );
  }
  if (bias) checkBias(bias, weight);
  if (isWhole(attrs)) {
    return composite(bias ? [x, weight, bias] : [x, weight], () => {
      const rows = reshape(x, [...x.shape.slice(0, -3), sizeOf(x.shape.slice(-3))]);
      const matrix = reshape(weight, [...weight.shape.slice(0, -3), sizeOf(weight.shape.slice(-3))]);
      const y = linear(rows, matrix, bias, activation);
      return reshape(y, [...y.shape.slice(0, -1), 1, 1, y.shape[y.rank - 1]]);
    });
  }
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return record('conv2d', attrs, inputs, convForward(inputs, attrs));
}

/** Whether the kernel is as large as the image, and has one place on it: then the convolution is a linear layer. */
const isWhole = ({ kernel, input, output, pad, groups }: ConvAttrs): boolean =>
  groups === 1 && [0, 1].every((a) => kernel[a] === input[a] && output[a] === 1 && pad[a] === 0);

/** The convolution of a given geometry, without bias or activation. */
export function conv2dLike(x: Tensor, weight: Tensor, attrs: ConvAttrs): Tensor {
  const plain = { ...attrs, activation: 'none' } as const;
  return record('conv2d', plain, [x, weight], convForward([x, weight], plain));
}

/**
 * Gradient of conv2d with respect to its input: cotangent g like the output, weight as in the forward pass.
 *
 * @throws ShapeError when they do not fit the geometry
 */
export function conv2dInput(g: Tensor, weight: Tensor, attrs: ConvAttrs): Tensor {
  const op = 'conv2dInput';
  commonDevice(op, [g, weight]);
  checkImages(op, 'g', g, attrs.output, attrs.groups);
  assertRank(op, 'weight', weight.shape, 4, 5);
  const [out, kh, kw] = weight.shape.slice(-4);
  const fits = out === g.shape[g.rank - 1] && kh === attrs.kernel[0] && kw === attrs.kernel[1];
  if (!fits || (g.rank === 5 && g.shape[0] !== weight.shape[weight.rank - 5])) {
    const models = g.rank === 5 ? `${g.shape[0]}, ` : '';
    throw new ShapeError(
      op,
      `a weight of shape [${models}${g.shape[g.rank - 1]}, ${attrs.kernel.join(', ')}, in]`,
      showShape(weight.shape),
    );
  }
  const plain = { ...attrs, activation: 'none' } as const;
  return record('conv2dInput', plain, [g, weight], convInput(g, weight, plain));
}

/**
 * Gradient of conv2d with respect to its weight: the forward pass's input, and a cotangent g like its output.
 *
 * @throws ShapeError when they do not fit the geometry
 */
export function conv2dWeight(x: Tensor, g: Tensor, attrs: ConvAttrs): Tensor {
  const op = 'conv2dWeight';
  commonDevice(op, [x, g]);
  checkImages(op, 'x', x, attrs.input, attrs.groups);
  checkImages(op, 'g', g, attrs.output, attrs.groups);
  if (x.shape[x.rank - 4] !== g.shape[g.rank - 4] || (x.rank === 5 && g.rank === 5 && x.shape[0] !== g.shape[0])) {
    throw new ShapeError(
      op,
      'as many models and images in x as in g',
      `${showShape(x.shape)} and ${showShape(g.shape)}`,
    );
  }
  const plain = { ...attrs, activation: 'none' } as const;
  return record('conv2dWeight', plain, [x, g], convWeight(x, g, plain));
}

/**
 * Transposed convolution: x [images, h, w, in] with weight [in, kh, kw, out / groups] gives
 * [images, (h - 1) stride - 2 padding + dilation (kh - 1) + outputPadding + 1, ..., out].
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  options: { stride?: Pair; padding?: Pair; outputPadding?: Pair; dilation?: Pair; groups?: number } = {},
): Tensor {
  const op = 'convTranspose2d';
  commonDevice(op, [x, weight]);
  assertDType(op, 'x', x.dtype, 'f32', 'f16');
  assertDType(op, 'weight', weight.dtype, 'f32', 'f16');
  assertRank(op, 'x', x.shape, 4, 5);
  assertRank(op, 'weight', weight.shape, 4, 5);
  const groups = options.groups ?? 1;
  const stride = pair(op, 'stride', options.stride, 1, 1);
  const pad = pair(op, 'padding', options.padding, 0, 0);
  const extra = pair(op, 'outputPadding', options.outputPadding, 0, 0);
  const dilation = pair(op, 'dilation', options.dilation, 1, 1);
  const [h, w, channels] = x.shape.slice(-3);
  const [first, kh, kw] = weight.shape.slice(-4);
  if (channels !== first || first % groups !== 0) {
    throw new ShapeError(
      op,
      `${first} channels (the weight's first axis, divisible by ${groups} groups)`,
      showShape(x.shape),
    );
  }
  if (x.rank > weight.rank || (x.rank === 5 && x.shape[0] !== weight.shape[0])) {
    throw new ShapeError(op, `a weight with the model axis of x ${showShape(x.shape)}`, showShape(weight.shape));
  }
  if (extra[0] >= Math.max(stride[0], dilation[0]) || extra[1] >= Math.max(stride[1], dilation[1])) {
    throw new ArgumentError(op, 'outputPadding below stride or dilation', String(options.outputPadding));
  }
  const input = [0, 1].map(
    (a) => ([h, w][a] - 1) * stride[a] - 2 * pad[a] + dilation[a] * ([kh, kw][a] - 1) + extra[a] + 1,
  );
  if (input.some((v) => v < 1)) throw new ShapeError(op, 'a result of at least one pixel', input.join(' x '));
  return conv2dInput(x, weight, {
    stride,
    pad,
    dilation,
    groups,
    kernel: [kh, kw],
    input: [input[0], input[1]],
    output: [h, w],
    activation: 'none',
  });
}

/** 1-D convolution of x [batch, length, in] with weight [out, k, in / groups], giving [batch, l, out]. */
export function conv1d(
  x: Tensor,
  weight: Tensor,
  options: {
    stride?: number;
    padding?: number;
    dilation?: number;
    groups?: number;
    bias?: Tensor;
    activation?: Activation;
  } = {},
): Tensor {
  assertRank('conv1d', 'x', x.shape, 3, 4);
  assertRank('conv1d', 'weight', weight.shape, 3, 4);
  const { bias, activation, groups, stride = 1, padding = 0, dilation = 1 } = options;
  return composite(bias ? [x, weight, bias] : [x, weight], () => {
    const tall = (t: Tensor) => reshape(t, [...t.shape.slice(0, -2), 1, ...t.shape.slice(-2)]);
    const y = conv2d(tall(x), tall(weight), {
      stride: [1, stride],
      padding: [0, padding],
      dilation: [1, dilation],
      groups,
      bias,
      activation,
    });
    return reshape(y, [...y.shape.slice(0, -3), ...y.shape.slice(-2)]);
  });
}
