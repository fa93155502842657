// randomShader {"distribution":"normal","population":true,"aligned":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> state: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
struct Params { models: u32, blocks: u32, per: u32, first_low: u32, first_high: u32, a: f32, b: f32, limit: f32 }
var<immediate> P: Params;
fn mul_high(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
  let carry = al * bh + (middle & 0xffffu);
  return ah * bh + (middle >> 16u) + (carry >> 16u);
}
fn philox(counter: vec4u, seed: vec2u) -> vec4u {
  var c = counter;
  var k = seed;
  for (var round = 0u; round < 10u; round++) {
    let high0 = mul_high(c.x, 0xd2511f53u);
    let high1 = mul_high(c.z, 0xcd9e8d57u);
    c = vec4u(high1 ^ c.y ^ k.x, c.z * 0xcd9e8d57u, high0 ^ c.w ^ k.y, c.x * 0xd2511f53u);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}


fn ln_unit(u: vec2f) -> vec2f {
  let bits = bitcast<vec2u>(u);
  let m0 = bitcast<vec2f>((bits & vec2u(0x7fffffu)) | vec2u(0x3f800000u));
  let high = m0 > vec2f(1.41421356);
  let m = select(m0, m0 * 0.5, high);
  let e = vec2f(vec2i(bits >> vec2u(23u)) - select(vec2i(127), vec2i(126), high));
  let s = (m - 1.0) / (m + 1.0);
  let q = s * s;
  let series = 2.0 * s * (1.0 + q * (0.33333333 + q * (0.2 + q * (0.14285714 + q * 0.11111111))));
  // ln 2 in two parts, the first short enough for an exact product.
  return e * 0.693359375 + (series - e * 0.00021219444);
}
fn normals(w: vec4u) -> vec4f {
  let u = vec2f((w.xz >> vec2u(8u)) + vec2u(1u)) * 0x1p-24;
  let turn = vec2f(w.yw >> vec2u(8u)) * 0x1p-22;
  let r = sqrt(-2.0 * ln_unit(u));
  let quarter = floor(turn + 0.5);
  let x = (turn - quarter) * 1.57079633;
  let q = x * x;
  let s = x * (1.0 - q * (0.16666667 - q * (0.0083333333 - q * (0.00019841270 - q * 0.0000027557319))));
  let c = 1.0 - q * (0.5 - q * (0.041666667 - q * (0.0013888889 - q * (0.000024801587 - q * 0.00000027557319))));
  let k = vec2u(quarter) & vec2u(3u);
  let odd = (k & vec2u(1u)) == vec2u(1u);
  let cosine = select(c, s, odd) * select(vec2f(1.0), vec2f(-1.0), (k == vec2u(1u)) | (k == vec2u(2u)));
  let sine = select(s, c, odd) * select(vec2f(1.0), vec2f(-1.0), k >= vec2u(2u));
  let even = r * cosine;
  let uneven = r * sine;
  return vec4f(even.x, uneven.x, even.y, uneven.y);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  var unit = gid.x + gid.y * groups.x * 64u;
  let units = P.models * P.blocks;

  var i1 = unit % P.blocks;
let ir1 = unit / P.blocks;
var i0 = ir1;
  let is1 = stride % P.blocks;
let isr1 = stride / P.blocks;
let is0 = isr1;

  while (unit < units) {

    let s = state[i0];
    let block = i1;

    let low = P.first_low + block;
    let high = P.first_high + select(0u, 1u, low < block);
    let w = philox(vec4u(low, high, s.w, s.z), s.xy);
    let value = P.a + P.b * normals(w);

    out[unit] = value;

    unit += stride;

    i1 += is1;
let iw1 = select(0u, 1u, i1 >= P.blocks);
i1 -= iw1 * P.blocks;
i0 += is0 + iw1;

  }
}
// {"distribution":"bits","population":false}: 50 lines, sha256 5ea02aa665b9def3
// {"distribution":"uniform","aligned":false}: 62 lines, sha256 95fcfc718d633e28
// {"distribution":"bernoulli"}: 61 lines, sha256 6ff8d7aac4e93c99
