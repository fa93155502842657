// packShader {"tensors":3,"workgroup":64,"vector":true}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> in0: array<vec4f>;
@group(0) @binding(1) var<storage, read> in1: array<vec4f>;
@group(0) @binding(2) var<storage, read> in2: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> flat: array<vec4f>;
struct Params { o0: u32, n0: u32, o1: u32, n1: u32, o2: u32, n2: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  var offset = 0u;
  var count = 0u;
  switch (group.z) {
      case 0u: { offset = P.o0 / 4u; count = P.n0; }
      case 1u: { offset = P.o1 / 4u; count = P.n1; }
      case 2u: { offset = P.o2 / 4u; count = P.n2; }
      default: {}
  }
  let end = (count + 3u) / 4u * 1u;
  for (var i = group.x * 64u + lane; i < end; i += groups.x * 64u) {
    var v = vec4f();
    switch (group.z) {
      case 0u: { v = in0[i]; }
      case 1u: { v = in1[i]; }
      case 2u: { v = in2[i]; }
      default: {}
    }
    flat[offset + i] = select(vec4f(), v, vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(count));
  }
}
// {"tensors":1}: 24 lines, sha256 0064f353f0bca1dc
// {"tensors":15,"workgroup":16,"vector":false}: 65 lines, sha256 6da49e5185a9e0c0
