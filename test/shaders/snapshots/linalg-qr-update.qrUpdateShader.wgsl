// qrUpdateShader {"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> work: array<f32>;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;
@group(0) @binding(2) var<storage, read> t: array<vec4f>;
struct Params { units: u32, rows: u32, lead: u32, top: u32, blocks: u32, span: u32, stride: u32, depth: u32, width: u32, first: u32, slabs: u32, backward: u32 }
var<immediate> P: Params;
var<workgroup> tile: array<vec4f, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  
  let index = unit / P.slabs;
  let matrix = index / P.blocks;
  let start = P.top + index % P.blocks * P.span;
  let chunks = (min(P.span, P.rows - start) + P.stride - 1u) / P.stride;
  let column = P.first + unit % P.slabs * 64u + lane;
  let inside = column < P.lead;
  let base = matrix * P.rows * P.lead + min(column, P.lead - 1u);
  let reflectors = index * P.depth * 64u;
  var w0 = vec4f();
var w1 = vec4f();
var w2 = vec4f();
var w3 = vec4f();
  for (var q = 0u; q < chunks; q++) {
    let row0 = start + q * P.stride;
    workgroupBarrier();
    for (var i = lane; i < 64u; i += 64u) { tile[i] = v[reflectors + q * 64u + i]; }
    workgroupBarrier();
    for (var i = 0u; i < P.width; i++) {
      let x = work[base + min(row0 + i, P.rows - 1u) * P.lead];
      w0 = fma(vec4f(x), tile[i * 4u + 0u], w0);
w1 = fma(vec4f(x), tile[i * 4u + 1u], w1);
w2 = fma(vec4f(x), tile[i * 4u + 2u], w2);
w3 = fma(vec4f(x), tile[i * 4u + 3u], w3);
    }
  }
  workgroupBarrier();
  for (var i = lane; i < 64u; i += 64u) { tile[i] = t[(2u * index + P.backward) * 64u + i]; }
  workgroupBarrier();
  let w = array<vec4f, 4>(w0, w1, w2, w3);
  var r0 = vec4f();
var r1 = vec4f();
var r2 = vec4f();
var r3 = vec4f();
  for (var k = 0u; k < P.width; k++) {
    let part = vec4f(w[k / 4u][k % 4u]);
    r0 = fma(part, tile[k * 4u + 0u], r0);
r1 = fma(part, tile[k * 4u + 1u], r1);
r2 = fma(part, tile[k * 4u + 2u], r2);
r3 = fma(part, tile[k * 4u + 3u], r3);
  }
  for (var q = 0u; q < chunks; q++) {
    let row0 = start + q * P.stride;
    workgroupBarrier();
    for (var i = lane; i < 64u; i += 64u) { tile[i] = v[reflectors + q * 64u + i]; }
    workgroupBarrier();
    for (var i = 0u; i < P.width; i++) {
      var sum = 0.0;
      sum += dot(tile[i * 4u + 0u], r0);
sum += dot(tile[i * 4u + 1u], r1);
sum += dot(tile[i * 4u + 2u], r2);
sum += dot(tile[i * 4u + 3u], r3);
      if (inside & (row0 + i < P.rows)) { work[base + (row0 + i) * P.lead] -= sum; }
    }
  }
}
