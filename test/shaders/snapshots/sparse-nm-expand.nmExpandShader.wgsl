// nmExpandShader {"kept":2,"q":{"load":"i4","half":false},"store":{"along":"col","vector":true},"bias":"row","activation":"relu","tile":{"kind":"subgroup","lanes":8,"rows":16,"quads":1,"unroll":false}}
enable subgroups;
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> indices: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> values: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<vec4f>;
struct Params { rows: u32, cols: u32, depth: u32, qI: u32, qK: u32, qPart: u32, cPart: u32, cLead: u32, tileRows: u32, length: u32, valuePart: u32 }
var<immediate> P: Params;
fn raster(id: vec3u, count: vec3u) -> vec3u {
  let n = id.y * count.x + id.x;
  let top = n / (8u * count.x) * 8u;
  let height = min(8u, count.y - top);
  let within = n - top * count.x;
  return vec3u(within / height, top + within % height, id.z);
}
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  
  let group = raster(id, count);
  let part = group.z;
  let row0 = group.y * 16u;
  let col0 = group.x * 32u + lane * 4u;
  let valueBase = part * P.valuePart;
  let entry0 = min(row0 + 0u + lane, P.rows - 1u) * P.length;
let entry1 = min(row0 + 8u + lane, P.rows - 1u) * P.length;
  let qBase = part * P.qPart;
