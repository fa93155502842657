import type { Activation } from '../../shaders/gemm/spec.js';
import { ShapeError } from '../gpu/errors.js';
import { composite } from '../ops/composite.js';
import { type Conv2dOptions, conv2d } from '../ops/conv.js';
import { type ConvAttrs, geometry } from '../ops/conv-geometry.js';
import { linear } from '../ops/matmul.js';
import { where } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { type Form, formFor } from './auto.js';
import { blockConv2d } from './block-conv.js';
import { sampleBlocks } from './block-elements.js';
import { blockMatmul } from './block-matmul.js';
import { nmMatmul } from './nm-matmul.js';
import { densify, sampleDense } from './sample.js';
import { sparseConv2d } from './sparse-conv.js';
import type { SparseWeight } from './sparse-weight.js';
import { spmm } from './spmm.js';

export interface MaskedLinearOptions {
  /** [out], or [models, out] of a population. */
  bias?: Tensor;
  /** Applied last, in the same kernel. */
  activation?: Activation;
}

/**
 * x Wᵀ + b with the weights that a mask keeps, in the form that `sparse` chooses. What the mask removes counts as 0,
 * whatever it holds, and gets no gradient; all forms agree up to rounding.
 *
 * @param x f32 [..., in]; of a population [rows, in] for all models, or [models, rows, in]
 * @param w f32, the dense weight of the mask's shape, or its kept values alone, [nnz] in row order
 * @throws ShapeError for a weight that does not go with the mask, or sizes that do not fit
 * @throws ArgumentError where the form that was asked for cannot do the work
 */
export function maskedLinear(x: Tensor, w: Tensor, sparse: SparseWeight, options: MaskedLinearOptions = {}): Tensor {
  const op = 'maskedLinear';
  checkWeight(op, x, w, sparse, options.bias, [2, 3]);
  const models = sparse.shape.length === 3 ? sparse.shape.slice(0, 1) : [];
  const [out, inputs] = sparse.shape.slice(-2);
  assertRank(op, 'x', x.shape, 2, models.length === 0 ? undefined : 3);
  const lead = x.shape.slice(0, -2);
  if (x.shape[x.rank - 1] !== inputs || (models.length > 0 && lead.length > 0 && !sameShape(lead, models)))
    throw new ShapeError(op, `x of shape [${[...models, '...', inputs].join(', ')}]`, showShape(x.shape));
  checkBias(op, options.bias, [...models, out]);
  return product(x, w, sparse, options);
}

/**
 * `conv2d` with the weights that a mask keeps, in the form that `sparse` chooses; otherwise as `maskedLinear`.
 *
 * @param x f32 [images, h, w, in], with a leading model axis or not
 * @param w f32, the dense weight [out, kh, kw, in / groups] of the mask's shape, or its kept values alone, [nnz]
 * @throws ShapeError for a weight that does not go with the mask, or when channels, groups or kernel do not fit
 * @throws ArgumentError where the form that was asked for cannot do the work
 */
export function maskedConv2d(x: Tensor, w: Tensor, sparse: SparseWeight, options: Conv2dOptions = {}): Tensor {
  const op = 'maskedConv2d';
  const { bias, activation } = options;
  checkWeight(op, x, w, sparse, bias, [4, 5]);
  assertRank(op, 'x', x.shape, 4, 5);
  const { shape } = sparse;
  const inputs = bias ? [x, w, bias] : [x, w];
  if (x.rank === 5 && shape.length === 4) {
    const [models, images, ...rest] = x.shape;
    return composite(inputs, () => {
      const y = maskedConv2d(reshape(x, [models * images, ...rest]), w, sparse, options);
      return reshape(y, [models, images, ...y.shape.slice(1)]);
    });
  }
  const attrs = geometry(x, sparse, options, op);
  checkBias(op, bias, shape.slice(0, -3));
  if (shape.length === 4 && isPointwise(attrs))
    return composite(inputs, () => product(x, w, sparse, { bias, activation }));
  const [kh, kw] = attrs.kernel;
  const pixels = x.shape[x.rank - 4] * attrs.output[0] * attrs.output[1];
  const form = formFor(sparse, { op: 'conv2d', n: pixels, groups: attrs.groups, stride: attrs.stride }, x, w);
  return composite(inputs, () => {
    const values = valuesFor(form, w, sparse);
    switch (form.kind) {
      case 'block':
        return blockConv2d(x, form.pattern, values, { ...options, kernel: [kh, kw] });
      case 'csr':
        return sparseConv2d(x, sparse.csr, values, { ...options, kernel: [kh, kw] });
      default:
        return conv2d(x, values, options);
    }
  });
}

