import { erf, expm1Series, fmod, toFloat32Bits } from './host-math.js';

/** Type of a value inside an expression; f16 inputs arrive as f32. */
export type ValueType = 'f32' | 'i32' | 'u32' | 'bool';

/** One row of the table of pointwise operations. */
export interface OpDef {
  /** What it takes, for error messages. */
  takes: string;
  /** Result type, or null where the argument types do not fit. */
  type(args: readonly ValueType[]): ValueType | null;
  /** WGSL of the value; `T` is the WGSL type of float values here (`f32` or `vec4f`). */
  wgsl(args: readonly string[], types: readonly ValueType[], T: string): string;
  /** Name of a helper function that the WGSL calls. */
  helper?: string;
  /** Float64 reference; integer types wrap as on the device. */
  evaluate(args: readonly number[], type: ValueType): number;
}

type Types = readonly ValueType[];
const floatIn = (t: Types): ValueType | null => (t.every((x) => x === 'f32') ? 'f32' : null);
const numeric = (t: Types): ValueType | null => (t[0] !== 'bool' && t.every((x) => x === t[0]) ? t[0] : null);
const compared = (t: Types): ValueType | null => (t.every((x) => x === t[0]) ? 'bool' : null);
const logical = (t: Types): ValueType | null => (t.every((x) => x === 'bool') ? 'bool' : null);
const integer = (t: Types): ValueType | null =>
  (t[0] === 'i32' || t[0] === 'u32') && t.every((x) => x === t[0]) ? t[0] : null;

const wrap = (v: number, type: ValueType): number => (type === 'i32' ? v | 0 : type === 'u32' ? v >>> 0 : v);
/** A float as an integer: towards zero, limited to the floats that the integer type holds, as WGSL converts. */
const saturate = (v: number, low: number, high: number): number => Math.max(low, Math.min(high, Math.trunc(v)));

/** A float function of one argument that WGSL has under this name. */
function builtin(name: string, evaluate: (x: number) => number): OpDef {
  return {
    takes: 'one f32',
    type: floatIn,
    wgsl: ([a]) => `${name}(${a})`,
    evaluate: ([x]) => evaluate(x),
  };
}

/** A float function that needs a helper of ours. */
function helped(name: string, evaluate: (x: number) => number): OpDef {
  return { ...builtin(`s_${name}`, evaluate), helper: name };
}

function infix(symbol: string, type: OpDef['type'], takes: string, evaluate: OpDef['evaluate']): OpDef {
  return { takes, type, wgsl: ([a, b]) => `(${a} ${symbol} ${b})`, evaluate };
}

const compare = (symbol: string, f: (a: number, b: number) => boolean) =>
  infix(symbol, compared, 'two of one type', ([a, b]) => (f(a, b) ? 1 : 0));

