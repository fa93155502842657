// qrSubgroupUpdateShader {"lanes":8}
enable subgroups;
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> work: array<vec4f>;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;
@group(0) @binding(2) var<storage, read> t: array<vec4f>;
struct Params { units: u32, rows: u32, lead: u32, top: u32, blocks: u32, span: u32, stride: u32, depth: u32, width: u32, first: u32, slabs: u32, backward: u32 }
var<immediate> P: Params;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  
  let index = unit / P.slabs;
  let matrix = index / P.blocks;
  let start = P.top + index % P.blocks * P.span;
  let chunks = (min(P.span, P.rows - start) + P.stride - 1u) / P.stride;
  let column = P.first + unit % P.slabs * 32u + 4u * lane;
  let inside = column < P.lead;
  let base = (matrix * P.rows * P.lead + min(column, P.lead - 4u)) / 4u;
  let reflectors = index * P.depth * 64u;
  let count = chunks * 4u;
  var w: array<vec4f, 16>;
  var r: array<vec4f, 16>;
  for (var h = 0u; h < count; h++) {
    let row0 = start + h / 4u * P.stride + h % 4u * 4u;
    let v0 = v[reflectors + h * 16u + 0u + lane];
let v1 = v[reflectors + h * 16u + 8u + lane];
    let x0 = work[base + min(row0 + 0u, P.rows - 1u) * P.lead / 4u];
let x1 = work[base + min(row0 + 1u, P.rows - 1u) * P.lead / 4u];
let x2 = work[base + min(row0 + 2u, P.rows - 1u) * P.lead / 4u];
let x3 = work[base + min(row0 + 3u, P.rows - 1u) * P.lead / 4u];
    w[0] = fma(vec4f(subgroupBroadcast(v1.x, 4u)), x3, fma(vec4f(subgroupBroadcast(v1.x, 0u)), x2, fma(vec4f(subgroupBroadcast(v0.x, 4u)), x1, fma(vec4f(subgroupBroadcast(v0.x, 0u)), x0, w[0]))));
w[1] = fma(vec4f(subgroupBroadcast(v1.y, 4u)), x3, fma(vec4f(subgroupBroadcast(v1.y, 0u)), x2, fma(vec4f(subgroupBroadcast(v0.y, 4u)), x1, fma(vec4f(subgroupBroadcast(v0.y, 0u)), x0, w[1]))));
w[2] = fma(vec4f(subgroupBroadcast(v1.z, 4u)), x3, fma(vec4f(subgroupBroadcast(v1.z, 0u)), x2, fma(vec4f(subgroupBroadcast(v0.z, 4u)), x1, fma(vec4f(subgroupBroadcast(v0.z, 0u)), x0, w[2]))));
w[3] = fma(vec4f(subgroupBroadcast(v1.w, 4u)), x3, fma(vec4f(subgroupBroadcast(v1.w, 0u)), x2, fma(vec4f(subgroupBroadcast(v0.w, 4u)), x1, fma(vec4f(subgroupBroadcast(v0.w, 0u)), x0, w[3]))));
w[4] = fma(vec4f(subgroupBroadcast(v1.x, 5u)), x3, fma(vec4f(subgroupBroadcast(v1.x, 1u)), x2, fma(vec4f(subgroupBroadcast(v0.x, 5u)), x1, fma(vec4f(subgroupBroadcast(v0.x, 1u)), x0, w[4]))));
w[5] = fma(vec4f(subgroupBroadcast(v1.y, 5u)), x3, fma(vec4f(subgroupBroadcast(v1.y, 1u)), x2, fma(vec4f(subgroupBroadcast(v0.y, 5u)), x1, fma(vec4f(subgroupBroadcast(v0.y, 1u)), x0, w[5]))));
w[6] = fma(vec4f(subgroupBroadcast(v1.z, 5u)), x3, fma(vec4f(subgroupBroadcast(v1.z, 1u)), x2, fma(vec4f(subgroupBroadcast(v0.z, 5u)), x1, fma(vec4f(subgroupBroadcast(v0.z, 1u)), x0, w[6]))));
w[7] = fma(vec4f(subgroupBroadcast(v1.w, 5u)), x3, fma(vec4f(subgroupBroadcast(v1.w, 1u)), x2, fma(vec4f(subgroupBroadcast(v0.w, 5u)), x1, fma(vec4f(subgroupBroadcast(v0.w, 1u)), x0, w[7]))));
w[8] = fma(vec4f(subgroupBroadcast(v1.x, 6u)), x3, fma(vec4f(subgroupBroadcast(v1.x, 2u)), x2, fma(vec4f(subgroupBroadcast(v0.x, 6u)), x1, fma(vec4f(subgroupBroadcast(v0.x, 2u)), x0, w[8]))));
w[9] = fma(vec4f(subgroupBroadcast(v1.y, 6u)), x3, fma(vec4f(subgroupBroadcast(v1.y, 2u)), x2, fma(vec4f(subgroupBroadcast(v0.y, 6u)), x1, fma(vec4f(subgroupBroadcast(v0.y, 2u)), x0, w[9]))));
w[10] = fma(vec4f(subgroupBroadcast(v1.z, 6u)), x3, fma(vec4f(subgroupBroadcast(v1.z, 2u)), x2, fma(vec4f(subgroupBroadcast(v0.z, 6u)), x1, fma(vec4f(subgroupBroadcast(v0.z, 2u)), x0, w[10]))));
w[11] = fma(vec4f(subgroupBroadcast(v1.w, 6u)), x3, fma(vec4f(subgroupBroadcast(v1.w, 2u)), x2, fma(vec4f(subgroupBroadcast(v0.w, 6u)), x1, fma(vec4f(subgroupBroadcast(v0.w, 2u)), x0, w[11]))));
w[12] = fma(vec4f(subgroupBroadcast(v1.x, 7u)), x3, fma(vec4f(subgroupBroadcast(v1.x, 3u)), x2, fma(vec4f(subgroupBroadcast(v0.x, 7u)), x1, fma(vec4f(subgroupBroadcast(v0.x, 3u)), x0, w[12]))));
w[13] = fma(vec4f(subgroupBroadcast(v1.y, 7u)), x3, fma(vec4f(subgroupBroadcast(v1.y, 3u)), x2, fma(vec4f(subgroupBroadcast(v0.y, 7u)), x1, fma(vec4f(subgroupBroadcast(v0.y, 3u)), x0, w[13]))));
w[14] = fma(vec4f(subgroupBroadcast(v1.z, 7u)), x3, fma(vec4f(subgroupBroadcast(v1.z, 3u)), x2, fma(vec4f(subgroupBroadcast(v0.z, 7u)), x1, fma(vec4f(subgroupBroadcast(v0.z, 3u)), x0, w[14]))));
w[15] = fma(vec4f(subgroupBroadcast(v1.w, 7u)), x3, fma(vec4f(subgroupBroadcast(v1.w, 3u)), x2, fma(vec4f(subgroupBroadcast(v0.w, 7u)), x1, fma(vec4f(subgroupBroadcast(v0.w, 3u)), x0, w[15]))));
  }
  for (var k = 0u; k < P.width; k++) {
    let t0 = t[(2u * index + P.backward) * 64u + k * 4u + lane % 4u];
    let part = w[k];
    r[0] = fma(vec4f(subgroupBroadcast(t0.x, 0u)), part, r[0]);
r[1] = fma(vec4f(subgroupBroadcast(t0.y, 0u)), part, r[1]);
r[2] = fma(vec4f(subgroupBroadcast(t0.z, 0u)), part, r[2]);
r[3] = fma(vec4f(subgroupBroadcast(t0.w, 0u)), part, r[3]);
r[4] = fma(vec4f(subgroupBroadcast(t0.x, 1u)), part, r[4]);
r[5] = fma(vec4f(subgroupBroadcast(t0.y, 1u)), part, r[5]);
r[6] = fma(vec4f(subgroupBroadcast(t0.z, 1u)), part, r[6]);
r[7] = fma(vec4f(subgroupBroadcast(t0.w, 1u)), part, r[7]);
r[8] = fma(vec4f(subgroupBroadcast(t0.x, 2u)), part, r[8]);
r[9] = fma(vec4f(subgroupBroadcast(t0.y, 2u)), part, r[9]);
r[10] = fma(vec4f(subgroupBroadcast(t0.z, 2u)), part, r[10]);
r[11] = fma(vec4f(subgroupBroadcast(t0.w, 2u)), part, r[11]);
r[12] = fma(vec4f(subgroupBroadcast(t0.x, 3u)), part, r[12]);
r[13] = fma(vec4f(subgroupBroadcast(t0.y, 3u)), part, r[13]);
r[14] = fma(vec4f(subgroupBroadcast(t0.z, 3u)), part, r[14]);
r[15] = fma(vec4f(subgroupBroadcast(t0.w, 3u)), part, r[15]);
  }
  for (var h = 0u; h < count; h++) {
    let row0 = start + h / 4u * P.stride + h % 4u * 4u;
    let v0 = v[reflectors + h * 16u + 0u + lane];
let v1 = v[reflectors + h * 16u + 8u + lane];
    let x0 = work[base + min(row0 + 0u, P.rows - 1u) * P.lead / 4u];
let x1 = work[base + min(row0 + 1u, P.rows - 1u) * P.lead / 4u];
let x2 = work[base + min(row0 + 2u, P.rows - 1u) * P.lead / 4u];
let x3 = work[base + min(row0 + 3u, P.rows - 1u) * P.lead / 4u];
    let change0 = fma(vec4f(subgroupBroadcast(v0.w, 3u)), r[15], fma(vec4f(subgroupBroadcast(v0.z, 3u)), r[14], fma(vec4f(subgroupBroadcast(v0.y, 3u)), r[13], fma(vec4f(subgroupBroadcast(v0.x, 3u)), r[12], fma(vec4f(subgroupBroadcast(v0.w, 2u)), r[11], fma(vec4f(subgroupBroadcast(v0.z, 2u)), r[10], fma(vec4f(subgroupBroadcast(v0.y, 2u)), r[9], fma(vec4f(subgroupBroadcast(v0.x, 2u)), r[8], fma(vec4f(subgroupBroadcast(v0.w, 1u)), r[7], fma(vec4f(subgroupBroadcast(v0.z, 1u)), r[6], fma(vec4f(subgroupBroadcast(v0.y, 1u)), r[5], fma(vec4f(subgroupBroadcast(v0.x, 1u)), r[4], fma(vec4f(subgroupBroadcast(v0.w, 0u)), r[3], fma(vec4f(subgroupBroadcast(v0.z, 0u)), r[2], fma(vec4f(subgroupBroadcast(v0.y, 0u)), r[1], fma(vec4f(subgroupBroadcast(v0.x, 0u)), r[0], vec4f()))))))))))))))));
let change1 = fma(vec4f(subgroupBroadcast(v0.w, 7u)), r[15], fma(vec4f(subgroupBroadcast(v0.z, 7u)), r[14], fma(vec4f(subgroupBroadcast(v0.y, 7u)), r[13], fma(vec4f(subgroupBroadcast(v0.x, 7u)), r[12], fma(vec4f(subgroupBroadcast(v0.w, 6u)), r[11], fma(vec4f(subgroupBroadcast(v0.z, 6u)), r[10], fma(vec4f(subgroupBroadcast(v0.y, 6u)), r[9], fma(vec4f(subgroupBroadcast(v0.x, 6u)), r[8], fma(vec4f(subgroupBroadcast(v0.w, 5u)), r[7], fma(vec4f(subgroupBroadcast(v0.z, 5u)), r[6], fma(vec4f(subgroupBroadcast(v0.y, 5u)), r[5], fma(vec4f(subgroupBroadcast(v0.x, 5u)), r[4], fma(vec4f(subgroupBroadcast(v0.w, 4u)), r[3], fma(vec4f(subgroupBroadcast(v0.z, 4u)), r[2], fma(vec4f(subgroupBroadcast(v0.y, 4u)), r[1], fma(vec4f(subgroupBroadcast(v0.x, 4u)), r[0], vec4f()))))))))))))))));
let change2 = fma(vec4f(subgroupBroadcast(v1.w, 3u)), r[15], fma(vec4f(subgroupBroadcast(v1.z, 3u)), r[14], fma(vec4f(subgroupBroadcast(v1.y, 3u)), r[13], fma(vec4f(subgroupBroadcast(v1.x, 3u)), r[12], fma(vec4f(subgroupBroadcast(v1.w, 2u)), r[11], fma(vec4f(subgroupBroadcast(v1.z, 2u)), r[10], fma(vec4f(subgroupBroadcast(v1.y, 2u)), r[9], fma(vec4f(subgroupBroadcast(v1.x, 2u)), r[8], fma(vec4f(subgroupBroadcast(v1.w, 1u)), r[7], fma(vec4f(subgroupBroadcast(v1.z, 1u)), r[6], fma(vec4f(subgroupBroadcast(v1.y, 1u)), r[5], fma(vec4f(subgroupBroadcast(v1.x, 1u)), r[4], fma(vec4f(subgroupBroadcast(v1.w, 0u)), r[3], fma(vec4f(subgroupBroadcast(v1.z, 0u)), r[2], fma(vec4f(subgroupBroadcast(v1.y, 0u)), r[1], fma(vec4f(subgroupBroadcast(v1.x, 0u)), r[0], vec4f()))))))))))))))));
let change3 = fma(vec4f(subgroupBroadcast(v1.w, 7u)), r[15], fma(vec4f(subgroupBroadcast(v1.z, 7u)), r[14], fma(vec4f(subgroupBroadcast(v1.y, 7u)), r[13], fma(vec4f(subgroupBroadcast(v1.x, 7u)), r[12], fma(vec4f(subgroupBroadcast(v1.w, 6u)), r[11], fma(vec4f(subgroupBroadcast(v1.z, 6u)), r[10], fma(vec4f(subgroupBroadcast(v1.y, 6u)), r[9], fma(vec4f(subgroupBroadcast(v1.x, 6u)), r[8], fma(vec4f(subgroupBroadcast(v1.w, 5u)), r[7], fma(vec4f(subgroupBroadcast(v1.z, 5u)), r[6], fma(vec4f(subgroupBroadcast(v1.y, 5u)), r[5], fma(vec4f(subgroupBroadcast(v1.x, 5u)), r[4], fma(vec4f(subgroupBroadcast(v1.w, 4u)), r[3], fma(vec4f(subgroupBroadcast(v1.z, 4u)), r[2], fma(vec4f(subgroupBroadcast(v1.y, 4u)), r[1], fma(vec4f(subgroupBroadcast(v1.x, 4u)), r[0], vec4f()))))))))))))))));
    if (inside & ((row0 + 0u) < P.rows)) { work[base + (row0 + 0u) * P.lead / 4u] = x0 - change0; }
if (inside & ((row0 + 1u) < P.rows)) { work[base + (row0 + 1u) * P.lead / 4u] = x1 - change1; }
if (inside & ((row0 + 2u) < P.rows)) { work[base + (row0 + 2u) * P.lead / 4u] = x2 - change2; }
if (inside & ((row0 + 3u) < P.rows)) { work[base + (row0 + 3u) * P.lead / 4u] = x3 - change3; }
  }
}
// {"lanes":4}: 91 lines, sha256 1d9530f71cd084fa
// {"lanes":32}: 85 lines, sha256 dfc8423428c37821
