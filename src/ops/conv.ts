import type { Activation, GemmSpec, OperandSpec, Problem } from '../../shaders/gemm/spec.js';
import { record } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { composite } from './composite.js';
import { isDepthwise, launchDepthwiseForward, launchDepthwiseInput, launchDepthwiseWeight } from './depthwise.js';
import { launchGemm, type Product } from './gemm.js';
import { matmul } from './matmul.js';
import { reshape } from './reshape.js';

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

const pair = (op: string, name: string, value: Pair | undefined, fallback: number, least: number): [number, number] => {
  const [y, x] = value === undefined ? [fallback, fallback] : typeof value === 'number' ? [value, value] : value;
  for (const v of [y, x])
    if (!Number.isInteger(v) || v < least)
      throw new ArgumentError(op, `${name} as whole numbers >= ${least}`, String(value));
  return [y, x];
};

/**
 * 2-D convolution (cross-correlation) of x [images, h, w, in] with weight [out, kh, kw, in / groups], giving
 * [images, oh, ow, out]. A model axis may lead: x [models, images, h, w, in] (or shared, without it) and weight
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
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return record('conv2d', attrs, inputs, convForward(inputs, attrs));
}

function checkBias(bias: Tensor, weight: Tensor): void {
  assertDType('conv2d', 'bias', bias.dtype, 'f32');
  const out = weight.shape[weight.rank - 4];
  const expected = weight.rank === 5 ? [weight.shape[0], out] : [out];
  if (showShape(bias.shape) !== showShape(expected))
    throw new ShapeError('conv2d', `a bias of shape ${showShape(expected)}`, showShape(bias.shape));
}

function geometry(x: Tensor, weight: Tensor, options: Conv2dOptions): ConvAttrs {
  const op = 'conv2d';
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

function checkImages(op: string, name: string, t: Tensor, [h, w]: readonly [number, number], groups: number): void {
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

interface Sides {
  members: number;
  images: number;
  ci: number;
  co: number;
}

function convForward(inputs: readonly Tensor[], attrs: ConvAttrs): Tensor {
  const [x, w, bias = null] = inputs;
  const sides = sidesOf(x, w, attrs);
  const lead = w.rank === 5 ? [sides.members] : [];
  const out = Tensor.empty('conv2d', x.device, 'f32', [...lead, sides.images, ...attrs.output, w.shape[w.rank - 4]]);
  if (isDepthwise(attrs, sides.ci, sides.co, [x, w])) {
    launchDepthwiseForward(attrs, x, w, bias, out);
    return out;
  }
  const byTap = sides.ci % 4 === 0;
  const taps = attrs.kernel[0] * attrs.kernel[1];
  const depth = byTap ? sides.ci : taps * sides.ci;
  launch('convForward', out, attrs, sides, w, x, bias, {
    rows: sides.co,
    cols: sides.images * attrs.output[0] * attrs.output[1],
    depth,
    length: taps * sides.ci,
    p: byTap || depth % 4 === 0 ? 'k4' : 'scalar',
    q: byTap ? 'k4' : 'scalar',
    store: { along: 'row', vector: sides.co % 4 === 0 },
  });
  return out;
}

function convInput(g: Tensor, w: Tensor, attrs: ConvAttrs): Tensor {
  const sides = sidesOf(g, w, attrs);
  const lead = w.rank === 5 ? [sides.members] : [];
  const out = Tensor.empty('conv2dInput', g.device, 'f32', [
    ...lead,
    sides.images,
    ...attrs.input,
    sides.ci * attrs.groups,
  ]);
  if (isDepthwise(attrs, sides.ci, sides.co, [g, w])) {
    launchDepthwiseInput(attrs, g, w, out);
    return out;
  }
  const byTap = sides.co % 4 === 0;
  const taps = attrs.kernel[0] * attrs.kernel[1];
  const grid = [0, 1].map((a) => Math.ceil(attrs.input[a] / attrs.stride[a]));
  launch('convInput', out, attrs, sides, w, g, null, {
    rows: sides.ci,
    cols: sides.images * grid[0] * grid[1],
    depth: byTap ? sides.co : taps * sides.co,
    // Of all taps, a phase meets one in strideY * strideX.
    length: (taps * sides.co) / (attrs.stride[0] * attrs.stride[1]),
    p: sides.ci % 4 === 0 ? 'i4' : 'scalar',
    q: byTap ? 'k4' : 'scalar',
    store: { along: 'row', vector: sides.ci % 4 === 0 },
  });
  return out;
}

function convWeight(x: Tensor, g: Tensor, attrs: ConvAttrs): Tensor {
  const channels = x.shape[x.rank - 1];
  const outChannels = g.shape[g.rank - 1];
  const members = g.rank === 5 ? g.shape[0] : x.rank === 5 ? x.shape[0] : 1;
  const sides: Sides = {
    members,
    images: g.shape[g.rank - 4],
    ci: channels / attrs.groups,
    co: outChannels / attrs.groups,
  };
  const lead = g.rank === 5 || x.rank === 5 ? [members] : [];
  const out = Tensor.empty('conv2dWeight', x.device, 'f32', [...lead, outChannels, ...attrs.kernel, sides.ci]);
  if (isDepthwise(attrs, sides.ci, sides.co, [x, g])) {
    launchDepthwiseWeight(attrs, x, g, out);
    return out;
  }
  const taps = attrs.kernel[0] * attrs.kernel[1];
  const pixels = sides.images * attrs.output[0] * attrs.output[1];
  launch('convWeight', out, attrs, sides, g, x, null, {
    rows: sides.co,
    cols: taps * sides.ci,
    depth: pixels,
    length: pixels,
    p: sides.co % 4 === 0 ? 'i4' : 'scalar',
    q: sides.ci % 4 === 0 ? 'i4' : 'scalar',
    store: { along: 'col', vector: (taps * sides.ci) % 4 === 0 },
  });
  return out;
}

function sidesOf(pixels: Tensor, w: Tensor, attrs: ConvAttrs): Sides {
  return {
    members: w.rank === 5 ? w.shape[0] : 1,
    images: pixels.shape[pixels.rank - 4],
    ci: w.shape[w.rank - 1],
    co: w.shape[w.rank - 4] / attrs.groups,
  };
}

interface Plan {
  rows: number;
  cols: number;
  depth: number;
  length: number;
  p: OperandSpec['load'];
  q: OperandSpec['load'];
  store: GemmSpec['store'];
}

function launch(
  problem: Problem,
  out: Tensor,
  attrs: ConvAttrs,
  s: Sides,
  p: Tensor,
  q: Tensor,
  bias: Tensor | null,
  plan: Plan,
): void {
  const { groups, kernel, input, output, stride, pad, dilation } = attrs;
  const part = (t: Tensor | null, elements: number) => (t && t.rank === 5 ? elements : 0);
  const [x, w, y] = problem === 'convForward' ? [q, p, out] : problem === 'convInput' ? [out, p, q] : [q, out, p];
  const spec: Omit<GemmSpec, 'tile'> = {
    problem,
    p: { load: plan.p, half: p.dtype === 'f16' },
    q: { load: plan.q, half: q.dtype === 'f16' },
    store: plan.store,
    bias: bias ? 'row' : 'none',
    activation: attrs.activation,
    tail: plan.depth % 4 !== 0,
  };
  const product: Product = {
    op: problem === 'convForward' ? 'conv2d' : problem === 'convInput' ? 'conv2dInput' : 'conv2dWeight',
    problem,
    rows: plan.rows,
    cols: plan.cols,
    depth: plan.depth,
    length: plan.length,
    parts: s.members * groups,
    phases: problem === 'convInput' ? stride[0] * stride[1] : 1,
    size: out.size,
    splittable: problem === 'convWeight',
    spec,
    p,
    q,
    bias,
    params: [
      groups,
      s.images,
      ...input,
      ...output,
      ...kernel,
      ...stride,
      ...pad,
      ...dilation,
      s.ci,
      s.co,
      part(x, s.images * input[0] * input[1] * s.ci * groups),
      part(w, s.co * groups * kernel[0] * kernel[1] * s.ci),
      part(y, s.images * output[0] * output[1] * s.co * groups),
      bias?.rank === 2 ? s.co * groups : 0,
    ],
  };
  launchGemm(x.device, product, out);
}
