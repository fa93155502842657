// choleskyShader {"workgroup":32}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> l: array<f32>;
struct Params { matrices: u32, size: u32, aPart: u32, aStart: u32, aLead: u32, lPart: u32, lStart: u32, lLead: u32 }
var<immediate> P: Params;
var<workgroup> x: array<f32, 1024>;
@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let matrix = group.x + group.y * groups.x;
  if (matrix >= P.matrices) { return; }
  let source = matrix * P.aPart + P.aStart;
  let place = matrix * P.lPart + P.lStart;
  for (var i = lane; i < P.size * P.size; i += 32u) {
    x[i / P.size * 32u + i % P.size] = a[source + i / P.size * P.aLead + i % P.size];
  }
  workgroupBarrier();
  for (var k = 0u; k < P.size; k++) {
    let pivot = x[k * 33u];
    let root = select(bitcast<f32>(0x7fc00000u | (P.size & 0u)), sqrt(pivot), pivot > 0.0);
    workgroupBarrier();
    for (var i = k + lane; i < P.size; i += 32u) {
      x[i * 32u + k] = select(x[i * 32u + k] / root, root, i == k);
    }
    workgroupBarrier();
    for (var i = k + 1u + lane; i < P.size; i += 32u) {
      let own = x[i * 32u + k];
      for (var j = k + 1u; j <= i; j++) { x[i * 32u + j] -= own * x[j * 32u + k]; }
    }
    workgroupBarrier();
  }
  for (var i = lane; i < P.size * P.size; i += 32u) {
    let row = i / P.size;
    let column = i % P.size;
    l[place + row * P.lLead + column] = select(0.0, x[row * 32u + column], column <= row);
  }
}
// {"workgroup":8}: 37 lines, sha256 f47ffe1c7c66e1e7
