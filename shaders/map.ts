import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { type ElementInput, helperSource, inputBindings, loadElement, offsetOf, storeElement } from './elements.js';
import { chunkWalk, WALK_PARAMS, WALK_WORKGROUP } from './walk.js';

/** Structure of one elementwise kernel; sizes and strides are parameters. */
export interface MapSpec {
  /** WGSL of the expression, ending in `let result = ...;` */
  body: string;
  helpers: readonly string[];
  inputs: readonly ElementInput[];
  /** Value type of the result and how it is stored. */
  type: 'f32' | 'i32' | 'u32' | 'bool';
  stored: 'f32' | 'i32' | 'u32' | 'f16';
  /** Axes of the iteration space after merging; 0 where every input is read linearly or is one value. */
  rank: number;
  lanes: 1 | 4;
  scalars: number;
  /** Whether the expression reads coordinates (then nothing is merged and lanes is 1). */
  coords: boolean;
}

/**
 * out[i] = f(in0[...], in1[...], ...), elementwise with broadcasting.
 *
 * Layout: contiguous output; every input has a stride per merged axis, 0 where it broadcasts.
 * Tiling: a chunk a workgroup, `lanes` neighbouring elements an iteration; coordinates by odometer, so that the only
 * divisions are those of the first element.
 * Cost: one load an input and one store an element.
 */
export function mapShader(spec: MapSpec): Shader {
  const { inputs, rank, lanes } = spec;
  const digits = Array.from({ length: rank }, (_, k) => `i${k}`);
  const walk = chunkWalk(digits.map((_, k) => `P.d${k}`));
  const loads = inputs.map((x, i) => {
    const at =
      rank > 0
        ? offsetOf(
            digits,
            digits.map((_, k) => `a${i}_${k}`),
          )
        : x.load === 'vector'
          ? 'i'
          : lanes === 4
            ? '0u'
            : `i * P.a${i}_0`;
    return loadElement(x, i, at);
  });
  const code = wgsl`
${helperSource(spec.helpers, lanes)}
@compute @workgroup_size(${WALK_WORKGROUP})
fn main(${walk.builtins}) {
  ${walk.start}
  while (${walk.more}) {
#if ${spec.coords}
    ${digits.map((d, k) => `let c${k} = i32(${d});`).join('\n')}
#endif
    ${loads.join('\n')}
    ${spec.body}
    out[i] = ${storeElement(spec.type, spec.stored, lanes, 'result')};
    ${walk.advance}
  }
}`;
  const strided = inputs.flatMap((_, i) =>
    Array.from({ length: Math.max(rank, lanes === 1 ? 1 : 0) }, (_, k) => `a${i}_${k}`),
  );
  return {
    code,
    enables: [spec.stored, ...inputs.map((x) => x.stored)].includes('f16') ? ['f16'] : [],
    bindings: [
      ...inputBindings(inputs),
      { name: 'out', access: 'read_write', type: `array<${lanes === 4 ? `vec4<${spec.stored}>` : spec.stored}>` },
    ],
    params: [
      ...WALK_PARAMS,
      ...Array.from({ length: rank }, (_, k) => [`d${k}`, 'u32'] as const),
      ...strided.map((name) => [name, 'u32'] as const),
      ...Array.from({ length: spec.scalars }, (_, k) => [`s${k}`, 'f32'] as const),
    ],
  };
}
