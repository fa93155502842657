import { apply, constant, type Expr, input, scalar } from '../expr/expr.js';
import type { OpName } from '../expr/ops.js';
import { ArgumentError, DTypeError } from '../gpu/errors.js';
import type { DType } from '../tensor/dtype.js';
import { isFloat } from '../tensor/dtype.js';
import { Tensor } from '../tensor/tensor.js';
import { map, valueType } from './map.js';

/** A tensor, or a host number that broadcasts. */
export type Operand = Tensor | number;

/** What host numbers beside integer tensors may be. */
const RANGE = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;

/** Applies one table operation to operands, with broadcasting. */
export function pointwise(op: OpName, ...operands: Operand[]): Tensor {
  return fuse((...args) => apply(op, ...args), operands, op);
}

/**
 * One kernel for a whole chain of pointwise operations: `build` receives an expression for every operand and returns
 * the result's. Differentiable to any order.
 *
 * @example fuse((x, y) => apply('mul', apply('tanh', x), y), [a, b])
 */
export function fuse(build: (...args: Expr[]) => Expr, operands: readonly Operand[], op = 'fuse'): Tensor {
  const tensors = operands.filter((o): o is Tensor => o instanceof Tensor);
  if (tensors.length === 0) throw new ArgumentError(op, 'at least one tensor', 'only numbers');
  // Numbers take the type of the first tensor that is not a bool, so that mul(counts, 2) stays integer.
  const like = valueType(tensors.find((t) => t.dtype !== 'bool') ?? tensors[0]);
  const scalars: number[] = [];
  let next = 0;
  const args = operands.map((o) => {
    if (o instanceof Tensor) return input(next++, valueType(o));
    if (like === 'bool') return constant(o ? 1 : 0, 'bool');
    if (like === 'f32') {
      scalars.push(o);
      return scalar(scalars.length - 1);
    }
    const [low, high] = RANGE[like];
    if (!Number.isInteger(o) || o < low || o > high) {
      throw new DTypeError(op, `a whole number from ${low} to ${high} beside dtype ${like}`, String(o));
    }
    return constant(o, like);
  });
  const expr = build(...args);
  const half = expr.type === 'f32' && tensors.every((t) => t.dtype === 'f16');
  return map(tensors, expr, { scalars, op, dtype: half ? 'f16' : expr.type });
}

export const add = (a: Operand, b: Operand): Tensor => pointwise('add', a, b);
export const sub = (a: Operand, b: Operand): Tensor => pointwise('sub', a, b);
export const mul = (a: Operand, b: Operand): Tensor => pointwise('mul', a, b);
export const div = (a: Operand, b: Operand): Tensor => pointwise('div', a, b);
/** a - floor(a / b) * b for floats; the remainder with a's sign for integers. */
export const mod = (a: Operand, b: Operand): Tensor => pointwise('mod', a, b);
/** a to the power b; NaN for a negative base and a broken exponent. */
export const pow = (a: Operand, b: Operand): Tensor =>
  typeof b === 'number' && b === 2 ? pointwise('mul', a, a) : pointwise('pow', a, b);
/** The smaller of two; a tie shares the gradient. Beside NaN the other may be the result. */
export const minimum = (a: Operand, b: Operand): Tensor => pointwise('min', a, b);
/** The greater of two; a tie shares the gradient. Beside NaN the other may be the result. */
export const maximum = (a: Operand, b: Operand): Tensor => pointwise('max', a, b);
export const neg = (x: Tensor): Tensor => pointwise('neg', x);
export const abs = (x: Tensor): Tensor => pointwise('abs', x);
export const sign = (x: Tensor): Tensor => pointwise('sign', x);
export const floor = (x: Tensor): Tensor => pointwise('floor', x);
export const ceil = (x: Tensor): Tensor => pointwise('ceil', x);
/** Halves go to the even neighbour. */
export const round = (x: Tensor): Tensor => pointwise('round', x);
export const exp = (x: Tensor): Tensor => pointwise('exp', x);
export const expm1 = (x: Tensor): Tensor => pointwise('expm1', x);
export const log = (x: Tensor): Tensor => pointwise('log', x);
export const log1p = (x: Tensor): Tensor => pointwise('log1p', x);
export const sqrt = (x: Tensor): Tensor => pointwise('sqrt', x);
export const rsqrt = (x: Tensor): Tensor => pointwise('rsqrt', x);
export const square = (x: Tensor): Tensor => pointwise('mul', x, x);
export const sin = (x: Tensor): Tensor => pointwise('sin', x);
export const cos = (x: Tensor): Tensor => pointwise('cos', x);
export const tanh = (x: Tensor): Tensor => pointwise('tanh', x);
export const sigmoid = (x: Tensor): Tensor => pointwise('sigmoid', x);
export const softplus = (x: Tensor): Tensor => pointwise('softplus', x);
export const erf = (x: Tensor): Tensor => pointwise('erf', x);
export const relu = (x: Tensor): Tensor => pointwise('relu', x);
/** x where positive, slope * x elsewhere. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor =>
  fuse((v, s) => apply('where', apply('gt', v, constant(0)), v, apply('mul', v, s)), [x, slope], 'leakyRelu');
/** min(max(x, 0), 6). */
export const relu6 = (x: Tensor): Tensor => fuse((v) => apply('min', apply('relu', v), constant(6)), [x], 'relu6');
/** x for x > 0, alpha (e^x - 1) elsewhere. */
export const elu = (x: Tensor, alpha = 1): Tensor =>
  fuse(
    (v, a) =>
      apply('where', apply('gt', v, constant(0)), v, apply('mul', a, apply('expm1', apply('min', v, constant(0))))),
    [x, alpha],
    'elu',
  );
