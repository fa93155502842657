// trainWorkgroupShader {"sizes":[2,3,2,1],"loss":"bce","rule":"sgd","slots":1,"nesterov":false,"masked":false,"ordered":true,"workgroup":64,"unroll":true}
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
var<workgroup> w: array<f32, 20>;
var<workgroup> activation: array<f32, 512>;
var<workgroup> delta: array<f32, 448>;
var<workgroup> step_loss: f32;
var<workgroup> broken: atomic<u32>;
fn factors(p: u32) -> vec2u {
  if (p >= 0u && p < 6u) {
    return vec2u(0u + (p - 0u) / 2u, 0u + (p - 0u) % 2u);
  }
  if (p >= 6u && p < 9u) { return vec2u(0u + p - 6u, 7u); }
  if (p >= 9u && p < 15u) {
    return vec2u(3u + (p - 9u) / 3u, 2u + (p - 9u) % 3u);
  }
  if (p >= 15u && p < 17u) { return vec2u(3u + p - 15u, 7u); }
  if (p >= 17u && p < 19u) {
    return vec2u(5u + (p - 17u) / 2u, 5u + (p - 17u) % 2u);
  }
  if (p >= 19u && p < 20u) { return vec2u(5u + p - 19u, 7u); }
  return vec2u(6u, 7u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x + group.y * groups.x;
  if (position >= P.span) { return; }
  let n = P.first + position;
  var sums: array<f32, 1>;


  var first: array<f32, 1>;


  var k = 0u;
  for (var i = lane; i < P.params; i += 64u) {
    w[i] = state[i * P.models + n];

    first[k] = state[(P.params + i) * P.models + n];


    k++;
  }
  activation[448u + lane] = 1.0;
  if (lane == 0u) { atomicStore(&broken, 0u); }
  let base_rate = bitcast<f32>(settings[n]);
  let schedule = settings[P.models + n];
  var mark = outcomes[n];
  var loss_bits = outcomes[P.models + n];
  workgroupBarrier();
  for (var s = 0u; s < P.steps; s++) {
    for (var i = 0u; i < 1u; i++) { sums[i] = 0.0; }

    for (var base = 0u; base < P.batch; base += 64u) {
      let count = min(64u, P.batch - base);
      if (lane < count) {
        let at = order[(P.offset + s) * P.batch + base + lane] * 3u;
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
let d2_0_0 = select(0.0, w[17] * d3_0_0, h2_0_0 > 0.0);
let d2_1_0 = select(0.0, w[18] * d3_0_0, h2_1_0 > 0.0);
let d1_0_0 = select(0.0, fma(w[12], d2_1_0, w[9] * d2_0_0), h1_0_0 > 0.0);
let d1_1_0 = select(0.0, fma(w[13], d2_1_0, w[10] * d2_0_0), h1_1_0 > 0.0);
let d1_2_0 = select(0.0, fma(w[14], d2_1_0, w[11] * d2_0_0), h1_2_0 > 0.0);
activation[0u + lane] = h0_0_0;
activation[64u + lane] = h0_1_0;
activation[128u + lane] = h1_0_0;
activation[192u + lane] = h1_1_0;
activation[256u + lane] = h1_2_0;
activation[320u + lane] = h2_0_0;
activation[384u + lane] = h2_1_0;
delta[0u + lane] = d1_0_0;
delta[64u + lane] = d1_1_0;
delta[128u + lane] = d1_2_0;
delta[192u + lane] = d2_0_0;
delta[256u + lane] = d2_1_0;
delta[320u + lane] = d3_0_0;
        delta[384u + lane] = linear_0 + log(normaliser_0);
      }
      workgroupBarrier();
      k = 0u;
      for (var i = lane; i <= P.params; i += 64u) {
        let pair = factors(i) * 64u;
        var sum = sums[k];
        for (var r = 0u; r < count; r++) { sum = fma(delta[pair.x + r], activation[pair.y + r], sum); }
        sums[k] = sum;
        if (i == P.params) { step_loss = sum; }
        k++;
      }
      workgroupBarrier();
    }
    let loss = step_loss * P.perRow;
    if (mark == 4294967295u) {
      loss_bits = bitcast<u32>(loss);
      if (is_finite(loss)) {

let rate = base_rate * rates[(schedule + 0u) * P.total + P.offset + s];

        k = 0u;
        for (var i = lane; i < P.params; i += 64u) {
          let weight = w[i];
          let slope = sums[k] * P.perRow;

let g_i = fma(P.decay, weight, slope);

var m_i = fma(P.beta1, first[k], g_i);

var next = weight - rate * m_i;




first[k] = m_i;


          w[i] = next;
          if (!is_finite(next)) { atomicStore(&broken, 1u); }
          k++;
        }
      } else if (lane == 0u) {
        atomicStore(&broken, 1u);
      }
    }
    workgroupBarrier();
    if (mark == 4294967295u && atomicLoad(&broken) == 1u) { mark = P.done + P.offset + s; }
  }
  k = 0u;
  for (var i = lane; i < P.params; i += 64u) {
    state[i * P.models + n] = w[i];

    state[(P.params + i) * P.models + n] = first[k];


    k++;
  }
  if (lane == 0u) {
    outcomes[n] = mark;
    outcomes[P.models + n] = loss_bits;
  }
}
// {"masked":true}: 169 lines, sha256 52bf447dffb4c540
// {"nesterov":true}: 161 lines, sha256 a9e69453ff6f8931
// {"rule":"adam","slots":2,"ordered":false}: 170 lines, sha256 64f9901eef043530
// {"sizes":[3,4,3],"loss":"crossEntropy","slots":0}: 155 lines, sha256 454be5c9a8c27e17
// {"unroll":false}: 158 lines, sha256 2cf23547bdfbb951
