// countShader {}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> counter: array<i32>;
struct Params { modulus: i32 }
var<immediate> P: Params;
@compute @workgroup_size(1)
fn main() { counter[0] = (counter[0] + 1) % P.modulus; }
