import { apply, constant, type Expr, isConst, topological } from './expr.js';
import type { OpName } from './ops.js';

/** Cotangents of an operation's arguments, given its result's. */
type Gradient = (g: Expr, args: readonly Expr[], self: Expr) => (Expr | null)[];

const c = (v: number) => constant(v);
const add = (a: Expr, b: Expr) => apply('add', a, b);
const sub = (a: Expr, b: Expr) => apply('sub', a, b);
const mul = (a: Expr, b: Expr) => apply('mul', a, b);
const div = (a: Expr, b: Expr) => apply('div', a, b);
const neg = (a: Expr) => apply('neg', a);
const where = (p: Expr, a: Expr, b: Expr) => apply('where', p, a, b);
const gt = (a: Expr, b: Expr) => apply('gt', a, b);

/** The rule of a function of one argument. */
const unary =
  (slope: (x: Expr, y: Expr, g: Expr) => Expr): Gradient =>
  (g, [x], y) => [slope(x, y, g)];

/** d max(a, b) / da: 1 where a wins, one half at a tie, so that the two sides always share g exactly. */
const winner = (a: Expr, b: Expr) => where(gt(a, b), c(1), where(apply('eq', a, b), c(0.5), c(0)));

const TWO_OVER_SQRT_PI = 1.1283791670955126;

/** Rules of the table's operations; piecewise constant ones have none. */
export const GRADIENTS: Partial<Record<OpName, Gradient>> = {
  add: (g) => [g, g],
  sub: (g) => [g, neg(g)],
  mul: (g, [a, b]) => [mul(g, b), mul(g, a)],
  div: (g, [a, b], y) => [div(g, b), a.op === 'const' ? neg(div(mul(g, y), b)) : neg(div(mul(g, div(a, b)), b))],
  mod: (g, [a, b]) => [g, neg(mul(g, apply('floor', div(a, b))))],
  pow: (g, [a, b], y) => [
    mul(g, mul(b, apply('pow', a, sub(b, c(1))))),
    // The log's own argument is made safe too, so that no derivative of the unused branch is NaN.
    where(gt(a, c(0)), mul(g, mul(y, apply('log', where(gt(a, c(0)), a, c(1))))), c(0)),
  ],
  min: (g, [a, b]) => [mul(g, winner(b, a)), mul(g, winner(a, b))],
  max: (g, [a, b]) => [mul(g, winner(a, b)), mul(g, winner(b, a))],
  neg: (g) => [neg(g)],
  abs: (g, [a]) => [mul(g, apply('sign', a))],
  exp: unary((_x, y, g) => mul(g, y)),
  log: unary((x, _y, g) => div(g, x)),
  sqrt: unary((_x, y, g) => div(mul(c(0.5), g), y)),
  rsqrt: unary((_x, y, g) => mul(mul(c(-0.5), g), mul(y, mul(y, y)))),
  sin: unary((x, _y, g) => mul(g, apply('cos', x))),
  cos: unary((x, _y, g) => neg(mul(g, apply('sin', x)))),
  tanh: unary((_x, y, g) => mul(g, sub(c(1), mul(y, y)))),
  sigmoid: unary((_x, y, g) => mul(g, mul(y, sub(c(1), y)))),
  softplus: unary((x, _y, g) => mul(g, apply('sigmoid', x))),
  log1p: unary((x, _y, g) => div(g, add(c(1), x))),
  expm1: unary((x, _y, g) => mul(g, apply('exp', x))),
  erf: unary((x, _y, g) => mul(g, mul(c(TWO_OVER_SQRT_PI), apply('exp', neg(mul(x, x)))))),
  relu: (g, [a]) => [where(gt(a, c(0)), g, c(0))],
  where: (g, [p]) => [null, where(p, g, c(0)), where(p, c(0), g)],
  toF32: (g) => [g],
};

/**
 * Reverse-mode derivative of a float expression: d root / d input[i], times the cotangent `g`.
 * The result is again an expression, so derivatives of any order are single kernels. Returns null where it is zero.
 */
export function derive(root: Expr, wrt: number, g: Expr): Expr | null {
  const order = topological(root);
  const depends = new Set<Expr>();
  for (const e of order) {
    if ((e.op === 'input' && e.value === wrt) || e.args.some((a) => depends.has(a))) depends.add(e);
  }
  if (!depends.has(root) || root.type !== 'f32') return null;
  const adjoint = new Map<Expr, Expr>([[root, g]]);
  let result: Expr | null = null;
  for (let k = order.length - 1; k >= 0; k--) {
    const e = order[k];
    const ge = adjoint.get(e);
    if (!ge || !depends.has(e)) continue;
    if (e.op === 'input') {
      result = ge;
      continue;
    }
    const rule = GRADIENTS[e.op as OpName];
    if (!rule) continue; // piecewise constant: no slope to pass on
    const parts = rule(ge, e.args, e);
    e.args.forEach((a, i) => {
      const part = parts[i];
      if (!part || isConst(part, 0) || !depends.has(a) || a.type !== 'f32') return;
      const before = adjoint.get(a);
      adjoint.set(a, before ? apply('add', before, part) : part);
    });
  }
  return result && isConst(result, 0) ? null : result;
}
