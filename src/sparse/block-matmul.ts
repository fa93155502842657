import type { Activation, OperandSpec } from '../../shaders/gemm/spec.js';
import { record } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { composite } from '../ops/composite.js';
import { expand } from '../ops/expand.js';
import { reshape } from '../ops/reshape.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, broadcastShapes, type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { checkOperand, checkValues } from './block-elements.js';
import { launchSample, launchWalk } from './block-launch.js';
import type { BlockPattern } from './block-pattern.js';

export interface BlockMatmulOptions {
  /** Multiply with the transposed sparse matrix. */
  transA?: boolean;
  /** b is [..., n, k]. */
  transB?: boolean;
  /** The result is [..., n, m]. With transB this is a linear layer: y = x Sᵀ. */
  transC?: boolean;
  /** Added to every column of the result: one number for each of the m rows, f32 [m]. */
  bias?: Tensor;
  /** Applied last, in the same kernel. */
  activation?: Activation;
}

export interface BlockMatmulAttrs {
  pattern: BlockPattern;
  transA: boolean;
  transB: boolean;
  transC: boolean;
  activation: Activation;
}

export interface BlockSddmmAttrs {
  pattern: BlockPattern;
  transX: boolean;
  transY: boolean;
}

/**
 * act(S b + bias), S being the block-sparse matrix [m, k] of `values` at the blocks of a pattern (or its transpose).
 *
 * @param values f32 [...batch, blocks, block, block]
 * @param b f32 [...batch, k, n]; leading axes broadcast against those of the values
 * @returns [...batch, m, n]
 * @throws ShapeError for values that are not the pattern's blocks, or sizes that do not fit
 */
export function blockMatmul(
  pattern: BlockPattern,
  values: Tensor,
  b: Tensor,
  options: BlockMatmulOptions = {},
): Tensor {
  const op = 'blockMatmul';
  const { transA = false, transB = false, transC = false, activation = 'none', bias } = options;
  checkValues(op, pattern, 'values', values);
  checkOperand(op, pattern, 'b', b);
  assertRank(op, 'b', b.shape, 2);
  const [m, k] = transA ? [pattern.cols, pattern.rows] : [pattern.rows, pattern.cols];
  checkMatrix(op, 'b', b, transB ? ['n', k] : [k, 'n']);
  checkEpilogue(op, b, m, activation, bias);
  const lead = broadcastShapes(op, values.shape.slice(0, -3), b.shape.slice(0, -2));
  const attrs: BlockMatmulAttrs = { pattern, transA, transB, transC, activation };
  const operands = bias ? [values, b, bias] : [values, b];
  return composite(operands, () => {
    // Rows of a batch that share the matrix are rows of one larger product.
    if (transB && transC && b.rank > 2 && values.rank === 3) {
      const y = blockMatmul(pattern, values, reshape(b, [sizeOf(b.shape.slice(0, -1)), k]), options);
      return reshape(y, [...b.shape.slice(0, -1), m]);
    }
    const inputs = [spelledOut(values, 3, lead), spelledOut(b, 2, lead), ...(bias ? [bias] : [])];
    return record('blockMatmul', attrs, inputs, runMatmul(inputs, attrs, lead));
  });
}

/**
 * Products of dense matrices at the blocks of a pattern: the blocks of x yᵀ, values[block, i, j] =
 * sum_n x[b row + i, n] y[b column + j, n].
 *
 * @param x f32 [...batch, rows, n], or [...batch, n, rows] with transX
 * @param y f32 [...batch, cols, n], or [...batch, n, cols] with transY; leading axes broadcast against those of x
 * @returns [...batch, blocks, block, block]
 * @throws ShapeError for sizes that do not fit
 */
export function blockSddmm(
  pattern: BlockPattern,
  x: Tensor,
  y: Tensor,
  { transX = false, transY = false }: { transX?: boolean; transY?: boolean } = {},
): Tensor {
  const op = 'blockSddmm';
  for (const [name, t] of [
    ['x', x],
    ['y', y],
  ] as const) {
    checkOperand(op, pattern, name, t);
    assertRank(op, name, t.shape, 2);
  }
  checkMatrix(op, 'x', x, transX ? ['n', pattern.rows] : [pattern.rows, 'n']);
  const n = x.shape[x.rank - (transX ? 2 : 1)];
  checkMatrix(op, 'y', y, transY ? [n, pattern.cols] : [pattern.cols, n]);
  const lead = broadcastShapes(op, x.shape.slice(0, -2), y.shape.slice(0, -2));
  const attrs: BlockSddmmAttrs = { pattern, transX, transY };
  return composite([x, y], () => {
    const inputs = [spelledOut(x, 2, lead), spelledOut(y, 2, lead)];
    return record('blockSddmm', attrs, inputs, runSddmm(inputs, attrs, lead, n));
  });
}

