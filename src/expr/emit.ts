import { type Expr, topological } from './expr.js';
import { OPS, type ValueType } from './ops.js';

/** WGSL statements for an expression, and what they rely on. */
export interface Emitted {
  /** Statements that end with `let result = ...;`. */
  body: string;
  /** Helper functions called, by name (see shaders/math.ts). */
  helpers: string[];
  /** WGSL type of the result. */
  type: ValueType;
  /** Pointwise operations an element, for cost. */
  flops: number;
}

const SCALAR: Record<ValueType, string> = { f32: 'f32', i32: 'i32', u32: 'u32', bool: 'bool' };
const VECTOR: Record<ValueType, string> = { f32: 'vec4f', i32: 'vec4i', u32: 'vec4u', bool: 'vec4<bool>' };

const cache = new Map<string, Emitted>();

/**
 * Emits an expression for one element (`lanes` 1) or four at a time. The surrounding kernel defines `x0, x1, ...` for
 * the inputs, `c0, c1, ...` for coordinates, and `P.s0, ...` for host scalars.
 */
export function emit(root: Expr, lanes: 1 | 4): Emitted {
  const key = `${root.id}/${lanes}`;
  const hit = cache.get(key);
  if (hit) return hit;
  const names = lanes === 1 ? SCALAR : VECTOR;
  const T = names.f32;
  const value = new Map<Expr, string>();
  const lines: string[] = [];
  const helpers = new Set<string>();
  let flops = 0;
  for (const e of topological(root)) {
    if (e.op === 'input') value.set(e, `x${e.value}`);
    else if (e.op === 'scalar') value.set(e, lanes === 1 ? `P.s${e.value}` : `vec4f(P.s${e.value})`);
    else if (e.op === 'coord') value.set(e, `c${e.value}`);
    else if (e.op === 'const') value.set(e, `${names[e.type]}(${literal(e)})`);
    else {
      const def = OPS[e.op];
      if (def.helper) helpers.add(def.helper);
      const text = def.wgsl(
        e.args.map((a) => value.get(a)!),
        e.args.map((a) => a.type),
        T,
      );
      lines.push(`let t${lines.length} = ${text};`);
      value.set(e, `t${lines.length - 1}`);
      flops++;
    }
  }
  lines.push(`let result = ${value.get(root)};`);
  const made = { body: lines.join('\n'), helpers: [...helpers].sort(), type: root.type, flops };
  cache.set(key, made);
  return made;
}

function literal(e: Expr): string {
  if (e.type === 'bool') return e.value ? 'true' : 'false';
  if (e.type === 'i32') return `${e.value}`;
  if (e.type === 'u32') return `${e.value}u`;
  if (!Number.isFinite(e.value)) throw new RangeError(`an expression's constant must be finite, got ${e.value}`);
  const text = Object.is(e.value, -0) ? '-0' : String(Math.fround(e.value));
  return /[.e]/.test(text) ? text : `${text}.0`;
}
