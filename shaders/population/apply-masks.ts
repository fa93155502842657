import type { Shader } from '../../src/gpu/kernel.js';

/**
 * Sets weights and optimiser state to exactly 0 where a model's mask is 0.
 * Layout: state [slot, parameter, model]; masks [word, model], a bit a parameter. One invocation an element.
 */
export function applyMasksShader({ workgroup }: { workgroup: number }): Shader {
  return {
    code: `
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = gid.x + gid.y * groups.x * ${workgroup}u;
  if (at >= P.elements) { return; }
  let i = at / P.models % P.params;
  if (((masks[(i >> 5u) * P.models + at % P.models] >> (i & 31u)) & 1u) == 0u) { state[at] = 0.0; }
}`,
    bindings: [
      { name: 'masks', access: 'read', type: 'array<u32>' },
      { name: 'state', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ['elements', 'u32'],
      ['models', 'u32'],
      ['params', 'u32'],
    ],
  };
}
