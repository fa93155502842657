import { DTypeError } from '../gpu/errors.js';
import { OPS, type OpName, type ValueType } from './ops.js';

/**
 * A pointwise expression over the elements of several inputs: the small language from which every elementwise and
 * reducing kernel is made. Nodes are interned, so that equal expressions are the same object: common
 * subexpressions are computed once, and the emitted WGSL is cached on the node.
 */
export interface Expr {
  readonly id: number;
  readonly op: OpName | 'input' | 'scalar' | 'const' | 'coord';
  readonly type: ValueType;
  readonly args: readonly Expr[];
  /** Index of an input or scalar, axis of a coordinate, or a constant's value. */
  readonly value: number;
}

const interned = new Map<string, Expr>();

function intern(op: Expr['op'], type: ValueType, args: readonly Expr[], value: number): Expr {
  const key = `${op}:${type}:${Object.is(value, -0) ? '-0' : value}:${args.map((a) => a.id).join(',')}`;
  let e = interned.get(key);
  if (!e) {
    e = { id: interned.size, op, type, args, value };
    interned.set(key, e);
  }
  return e;
}

/** The i-th input's element. */
export const input = (i: number, type: ValueType = 'f32'): Expr => intern('input', type, [], i);
/** The i-th host number given at the call; not part of the shader's text. */
export const scalar = (i: number): Expr => intern('scalar', 'f32', [], i);
/** A number that is part of the shader's text: only for the few constants of a formula. */
export const constant = (value: number, type: ValueType = 'f32'): Expr => intern('const', type, [], value);
/** This element's coordinate along an axis of the iteration space, as i32. */
export const coord = (axis: number): Expr => intern('coord', 'i32', [], axis);

export const isConst = (e: Expr, value?: number): boolean =>
  e.op === 'const' && (value === undefined || e.value === value);

/**
 * A table operation applied to arguments, folded and simplified where that is exact for finite values (a constant 0
 * wins against whatever it multiplies, as derivatives want it).
 */
export function apply(op: OpName, ...args: Expr[]): Expr {
  const def = OPS[op];
  const type = def.type(args.map((a) => a.type));
  if (type === null) throw new DTypeError(op, def.takes, args.map((a) => a.type).join(', '));
  if (args.length > 0 && args.every((a) => isConst(a)))
    return constant(
      def.evaluate(
        args.map((a) => a.value),
        args[0].type,
      ),
      type,
    );
  const [a, b, c] = args;
  switch (op) {
    case 'add':
      if (isConst(a, 0)) return b;
      if (isConst(b, 0)) return a;
      break;
    case 'sub':
      if (isConst(b, 0)) return a;
      if (isConst(a, 0) && type !== 'u32') return apply('neg', b);
      break;
    case 'mul':
      if (isConst(a, 0) || isConst(b, 0)) return constant(0, type);
      if (isConst(a, 1)) return b;
      if (isConst(b, 1)) return a;
      if (isConst(a, -1) && type !== 'u32') return apply('neg', b);
      if (isConst(b, -1) && type !== 'u32') return apply('neg', a);
      break;
    case 'div':
      if (isConst(b, 1)) return a;
      if (isConst(a, 0)) return a;
      break;
    case 'neg':
      if (a.op === 'neg') return a.args[0];
      break;
    case 'where':
      if (b === c) return b;
      break;
    case 'pow':
      if (isConst(b, 1)) return a;
      if (isConst(b, 2)) return apply('mul', a, a);
      break;
  }
  return intern(op, type, args, 0);
}

/** Every node that `root` needs, arguments before users. */
export function topological(root: Expr): Expr[] {
  const seen = new Set<Expr>();
  const order: Expr[] = [];
  const visit = (e: Expr) => {
    if (seen.has(e)) return;
    seen.add(e);
    for (const a of e.args) visit(a);
    order.push(e);
  };
  visit(root);
  return order;
}

/** Inputs used by an expression, ascending. */
export function inputsOf(root: Expr): number[] {
  return topological(root)
    .filter((e) => e.op === 'input')
    .map((e) => e.value)
    .sort((a, b) => a - b);
}

export const usesCoord = (root: Expr): boolean => topological(root).some((e) => e.op === 'coord');

/** The same expression with inputs renumbered (and other leaves kept). */
export function renumber(root: Expr, to: ReadonlyMap<number, number>): Expr {
  const memo = new Map<Expr, Expr>();
  for (const e of topological(root)) {
    if (e.op === 'input') memo.set(e, input(to.get(e.value) ?? e.value, e.type));
    else if (e.args.length === 0) memo.set(e, e);
    else
      memo.set(
        e,
        intern(
          e.op,
          e.type,
          e.args.map((a) => memo.get(a)!),
          e.value,
        ),
      );
  }
  return memo.get(root)!;
}

/** Value of an expression in float64, for references and tests. */
export function evaluate(
  root: Expr,
  at: { inputs: readonly number[]; scalars?: readonly number[]; coords?: readonly number[] },
): number {
  const memo = new Map<Expr, number>();
  for (const e of topological(root)) {
    let v: number;
    if (e.op === 'input') v = at.inputs[e.value];
    else if (e.op === 'scalar') v = at.scalars?.[e.value] ?? Number.NaN;
    else if (e.op === 'coord') v = at.coords?.[e.value] ?? 0;
    else if (e.op === 'const') v = e.value;
    else
      v = OPS[e.op].evaluate(
        e.args.map((a) => memo.get(a)!),
        e.args[0].type,
      );
    memo.set(e, v);
  }
  return memo.get(root)!;
}
