// convFinishShader {"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> stream: array<vec2u>;
@group(0) @binding(2) var<storage, read> stage: array<f32>;
@group(0) @binding(3) var<storage, read_write> values: array<f32>;
struct Params { slots: u32, capacity: u32, splits: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let slot = gid.x + gid.y * groups.x * 64u;
  if (slot >= P.slots) { return; }
  if (slot % P.capacity >= counts[slot / P.capacity * 4u + 3u]) { return; }
  var sum = 0.0;
  for (var split = 0u; split < P.splits; split++) { sum += stage[split * P.slots + slot]; }
  values[stream[slot].y] = sum;
}
