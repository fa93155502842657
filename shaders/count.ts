import type { Shader } from '../src/gpu/kernel.js';

/** counter[0] = (counter[0] + 1) mod P.modulus: the batch number of a loader, on the device so that replays move on. */
export function countShader(): Shader {
  return {
    code: `@compute @workgroup_size(1)
fn main() { counter[0] = (counter[0] + 1) % P.modulus; }`,
    bindings: [{ name: 'counter', access: 'read_write', type: 'array<i32>' }],
    params: [['modulus', 'i32']],
  };
}
