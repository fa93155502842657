// blockPanelShader {"problem":"matmul","p":{"load":"k4","half":false},"q":{"load":"i4","half":false},"store":{"along":"col","vector":true},"bias":"row","activation":"relu","tail":false,"tile":{"kind":"subgroup","lanes":8,"rows":8,"quads":1,"unroll":false},"block":8,"turned":false,"hand":"broadcast","panel":512}
enable subgroups;
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> p: array<vec4f>;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> across: array<u32>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> c: array<vec4f>;
struct Params { rows: u32, cols: u32, qI: u32, qK: u32, pPart: u32, qPart: u32, cPart: u32, cLead: u32, depth: u32, lines: u32, tileRows: u32 }
var<immediate> P: Params;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  
  let col0 = id.x * 32u + lane * 4u;
  let part = id.z;
  let pBase = part * P.pPart;
  let cBase = part * P.cPart;
  let biasBase = 0u;
  let qBase = part * P.qPart;
let qCol0 = min(col0 / 4u, (P.cols + 3u) / 4u - 1u);
  var panel: array<array<array<f32, 4>, 8>, 64>;
  for (var first = 0u; first < P.depth; first += 8u) {
    let at = first / 8u;
    {
      let k = first + 0u;
      let qRow0 = (qBase + (k + 0u) * P.qK) / 4u;
let b0_0 = q[qRow0 + qCol0];
let qRow1 = (qBase + (k + 1u) * P.qK) / 4u;
let b0_1 = q[qRow1 + qCol0];
let qRow2 = (qBase + (k + 2u) * P.qK) / 4u;
let b0_2 = q[qRow2 + qCol0];
let qRow3 = (qBase + (k + 3u) * P.qK) / 4u;
let b0_3 = q[qRow3 + qCol0];
      panel[at][0][0] = b0_0[0]; panel[at][0][1] = b0_0[1]; panel[at][0][2] = b0_0[2]; panel[at][0][3] = b0_0[3];
panel[at][1][0] = b0_1[0]; panel[at][1][1] = b0_1[1]; panel[at][1][2] = b0_1[2]; panel[at][1][3] = b0_1[3];
panel[at][2][0] = b0_2[0]; panel[at][2][1] = b0_2[1]; panel[at][2][2] = b0_2[2]; panel[at][2][3] = b0_2[3];
panel[at][3][0] = b0_3[0]; panel[at][3][1] = b0_3[1]; panel[at][3][2] = b0_3[2]; panel[at][3][3] = b0_3[3];
    }
{
      let k = first + 4u;
      let qRow0 = (qBase + (k + 0u) * P.qK) / 4u;
let b0_0 = q[qRow0 + qCol0];
let qRow1 = (qBase + (k + 1u) * P.qK) / 4u;
let b0_1 = q[qRow1 + qCol0];
let qRow2 = (qBase + (k + 2u) * P.qK) / 4u;
let b0_2 = q[qRow2 + qCol0];
let qRow3 = (qBase + (k + 3u) * P.qK) / 4u;
let b0_3 = q[qRow3 + qCol0];
      panel[at][4][0] = b0_0[0]; panel[at][4][1] = b0_0[1]; panel[at][4][2] = b0_0[2]; panel[at][4][3] = b0_0[3];
panel[at][5][0] = b0_1[0]; panel[at][5][1] = b0_1[1]; panel[at][5][2] = b0_1[2]; panel[at][5][3] = b0_1[3];
panel[at][6][0] = b0_2[0]; panel[at][6][1] = b0_2[1]; panel[at][6][2] = b0_2[2]; panel[at][6][3] = b0_2[3];
panel[at][7][0] = b0_3[0]; panel[at][7][1] = b0_3[1]; panel[at][7][2] = b0_3[2]; panel[at][7][3] = b0_3[3];
    }
  }
  for (var turn = id.y; turn < P.lines; turn += count.y) {
    let line = order[turn];
    let last = starts[line + 1u];
    let row0 = line * 8u;
    // Spelled out: there are drivers that zero a variable declared in a loop only the first time.
    var acc = array<vec4f, 8>();
    for (var e = starts[line]; e < last; e += 1u) {
      let mine = e;
      let other = across[mine];
      let firstVector = pBase / 4u + mine * 16u + lane % 16u;
      let a0 = p[firstVector + 0u];
let a1 = p[firstVector + 8u];
      let at0 = other;
      {
        let b0_0 = vec4f(panel[at0][0][0], panel[at0][0][1], panel[at0][0][2], panel[at0][0][3]);
let b0_1 = vec4f(panel[at0][1][0], panel[at0][1][1], panel[at0][1][2], panel[at0][1][3]);
let b0_2 = vec4f(panel[at0][2][0], panel[at0][2][1], panel[at0][2][2], panel[at0][2][3]);
let b0_3 = vec4f(panel[at0][3][0], panel[at0][3][1], panel[at0][3][2], panel[at0][3][3]);
        let s0_0 = vec4f(subgroupBroadcast(a0.x, 0u));
let s0_1 = vec4f(subgroupBroadcast(a0.y, 0u));
let s0_2 = vec4f(subgroupBroadcast(a0.z, 0u));
let s0_3 = vec4f(subgroupBroadcast(a0.w, 0u));
acc[0] = fma(s0_3, b0_3, fma(s0_2, b0_2, fma(s0_1, b0_1, fma(s0_0, b0_0, acc[0]))));
let s1_0 = vec4f(subgroupBroadcast(a0.x, 2u));
let s1_1 = vec4f(subgroupBroadcast(a0.y, 2u));
let s1_2 = vec4f(subgroupBroadcast(a0.z, 2u));
let s1_3 = vec4f(subgroupBroadcast(a0.w, 2u));
acc[1] = fma(s1_3, b0_3, fma(s1_2, b0_2, fma(s1_1, b0_1, fma(s1_0, b0_0, acc[1]))));
let s2_0 = vec4f(subgroupBroadcast(a0.x, 4u));
let s2_1 = vec4f(subgroupBroadcast(a0.y, 4u));
let s2_2 = vec4f(subgroupBroadcast(a0.z, 4u));
let s2_3 = vec4f(subgroupBroadcast(a0.w, 4u));
acc[2] = fma(s2_3, b0_3, fma(s2_2, b0_2, fma(s2_1, b0_1, fma(s2_0, b0_0, acc[2]))));
let s3_0 = vec4f(subgroupBroadcast(a0.x, 6u));
let s3_1 = vec4f(subgroupBroadcast(a0.y, 6u));
let s3_2 = vec4f(subgroupBroadcast(a0.z, 6u));
let s3_3 = vec4f(subgroupBroadcast(a0.w, 6u));
acc[3] = fma(s3_3, b0_3, fma(s3_2, b0_2, fma(s3_1, b0_1, fma(s3_0, b0_0, acc[3]))));
let s4_0 = vec4f(subgroupBroadcast(a1.x, 0u));
let s4_1 = vec4f(subgroupBroadcast(a1.y, 0u));
let s4_2 = vec4f(subgroupBroadcast(a1.z, 0u));
let s4_3 = vec4f(subgroupBroadcast(a1.w, 0u));
acc[4] = fma(s4_3, b0_3, fma(s4_2, b0_2, fma(s4_1, b0_1, fma(s4_0, b0_0, acc[4]))));
let s5_0 = vec4f(subgroupBroadcast(a1.x, 2u));
let s5_1 = vec4f(subgroupBroadcast(a1.y, 2u));
let s5_2 = vec4f(subgroupBroadcast(a1.z, 2u));
let s5_3 = vec4f(subgroupBroadcast(a1.w, 2u));
acc[5] = fma(s5_3, b0_3, fma(s5_2, b0_2, fma(s5_1, b0_1, fma(s5_0, b0_0, acc[5]))));
let s6_0 = vec4f(subgroupBroadcast(a1.x, 4u));
let s6_1 = vec4f(subgroupBroadcast(a1.y, 4u));
let s6_2 = vec4f(subgroupBroadcast(a1.z, 4u));
let s6_3 = vec4f(subgroupBroadcast(a1.w, 4u));
acc[6] = fma(s6_3, b0_3, fma(s6_2, b0_2, fma(s6_1, b0_1, fma(s6_0, b0_0, acc[6]))));
let s7_0 = vec4f(subgroupBroadcast(a1.x, 6u));
let s7_1 = vec4f(subgroupBroadcast(a1.y, 6u));
let s7_2 = vec4f(subgroupBroadcast(a1.z, 6u));
let s7_3 = vec4f(subgroupBroadcast(a1.w, 6u));
acc[7] = fma(s7_3, b0_3, fma(s7_2, b0_2, fma(s7_1, b0_1, fma(s7_0, b0_0, acc[7]))));
      }
{
        let b0_0 = vec4f(panel[at0][4][0], panel[at0][4][1], panel[at0][4][2], panel[at0][4][3]);
let b0_1 = vec4f(panel[at0][5][0], panel[at0][5][1], panel[at0][5][2], panel[at0][5][3]);
let b0_2 = vec4f(panel[at0][6][0], panel[at0][6][1], panel[at0][6][2], panel[at0][6][3]);
let b0_3 = vec4f(panel[at0][7][0], panel[at0][7][1], panel[at0][7][2], panel[at0][7][3]);
        let s0_0 = vec4f(subgroupBroadcast(a0.x, 1u));
let s0_1 = vec4f(subgroupBroadcast(a0.y, 1u));
let s0_2 = vec4f(subgroupBroadcast(a0.z, 1u));
let s0_3 = vec4f(subgroupBroadcast(a0.w, 1u));
acc[0] = fma(s0_3, b0_3, fma(s0_2, b0_2, fma(s0_1, b0_1, fma(s0_0, b0_0, acc[0]))));
let s1_0 = vec4f(subgroupBroadcast(a0.x, 3u));
let s1_1 = vec4f(subgroupBroadcast(a0.y, 3u));
let s1_2 = vec4f(subgroupBroadcast(a0.z, 3u));
let s1_3 = vec4f(subgroupBroadcast(a0.w, 3u));
acc[1] = fma(s1_3, b0_3, fma(s1_2, b0_2, fma(s1_1, b0_1, fma(s1_0, b0_0, acc[1]))));
let s2_0 = vec4f(subgroupBroadcast(a0.x, 5u));
let s2_1 = vec4f(subgroupBroadcast(a0.y, 5u));
let s2_2 = vec4f(subgroupBroadcast(a0.z, 5u));
let s2_3 = vec4f(subgroupBroadcast(a0.w, 5u));
acc[2] = fma(s2_3, b0_3, fma(s2_2, b0_2, fma(s2_1, b0_1, fma(s2_0, b0_0, acc[2]))));
let s3_0 = vec4f(subgroupBroadcast(a0.x, 7u));
let s3_1 = vec4f(subgroupBroadcast(a0.y, 7u));
let s3_2 = vec4f(subgroupBroadcast(a0.z, 7u));
let s3_3 = vec4f(subgroupBroadcast(a0.w, 7u));
acc[3] = fma(s3_3, b0_3, fma(s3_2, b0_2, fma(s3_1, b0_1, fma(s3_0, b0_0, acc[3]))));
let s4_0 = vec4f(subgroupBroadcast(a1.x, 1u));
let s4_1 = vec4f(subgroupBroadcast(a1.y, 1u));
let s4_2 = vec4f(subgroupBroadcast(a1.z, 1u));
let s4_3 = vec4f(subgroupBroadcast(a1.w, 1u));
acc[4] = fma(s4_3, b0_3, fma(s4_2, b0_2, fma(s4_1, b0_1, fma(s4_0, b0_0, acc[4]))));
let s5_0 = vec4f(subgroupBroadcast(a1.x, 3u));
let s5_1 = vec4f(subgroupBroadcast(a1.y, 3u));
let s5_2 = vec4f(subgroupBroadcast(a1.z, 3u));
let s5_3 = vec4f(subgroupBroadcast(a1.w, 3u));
acc[5] = fma(s5_3, b0_3, fma(s5_2, b0_2, fma(s5_1, b0_1, fma(s5_0, b0_0, acc[5]))));
let s6_0 = vec4f(subgroupBroadcast(a1.x, 5u));
let s6_1 = vec4f(subgroupBroadcast(a1.y, 5u));
let s6_2 = vec4f(subgroupBroadcast(a1.z, 5u));
let s6_3 = vec4f(subgroupBroadcast(a1.w, 5u));
acc[6] = fma(s6_3, b0_3, fma(s6_2, b0_2, fma(s6_1, b0_1, fma(s6_0, b0_0, acc[6]))));
let s7_0 = vec4f(subgroupBroadcast(a1.x, 7u));
let s7_1 = vec4f(subgroupBroadcast(a1.y, 7u));
let s7_2 = vec4f(subgroupBroadcast(a1.z, 7u));
let s7_3 = vec4f(subgroupBroadcast(a1.w, 7u));
acc[7] = fma(s7_3, b0_3, fma(s7_2, b0_2, fma(s7_1, b0_1, fma(s7_0, b0_0, acc[7]))));
      }
    }
    if (col0 < P.cols) {
    
    for (var i = 0u; i < P.tileRows; i++) {
      let row = row0 + i;
      if (row < P.rows) {
        let value = acc[min(i, 7u)] + vec4f(bias[biasBase + row]);
        c[(cBase + row * P.cLead + col0) / 4u] = select(value, vec4f(0.0), value <= vec4f(0.0));
      }
    }
  }
  }
}
// {"turned":true,"p":{"load":"i4","half":false},"store":{"along":"row","vector":true}}: 192 lines, sha256 d035e646c6a4ed1b
// {"block":4,"panel":1024,"tile":{"kind":"subgroup","lanes":8,"rows":4,"quads":1,"unroll":false}}: 119 lines, sha256 4364ac6eb3f7119b
// {"q":{"load":"scalar","half":false},"store":{"along":"col","vector":false}}: 166 lines, sha256 00cab68081e414bb
