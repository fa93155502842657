import { describe, expect, it } from 'vitest';
import { derive, GRADIENTS } from '../../src/expr/derive.js';
import { apply, constant, type Expr, evaluate, input, scalar, topological } from '../../src/expr/expr.js';
import { OPS, type OpName } from '../../src/expr/ops.js';

const range = (low: number, high: number, n = 23) =>
  Array.from({ length: n }, (_, i) => low + ((high - low) * (i + 0.37)) / n);
/** Both signs, off the kinks at 0, 1, ... by 0.01 and more. */
const around = range(-2.9, 2.9).filter((x) => Math.abs(x - Math.round(x)) > 0.02);

/** Points at which each differentiable operation is checked. */
const points: Partial<Record<OpName, number[][]>> = {
  add: [[0.3, -1.2]],
  sub: [[0.3, -1.2]],
  mul: [
    [0.3, -1.2],
    [-2, 3],
    [0, 2],
  ],
  div: [
    [0.3, -1.2],
    [-2, 3],
    [0, 2],
  ],
  mod: [
    [5.3, 2],
    [-5.3, 2],
    [5.3, -2],
    [0.2, 0.7],
  ],
  pow: [
    [0.4, 2.3],
    [1.7, -1.5],
    [2, 3],
    [0.9, 0],
    [3, 0.5],
  ],
  min: [
    [0.3, 0.5],
    [0.5, 0.3],
    [-1, 2],
  ],
  max: [
    [0.3, 0.5],
    [0.5, 0.3],
    [-1, 2],
  ],
  neg: around.map((x) => [x]),
  abs: around.map((x) => [x]),
  exp: around.map((x) => [x]),
  log: range(0.1, 4).map((x) => [x]),
  sqrt: range(0.1, 4).map((x) => [x]),
  rsqrt: range(0.2, 4).map((x) => [x]),
  sin: around.map((x) => [x]),
  cos: around.map((x) => [x]),
  tanh: around.map((x) => [x]),
  sigmoid: around.map((x) => [x]),
  softplus: around.map((x) => [x]),
  log1p: range(-0.8, 3).map((x) => [x]),
  expm1: around.map((x) => [x]),
  erf: around.map((x) => [x]),
  relu: around.map((x) => [x]),
  toF32: around.map((x) => [x]),
};

const value = (e: Expr | null, inputs: readonly number[]): number => (e ? evaluate(e, { inputs }) : 0);

function slope(e: Expr | null, inputs: readonly number[], i: number): number {
  const h = 1e-5 * Math.max(1, Math.abs(inputs[i]));
  const at = (d: number) =>
    value(
      e,
      inputs.map((x, k) => (k === i ? x + d : x)),
    );
  return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
}

const close = (got: number, expected: number, what: string) => {
  if (!(Math.abs(got - expected) <= 1e-7 * (1 + Math.abs(expected))))
    expect.fail(`${what}: ${got}, expected ${expected}`);
};

describe('symbolic derivatives against differences of the float64 reference', () => {
  for (const [name, list] of Object.entries(points)) {
    it(`${name}: first, second and third order, every argument pair`, () => {
      const op = name as OpName;
      for (const at of list) {
        const root = apply(op, ...at.map((_, i) => input(i)));
        at.forEach((_, i) => {
          const first = derive(root, i, constant(1));
          close(value(first, at), slope(root, at, i), `d ${op}(${at}) / d${i}`);
          at.forEach((_, j) => {
            const second = first && derive(first, j, constant(1));
            close(value(second, at), slope(first, at, j), `d2 ${op}(${at}) / d${i} d${j}`);
            const third = second && derive(second, i, constant(1));
            close(value(third, at), slope(second, at, i), `d3 ${op}(${at}) / d${i} d${j} d${i}`);
          });
        });
      }
    });
  }

  it('where passes slopes to the chosen side only, and none to the mask', () => {
    const root = apply(
      'where',
      apply('gt', input(0), constant(0)),
      apply('mul', input(1), input(1)),
      apply('exp', input(2)),
    );
    for (const at of [
      [1, 3, 0.5],
      [-1, 3, 0.5],
    ]) {
      expect(derive(root, 0, constant(1))).toBe(null);
      for (const i of [1, 2]) close(value(derive(root, i, constant(1)), at), slope(root, at, i), `where / d${i}`);
    }
  });

  it('every operation with a gradient is checked, and the others have no slope', () => {
    for (const op of Object.keys(OPS) as OpName[]) {
      if (op === 'where') continue;
      expect(!!GRADIENTS[op], op).toBe(op in points);
    }
    for (const op of ['sign', 'floor', 'ceil', 'round'] as const) {
      expect(derive(apply('mul', apply(op, input(0)), constant(3)), 0, constant(1))).toBe(null);
    }
  });

  it('a tie of max or min gives each side one half, and the two sides add up to g', () => {
    for (const op of ['max', 'min'] as const) {
      const root = apply(op, input(0), input(1));
      for (const [at, left] of [
        [[2, 2], 0.5],
        [[3, 2], op === 'max' ? 1 : 0],
        [[2, 3], op === 'max' ? 0 : 1],
      ] as const) {
        expect(value(derive(root, 0, constant(1)), at)).toBe(left);
        expect(value(derive(root, 1, constant(1)), at)).toBe(1 - left);
      }
    }
  });

  it('relu and abs have slope 0 at 0', () => {
    for (const op of ['relu', 'abs'] as const) expect(value(derive(apply(op, input(0)), 0, constant(1)), [0])).toBe(0);
  });

  it('pow of a base that is not positive has finite slopes of every order where x^y has', () => {
    const root = apply('pow', input(0), input(1));
    for (const at of [
      [-2, 3],
      [0, 2],
      [-1.5, 2],
    ]) {
      const dx = derive(root, 0, constant(1))!;
      const dy = derive(root, 1, constant(1))!;
      close(value(dx, at), at[1] * at[0] ** (at[1] - 1), `d pow(${at}) / dx`);
      expect(value(dy, at)).toBe(0);
      for (const second of [derive(dx, 0, constant(1)), derive(dy, 0, constant(1)), derive(dy, 1, constant(1))]) {
        expect(Number.isFinite(value(second, at)), `second derivative of pow at ${at}`).toBe(true);
      }
      close(value(derive(dx, 0, constant(1)), at), at[1] * (at[1] - 1) * at[0] ** (at[1] - 2), `d2 pow(${at}) / dx2`);
    }
  });

  it('sums the slopes of several paths', () => {
    const x = input(0);
    const root = apply('add', apply('mul', x, x), apply('mul', apply('exp', x), apply('sin', x)));
    for (const at of around) {
      close(
        value(derive(root, 0, constant(1)), [at]),
        2 * at + Math.exp(at) * (Math.sin(at) + Math.cos(at)),
        `at ${at}`,
      );
    }
  });

  it('multiplies by the cotangent, and is null for an input that is not there', () => {
    const root = apply('mul', input(0), scalar(0));
    const d = derive(root, 0, input(5))!;
    expect(evaluate(d, { inputs: [1, 0, 0, 0, 0, 7], scalars: [3] })).toBe(21);
    expect(derive(root, 1, constant(1))).toBe(null);
    expect(derive(apply('lt', input(0), input(1)), 0, constant(1))).toBe(null);
  });

  it('stays small: the fifth derivative of gelu has fewer than 400 nodes', () => {
    let e: Expr | null = apply('mul', input(0), apply('erf', input(0)));
    for (let k = 0; k < 5; k++) e = e && derive(e, 0, constant(1));
    expect(topological(e!).length).toBeLessThan(400);
  });
});