export const OPS: Record<OpName, OpDef> = {
  add: infix('+', numeric, 'two numbers of one type', ([a, b], t) => wrap(a + b, t)),
  sub: infix('-', numeric, 'two numbers of one type', ([a, b], t) => wrap(a - b, t)),
  mul: infix('*', numeric, 'two numbers of one type', ([a, b], t) => (t === 'f32' ? a * b : wrap(Math.imul(a, b), t))),
  div: infix('/', numeric, 'two numbers of one type', ([a, b], t) =>
    t === 'f32' ? a / b : b === 0 ? a : wrap(Math.trunc(a / b), t),
  ),
  mod: {
    takes: 'two numbers of one type',
    type: numeric,
    wgsl: ([a, b], [t]) => (t === 'f32' ? `(${a} - floor(${a} / ${b}) * ${b})` : `(${a} % ${b})`),
    evaluate: ([a, b], t) => (t === 'f32' ? fmod(a, b) : b === 0 ? 0 : wrap(a % b, t)),
  },
  pow: {
    takes: 'two f32',
    type: floatIn,
    helper: 'pow',
    wgsl: ([a, b]) => `s_pow(${a}, ${b})`,
    evaluate: ([a, b]) => a ** b,
  },
  min: {
    takes: 'two numbers of one type',
    type: numeric,
    wgsl: ([a, b]) => `min(${a}, ${b})`,
    evaluate: ([a, b]) => Math.min(a, b),
  },
  max: {
    takes: 'two numbers of one type',
    type: numeric,
    wgsl: ([a, b]) => `max(${a}, ${b})`,
    evaluate: ([a, b]) => Math.max(a, b),
  },
  neg: {
    takes: 'one f32 or i32',
    type: ([t]) => (t === 'f32' || t === 'i32' ? t : null),
    wgsl: ([a]) => `(-${a})`,
    evaluate: ([a], t) => wrap(-a, t),
  },
  abs: {
    takes: 'one f32 or i32',
    type: ([t]) => (t === 'f32' || t === 'i32' ? t : null),
    wgsl: ([a]) => `abs(${a})`,
    evaluate: ([a], t) => wrap(Math.abs(a), t),
  },
  sign: builtin('sign', Math.sign),
  floor: builtin('floor', Math.floor),
  ceil: builtin('ceil', Math.ceil),
  round: builtin('round', (x) => {
    const r = Math.round(x);
    return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r; // WGSL rounds halves to even
  }),
  exp: builtin('exp', Math.exp),
  log: builtin('log', Math.log),
  sqrt: builtin('sqrt', Math.sqrt),
  rsqrt: builtin('inverseSqrt', (x) => 1 / Math.sqrt(x)),
  sin: builtin('sin', Math.sin),
  cos: builtin('cos', Math.cos),
  tanh: helped('tanh', Math.tanh),
  sigmoid: helped('sigmoid', (x) => 1 / (1 + Math.exp(-x))),
  softplus: helped('softplus', (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  log1p: helped('log1p', Math.log1p),
  expm1: helped('expm1', expm1Series),
  erf: helped('erf', erf),
  relu: {
    takes: 'one f32',
    type: floatIn,
    // Not max(x, 0), which may turn NaN into 0 and so hide a training that has diverged.
    wgsl: ([a], _t, T) => `select(${a}, ${T}(0.0), ${a} <= ${T}(0.0))`,
    // biome-ignore lint/complexity/useMathMinMax: written as the shader has it
    evaluate: ([a]) => (a <= 0 ? 0 : a),
  },
  lt: compare('<', (a, b) => a < b),
  le: compare('<=', (a, b) => a <= b),
  gt: compare('>', (a, b) => a > b),
  ge: compare('>=', (a, b) => a >= b),
  eq: compare('==', (a, b) => a === b),
  ne: compare('!=', (a, b) => a !== b),
  and: infix('&', logical, 'two bools', ([a, b]) => a & b),
  or: infix('|', logical, 'two bools', ([a, b]) => a | b),
  not: { takes: 'one bool', type: logical, wgsl: ([a]) => `(!${a})`, evaluate: ([a]) => (a ? 0 : 1) },
  bitAnd: infix('&', integer, 'two integers of one type', ([a, b], t) => wrap(a & b, t)),
  bitOr: infix('|', integer, 'two integers of one type', ([a, b], t) => wrap(a | b, t)),
  bitXor: infix('^', integer, 'two integers of one type', ([a, b], t) => wrap(a ^ b, t)),
  where: {
    takes: 'a bool and two of one type',
    type: ([p, a, b]) => (p === 'bool' && a === b ? a : null),
    wgsl: ([p, a, b]) => `select(${b}, ${a}, ${p})`,
    evaluate: ([p, a, b]) => (p ? a : b),
  },
  isNan: {
    takes: 'one f32',
    type: ([t]) => (t === 'f32' ? 'bool' : null),
    // By bits: shader compilers may assume that NaN does not occur and fold x != x.
    wgsl: ([a], _t, T) =>
      T === 'f32'
        ? `((bitcast<u32>(${a}) & 0x7fffffffu) > 0x7f800000u)`
        : `((bitcast<vec4u>(${a}) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u))`,
    evaluate: ([a]) => (Number.isNaN(a) ? 1 : 0),
  },
  toF32: {
    takes: 'one value',
    type: () => 'f32',
    wgsl: ([a], [t], T) => (t === 'f32' ? a : t === 'bool' ? `select(${T}(0.0), ${T}(1.0), ${a})` : `${T}(${a})`),
    evaluate: ([a]) => a,
  },
  toI32: {
    takes: 'one value',
    type: () => 'i32',
    wgsl: ([a], [t], T) => {
      const I = T === 'f32' ? 'i32' : 'vec4i';
      return t === 'bool' ? `select(${I}(0), ${I}(1), ${a})` : `${I}(${a})`;
    },
    evaluate: ([a], t) => (t === 'f32' ? saturate(a, -(2 ** 31), 2 ** 31 - 128) : a | 0),
  },
  toU32: {
    takes: 'one value',
    type: () => 'u32',
    wgsl: ([a], [t], T) => {
      const U = T === 'f32' ? 'u32' : 'vec4u';
      return t === 'bool' ? `select(${U}(0u), ${U}(1u), ${a})` : `${U}(${a})`;
    },
    evaluate: ([a], t) => (t === 'f32' ? saturate(a, 0, 2 ** 32 - 256) : a >>> 0),
  },
  toBool: {
    takes: 'one value',
    type: () => 'bool',
    wgsl: ([a], [t], T) => {
      if (t === 'bool') return a;
      const zero = t === 'f32' ? `${T}(0.0)` : T === 'f32' ? `${t}(0)` : t === 'i32' ? 'vec4i(0)' : 'vec4u(0)';
      return `(${a} != ${zero})`;
    },
    evaluate: ([a]) => (a !== 0 ? 1 : 0),
  },
  /** The 32 bits of a float as u32: how magnitudes are ordered exactly. */
  bitsOf: {
    takes: 'one f32',
    type: ([t]) => (t === 'f32' ? 'u32' : null),
    wgsl: ([a], _t, T) => `bitcast<${T === 'f32' ? 'u32' : 'vec4u'}>(${a})`,
    evaluate: ([a]) => toFloat32Bits(a),
  },
};

export type OpName =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'pow'
  | 'min'
  | 'max'
  | 'neg'
  | 'abs'
  | 'sign'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'softplus'
  | 'log1p'
  | 'expm1'
  | 'erf'
  | 'relu'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'
  | 'eq'
  | 'ne'
  | 'and'
  | 'or'
  | 'not'
  | 'bitAnd'
  | 'bitOr'
  | 'bitXor'
  | 'where'
  | 'isNan'
  | 'toF32'
  | 'toI32'
  | 'toU32'
  | 'toBool'
  | 'bitsOf';