/** An operand with the leading axes that all agree on, or with none where one is shared by all parts. */
function spelledOut(t: Tensor, own: number, lead: Shape): Tensor {
  const given = t.shape.slice(0, -own);
  if (sameShape(given, lead)) return t;
  return sizeOf(given) === 1 ? reshape(t, t.shape.slice(-own)) : expand(t, [...lead, ...t.shape.slice(-own)]);
}

function checkMatrix(op: string, name: string, t: Tensor, expected: readonly (number | string)[]): void {
  const got = t.shape.slice(-2);
  if (expected.some((d, i) => typeof d === 'number' && d !== got[i]))
    throw new ShapeError(op, `${name} of shape [...batch, ${expected.join(', ')}]`, showShape(t.shape));
}

/** @throws ArgumentError or ShapeError for an unknown activation, or a bias that is not [m] */
export function checkEpilogue(
  op: string,
  like: Tensor,
  m: number,
  activation: Activation,
  bias: Tensor | undefined,
): void {
  if (!['none', 'relu', 'tanh', 'sigmoid'].includes(activation))
    throw new ArgumentError(op, 'activation among none, relu, tanh, sigmoid', String(activation));
  if (!bias) return;
  commonDevice(op, [bias, like]);
  assertDType(op, 'bias', bias.dtype, 'f32');
  if (!sameShape(bias.shape, [m])) throw new ShapeError(op, `a bias of shape [${m}]`, showShape(bias.shape));
}

/** How a matrix whose index `i` and `k` have these strides is loaded. */
export function loadOf(k: number, extent: number, depth: number): OperandSpec {
  const load = k === 1 && depth % 4 === 0 ? 'k4' : k !== 1 && extent % 4 === 0 ? 'i4' : 'scalar';
  return { load, half: false };
}

/** Elements between the parts of an operand whose own shape has `own` axes; 0 where all share it. */
const partOf = (t: Tensor, own: number): number => (t.rank === own ? 0 : sizeOf(t.shape.slice(-own)));

function runMatmul(inputs: readonly Tensor[], attrs: BlockMatmulAttrs, lead: Shape): Tensor {
  const op = 'blockMatmul';
  const [values, b, bias = null] = inputs;
  const { pattern, transA, transB, transC, activation } = attrs;
  const { block, blocks } = pattern;
  const [m, k] = transA ? [pattern.cols, pattern.rows] : [pattern.rows, pattern.cols];
  const n = b.shape[b.rank - (transB ? 2 : 1)];
  const parts = sizeOf(lead);
  const out = Tensor.empty(op, b.device, 'f32', [...lead, ...(transC ? [n, m] : [m, n])]);
  const [qI, qK] = transB ? [k, 1] : [1, n];
  return filled(out, () =>
    launchWalk(
      {
        op,
        pattern,
        spec: {
          problem: 'matmul',
          p: { load: transA ? 'i4' : 'k4', half: false },
          q: loadOf(qK, n, k),
          store: transC ? { along: 'row', vector: true } : { along: 'col', vector: n % 4 === 0 },
          bias: bias ? 'row' : 'none',
          activation,
          tail: false,
          turned: transA,
        },
        p: values,
        q: b,
        bias,
        lines: m / block,
        cols: n,
        parts,
        products: parts * blocks * block * block * n,
        params: {
          ...{ rows: m, cols: n, depth: k, qI, qK },
          ...{ pPart: partOf(values, 3), qPart: partOf(b, 2), cPart: m * n, cLead: transC ? m : n },
        },
      },
      out,
    ),
  );
}

function runSddmm(inputs: readonly Tensor[], attrs: BlockSddmmAttrs, lead: Shape, n: number): Tensor {
  const op = 'blockSddmm';
  const [x, y] = inputs;
  const { pattern, transX, transY } = attrs;
  const { rows, cols, block, blocks } = pattern;
  const parts = sizeOf(lead);
  const out = Tensor.empty(op, x.device, 'f32', [...lead, blocks, block, block]);
  const [pI, pK] = transX ? [1, rows] : [n, 1];
  const [qI, qK] = transY ? [1, cols] : [n, 1];
  return filled(out, () =>
    launchSample(
      {
        op,
        pattern,
        spec: {
          problem: 'matmul',
          p: loadOf(pK, rows, n),
          q: loadOf(qK, cols, n),
          store: { along: 'col', vector: true },
          bias: 'none',
          activation: 'none',
          tail: n % 4 !== 0,
          turned: false,
        },
        p: x,
        q: y,
        bias: null,
        lines: rows / block,
        cols: pattern.byRow.longest * block,
        parts,
        products: parts * blocks * block * block * n,
        params: {
          ...{ rows, cols, pI, pK, qI, qK, pPart: partOf(x, 2), qPart: partOf(y, 2) },
          ...{ cPart: blocks * block * block, cLead: block },
        },
      },
      n,
      out,
    ),
  );
}

/** The result of a launch; its memory is given back where the launch fails. */
export function filled(out: Tensor, launch: () => unknown): Tensor {
  try {
    launch();
    return out;
  } catch (error) {
    out.dispose();
    throw error;
  }
}
