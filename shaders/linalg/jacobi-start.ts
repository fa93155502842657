import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { chunkWalk, WALK_PARAMS, WALK_WORKGROUP } from '../walk.js';

/**
 * x[m, i, :] = [a[m, i, :] / scale[m], 0.., I[i, :], 0..]: square matrices [size, size] beside the identity, where rows
 * are 4 inner and then more elements long (none where only the values are wanted). Zeros fill up.
 *
 * scale is the power of two at or below the matrix's largest magnitude, so that squares neither overflow nor vanish.
 * Diagonal entries that are smaller than P.floor after scaling are raised to it: see `svd`.
 * Cost: one store an element.
 */
export function jacobiStartShader(): Shader {
  const walk = chunkWalk(['P.matrices', 'P.size', 'P.width']);
  const code = wgsl`
@compute @workgroup_size(${WALK_WORKGROUP})
fn main(${walk.builtins}) {
  ${walk.start}
  while (${walk.more}) {
    // The exponent's bits alone; of zero, denormals and the last powers, what has a normal inverse.
    let power = clamp(bitcast<u32>(largest[i0]) & 0x7f800000u, 0x01000000u, 0x7e000000u);
    if (i1 == 0u && i2 == 0u) { scale[i0] = bitcast<f32>(power); }
    var value = 0.0;
    if (i2 < P.size) {
      value = a[(i0 * P.size + i1) * P.size + i2] * bitcast<f32>(0x7f000000u - power);
      if (i2 == i1 && abs(value) < P.floor) { value = select(P.floor, -P.floor, value < 0.0); }
    } else if (i2 == P.inner + i1) {
      value = 1.0;
    }
    x[i] = value;
    ${walk.advance}
  }
}`;
  return {
    code,
    bindings: [
      { name: 'a', access: 'read', type: 'array<f32>' },
      { name: 'largest', access: 'read', type: 'array<f32>' },
      { name: 'x', access: 'read_write', type: 'array<f32>' },
      { name: 'scale', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ...WALK_PARAMS,
      ['matrices', 'u32'],
      ['size', 'u32'],
      ['width', 'u32'],
      ['inner', 'u32'],
      ['floor', 'f32'],
    ],
  };
}
