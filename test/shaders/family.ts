import type { Shader } from '../../src/gpu/kernel.js';

/** A shader function with a representative spec and changes to it, each of which makes another shader. */
export interface Family {
  /** File in shaders/ and name of the exported function. */
  file: string;
  name: string;
  base: unknown;
  changes: readonly unknown[];
  shader(spec: unknown): Shader;
}

/** A family whose spec is typed by its shader function. */
export function family<S>(
  file: string,
  shader: (spec: S) => Shader,
  base: S,
  changes: readonly Partial<S>[] = [],
  name = shader.name,
): Family {
  return { file, name, base, changes, shader: (spec) => shader(spec as S) };
}