/** x sigmoid(x), also called swish. */
export const silu = (x: Tensor): Tensor => fuse((v) => apply('mul', v, apply('sigmoid', v)), [x], 'silu');

/** x Φ(x), Φ being the normal distribution function; `tanh` is the usual approximation of it (Hendrycks & Gimpel 2016). */
export function gelu(x: Tensor, approximate: 'none' | 'tanh' = 'none'): Tensor {
  const c = constant;
  if (approximate === 'tanh') {
    return fuse(
      (v) => {
        const cubic = apply('add', v, apply('mul', c(0.044715), apply('mul', v, apply('mul', v, v))));
        return apply(
          'mul',
          apply('mul', c(0.5), v),
          apply('add', c(1), apply('tanh', apply('mul', c(0.7978845608), cubic))),
        );
      },
      [x],
      'gelu',
    );
  }
  return fuse(
    (v) => apply('mul', apply('mul', c(0.5), v), apply('add', c(1), apply('erf', apply('mul', v, c(Math.SQRT1_2))))),
    [x],
    'gelu',
  );
}

/** x limited to [low, high]; no gradient outside. */
export const clamp = (x: Tensor, low: number, high: number): Tensor => {
  if (!(low <= high)) throw new ArgumentError('clamp', 'low <= high', `${low} and ${high}`);
  return fuse(
    (v, a, b) => apply('where', apply('lt', v, a), a, apply('where', apply('gt', v, b), b, v)),
    [x, low, high],
    'clamp',
  );
};

export const less = (a: Operand, b: Operand): Tensor => pointwise('lt', a, b);
export const lessEqual = (a: Operand, b: Operand): Tensor => pointwise('le', a, b);
export const greater = (a: Operand, b: Operand): Tensor => pointwise('gt', a, b);
export const greaterEqual = (a: Operand, b: Operand): Tensor => pointwise('ge', a, b);
export const equal = (a: Operand, b: Operand): Tensor => pointwise('eq', a, b);
export const notEqual = (a: Operand, b: Operand): Tensor => pointwise('ne', a, b);
export const logicalAnd = (a: Tensor, b: Tensor): Tensor => pointwise('and', a, b);
export const logicalOr = (a: Tensor, b: Tensor): Tensor => pointwise('or', a, b);
export const logicalNot = (a: Tensor): Tensor => pointwise('not', a);
/** Whether each element is NaN, told by its bits. */
export const isNan = (x: Tensor): Tensor => pointwise('isNan', x);

/** a where the bool mask is set, b elsewhere. */
export function where(mask: Tensor, a: Operand, b: Operand): Tensor {
  if (mask.dtype !== 'bool') throw new DTypeError('where', 'a mask of dtype bool', mask.dtype);
  if (typeof a === 'number' && typeof b === 'number') {
    return map([mask], apply('where', input(0, 'bool'), scalar(0), scalar(1)), { scalars: [a, b], op: 'where' });
  }
  return fuse((m, x, y) => apply('where', m, x, y), [mask, a, b], 'where');
}

/**
 * The same values in another dtype: floats to integers go towards zero and stop at the ends of
 * the type's range (NaN gives an end or 0), integers keep their bits, anything to bool is `!= 0`.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return map([x], input(0, valueType(x)), { dtype, op: 'cast' });
  const value = input(0, valueType(x));
  const to = isFloat(dtype) ? 'toF32' : dtype === 'i32' ? 'toI32' : dtype === 'u32' ? 'toU32' : 'toBool';
  return map([x], valueType(x) === 'f32' && isFloat(dtype) ? value : apply(to, value), { dtype, op: 'cast' });
}

/** A copy with storage of its own. */
export const clone = (x: Tensor): Tensor => map([x], input(0, valueType(x)), { dtype: x.dtype, op: 'clone' });
