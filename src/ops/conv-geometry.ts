import type { Activation } from '../../shaders/gemm/spec.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** Geometry of a convolution: NHWC images, OHWI weights. */
export interface ConvAttrs {
  stride: readonly [y: number, x: number];
  /** Zero rows above and columns left; those below and right follow from the output size. */
  pad: readonly [top: number, left: number];
  dilation: readonly [y: number, x: number];
  groups: number;
  kernel: readonly [h: number, w: number];
  input: readonly [h: number, w: number];
  output: readonly [h: number, w: number];
  activation: Activation;
}

export type Pair = number | readonly [number, number];

export interface Conv2dOptions {
  stride?: Pair;
  /** One number, [y, x], [top, bottom, left, right], or `same` (output = ceil(input / stride)). Default 0. */
  padding?: number | readonly [number, number] | readonly [number, number, number, number] | 'same';
  dilation?: Pair;
  groups?: number;
  /** [out], or [models, out] beside a leading model axis. */
  bias?: Tensor;
  /** Applied last, in the same kernel. */
  activation?: Activation;
}

export const pair = (
  op: string,
  name: string,
  value: Pair | undefined,
  fallback: number,
  least: number,
): [number, number] => {
  const [y, x] = value === undefined ? [fallback, fallback] : typeof value === 'number' ? [value, value] : value;
  for (const v of [y, x])
    if (!Number.isInteger(v) || v < least)
      throw new ArgumentError(op, `${name} as whole numbers >= ${least}`, String(value));
  return [y, x];
};

export function checkBias(bias: Tensor, weight: Tensor): void {
  assertDType('conv2d', 'bias', bias.dtype, 'f32');
  const out = weight.shape[weight.rank - 4];
  const expected = weight.rank === 5 ? [weight.shape[0], out] : [out];
  if (showShape(bias.shape) !== showShape(expected))
    throw new ShapeError('conv2d', `a bias of shape ${showShape(expected)}`, showShape(bias.shape));
}

/** Geometry of an op that convolves x with a weight of this shape, dense or not. */
export function geometry(
  x: Pick<Tensor, 'shape' | 'rank'>,
  weight: Pick<Tensor, 'shape'>,
  options: Omit<Conv2dOptions, 'bias'>,
  op = 'conv2d',
): ConvAttrs {
  const groups = options.groups ?? 1;
  const stride = pair(op, 'stride', options.stride, 1, 1);
  const dilation = pair(op, 'dilation', options.dilation, 1, 1);
  const [h, w, channels] = x.shape.slice(-3);
  const [out, kh, kw, perGroup] = weight.shape.slice(-4);
  if (!Number.isInteger(groups) || groups < 1 || channels !== perGroup * groups || out % groups !== 0) {
    throw new ShapeError(
      op,
      `channels = ${perGroup} x groups and out divisible by groups`,
      `x ${showShape(x.shape)}, weight ${showShape(weight.shape)}, ${groups} groups`,
    );
  }
  if (x.rank === 5 && x.shape[0] !== weight.shape[0]) {
    throw new ShapeError(op, `${weight.shape[0]} models on the leading axis`, showShape(x.shape));
  }
  const reach = [(kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1];
  const size = [h, w];
  const p = options.padding ?? 0;
  let pads: number[];
  if (p === 'same') {
    pads = size.flatMap((s, a) => {
      const total = Math.max(0, (Math.ceil(s / stride[a]) - 1) * stride[a] + reach[a] - s);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  } else if (typeof p === 'number') pads = [p, p, p, p];
  else pads = p.length === 2 ? [p[0], p[0], p[1], p[1]] : [...p];
  if (pads.length !== 4) throw new ArgumentError(op, 'padding as one, two or four numbers', String(p));
  if (pads.some((v) => !Number.isInteger(v) || v < 0))
    throw new ArgumentError(op, 'padding as whole numbers >= 0', String(p));
  const output = size.map((s, a) => Math.floor((s + pads[2 * a] + pads[2 * a + 1] - reach[a]) / stride[a]) + 1);
  if (output.some((o) => o < 1) || kh < 1 || kw < 1) {
    throw new ShapeError(
      op,
      'a padded input at least as large as the kernel',
      `x ${showShape(x.shape)}, weight ${showShape(weight.shape)}, padding ${pads.join(', ')}`,
    );
  }
  return {
    stride,
    pad: [pads[0], pads[2]],
    dilation,
    groups,
    kernel: [kh, kw],
    input: [h, w],
    output: [output[0], output[1]],
    activation: options.activation ?? 'none',
  };
}

export function checkImages(
  op: string,
  name: string,
  t: Tensor,
  [h, w]: readonly [number, number],
  groups: number,
): void {
  assertDType(op, name, t.dtype, 'f32', 'f16');
  assertRank(op, name, t.shape, 4, 5);
  const [rows, cols, channels] = t.shape.slice(-3);
  if (rows !== h || cols !== w || channels % groups !== 0) {
    throw new ShapeError(
      op,
      `${name} of ${h} x ${w} pixels and channels divisible by ${groups} groups`,
      showShape(t.shape),
    );
  }
}
