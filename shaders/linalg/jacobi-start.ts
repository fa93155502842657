import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { chunkWalk, WALK_PARAMS, WALK_WORKGROUP } from '../walk.js';

/**
 * x[m, i, :] = [a[m, i, :] / scale[m], 0..]: square matrices [size, size] with rows widened to `width` elements.
 *
 * scale is the power of two at or below the matrix's largest magnitude, so that squares neither overflow nor vanish.
 * Diagonal entries that are smaller than P.floor after scaling are raised to that, and rows with small diagonal entries
 * get noise of about P.floor P.share an entry (see `factorRows`). With P.floor 0 neither happens.
 * Cost: one store and up to two loads an element.
 */
export function jacobiStartShader(): Shader {
  const walk = chunkWalk(['P.matrices', 'P.size', 'P.width']);
  const code = wgsl`
/** Diagonal entries below this may multiply up to nothing along a chain of rows. */
const WEAK = 0x1p-8;
/** A number in [-1, 1) that looks random (a permuted congruential generator's output). */
fn noise(seed: u32) -> f32 {
  let state = seed * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return f32(i32((word >> 22u) ^ word)) * 0x1p-31;
}
@compute @workgroup_size(${WALK_WORKGROUP})
fn main(${walk.builtins}) {
  ${walk.start}
  while (${walk.more}) {
    // The exponent's bits alone; of zero, denormals and the last powers, what has a normal inverse.
    let power = clamp(bitcast<u32>(largest[i0]) & 0x7f800000u, 0x01000000u, 0x7e000000u);
    let inverse = bitcast<f32>(0x7f000000u - power);
    if (i1 == 0u && i2 == 0u) { scale[i0] = bitcast<f32>(power); }
    var value = 0.0;
    if (i2 < P.size) {
      let row = (i0 * P.size + i1) * P.size;
      value = a[row + i2] * inverse;
      let diagonal = abs(a[row + i1] * inverse);
      if (i1 != i2 && diagonal < WEAK) { value += P.floor * P.share * noise(i1 * P.size + i2); }
      if (i1 == i2 && diagonal < P.floor) { value = select(P.floor, -P.floor, value < 0.0); }
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
      ['floor', 'f32'],
      ['share', 'f32'],
    ],
  };
}
