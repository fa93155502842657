import type { Lease } from './buffers.js';

export type ParamType = 'u32' | 'i32' | 'f32';

/** One storage binding of a shader, by the name that the WGSL text uses. */
export interface BindingDecl {
  readonly name: string;
  readonly access: 'read' | 'read_write';
  /** WGSL type, for example `array<vec4f>`. */
  readonly type: string;
}

/** What a shader function returns: module-scope WGSL with an entry point `main`, and what it expects to be bound. */
export interface Shader {
  readonly code: string;
  readonly bindings: readonly BindingDecl[];
  /** Fields of `P`, the 4-byte parameters that travel with every dispatch. */
  readonly params: readonly (readonly [name: string, type: ParamType])[];
  readonly enables?: readonly ('subgroups' | 'f16')[];
}

/** Work of one dispatch, for rooflines. */
export interface Cost {
  flops: number;
  bytes: number;
}

/**
 * A kernel is one declaration: a name, a pure function from its structural spec to WGSL, and its cost. Sizes travel as
 * parameters, so that few distinct shaders exist.
 */
export interface Kernel<S> {
  readonly name: string;
  shader(spec: S): Shader;
}

export function defineKernel<S>(kernel: Kernel<S>): Kernel<S> {
  return kernel;
}

/** A range of a leased buffer as one binding; offset and size in bytes. */
export interface Binding {
  readonly lease: Lease;
  readonly offset: number;
  readonly size: number;
}

export type Grid = readonly [x: number, y: number, z: number];

/** How parameters reach the shader: immediates (up to 64 bytes, where the device has them) or a uniform ring. */
export type ParamMode = 'none' | 'immediate' | 'uniform';

export interface Pipeline {
  readonly id: number;
  readonly name: string;
  readonly key: string;
  /** The module as the kernel's shader has it, and as the driver sees it. */
  readonly written: string;
  readonly source: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly mode: ParamMode;
  readonly params: Shader['params'];
  readonly bindings: Shader['bindings'];
}

/** A WGSL module: the shader's own text behind declarations of its bindings and parameters. */
export function moduleSource(shader: Shader, mode: ParamMode): string {
  const lines: string[] = [];
  for (const feature of shader.enables ?? []) lines.push(`enable ${feature};`);
  if (mode === 'immediate') lines.push('requires immediate_address_space;');
  shader.bindings.forEach((b, i) => {
    lines.push(`@group(0) @binding(${i}) var<storage, ${b.access}> ${b.name}: ${b.type};`);
  });
  if (shader.params.length > 0) {
    lines.push(`struct Params { ${shader.params.map(([n, t]) => `${n}: ${t}`).join(', ')} }`);
    if (mode === 'immediate') lines.push('var<immediate> P: Params;');
    else lines.push(`@group(0) @binding(${shader.bindings.length}) var<uniform> P: Params;`);
  }
  return `${lines.join('\n')}\n${shader.code.trim()}\n`;
}

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

/** Packs parameter values into the words that the shader reads. */
export function packParams(kernel: string, decls: Shader['params'], values: readonly number[]): Uint32Array {
  if (values.length !== decls.length) {
    throw new RangeError(`kernel ${kernel}: expected ${decls.length} parameters, got ${values.length}`);
  }
  const out = new Uint32Array(decls.length);
  for (let i = 0; i < decls.length; i++) {
    if (decls[i][1] === 'f32') {
      floats[0] = values[i];
      out[i] = words[0];
    } else {
      out[i] = values[i];
    }
  }
  return out;
}

/** Folds a one-dimensional count of workgroups into a grid within the device's limit per dimension. */
export function foldGrid(workgroups: number, limit: number): Grid {
  if (workgroups <= limit) return [workgroups, 1, 1];
  const y = Math.ceil(workgroups / limit);
  return [Math.ceil(workgroups / y), y, 1];
}
