// triangularSolveShader {"unitDiagonal":false,"lanes":4,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> x: array<vec4f>;
struct Params { units: u32, slabs: u32, size: u32, tPart: u32, tStart: u32, rowStep: u32, columnStep: u32, backward: u32, columns: u32, xPart: u32, xStart: u32 }
var<immediate> P: Params;
var<workgroup> t: array<f32, 1024>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  let matrix = unit / P.slabs;
  for (var i = lane; i < P.size * P.size; i += 64u) {
    let at = matrix * P.tPart + P.tStart + i / P.size * P.rowStep + i % P.size * P.columnStep;
    t[i / P.size * 32u + i % P.size] = a[at];
  }
  workgroupBarrier();
  let column = unit % P.slabs * 64u + lane;
  if (column >= P.columns) { return; }
  let source = matrix * P.size * P.columns + column;
  let place = matrix * P.xPart + P.xStart + column;
  var done: array<vec4f, 32>;
  for (var step = 0u; step < P.size; step++) {
    let i = select(step, P.size - 1u - step, P.backward == 1u);
    var value = b[source + i * P.columns];
    for (var before = 0u; before < step; before++) {
      let j = select(before, P.size - 1u - before, P.backward == 1u);
      value -= t[i * 32u + j] * done[j];
    }

    value /= t[i * 33u];

    done[i] = value;
    x[place + i * P.columns] = value;
  }
}
// {"unitDiagonal":true}: 35 lines, sha256 522724a899d3a7f0
// {"lanes":1,"workgroup":8}: 37 lines, sha256 91b88454797e2ecd
