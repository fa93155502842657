// sddmmPanelShader {"lanes":8,"columns":8,"capacity":64,"b":"rows","quads":true,"chunked":false,"indirect":false,"a":"rows"}
enable subgroups;
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> across: array<u32>;
@group(0) @binding(2) var<storage, read> a: array<vec4f>;
@group(0) @binding(3) var<storage, read> b: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;
struct Params { m: u32, k: u32, n: u32, range: u32, aPart: u32, bPart: u32, valuePart: u32, linePart: u32 }
var<immediate> P: Params;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = group.y;
  let aBase = part * P.aPart;
  let bBase = part * P.bPart;
  let valueBase = part * P.valuePart;
  let row0 = group.x * P.range;
  let rowEnd = min(row0 + P.range, P.m);
  var panel0: array<f32, 65>;
var panel1: array<f32, 65>;
var panel2: array<f32, 65>;
var panel3: array<f32, 65>;
var panel4: array<f32, 65>;
var panel5: array<f32, 65>;
var panel6: array<f32, 65>;
var panel7: array<f32, 65>;
  let k0 = 0u;
    for (var tile = 0u; tile < P.n; tile += 64u) {
      let col0 = tile + 0u + lane * 4u;
let col1 = tile + 32u + lane * 4u;
      
  let rowsHere = min(64u, P.k - k0);

  for (var k = 0u; k < rowsHere; k++) {

    let four0 = b[(bBase + (k0 + k) * P.n + min(col0, P.n - 4u)) / 4u];
let four1 = b[(bBase + (k0 + k) * P.n + min(col1, P.n - 4u)) / 4u];
    panel0[k] = four0[0];
panel1[k] = four0[1];
panel2[k] = four0[2];
panel3[k] = four0[3];
panel4[k] = four1[0];
panel5[k] = four1[1];
panel6[k] = four1[2];
panel7[k] = four1[3];

  }

      for (var row = row0; row < rowEnd; row++) {
        let line = part * P.linePart + row;

        let first = starts[line];
        let last = starts[line + 1u];

        let a0 = select(vec4f(), a[(aBase + row * P.n + min(col0, P.n - 4u)) / 4u], col0 < P.n);
let a1 = select(vec4f(), a[(aBase + row * P.n + min(col1, P.n - 4u)) / 4u], col1 < P.n);
        var p = first;
      loop {
        let mine = min(p + lane, max(last, 1u) - 1u);
        let inside = p + lane < last;
        let at = select(64u, across[mine] - k0, inside);
        
        var sum0 = 0.0;
        {
          let k = subgroupBroadcast(at, 0u);
          let four = a0 * vec4f(panel0[k], panel1[k], panel2[k], panel3[k]) + a1 * vec4f(panel4[k], panel5[k], panel6[k], panel7[k]);
          sum0 = (four.x + four.y) + (four.z + four.w);
        }
var sum1 = 0.0;
        {
          let k = subgroupBroadcast(at, 1u);
          let four = a0 * vec4f(panel0[k], panel1[k], panel2[k], panel3[k]) + a1 * vec4f(panel4[k], panel5[k], panel6[k], panel7[k]);
          sum1 = (four.x + four.y) + (four.z + four.w);
        }
var sum2 = 0.0;
        {
          let k = subgroupBroadcast(at, 2u);
          let four = a0 * vec4f(panel0[k], panel1[k], panel2[k], panel3[k]) + a1 * vec4f(panel4[k], panel5[k], panel6[k], panel7[k]);
          sum2 = (four.x + four.y) + (four.z + four.w);
        }
var sum3 = 0.0;
        {
          let k = subgroupBroadcast(at, 3u);
          let four = a0 * vec4f(panel0[k], panel1[k], panel2[k], panel3[k]) + a1 * vec4f(panel4[k], panel5[k], panel6[k], panel7[k]);
          sum3 = (four.x + four.y) + (four.z + four.w);
        }
var sum4 = 0.0;
        {
          let k = subgroupBroadcast(at, 4u);
          let four = a0 * vec4f(panel0[k], panel1[k], panel2[k], panel3[k]) + a1 * vec4f(panel4[k], panel5[k], panel6[k], panel7[k]);
          sum4 = (four.x + four.y) + (four.z + four.w);
        }
var sum5 = 0.0;
        {
          let k = subgroupBroadcast(at, 5u);
          let four = a0 * vec4f(panel0[k], panel1[k], panel2[k], panel3[k]) + a1 * vec4f(panel4[k], panel5[k], panel6[k], panel7[k]);
          sum5 = (four.x + four.y) + (four.z + four.w);
        }
var sum6 = 0.0;
        {
          let k = subgroupBroadcast(at, 6u);
          let four = a0 * vec4f(panel0[k], panel1[k], panel2[k], panel3[k]) + a1 * vec4f(panel4[k], panel5[k], panel6[k], panel7[k]);
          sum6 = (four.x + four.y) + (four.z + four.w);
        }
var sum7 = 0.0;
        {
          let k = subgroupBroadcast(at, 7u);
          let four = a0 * vec4f(panel0[k], panel1[k], panel2[k], panel3[k]) + a1 * vec4f(panel4[k], panel5[k], panel6[k], panel7[k]);
          sum7 = (four.x + four.y) + (four.z + four.w);
        }
        let upper4 = (lane & 4u) != 0u;
        { let given = select(sum4, sum0, upper4); sum0 = select(sum0, sum4, upper4) + subgroupShuffleXor(given, 4u); }
        { let given = select(sum5, sum1, upper4); sum1 = select(sum1, sum5, upper4) + subgroupShuffleXor(given, 4u); }
        { let given = select(sum6, sum2, upper4); sum2 = select(sum2, sum6, upper4) + subgroupShuffleXor(given, 4u); }
        { let given = select(sum7, sum3, upper4); sum3 = select(sum3, sum7, upper4) + subgroupShuffleXor(given, 4u); }
        let upper2 = (lane & 2u) != 0u;
        { let given = select(sum2, sum0, upper2); sum0 = select(sum0, sum2, upper2) + subgroupShuffleXor(given, 2u); }
        { let given = select(sum3, sum1, upper2); sum1 = select(sum1, sum3, upper2) + subgroupShuffleXor(given, 2u); }
        let upper1 = (lane & 1u) != 0u;
        { let given = select(sum1, sum0, upper1); sum0 = select(sum0, sum1, upper1) + subgroupShuffleXor(given, 1u); }
        if (inside) {
          let target_ = valueBase + mine;
          if (tile > 0u) { sum0 += values[target_]; }
          values[target_] = sum0;
        }
        p += 8u;
        if (p >= last) { break; }
      }
      }
    }
}
// {"chunked":true,"indirect":true}: 132 lines, sha256 8d72eece78f5ba56
// {"a":"columns","b":"columns4"}: 197 lines, sha256 33acdb79b9a94829
// {"quads":false,"b":"columns"}: 129 lines, sha256 e9b4760ecaf6da9d
