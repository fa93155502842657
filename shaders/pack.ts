import type { Shader } from '../src/gpu/kernel.js';

/** How many tensors are gathered in one dispatch. */
export interface PackSpec {
  tensors: number;
  workgroup: number;
  /** Four elements at a time. Software devices load number by number all the same, and compile four times as many loads. */
  vector: boolean;
}

/**
 * flat[offset_k + i] = in_k[i] for every tensor k: gradients into one flat buffer.
 *
 * Layout: offsets are multiples of 4 elements; what is left of the last four of each tensor is written as 0.
 * Tiling: z is the tensor, x strides over its elements, or fours. Cost: one load and one store of each.
 */
export function packShader(spec: PackSpec): Shader {
  const names = Array.from({ length: spec.tensors }, (_, k) => k);
  const { type, zero, width, whole } = spec.vector
    ? { type: 'vec4f', zero: 'vec4f()', width: 4, whole: 'vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(count)' }
    : { type: 'f32', zero: '0.0', width: 1, whole: 'i < count' };
  const cases = (f: (k: number) => string) => names.map((k) => `case ${k}u: { ${f(k)} }`).join('\n      ');
  return {
    // One loop and one store for all tensors: a loop apiece would compile several times as long.
    code: `@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  var offset = 0u;
  var count = 0u;
  switch (group.z) {
      ${cases((k) => `offset = P.o${k} / ${width}u; count = P.n${k};`)}
      default: {}
  }
  let end = (count + 3u) / 4u * ${4 / width}u;
  for (var i = group.x * ${spec.workgroup}u + lane; i < end; i += groups.x * ${spec.workgroup}u) {
    var v = ${zero};
    switch (group.z) {
      ${cases((k) => `v = in${k}[i];`)}
      default: {}
    }
    flat[offset + i] = select(${zero}, v, ${whole});
  }
}`,
    bindings: [
      ...names.map((k) => ({ name: `in${k}`, access: 'read' as const, type: `array<${type}>` })),
      { name: 'flat', access: 'read_write', type: `array<${type}>` },
    ],
    params: names.flatMap((k) => [[`o${k}`, 'u32'] as const, [`n${k}`, 'u32'] as const]),
  };
}
