// packShader {"tensors":3,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> in0: array<vec4f>;
@group(0) @binding(1) var<storage, read> in1: array<vec4f>;
@group(0) @binding(2) var<storage, read> in2: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> flat: array<vec4f>;
struct Params { o0: u32, n0: u32, o1: u32, n1: u32, o2: u32, n2: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * 64u + lane;
  let by = groups.x * 64u;
  switch (group.z) {
    case 0u: {
      for (var i = first; i * 4u < P.n0; i += by) {
        flat[P.o0 / 4u + i] = select(vec4f(0.0), in0[i], vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(P.n0));
      }
    }
    case 1u: {
      for (var i = first; i * 4u < P.n1; i += by) {
        flat[P.o1 / 4u + i] = select(vec4f(0.0), in1[i], vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(P.n1));
      }
    }
    case 2u: {
      for (var i = first; i * 4u < P.n2; i += by) {
        flat[P.o2 / 4u + i] = select(vec4f(0.0), in2[i], vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(P.n2));
      }
    }
    default: {}
  }
}
// {"tensors":1}: 19 lines, sha256 63e9c5a29523a94a
// {"tensors":15,"workgroup":16}: 102 lines, sha256 5e006475c0826cdd
