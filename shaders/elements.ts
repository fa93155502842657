import type { BindingDecl } from '../src/gpu/kernel.js';
import { mathHelpers } from './math.js';

/** How one input of a map or reduction is read. */
export interface ElementInput {
  /** Stored WGSL element type; bools are stored as u32. */
  stored: 'f32' | 'i32' | 'u32' | 'f16';
  bool: boolean;
  /** `vector`: four neighbours at a time; `splat`: one value for all lanes of a vec4; `scalar`: one at a time. */
  load: 'vector' | 'splat' | 'scalar';
}

/** Bindings `in0, in1, ...` of the inputs. */
export function inputBindings(inputs: readonly ElementInput[]): BindingDecl[] {
  return inputs.map((x, i) => ({
    name: `in${i}`,
    access: 'read',
    type: `array<${x.load === 'vector' ? vec4(x.stored) : x.stored}>`,
  }));
}

const vec4 = (stored: string): string => `vec4<${stored}>`;

/** `let x<i> = ...` for one input at WGSL index `at`: widened to f32, unpacked to bool, splatted as the load says. */
export function loadElement(x: ElementInput, i: number, at: string): string {
  const raw = `in${i}[${at}]`;
  let value = raw;
  if (x.stored === 'f16') value = x.load === 'vector' ? `vec4f(${raw})` : `f32(${raw})`;
  if (x.bool) value = x.load === 'vector' ? `(${raw} != vec4u(0u))` : `(${raw} != 0u)`;
  if (x.load === 'splat') {
    const T = x.bool ? 'vec4<bool>' : x.stored === 'i32' ? 'vec4i' : x.stored === 'u32' ? 'vec4u' : 'vec4f';
    value = `${T}(${value})`;
  }
  return `let x${i} = ${value};`;
}

/** The stored form of a result of the given value type. */
export function storeElement(type: string, stored: string, lanes: 1 | 4, value: string): string {
  if (type === 'bool') return lanes === 1 ? `select(0u, 1u, ${value})` : `select(vec4u(0u), vec4u(1u), ${value})`;
  if (stored === 'f16') return lanes === 1 ? `f16(${value})` : `vec4h(${value})`;
  return value;
}

/**
 * Coordinates of a walk over a small index space without a division per element. `start` splits the first index
 * once; `advance` adds a fixed step digit by digit, carrying as an odometer does.
 */
export interface Odometer {
  /** Declares `var <name>0.. : u32` from the linear index `index`. */
  start(index: string): string;
  /** Declares the digits of the step `step`. */
  step(step: string): string;
  /** Adds the step's digits. */
  advance: string;
}

export function odometer(name: string, dims: readonly string[]): Odometer {
  const last = dims.length - 1;
  const split = (prefix: string, index: string, keyword: 'var' | 'let') => {
    let rest = index;
    const lines: string[] = [];
    for (let k = last; k >= 0; k--) {
      lines.push(`${keyword} ${prefix}${k} = ${k === 0 ? rest : `${rest} % ${dims[k]}`};`);
      if (k > 0) {
        lines.push(`let ${prefix}r${k} = ${rest} / ${dims[k]};`);
        rest = `${prefix}r${k}`;
      }
    }
    return lines.join('\n');
  };
  const advance: string[] = [];
  for (let k = last; k >= 0; k--) {
    advance.push(`${name}${k} += ${name}s${k}${k < last ? ` + ${name}w${k + 1}` : ''};`);
    if (k > 0) {
      advance.push(`let ${name}w${k} = select(0u, 1u, ${name}${k} >= ${dims[k]});`);
      advance.push(`${name}${k} -= ${name}w${k} * ${dims[k]};`);
    }
  }
  return {
    start: (index) => split(name, index, 'var'),
    step: (step) => split(`${name}s`, step, 'let'),
    advance: advance.join('\n'),
  };
}

/** Sum of coordinate times stride parameter, for input `i` and the digits `digits` with parameter names `strides`. */
export function offsetOf(digits: readonly string[], strides: readonly string[]): string {
  return digits.map((d, k) => `${d} * P.${strides[k]}`).join(' + ') || '0u';
}

export const helperSource = mathHelpers;
