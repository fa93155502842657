// sddmmDirectShader {"width":4,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> lineOf: array<u32>;
@group(0) @binding(2) var<storage, read> across: array<u32>;
@group(0) @binding(3) var<storage, read> a: array<vec4f>;
@group(0) @binding(4) var<storage, read> b: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> values: array<f32>;
struct Params { m: u32, n: u32, aLine: u32, aStep: u32, bLine: u32, bStep: u32, aPart: u32, bPart: u32, valuePart: u32, linePart: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let part = id.y;
  let last = starts[part * P.linePart + P.m];
  for (var p = starts[part * P.linePart] + id.x; p < last; p += groups.x * 64u) {
    let aAt = (part * P.aPart + lineOf[p] * P.aLine) / 4u;
    let bAt = (part * P.bPart + across[p] * P.bLine) / 4u;
    var sum = vec4f();
    for (var j = 0u; j < P.n / 4u; j++) { sum = fma(a[aAt + j], b[bAt + j], sum); }
    values[part * P.valuePart + p] = (sum.x + sum.y) + (sum.z + sum.w);
  }
}
// {"width":1}: 22 lines, sha256 173052c563e3a8d1
