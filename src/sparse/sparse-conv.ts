import { record } from '../autograd/node.js';
import { ArgumentError, DTypeError, ShapeError } from '../gpu/errors.js';
import { composite } from '../ops/composite.js';
import { type Conv2dOptions, checkImages, geometry } from '../ops/conv-geometry.js';
import { zeros } from '../ops/create.js';
import { reshape } from '../ops/reshape.js';
import { scope } from '../tensor/scope.js';
import { assertRank, sameShape, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import type { Pattern } from './pattern.js';
import { launchApply, launchValues } from './sparse-conv-kernels.js';
import type { SparseConvAttrs } from './sparse-conv-rules.js';

export type { SparseConvAttrs } from './sparse-conv-rules.js';

export interface SparseConv2dOptions extends Conv2dOptions {
  /** Height and width of the kernel. */
  kernel: readonly [h: number, w: number];
}

/**
 * 2-D convolution (cross-correlation) of x [images, h, w, in] with a sparse weight, giving [images, oh, ow, out]: what
 * `conv2d` gives with the weight `densify(pattern, values)`. The pattern is that of the weight [out, kh, kw, in / groups]
 * as a matrix [out, kh * kw * in / groups]. A model axis may lead x; with a pattern of several parts every model has a
 * weight of its own, x may be shared, and the result is [parts, images, oh, ow, out].
 *
 * @param values f32 [nnz], in row order
 * @param options as for `conv2d`, and the kernel's size; bias f32 [out], or [parts, out] beside several parts
 * @throws ShapeError when pattern, values, channels, groups or kernel do not fit
 * @throws DTypeError unless x, values and bias are f32
 */
export function sparseConv2d(x: Tensor, pattern: Pattern, values: Tensor, options: SparseConv2dOptions): Tensor {
  const op = 'sparseConv2d';
  const { kernel, bias, activation = 'none', groups = 1 } = options;
  checkOperands(op, pattern, bias ? { x, values, bias } : { x, values });
  assertRank(op, 'x', x.shape, 4, 5);
  checkValues(op, pattern, values);
  if (!Array.isArray(kernel) || kernel.length !== 2 || kernel.some((k) => !Number.isInteger(k) || k < 1))
    throw new ArgumentError(op, 'kernel as two whole numbers >= 1', String(kernel));
  if (!['none', 'relu', 'tanh', 'sigmoid'].includes(activation))
    throw new ArgumentError(op, 'activation among none, relu, tanh, sigmoid', String(activation));
  const inputs = bias ? [x, values, bias] : [x, values];
  if (x.rank === 5 && pattern.parts === 1) {
    const [models, images, ...rest] = x.shape;
    return composite(inputs, () => {
      const y = sparseConv2d(reshape(x, [models * images, ...rest]), pattern, values, options);
      return reshape(y, [models, images, ...y.shape.slice(1)]);
    });
  }
  const channels = x.shape[x.rank - 1];
  const columns = (kernel[0] * kernel[1] * channels) / groups;
  if (pattern.cols !== columns) {
    const expected = `kh * kw * in / groups = ${kernel.join(' * ')} * ${channels} / ${groups}`;
    throw new ShapeError(op, `a pattern of ${expected} columns`, `${pattern}`);
  }
  const lead = pattern.parts === 1 ? [] : [pattern.parts];
  const shape = [...lead, pattern.rows, ...kernel, channels / groups];
  const attrs: SparseConvAttrs = { ...geometry(x, { shape }, options, op), pattern };
  if (bias && !sameShape(bias.shape, [pattern.rows]) && !sameShape(bias.shape, [...lead, pattern.rows]))
    throw new ShapeError(op, `a bias of shape ${showShape([...lead, pattern.rows])}`, showShape(bias.shape));
  return record('sparseConv2d', attrs, inputs, applied(op, 'forward', attrs, x, values, bias ?? null));
}

/** The convolution of a given geometry, without bias or activation. */
export function sparseConvLike(x: Tensor, values: Tensor, attrs: SparseConvAttrs): Tensor {
  const plain = { ...attrs, activation: 'none' } as const;
  return record('sparseConv2d', plain, [x, values], applied('sparseConv2d', 'forward', plain, x, values, null));
}

/**
 * Gradient of sparseConv2d with respect to its input: cotangent g like the output, values as in the forward pass.
 *
 * @throws ShapeError when they do not fit the geometry
 */
export function sparseConv2dInput(g: Tensor, values: Tensor, attrs: SparseConvAttrs): Tensor {
  const op = 'sparseConv2dInput';
  checkOperands(op, attrs.pattern, { g, values });
  checkValues(op, attrs.pattern, values);
  checkCotangent(op, g, attrs);
  const plain = { ...attrs, activation: 'none' } as const;
  return record('sparseConv2dInput', plain, [g, values], applied(op, 'input', plain, g, values, null));
}

/**
 * Gradient of sparseConv2d with respect to its values, [nnz]: the forward pass's input, and a cotangent g like its
 * output. Nothing is computed where the weight has no entry.
 *
 * @throws ShapeError when they do not fit the geometry
 */
export function sparseConv2dValues(x: Tensor, g: Tensor, attrs: SparseConvAttrs): Tensor {
  const op = 'sparseConv2dValues';
  const { pattern } = attrs;
  checkOperands(op, pattern, { x, g });
  checkImages(op, 'x', x, attrs.input, attrs.groups);
  checkCotangent(op, g, attrs);
  const channels = inputChannels(attrs);
  const images = g.shape[g.rank - 4];
  const fits = x.shape[x.rank - 1] === channels && x.shape[x.rank - 4] === images;
  if (!fits || (x.rank === 5 && (pattern.parts === 1 || x.shape[0] !== pattern.parts))) {
    const lead = pattern.parts === 1 ? '' : `[${pattern.parts}, ]`;
    throw new ShapeError(
      op,
      `x of shape [${lead}${images}, ${attrs.input.join(', ')}, ${channels}]`,
      showShape(x.shape),
    );
  }
  const plain = { ...attrs, activation: 'none' } as const;
  const dw = scope(() => {
    if (g.size === 0 || x.size === 0) return zeros(x.device, [pattern.nnz]);
    const out = Tensor.empty(op, x.device, 'f32', [pattern.nnz]);
    launchValues(op, plain, x, g, out);
    return out;
  });
  return record('sparseConv2dValues', plain, [x, g], dw);
}

/** Channels of the input. */
const inputChannels = ({ pattern, kernel, groups }: SparseConvAttrs): number =>
  (pattern.cols / (kernel[0] * kernel[1])) * groups;

function applied(
  op: string,
  direction: 'forward' | 'input',
  attrs: SparseConvAttrs,
  source: Tensor,
  values: Tensor,
  bias: Tensor | null,
): Tensor {
  const { pattern, input, output } = attrs;
  const lead = pattern.parts === 1 ? [] : [pattern.parts];
  const images = source.shape[source.rank - 4];
  const result = direction === 'forward' ? [...output, pattern.rows] : [...input, inputChannels(attrs)];
  return scope(() => {
    const out = Tensor.empty(op, source.device, 'f32', [...lead, images, ...result]);
    launchApply(op, direction, attrs, source, values, bias, out);
    return out;
  });
}

function checkOperands(op: string, pattern: Pattern, tensors: Record<string, Tensor>): void {
  pattern.assertLive(op);
  commonDevice(op, [...Object.values(tensors), pattern.byRow.starts]);
  for (const [name, t] of Object.entries(tensors))
    if (t.dtype !== 'f32') throw new DTypeError(op, `${name} of dtype f32`, t.dtype);
}

function checkValues(op: string, pattern: Pattern, values: Tensor): void {
  if (!sameShape(values.shape, [pattern.nnz]))
    throw new ShapeError(op, `values of shape [${pattern.nnz}]`, showShape(values.shape));
}

function checkCotangent(op: string, g: Tensor, { pattern, output }: SparseConvAttrs): void {
  const lead = pattern.parts === 1 ? [] : [pattern.parts];
  const images = g.rank >= 4 ? g.shape[g.rank - 4] : 0;
  const expected = [...lead, images, ...output, pattern.rows];
  if (!sameShape(g.shape, expected)) {
    const shown = [...lead, 'images', ...output, pattern.rows].join(', ');
    throw new ShapeError(op, `g of shape [${shown}]`, showShape(g.shape));
  }
}
