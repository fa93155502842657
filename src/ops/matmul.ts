import type { Activation, GemmSpec, OperandSpec } from '../../shaders/gemm/spec.js';
import { record } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, broadcastShapes, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { composite } from './composite.js';
import { expand } from './expand.js';
import { launchGemm, type Product } from './gemm.js';
import { reshape } from './reshape.js';

export interface MatmulAttrs {
  transA: boolean;
  transB: boolean;
  activation: Activation;
}

export interface MatmulOptions {
  /** Multiply with aᵀ (of its last two axes). */
  transA?: boolean;
  /** Multiply with bᵀ. */
  transB?: boolean;
  /** Added to every row of the result: shape [n], or [..batch, 1, n]. */
  bias?: Tensor;
  /** Applied last, in the same kernel. */
  activation?: Activation;
}

/**
 * act(a b + bias) over the last two axes: [..., m, k] x [..., k, n] -> [..., m, n]; leading axes broadcast.
 * A vector on either side is taken as a row or column and its axis dropped from the result. f32 or f16 operands,
 * f32 result.
 *
 * @throws ShapeError when the inner sizes differ or the leading axes do not broadcast
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transA = false, transB = false, activation = 'none', bias } = options;
  commonDevice('matmul', bias ? [a, b, bias] : [a, b]);
  assertDType('matmul', 'a', a.dtype, 'f32', 'f16');
  assertDType('matmul', 'b', b.dtype, 'f32', 'f16');
  assertRank('matmul', 'a', a.shape, 1);
  assertRank('matmul', 'b', b.shape, 1);
  if (!['none', 'relu', 'tanh', 'sigmoid'].includes(activation)) {
    throw new ArgumentError('matmul', 'activation among none, relu, tanh, sigmoid', String(activation));
  }
  const operands = bias ? [a, b, bias] : [a, b];
  if (a.rank === 1 || b.rank === 1) return composite(operands, () => vectorProduct(a, b, options));
  const [m, k] = transA ? [a.shape[a.rank - 1], a.shape[a.rank - 2]] : [a.shape[a.rank - 2], a.shape[a.rank - 1]];
  const [k2, n] = transB ? [b.shape[b.rank - 1], b.shape[b.rank - 2]] : [b.shape[b.rank - 2], b.shape[b.rank - 1]];
  if (k !== k2)
    throw new ShapeError(
      'matmul',
      `inner sizes to agree`,
      `${showShape(a.shape)}${transA ? 'ᵀ' : ''} x ${showShape(b.shape)}${transB ? 'ᵀ' : ''}`,
    );
  const leadA = a.shape.slice(0, -2);
  const leadB = b.shape.slice(0, -2);
  const lead = broadcastShapes('matmul', leadA, leadB);
  return composite(operands, () => {
    // A matrix shared by a whole batch is one larger product: fold the batch into the rows.
    if (sizeOf(leadB) === 1 && sizeOf(leadA) !== 1 && !transA && (!bias || bias.size === n)) {
      const rows = reshape(a, [sizeOf(leadA) * m, k]);
      const matrix = reshape(b, b.shape.slice(-2));
      const folded = matmul(rows, matrix, { transB, activation, bias: bias && reshape(bias, [n]) });
      return reshape(folded, [...lead, m, n]);
    }
    // Partly shared leading axes are spelled out; a side shared by all keeps stride 0.
    const whole = (t: Tensor, own: readonly number[]) =>
      sizeOf(own) === 1 || sameShape(own, lead) ? t : expand(t, [...lead, ...t.shape.slice(-2)]);
    const fullBias = bias && biasFor(bias, lead, n);
    const inputs = [whole(a, leadA), whole(b, leadB), ...(fullBias ? [fullBias] : [])];
    const attrs: MatmulAttrs = { transA, transB, activation };
    return record('matmul', attrs, inputs, runMatmul(inputs, attrs, [...lead, m, n], k));
  });
}

/** Bias as [n] for all parts, or [parts, n]. */
function biasFor(bias: Tensor, lead: readonly number[], n: number): Tensor {
  assertDType('matmul', 'bias', bias.dtype, 'f32');
  const parts = sizeOf(lead);
  const perPart = bias.rank === lead.length + 2 && bias.shape[bias.rank - 2] === 1 && bias.shape[bias.rank - 1] === n;
  if (perPart && sameShape(bias.shape.slice(0, -2), lead)) return reshape(bias, [parts, n]);
  if (bias.size === n && bias.shape.at(-1) === n) return reshape(bias, [n]);
  throw new ShapeError('matmul', `a bias of shape [${n}] or ${showShape([...lead, 1, n])}`, showShape(bias.shape));
}

