import type { Shader } from '../src/gpu/kernel.js';

/**
 * ring[at] = value; at = (at + 1) mod P.slots: keeps the last values of a scalar, so that one readback serves many
 * steps. The place lives on the device, so that a replayed step moves on by itself. Cost: 12 bytes read, 8 written.
 */
export function ringShader(): Shader {
  return {
    code: `@compute @workgroup_size(1)
fn main() {
  let i = at[0];
  ring[i] = value[0];
  at[0] = (i + 1u) % P.slots;
}`,
    bindings: [
      { name: 'value', access: 'read', type: 'array<f32>' },
      { name: 'at', access: 'read_write', type: 'array<u32>' },
      { name: 'ring', access: 'read_write', type: 'array<f32>' },
    ],
    params: [['slots', 'u32']],
  };
}
