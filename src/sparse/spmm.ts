import type { Activation } from '../../shaders/gemm/spec.js';
import { record } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { composite } from '../ops/composite.js';
import { reshape } from '../ops/reshape.js';
import { assertDType } from '../tensor/dtype.js';
import { type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import type { Pattern } from './pattern.js';
import { launchSpmm } from './spmm-launch.js';

export interface SpmmOptions {
  /** Multiply with the transposed sparse matrix. */
  transA?: boolean;
  /** b is [..., n, k]. */
  transB?: boolean;
  /** The result is [..., n, m]. With transB this is a linear layer: y = x Sᵀ. */
  transC?: boolean;
  /** Added to every column of the result: one number for each of the m rows, f32 [m], or [parts, m]. */
  bias?: Tensor;
  /** Applied last, in the same kernel. */
  activation?: Activation;
}

export interface SpmmAttrs {
  pattern: Pattern;
  transA: boolean;
  transB: boolean;
  transC: boolean;
  activation: Activation;
}

/**
 * act(S b + bias), S being the sparse matrix [m, k] of `values` at the entries of a pattern, or its transpose.
 *
 * @param values f32 [nnz], or [...batch, nnz] where one pattern is shared by a batch
 * @param b f32 [k, n] or [...batch, k, n]; for a pattern of several parts [k, n] or [parts, k, n]
 * @returns [...batch, m, n], or [parts, m, n]
 * @throws ShapeError for values that are not as many as the entries, or sizes and batches that do not fit
 */
export function spmm(pattern: Pattern, values: Tensor, b: Tensor, options: SpmmOptions = {}): Tensor {
  const op = 'spmm';
  const { transA = false, transB = false, transC = false, activation = 'none', bias } = options;
  const [m, k] = transA ? [pattern.cols, pattern.rows] : [pattern.rows, pattern.cols];
  checkValues(op, pattern, values);
  const n = checkSide(op, pattern, 'b', b, k, transB);
  if (!['none', 'relu', 'tanh', 'sigmoid'].includes(activation))
    throw new ArgumentError(op, 'activation among none, relu, tanh, sigmoid', String(activation));
  if (bias) checkBias(op, pattern, bias, m);
  const lead = batchOf(op, pattern, values.shape.slice(0, -1), b.shape.slice(0, -2), ['values', 'b']);
  const attrs: SpmmAttrs = { pattern, transA, transB, transC, activation };
  const inputs = bias ? [values, b, bias] : [values, b];
  // Rows of a batch that share the matrix are rows of one larger product.
  if (pattern.parts === 1 && transB && transC && b.rank > 2 && values.rank === 1) {
    return composite(inputs, () => {
      const folded = spmm(pattern, values, reshape(b, [sizeOf(lead) * n, k]), options);
      return reshape(folded, [...lead, n, m]);
    });
  }
  const out = Tensor.empty(op, b.device, 'f32', [...lead, ...(transC ? [n, m] : [m, n])]);
  const lines = transA ? pattern.byColumn : pattern.byRow;
  try {
    launchSpmm({
      ...{ lines, k, n, parts: sizeOf(lead), values, activation },
      linePart: pattern.parts === 1 ? 0 : m,
      valuePart: values.rank === 1 ? 0 : pattern.nnz,
      b: { tensor: b, turned: transB, part: b.rank === 2 ? 0 : k * n },
      c: { tensor: out, turned: transC },
      bias: bias ? { tensor: bias, part: bias.rank === 1 ? 0 : m } : null,
    });
  } catch (error) {
    out.dispose();
    throw error;
  }
  return record('spmm', attrs, inputs, out);
}

/** Values of a pattern's entries, with a batch only where it has one part. */
export function checkValues(op: string, pattern: Pattern, values: Tensor): void {
  pattern.assertLive(op);
  commonDevice(op, [values, pattern.byRow.starts]);
  assertDType(op, 'values', values.dtype, 'f32');
  if (values.shape.at(-1) === pattern.nnz && (pattern.parts === 1 || values.rank === 1)) return;
  const expected = `values of shape [${pattern.parts === 1 ? '...batch, ' : ''}${pattern.nnz}]`;
  throw new ShapeError(op, expected, showShape(values.shape));
}

/** A dense side [..., k, n], or [..., n, k] turned; returns n. */
export function checkSide(op: string, pattern: Pattern, name: string, t: Tensor, k: number, turned: boolean): number {
  pattern.assertLive(op);
  commonDevice(op, [t, pattern.byRow.starts]);
  assertDType(op, name, t.dtype, 'f32');
  const [rows, n] = turned ? [t.shape.at(-1), t.shape.at(-2)] : [t.shape.at(-2), t.shape.at(-1)];
  if (t.rank < 2 || rows !== k)
    throw new ShapeError(op, `${name} of shape [..., ${turned ? `n, ${k}` : `${k}, n`}]`, showShape(t.shape));
  return n as number;
}

function checkBias(op: string, pattern: Pattern, bias: Tensor, m: number): void {
  commonDevice(op, [bias, pattern.byRow.starts]);
  assertDType(op, 'bias', bias.dtype, 'f32');
  const perPart = pattern.parts !== 1 && sameShape(bias.shape, [pattern.parts, m]);
  if (perPart || sameShape(bias.shape, [m])) return;
  const expected = `a bias of shape [${m}]${pattern.parts === 1 ? '' : ` or [${pattern.parts}, ${m}]`}`;
  throw new ShapeError(op, expected, showShape(bias.shape));
}

/** The leading axes of a result: the parts of the pattern, or the batch that one or both operands have. */
export function batchOf(op: string, pattern: Pattern, a: Shape, b: Shape, names: readonly [string, string]): Shape {
  if (pattern.parts !== 1) {
    for (const [i, lead] of [a, b].entries()) {
      if (lead.length > 0 && !sameShape(lead, [pattern.parts]))
        throw new ShapeError(op, `${names[i]} shared by all ${pattern.parts} parts, or one each`, showShape(lead));
    }
    return [pattern.parts];
  }
  if (a.length > 0 && b.length > 0 && !sameShape(a, b))
    throw new ShapeError(op, `${names[0]} and ${names[1]} with one batch`, `${showShape(a)} and ${showShape(b)}`);
  return a.length > 0 ? a : b;
}