/** A kernel of one tap that moves nothing: the product of every pixel with a matrix. */
const isPointwise = ({ kernel, stride, pad, groups, input, output }: ConvAttrs): boolean =>
  [...kernel, ...stride, groups].every((v) => v === 1) && [...pad].every((v) => v === 0) && sameShape(input, output);

/** x Wᵀ + b over the last axis of x, W being [out, in] or [out, 1, 1, in], or one for each model. */
function product(x: Tensor, w: Tensor, sparse: SparseWeight, { bias, activation }: MaskedLinearOptions): Tensor {
  const n = sizeOf(x.shape.slice(sparse.csr.parts === 1 ? 0 : -2, -1));
  const form = formFor(sparse, { op: 'linear', n }, x, w);
  return composite(bias ? [x, w, bias] : [x, w], () => {
    const values = valuesFor(form, w, sparse);
    const options = { transB: true, transC: true, bias, activation };
    switch (form.kind) {
      case 'dense':
        return linear(x, sparse.shape.length === 4 ? matrixOf(values, sparse) : values, bias, activation);
      case 'csr':
        return spmm(sparse.csr, values, x, options);
      case 'block':
        return blockMatmul(form.pattern, values, x, options);
      case 'nm':
        return nmMatmul(form.pattern, values, x, options);
    }
  });
}

const matrixOf = (dense: Tensor, { csr }: SparseWeight): Tensor => reshape(dense, [csr.rows, csr.cols]);

/** What a form multiplies by: the masked weight, its entries, or its blocks. */
function valuesFor(form: Form, w: Tensor, sparse: SparseWeight): Tensor {
  const { csr, mask, shape } = sparse;
  const given = isValues(w, sparse);
  if (form.kind === 'csr') return given ? w : sampleDense(csr, w, { shape });
  // Forms that store more than the mask keeps must find zeros there.
  const whole = () => (given ? densify(csr, w, { shape }) : where(mask, w, 0));
  switch (form.kind) {
    case 'dense':
      return whole();
    case 'block': {
      const exact = form.pattern.blocks * form.pattern.block ** 2 === csr.nnz;
      return sampleBlocks(form.pattern, matrixOf(exact && !given ? w : whole(), sparse));
    }
    case 'nm': {
      const { pattern } = form;
      const exact = pattern.csr.nnz === csr.nnz;
      const values = exact && given ? w : sampleDense(pattern.csr, exact ? w : whole(), { shape });
      return reshape(values, [pattern.rows, pattern.length]);
    }
  }
}

const isValues = (w: Tensor, sparse: SparseWeight): boolean => w.rank === 1 && sparse.shape.length > 1;

function checkWeight(
  op: string,
  x: Tensor,
  w: Tensor,
  sparse: SparseWeight,
  bias: Tensor | undefined,
  ranks: readonly number[],
): void {
  sparse.assertLive(op);
  commonDevice(op, bias ? [x, w, sparse.mask, bias] : [x, w, sparse.mask]);
  assertDType(op, 'x', x.dtype, 'f32');
  assertDType(op, 'w', w.dtype, 'f32');
  const { shape, nnz } = sparse;
  if (!ranks.includes(shape.length)) throw new ShapeError(op, `a mask of rank ${ranks.join(' or ')}`, showShape(shape));
  if (!sameShape(w.shape, isValues(w, sparse) ? [nnz] : shape))
    throw new ShapeError(
      op,
      `a weight of the mask's shape ${showShape(shape)}, or its values [${nnz}]`,
      showShape(w.shape),
    );
}

function checkBias(op: string, bias: Tensor | undefined, expected: Shape): void {
  if (!bias) return;
  assertDType(op, 'bias', bias.dtype, 'f32');
  if (!sameShape(bias.shape, expected))
    throw new ShapeError(op, `a bias of shape ${showShape(expected)}`, showShape(bias.shape));
}
