// applyMasksShader {"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> masks: array<u32>;
@group(0) @binding(1) var<storage, read_write> state: array<f32>;
struct Params { elements: u32, models: u32, params: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = gid.x + gid.y * groups.x * 64u;
  if (at >= P.elements) { return; }
  let i = at / P.models % P.params;
  if (((masks[(i >> 5u) * P.models + at % P.models] >> (i & 31u)) & 1u) == 0u) { state[at] = 0.0; }
}
