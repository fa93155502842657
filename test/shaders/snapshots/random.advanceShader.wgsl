// advanceShader {}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> state: array<u32>;
struct Params { models: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  if (gid.x < P.models) { state[gid.x * 4u + 3u] += 1u; }
}
