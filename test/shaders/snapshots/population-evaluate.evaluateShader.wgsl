// evaluateShader {"sizes":[2,3,2,1],"loss":"bce","shared":false,"workgroup":8}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> rows: array<f32>;
@group(0) @binding(1) var<storage, read> state: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;
struct Params { models: u32, first: u32, span: u32, params: u32, rows: u32 }
var<immediate> P: Params;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {

  let position = (group.x + group.y * groups.x) * 8u + lane;
  let begin = 0u;
  let by = 1u;

  if (position >= P.span) { return; }
  let n = P.first + position;
  var w: array<f32, 20>;
  for (var i = 0u; i < P.params; i++) { w[i] = state[i * P.models + n]; }
  var total = 0.0;
  var right = 0u;
  for (var base = begin; base < P.rows; base += 64u * by) {
    var part = 0.0;
    for (var r = base; r < min(base + 64u * by, P.rows); r += by) {
      let at = r * 3u;
      let target_0 = rows[at + 2u];
let h0_0_0 = rows[at + 0u];
let h0_1_0 = rows[at + 1u];
let h1_0_0 = max(fma(w[1], h0_1_0, fma(w[0], h0_0_0, w[6])), 0.0);
let h1_1_0 = max(fma(w[3], h0_1_0, fma(w[2], h0_0_0, w[7])), 0.0);
let h1_2_0 = max(fma(w[5], h0_1_0, fma(w[4], h0_0_0, w[8])), 0.0);
let h2_0_0 = max(fma(w[11], h1_2_0, fma(w[10], h1_1_0, fma(w[9], h1_0_0, w[15]))), 0.0);
let h2_1_0 = max(fma(w[14], h1_2_0, fma(w[13], h1_1_0, fma(w[12], h1_0_0, w[16]))), 0.0);
let h3_0_0 = fma(w[18], h2_1_0, fma(w[17], h2_0_0, w[19]));

let e_0 = exp(-abs(h3_0_0));
let inverse_0 = 1.0 / (1.0 + e_0);
let linear_0 = max(h3_0_0, 0.0) - h3_0_0 * target_0;
let normaliser_0 = 1.0 + e_0;
let d3_0_0 = select(e_0, 1.0, h3_0_0 >= 0.0) * inverse_0 - target_0;
let right_0 = (h3_0_0 > 0.0) == (target_0 > 0.5);
      part += linear_0 + log(normaliser_0);
      right += select(0u, 1u, right_0);
    }
    total += part;
  }

  sums[n] = bitcast<u32>(total);
  sums[P.models + n] = right;
}
// {"shared":true,"workgroup":64}: 65 lines, sha256 63a399eca3ee9690
// {"sizes":[3,4,3],"loss":"crossEntropy"}: 63 lines, sha256 4bb4d428eab12a64