let qCol0 = min(col0 / 4u, (P.cols + 3u) / 4u - 1u);
  var acc: array<vec4f, 16>;
  for (var k = 0u; k < P.depth; k += 4u) {
    let taken = k / 4u * 2u;
    let four = k + vec4u(0u, 1u, 2u, 3u);
    let index0_0 = indices[(entry0 + taken) / 2u + 0u];
    let value0_0 = values[(valueBase + entry0 + taken) / 2u + 0u];
    var a0 = vec4f();
    a0 = select(a0, vec4f(value0_0[0]), vec4u(index0_0[0]) == four);
a0 = select(a0, vec4f(value0_0[1]), vec4u(index0_0[1]) == four);
let index1_0 = indices[(entry1 + taken) / 2u + 0u];
    let value1_0 = values[(valueBase + entry1 + taken) / 2u + 0u];
    var a1 = vec4f();
    a1 = select(a1, vec4f(value1_0[0]), vec4u(index1_0[0]) == four);
a1 = select(a1, vec4f(value1_0[1]), vec4u(index1_0[1]) == four);
    let qRow0 = (qBase + (k + 0u) * P.qK) / 4u;
let b0_0 = q[qRow0 + qCol0];
let qRow1 = (qBase + (k + 1u) * P.qK) / 4u;
let b0_1 = q[qRow1 + qCol0];
let qRow2 = (qBase + (k + 2u) * P.qK) / 4u;
let b0_2 = q[qRow2 + qCol0];
let qRow3 = (qBase + (k + 3u) * P.qK) / 4u;
let b0_3 = q[qRow3 + qCol0];
    let s0_0 = vec4f(subgroupBroadcast(a0.x, 0u));
let s0_1 = vec4f(subgroupBroadcast(a0.y, 0u));
let s0_2 = vec4f(subgroupBroadcast(a0.z, 0u));
let s0_3 = vec4f(subgroupBroadcast(a0.w, 0u));
acc[0] = fma(s0_3, b0_3, fma(s0_2, b0_2, fma(s0_1, b0_1, fma(s0_0, b0_0, acc[0]))));
let s1_0 = vec4f(subgroupBroadcast(a0.x, 1u));
let s1_1 = vec4f(subgroupBroadcast(a0.y, 1u));
let s1_2 = vec4f(subgroupBroadcast(a0.z, 1u));
let s1_3 = vec4f(subgroupBroadcast(a0.w, 1u));
acc[1] = fma(s1_3, b0_3, fma(s1_2, b0_2, fma(s1_1, b0_1, fma(s1_0, b0_0, acc[1]))));
let s2_0 = vec4f(subgroupBroadcast(a0.x, 2u));
let s2_1 = vec4f(subgroupBroadcast(a0.y, 2u));
let s2_2 = vec4f(subgroupBroadcast(a0.z, 2u));
let s2_3 = vec4f(subgroupBroadcast(a0.w, 2u));
acc[2] = fma(s2_3, b0_3, fma(s2_2, b0_2, fma(s2_1, b0_1, fma(s2_0, b0_0, acc[2]))));
let s3_0 = vec4f(subgroupBroadcast(a0.x, 3u));
let s3_1 = vec4f(subgroupBroadcast(a0.y, 3u));
let s3_2 = vec4f(subgroupBroadcast(a0.z, 3u));
let s3_3 = vec4f(subgroupBroadcast(a0.w, 3u));
acc[3] = fma(s3_3, b0_3, fma(s3_2, b0_2, fma(s3_1, b0_1, fma(s3_0, b0_0, acc[3]))));
let s4_0 = vec4f(subgroupBroadcast(a0.x, 4u));
let s4_1 = vec4f(subgroupBroadcast(a0.y, 4u));
let s4_2 = vec4f(subgroupBroadcast(a0.z, 4u));
let s4_3 = vec4f(subgroupBroadcast(a0.w, 4u));
acc[4] = fma(s4_3, b0_3, fma(s4_2, b0_2, fma(s4_1, b0_1, fma(s4_0, b0_0, acc[4]))));
let s5_0 = vec4f(subgroupBroadcast(a0.x, 5u));
let s5_1 = vec4f(subgroupBroadcast(a0.y, 5u));
let s5_2 = vec4f(subgroupBroadcast(a0.z, 5u));
let s5_3 = vec4f(subgroupBroadcast(a0.w, 5u));
acc[5] = fma(s5_3, b0_3, fma(s5_2, b0_2, fma(s5_1, b0_1, fma(s5_0, b0_0, acc[5]))));
let s6_0 = vec4f(subgroupBroadcast(a0.x, 6u));
let s6_1 = vec4f(subgroupBroadcast(a0.y, 6u));
let s6_2 = vec4f(subgroupBroadcast(a0.z, 6u));
let s6_3 = vec4f(subgroupBroadcast(a0.w, 6u));
acc[6] = fma(s6_3, b0_3, fma(s6_2, b0_2, fma(s6_1, b0_1, fma(s6_0, b0_0, acc[6]))));
let s7_0 = vec4f(subgroupBroadcast(a0.x, 7u));
let s7_1 = vec4f(subgroupBroadcast(a0.y, 7u));
let s7_2 = vec4f(subgroupBroadcast(a0.z, 7u));
let s7_3 = vec4f(subgroupBroadcast(a0.w, 7u));
acc[7] = fma(s7_3, b0_3, fma(s7_2, b0_2, fma(s7_1, b0_1, fma(s7_0, b0_0, acc[7]))));
let s8_0 = vec4f(subgroupBroadcast(a1.x, 0u));
let s8_1 = vec4f(subgroupBroadcast(a1.y, 0u));
let s8_2 = vec4f(subgroupBroadcast(a1.z, 0u));
let s8_3 = vec4f(subgroupBroadcast(a1.w, 0u));
acc[8] = fma(s8_3, b0_3, fma(s8_2, b0_2, fma(s8_1, b0_1, fma(s8_0, b0_0, acc[8]))));
let s9_0 = vec4f(subgroupBroadcast(a1.x, 1u));
let s9_1 = vec4f(subgroupBroadcast(a1.y, 1u));
let s9_2 = vec4f(subgroupBroadcast(a1.z, 1u));
let s9_3 = vec4f(subgroupBroadcast(a1.w, 1u));
acc[9] = fma(s9_3, b0_3, fma(s9_2, b0_2, fma(s9_1, b0_1, fma(s9_0, b0_0, acc[9]))));
let s10_0 = vec4f(subgroupBroadcast(a1.x, 2u));
let s10_1 = vec4f(subgroupBroadcast(a1.y, 2u));
let s10_2 = vec4f(subgroupBroadcast(a1.z, 2u));
let s10_3 = vec4f(subgroupBroadcast(a1.w, 2u));
acc[10] = fma(s10_3, b0_3, fma(s10_2, b0_2, fma(s10_1, b0_1, fma(s10_0, b0_0, acc[10]))));
let s11_0 = vec4f(subgroupBroadcast(a1.x, 3u));
let s11_1 = vec4f(subgroupBroadcast(a1.y, 3u));
let s11_2 = vec4f(subgroupBroadcast(a1.z, 3u));
let s11_3 = vec4f(subgroupBroadcast(a1.w, 3u));
acc[11] = fma(s11_3, b0_3, fma(s11_2, b0_2, fma(s11_1, b0_1, fma(s11_0, b0_0, acc[11]))));
let s12_0 = vec4f(subgroupBroadcast(a1.x, 4u));
let s12_1 = vec4f(subgroupBroadcast(a1.y, 4u));
let s12_2 = vec4f(subgroupBroadcast(a1.z, 4u));
let s12_3 = vec4f(subgroupBroadcast(a1.w, 4u));
acc[12] = fma(s12_3, b0_3, fma(s12_2, b0_2, fma(s12_1, b0_1, fma(s12_0, b0_0, acc[12]))));
let s13_0 = vec4f(subgroupBroadcast(a1.x, 5u));
let s13_1 = vec4f(subgroupBroadcast(a1.y, 5u));
let s13_2 = vec4f(subgroupBroadcast(a1.z, 5u));
let s13_3 = vec4f(subgroupBroadcast(a1.w, 5u));
acc[13] = fma(s13_3, b0_3, fma(s13_2, b0_2, fma(s13_1, b0_1, fma(s13_0, b0_0, acc[13]))));
let s14_0 = vec4f(subgroupBroadcast(a1.x, 6u));
let s14_1 = vec4f(subgroupBroadcast(a1.y, 6u));
let s14_2 = vec4f(subgroupBroadcast(a1.z, 6u));
let s14_3 = vec4f(subgroupBroadcast(a1.w, 6u));
acc[14] = fma(s14_3, b0_3, fma(s14_2, b0_2, fma(s14_1, b0_1, fma(s14_0, b0_0, acc[14]))));
let s15_0 = vec4f(subgroupBroadcast(a1.x, 7u));
let s15_1 = vec4f(subgroupBroadcast(a1.y, 7u));
let s15_2 = vec4f(subgroupBroadcast(a1.z, 7u));
let s15_3 = vec4f(subgroupBroadcast(a1.w, 7u));
acc[15] = fma(s15_3, b0_3, fma(s15_2, b0_2, fma(s15_1, b0_1, fma(s15_0, b0_0, acc[15]))));
  }
  let cBase = part * P.cPart;
  let biasBase = 0u;
  if (col0 < P.cols) {
    
    for (var i = 0u; i < P.tileRows; i++) {
      let row = row0 + i;
      if (row < P.rows) {
        let value = acc[min(i, 15u)] + vec4f(bias[biasBase + row]);
        c[(cBase + row * P.cLead + col0) / 4u] = select(value, vec4f(0.0), value <= vec4f(0.0));
      }
    }
  }
}
// {"kept":3,"q":{"load":"k4","half":false},"store":{"along":"row","vector":true},"bias":"none","activation":"none"}: 173 lines, sha256 a82fe473f72f9965
// {"kept":4,"q":{"load":"scalar","half":false},"store":{"along":"col","vector":false},"folded":true}: 149 lines, sha256 35ab9d73ec94a8ba
