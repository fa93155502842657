import type { Shader } from '../src/gpu/kernel.js';

/**
 * values[i] = before[i] where the model that element i belongs to has stopped: undoes what a step did to it.
 * Layout: flat, one element an invocation, strided. Cost: two loads of an element's owner and its mark, two more where held.
 */
export function holdShader({ workgroup }: { workgroup: number }): Shader {
  return {
    code: `@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = gid.x + gid.y * groups.x * ${workgroup}u; i < P.n; i += groups.x * groups.y * ${workgroup}u) {
    if (stopped[owners[i]] != 0u) { values[i] = before[i]; }
  }
}`,
    bindings: [
      { name: 'owners', access: 'read', type: 'array<u32>' },
      { name: 'stopped', access: 'read', type: 'array<u32>' },
      { name: 'before', access: 'read', type: 'array<u32>' },
      { name: 'values', access: 'read_write', type: 'array<u32>' },
    ],
    params: [['n', 'u32']],
  };
}
