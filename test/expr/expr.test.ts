import { describe, expect, it } from 'vitest';
import { emit } from '../../src/expr/emit.js';
import {
  apply,
  constant,
  coord,
  type Expr,
  evaluate,
  input,
  inputsOf,
  renumber,
  scalar,
  topological,
  usesCoord,
} from '../../src/expr/expr.js';
import { erf } from '../../src/expr/host-math.js';
import { OPS, type OpName, type ValueType } from '../../src/expr/ops.js';
import { DTypeError } from '../../src/index.js';

const x = input(0);
const y = input(1);

describe('interning', () => {
  it('makes equal expressions one object', () => {
    expect(apply('add', apply('mul', x, y), scalar(0))).toBe(apply('add', apply('mul', input(0), input(1)), scalar(0)));
    expect(constant(1.5)).toBe(constant(1.5));
    expect(coord(2)).toBe(coord(2));
  });
  it('keeps what differs apart: order, type, value, and the sign of zero', () => {
    expect(apply('sub', x, y)).not.toBe(apply('sub', y, x));
    expect(input(0, 'i32')).not.toBe(input(0));
    expect(constant(1, 'i32')).not.toBe(constant(1));
    expect(scalar(0)).not.toBe(input(0));
    expect(constant(-0)).not.toBe(constant(0));
  });
  it('computes a common subexpression once', () => {
    const s = apply('exp', apply('mul', x, y));
    const twice = apply('add', s, apply('mul', s, s));
    expect(topological(twice).filter((e) => e === s).length).toBe(1);
    expect(emit(twice, 1).body.match(/exp\(/g)).toHaveLength(1);
    expect(emit(twice, 4)).toBe(emit(twice, 4));
  });
});

describe('simplification', () => {
  const zero = constant(0);
  const one = constant(1);
  const rules: [string, Expr, Expr][] = [
    ['0 + x', apply('add', zero, x), x],
    ['x + 0', apply('add', x, zero), x],
    ['x - 0', apply('sub', x, zero), x],
    ['0 - x', apply('sub', zero, x), apply('neg', x)],
    ['x * 0', apply('mul', x, zero), zero],
    ['0 * x', apply('mul', zero, x), zero],
    ['x * 1', apply('mul', x, one), x],
    ['1 * x', apply('mul', one, x), x],
    ['x * -1', apply('mul', x, constant(-1)), apply('neg', x)],
    ['-1 * x', apply('mul', constant(-1), x), apply('neg', x)],
    ['x / 1', apply('div', x, one), x],
    ['0 / x', apply('div', zero, x), zero],
    ['-(-x)', apply('neg', apply('neg', x)), x],
    ['where(p, x, x)', apply('where', apply('gt', x, y), x, x), x],
    ['x ^ 1', apply('pow', x, one), x],
    ['x ^ 2', apply('pow', x, constant(2)), apply('mul', x, x)],
    ['2 + 3', apply('add', constant(2), constant(3)), constant(5)],
    ['3 < 2', apply('lt', constant(3), constant(2)), constant(0, 'bool')],
    ['i32 7 / 2', apply('div', constant(7, 'i32'), constant(2, 'i32')), constant(3, 'i32')],
  ];
  for (const [name, got, expected] of rules) it(name, () => expect(got).toBe(expected));

  it('does not simplify across types or to what a type lacks', () => {
    const u = input(0, 'u32');
    expect(apply('sub', constant(0, 'u32'), u).op).toBe('sub');
    expect(apply('mul', constant(0, 'u32'), u)).toBe(constant(0, 'u32'));
    expect(evaluate(apply('sub', constant(0, 'u32'), u), { inputs: [1] })).toBe(2 ** 32 - 1);
    expect(apply('mul', x, x).op).toBe('mul');
    expect(apply('sub', x, x).op).toBe('sub'); // x may be inf
  });

  it('never changes a value that is finite', () => {
    for (const [name, got, expected] of rules) {
      for (const at of [
        [0.5, 2],
        [-3, 1],
        [4, -0.25],
      ]) {
        expect(evaluate(got, { inputs: at }), name).toBe(evaluate(expected, { inputs: at }));
      }
    }
  });
});

describe('types', () => {
  const any: Record<ValueType, Expr> = {
    f32: input(0),
    i32: input(0, 'i32'),
    u32: input(0, 'u32'),
    bool: input(0, 'bool'),
  };
  const kinds = Object.keys(any) as ValueType[];

  it('refuses what does not fit, naming the operation, what it takes and what came', () => {
    const cases: [() => Expr, string][] = [
      [() => apply('add', any.f32, any.i32), 'add: expected two numbers of one type, got f32, i32'],
      [() => apply('mul', any.bool, any.bool), 'mul: expected two numbers of one type, got bool, bool'],
      [() => apply('mod', any.u32, any.i32), 'mod: expected two numbers of one type, got u32, i32'],
      [() => apply('pow', any.i32, any.i32), 'pow: expected two f32, got i32, i32'],
      [() => apply('neg', any.u32), 'neg: expected one f32 or i32, got u32'],
      [() => apply('abs', any.bool), 'abs: expected one f32 or i32, got bool'],
      [() => apply('exp', any.i32), 'exp: expected one f32, got i32'],
      [() => apply('relu', any.u32), 'relu: expected one f32, got u32'],
      [() => apply('lt', any.f32, any.u32), 'lt: expected two of one type, got f32, u32'],
      [() => apply('and', any.f32, any.bool), 'and: expected two bools, got f32, bool'],
      [() => apply('not', any.i32), 'not: expected one bool, got i32'],
      [() => apply('bitXor', any.f32, any.f32), 'bitXor: expected two integers of one type, got f32, f32'],
      [
        () => apply('where', any.f32, any.f32, any.f32),
        'where: expected a bool and two of one type, got f32, f32, f32',
      ],
      [
        () => apply('where', any.bool, any.f32, any.i32),
        'where: expected a bool and two of one type, got bool, f32, i32',
      ],
      [() => apply('isNan', any.i32), 'isNan: expected one f32, got i32'],
      [() => apply('bitsOf', any.bool), 'bitsOf: expected one f32, got bool'],
    ];
    for (const [make, text] of cases) {
      expect(make).toThrow(DTypeError);
      expect(make).toThrow(text);
    }
  });

  it('each operation takes what its row says, and its WGSL of both widths has the result type', () => {
    for (const op of Object.keys(OPS) as OpName[]) {
      const arity = ['where'].includes(op) ? 3 : OPS[op].takes.startsWith('two') ? 2 : 1;
      const combos = kinds.flatMap((a) =>
        arity === 1 ? [[a]] : kinds.flatMap((b) => (arity === 2 ? [[a, b]] : kinds.map((c) => [a, b, c]))),
      );
      const taken = combos.filter((types) => OPS[op].type(types) !== null);
      expect(taken.length, op).toBeGreaterThan(0);
      for (const types of taken) {
        const e = apply(op, ...types.map((type, i) => input(i, type)));
        if (e.op !== op) continue;
        for (const lanes of [1, 4] as const) expect(emit(e, lanes).type).toBe(e.type);
      }
    }
  });

  it('refuses a constant that WGSL cannot write', () => {
    expect(() => emit(constant(Number.POSITIVE_INFINITY), 1)).toThrow(
      "an expression's constant must be finite, got Infinity",
    );
    expect(emit(apply('mul', x, constant(-0)), 1).body).toContain('f32(0.0)');
    expect(emit(constant(-0), 1).body).toContain('f32(-0.0)');
    expect(emit(constant(1e21), 4).body).toContain(`vec4f(${Math.fround(1e21)})`);
  });
});

describe('walks', () => {
  it('topological order puts arguments first and every node once', () => {
    const e = apply('add', apply('mul', x, y), apply('exp', apply('mul', x, y)));
    const order = topological(e);
    expect(new Set(order).size).toBe(order.length);
    order.forEach((n, i) => {
      for (const a of n.args) expect(order.indexOf(a)).toBeLessThan(i);
    });
  });
  it('inputsOf, usesCoord and renumber', () => {
    const e = apply('add', apply('mul', input(7), input(2)), scalar(0));
    expect(inputsOf(e)).toEqual([2, 7]);
    const r = renumber(
      e,
      new Map([
        [7, 0],
        [2, 1],
      ]),
    );
    expect(r).toBe(apply('add', apply('mul', input(0), input(1)), scalar(0)));
    expect(usesCoord(e)).toBe(false);
    expect(usesCoord(apply('toF32', coord(1)))).toBe(true);
    expect(evaluate(apply('add', coord(0), coord(1)), { inputs: [], coords: [3, 4] })).toBe(7);
  });
});

describe('host reference', () => {
  it('erf agrees with known values and is odd', () => {
    const known: [number, number][] = [
      [0.1, 0.1124629160182849],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [3, 0.9999779095030014],
      [5, 0.9999999999984626],
    ];
    for (const [at, e] of known) {
      expect(Math.abs(erf(at) - e)).toBeLessThan(2e-15);
      expect(erf(-at)).toBe(-erf(at));
    }
    // The two formulas meet at 2.5.
    const slope = (2 / Math.sqrt(Math.PI)) * Math.exp(-6.25);
    expect(Math.abs(erf(2.5) - erf(2.5 - 1e-6) - 1e-6 * slope)).toBeLessThan(2e-14);
    expect(erf(0)).toBe(0);
    expect(erf(Number.POSITIVE_INFINITY)).toBe(1);
    expect(erf(Number.NaN)).toBeNaN();
  });
  it('rounds halves to even', () => {
    const got = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5].map((v) => OPS.round.evaluate([v], 'f32') + 0);
    expect(got).toEqual([-2, -2, 0, 0, 2, 2, 4]);
  });
});
