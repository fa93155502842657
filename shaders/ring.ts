import type { Shader } from '../src/gpu/kernel.js';

/**
 * ring[at, ...] = value; at = (at + 1) mod P.slots: keeps the last values of a scalar, or of P.width of them, so that one
 * readback serves many steps. The place lives on the device, so that a replayed step moves on by itself. One workgroup.
 * Cost: 4 bytes read and written a value.
 */
export function ringShader({ workgroup }: { workgroup: number }): Shader {
  return {
    code: `@compute @workgroup_size(${workgroup})
fn main(@builtin(local_invocation_index) lane: u32) {
  let i = at[0];
  for (var j = lane; j < P.width; j += ${workgroup}u) { ring[i * P.width + j] = value[j]; }
  // Everyone has read the place before it moves on.
  storageBarrier();
  if (lane == 0u) { at[0] = (i + 1u) % P.slots; }
}`,
    bindings: [
      { name: 'value', access: 'read', type: 'array<f32>' },
      { name: 'at', access: 'read_write', type: 'array<u32>' },
      { name: 'ring', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ['slots', 'u32'],
      ['width', 'u32'],
    ],
  };
}