function vectorProduct(a: Tensor, b: Tensor, options: MatmulOptions): Tensor {
  if ((a.rank === 1 && options.transA) || (b.rank === 1 && options.transB)) {
    throw new ArgumentError('matmul', 'no transpose of a vector', 'transA or transB');
  }
  const a2 = a.rank === 1 ? reshape(a, [1, a.size]) : a;
  const b2 = b.rank === 1 ? reshape(b, [b.size, 1]) : b;
  const out = matmul(a2, b2, options);
  const shape = [...out.shape];
  if (b.rank === 1) shape.pop();
  if (a.rank === 1) shape.splice(shape.length - (b.rank === 1 ? 1 : 2), 1);
  return reshape(out, shape);
}

function runMatmul(inputs: readonly Tensor[], attrs: MatmulAttrs, shape: readonly number[], depth: number): Tensor {
  const [a, b, bias = null] = inputs;
  const device = a.device;
  const out = Tensor.empty('matmul', device, 'f32', shape);
  const m = shape[shape.length - 2];
  const n = shape[shape.length - 1];
  const parts = sizeOf(shape.slice(0, -2));
  const own = (t: Tensor) => (sizeOf(t.shape.slice(0, -2)) === 1 ? 0 : t.shape[t.rank - 1] * t.shape[t.rank - 2]);
  const A: Operand = { tensor: a, i: attrs.transA ? 1 : depth, k: attrs.transA ? m : 1, size: m, part: own(a) };
  const B: Operand = { tensor: b, i: attrs.transB ? depth : 1, k: attrs.transB ? 1 : n, size: n, part: own(b) };
  // The broadcast side takes its rows 8 to 32 at a time, the lane side 32 and more: give the lanes the longer one.
  const swap = n < 32 && m > n;
  const [p, q] = swap ? [B, A] : [A, B];
  const biasPart = bias && bias.rank === 2 && parts > 1 ? n : 0;
  const lead = n;
  const vector = n % 4 === 0;
  const spec: Omit<GemmSpec, 'tile'> = {
    problem: 'matmul',
    p: operandSpec(p, depth),
    q: operandSpec(q, depth),
    store: { along: swap ? 'row' : 'col', vector },
    bias: bias ? (swap ? 'row' : 'col') : 'none',
    activation: attrs.activation,
    tail: depth % 4 !== 0,
  };
  const product: Product = {
    op: 'matmul',
    problem: 'matmul',
    rows: p.size,
    cols: q.size,
    depth,
    length: depth,
    parts,
    phases: 1,
    size: out.size,
    splittable: !bias && attrs.activation === 'none',
    spec,
    p: p.tensor,
    q: q.tensor,
    bias,
    params: [p.i, p.k, q.i, q.k, p.part, q.part, m * n, lead, biasPart],
  };
  launchGemm(device, product, out);
  return out;
}

interface Operand {
  tensor: Tensor;
  /** Strides along its own index and along k, its size, and elements between parts (0: shared). */
  i: number;
  k: number;
  size: number;
  part: number;
}

function operandSpec(o: Operand, depth: number): OperandSpec {
  const half = o.tensor.dtype === 'f16';
  if (o.k === 1 && depth % 4 === 0) return { load: 'k4', half };
  if (o.i === 1 && o.size % 4 === 0) return { load: 'i4', half };
  return { load: 'scalar', half };
}

/**
 * x Wᵀ + b: x [..., in], weight [out, in], bias [out]. A model axis may lead weight and bias; then it leads x as well,
 * of 1 where the models share it, or x is a matrix that they share.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, activation: Activation = 'none'): Tensor {
  if (weight.rank === 2) return matmul(x, weight, { transB: true, bias, activation });
  const lead = weight.shape.slice(0, -2);
  return composite(bias ? [x, weight, bias] : [x, weight], () => {
    const b = bias && reshape(bias, [...lead, 1, weight.shape[weight.rank - 2]]);
    if (x.rank <= weight.rank) return matmul(x, weight, { transB: true, bias: b, activation });
    // More axes than a batch: rows of one matrix a model.
    const rows = x.shape.slice(lead.length, -1);
    const matrices = reshape(x, [...x.shape.slice(0, lead.length), sizeOf(rows), x.shape[x.rank - 1]]);
    const y = matmul(matrices, weight, { transB: true, bias: b, activation });
    return reshape(y, [...y.shape.slice(0, lead.length), ...rows, y.shape[y.rank - 1]]);
  });
}
