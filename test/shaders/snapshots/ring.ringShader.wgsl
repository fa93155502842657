// ringShader {"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> value: array<f32>;
@group(0) @binding(1) var<storage, read_write> at: array<u32>;
@group(0) @binding(2) var<storage, read_write> ring: array<f32>;
struct Params { slots: u32, width: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let i = at[0];
  for (var j = lane; j < P.width; j += 64u) { ring[i * P.width + j] = value[j]; }
  // Everyone has read the place before it moves on.
  storageBarrier();
  if (lane == 0u) { at[0] = (i + 1u) % P.slots; }
}
// {"workgroup":1}: 15 lines, sha256 e19037ac2b2a6680
