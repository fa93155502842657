import type { Shader } from '../src/gpu/kernel.js';

/** How many tensors are gathered in one dispatch. */
export interface PackSpec {
  tensors: number;
  workgroup: number;
}

/**
 * flat[offset_k + i] = in_k[i] for every tensor k: gradients into one flat buffer.
 *
 * Layout: offsets are multiples of 4 elements; the tail of the last vec4 of each tensor is written as 0.
 * Tiling: z is the tensor, x strides over its vec4s. Cost: one load and one store a vec4.
 */
export function packShader(spec: PackSpec): Shader {
  const names = Array.from({ length: spec.tensors }, (_, k) => k);
  const cases = (f: (k: number) => string) => names.map((k) => `case ${k}u: { ${f(k)} }`).join('\n      ');
  return {
    // One loop and one store for all tensors: a loop apiece would compile several times as long.
    code: `@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  var offset = 0u;
  var count = 0u;
  switch (group.z) {
      ${cases((k) => `offset = P.o${k} / 4u; count = P.n${k};`)}
      default: {}
  }
  for (var i = group.x * ${spec.workgroup}u + lane; i * 4u < count; i += groups.x * ${spec.workgroup}u) {
    var v = vec4f(0.0);
    switch (group.z) {
      ${cases((k) => `v = in${k}[i];`)}
      default: {}
    }
    flat[offset + i] = select(vec4f(0.0), v, vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(count));
  }
}`,
    bindings: [
      ...names.map((k) => ({ name: `in${k}`, access: 'read' as const, type: 'array<vec4f>' })),
      { name: 'flat', access: 'read_write', type: 'array<vec4f>' },
    ],
    params: names.flatMap((k) => [[`o${k}`, 'u32'] as const, [`n${k}`, 'u32'] as const]),
  };
}
