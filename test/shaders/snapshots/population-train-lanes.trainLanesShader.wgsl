// trainLanesShader {"sizes":[2,3,2,1],"loss":"bce","rule":"sgd","slots":1,"nesterov":false,"masked":false,"ordered":true,"workgroup":8,"lanes":8,"together":2}
enable subgroups;
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> rows: array<f32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> rates: array<f32>;
@group(0) @binding(3) var<storage, read> settings: array<u32>;
@group(0) @binding(4) var<storage, read_write> state: array<f32>;
@group(0) @binding(5) var<storage, read_write> outcomes: array<u32>;
struct Params { models: u32, first: u32, span: u32, params: u32, steps: u32, offset: u32, total: u32, done: u32, batch: u32, perRow: f32, decay: f32, beta1: f32, beta2: f32, gain1: f32, gain2: f32, eps: f32 }
var<immediate> P: Params;
fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) invocation: u32

  , @builtin(subgroup_invocation_id) lane: u32

) {
  let position = (group.x + group.y * groups.x) * 8u + invocation;
  // Invocations beyond the last model repeat it without storing: they have rows to load for the others.
  let n = P.first + min(position, P.span - 1u);
  var w: array<f32, 20>;
  var g: array<f32, 20>;

  var first: array<f32, 20>;


  for (var i = 0u; i < P.params; i++) {
    w[i] = state[i * P.models + n];
    g[i] = 0.0;

    first[i] = state[(P.params + i) * P.models + n];


  }

  let base_rate = bitcast<f32>(settings[n]);
  let schedule = settings[P.models + n];
  var mark = outcomes[n];
  var loss_bits = outcomes[P.models + n];
  for (var s = 0u; s < P.steps; s++) {
    var total = 0.0;
    for (var base = 0u; base < P.batch; base += 8u) {
      let count = min(8u, P.batch - base);
let at = order[(P.offset + s) * P.batch + min(base + lane, P.batch - 1u)] * 3u;
let mine0 = rows[at + 0u];
let mine1 = rows[at + 1u];
let mine2 = rows[at + 2u];
      var linear = 0.0;
      var normaliser = 1.0;
      for (var j = 0u; j < count; j += 2u) {

let x0_0 = subgroupShuffle(mine0, j + 0u);
let x1_0 = subgroupShuffle(mine1, j + 0u);
let x2_0 = subgroupShuffle(mine2, j + 0u);
let h0_0_0 = x0_0;
let h0_1_0 = x1_0;
let h1_0_0 = max(fma(w[1], h0_1_0, fma(w[0], h0_0_0, w[6])), 0.0);
let h1_1_0 = max(fma(w[3], h0_1_0, fma(w[2], h0_0_0, w[7])), 0.0);
let h1_2_0 = max(fma(w[5], h0_1_0, fma(w[4], h0_0_0, w[8])), 0.0);
let h2_0_0 = max(fma(w[11], h1_2_0, fma(w[10], h1_1_0, fma(w[9], h1_0_0, w[15]))), 0.0);
let h2_1_0 = max(fma(w[14], h1_2_0, fma(w[13], h1_1_0, fma(w[12], h1_0_0, w[16]))), 0.0);
let h3_0_0 = fma(w[18], h2_1_0, fma(w[17], h2_0_0, w[19]));

let e_0 = exp(-abs(h3_0_0));
let inverse_0 = 1.0 / (1.0 + e_0);
let linear_0 = max(h3_0_0, 0.0) - h3_0_0 * x2_0;
let normaliser_0 = 1.0 + e_0;
let d3_0_0 = select(e_0, 1.0, h3_0_0 >= 0.0) * inverse_0 - x2_0;
let d2_0_0 = select(0.0, w[17] * d3_0_0, h2_0_0 > 0.0);
let d2_1_0 = select(0.0, w[18] * d3_0_0, h2_1_0 > 0.0);
let d1_0_0 = select(0.0, fma(w[12], d2_1_0, w[9] * d2_0_0), h1_0_0 > 0.0);
let d1_1_0 = select(0.0, fma(w[13], d2_1_0, w[10] * d2_0_0), h1_1_0 > 0.0);
let d1_2_0 = select(0.0, fma(w[14], d2_1_0, w[11] * d2_0_0), h1_2_0 > 0.0);

let x0_1 = subgroupShuffle(mine0, j + 1u);
let x1_1 = subgroupShuffle(mine1, j + 1u);
let x2_1 = subgroupShuffle(mine2, j + 1u);
let h0_0_1 = x0_1;
let h0_1_1 = x1_1;
let h1_0_1 = max(fma(w[1], h0_1_1, fma(w[0], h0_0_1, w[6])), 0.0);
let h1_1_1 = max(fma(w[3], h0_1_1, fma(w[2], h0_0_1, w[7])), 0.0);
let h1_2_1 = max(fma(w[5], h0_1_1, fma(w[4], h0_0_1, w[8])), 0.0);
let h2_0_1 = max(fma(w[11], h1_2_1, fma(w[10], h1_1_1, fma(w[9], h1_0_1, w[15]))), 0.0);
let h2_1_1 = max(fma(w[14], h1_2_1, fma(w[13], h1_1_1, fma(w[12], h1_0_1, w[16]))), 0.0);
let h3_0_1 = fma(w[18], h2_1_1, fma(w[17], h2_0_1, w[19]));

let e_1 = exp(-abs(h3_0_1));
let inverse_1 = 1.0 / (1.0 + e_1);
let linear_1 = select(0.0, max(h3_0_1, 0.0) - h3_0_1 * x2_1, j + 1u < count);
let normaliser_1 = select(1.0, 1.0 + e_1, j + 1u < count);
let d3_0_1 = select(0.0, select(e_1, 1.0, h3_0_1 >= 0.0) * inverse_1 - x2_1, j + 1u < count);
let d2_0_1 = select(0.0, w[17] * d3_0_1, h2_0_1 > 0.0);
let d2_1_1 = select(0.0, w[18] * d3_0_1, h2_1_1 > 0.0);
let d1_0_1 = select(0.0, fma(w[12], d2_1_1, w[9] * d2_0_1), h1_0_1 > 0.0);
let d1_1_1 = select(0.0, fma(w[13], d2_1_1, w[10] * d2_0_1), h1_1_1 > 0.0);
let d1_2_1 = select(0.0, fma(w[14], d2_1_1, w[11] * d2_0_1), h1_2_1 > 0.0);
g[6] += d1_0_0 + d1_0_1;
g[0] = fma(d1_0_1, h0_0_1, fma(d1_0_0, h0_0_0, g[0]));
g[1] = fma(d1_0_1, h0_1_1, fma(d1_0_0, h0_1_0, g[1]));
g[7] += d1_1_0 + d1_1_1;
g[2] = fma(d1_1_1, h0_0_1, fma(d1_1_0, h0_0_0, g[2]));
g[3] = fma(d1_1_1, h0_1_1, fma(d1_1_0, h0_1_0, g[3]));
g[8] += d1_2_0 + d1_2_1;
g[4] = fma(d1_2_1, h0_0_1, fma(d1_2_0, h0_0_0, g[4]));
g[5] = fma(d1_2_1, h0_1_1, fma(d1_2_0, h0_1_0, g[5]));
g[15] += d2_0_0 + d2_0_1;
g[9] = fma(d2_0_1, h1_0_1, fma(d2_0_0, h1_0_0, g[9]));
g[10] = fma(d2_0_1, h1_1_1, fma(d2_0_0, h1_1_0, g[10]));
g[11] = fma(d2_0_1, h1_2_1, fma(d2_0_0, h1_2_0, g[11]));
g[16] += d2_1_0 + d2_1_1;
g[12] = fma(d2_1_1, h1_0_1, fma(d2_1_0, h1_0_0, g[12]));
g[13] = fma(d2_1_1, h1_1_1, fma(d2_1_0, h1_1_0, g[13]));
g[14] = fma(d2_1_1, h1_2_1, fma(d2_1_0, h1_2_0, g[14]));
g[19] += d3_0_0 + d3_0_1;
g[17] = fma(d3_0_1, h2_0_1, fma(d3_0_0, h2_0_0, g[17]));
g[18] = fma(d3_0_1, h2_1_1, fma(d3_0_0, h2_1_0, g[18]));
        linear += linear_0 + linear_1;
        normaliser *= normaliser_0 * normaliser_1;
      }
      total += linear + log(normaliser);
    }
    if (mark == 4294967295u) {
      let loss = total * P.perRow;
      loss_bits = bitcast<u32>(loss);
      var finite = is_finite(loss);
      if (finite) {

let rate = base_rate * rates[(schedule + 0u) * P.total + P.offset + s];

        for (var i = 0u; i < P.params; i++) {
          let weight = w[i];
          let slope = g[i] * P.perRow;
          g[i] = 0.0;

let g_i = fma(P.decay, weight, slope);

var m_i = fma(P.beta1, first[i], g_i);

var next = weight - rate * m_i;




first[i] = m_i;


          w[i] = next;
          finite = finite & is_finite(next);
        }
      }
      if (!finite) { mark = P.done + P.offset + s; }
    }
  }
  if (position < P.span) {
    for (var i = 0u; i < P.params; i++) {
      state[i * P.models + n] = w[i];

      state[(P.params + i) * P.models + n] = first[i];


    }
    outcomes[n] = mark;
    outcomes[P.models + n] = loss_bits;
  }
}
// {"masked":true}: 177 lines, sha256 147b6787e3801b0a
// {"nesterov":true}: 166 lines, sha256 2b3258b04c549b2e
// {"rule":"adam","slots":2,"ordered":false}: 175 lines, sha256 375b3d7b8df3d296
// {"sizes":[3,4,3],"loss":"crossEntropy","slots":0}: 185 lines, sha256 f0c86de9f1ae6386
// {"lanes":0,"together":1}: 138 lines, sha256 d886768b66d4063e
