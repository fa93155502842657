// holdShader {"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> owners: array<u32>;
@group(0) @binding(1) var<storage, read> stopped: array<u32>;
@group(0) @binding(2) var<storage, read> before: array<u32>;
@group(0) @binding(3) var<storage, read_write> values: array<u32>;
struct Params { n: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = gid.x + gid.y * groups.x * 64u; i < P.n; i += groups.x * groups.y * 64u) {
    if (stopped[owners[i]] != 0u) { values[i] = before[i]; }
  }
}
