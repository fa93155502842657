// ringShader {}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> value: array<f32>;
@group(0) @binding(1) var<storage, read_write> at: array<u32>;
@group(0) @binding(2) var<storage, read_write> ring: array<f32>;
struct Params { slots: u32 }
var<immediate> P: Params;
@compute @workgroup_size(1)
fn main() {
  let i = at[0];
  ring[i] = value[0];
  at[0] = (i + 1u) % P.slots;
}
