// headsShader {"type":"f32","lanes":4,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> heads: array<vec4<f32>>;
struct Params { parts: u32, lead: u32, size: u32, picks: u32, inner: u32, chunks: u32, rp: u32, ra: u32, rb: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  var i = gid.x + gid.y * groups.x * 64u;
  let n = P.parts * P.lead * P.chunks * P.inner;
  var i3 = i % P.inner;
let ir3 = i / P.inner;
var i2 = ir3 % P.chunks;
let ir2 = ir3 / P.chunks;
var i1 = ir2 % P.lead;
let ir1 = ir2 / P.lead;
var i0 = ir1;
  let is3 = stride % P.inner;
let isr3 = stride / P.inner;
let is2 = isr3 % P.chunks;
let isr2 = isr3 / P.chunks;
let is1 = isr2 % P.lead;
let isr1 = isr2 / P.lead;
let is0 = isr1;
  while (i < n) {
    var total = vec4<f32>();
    let row = (i0 * P.rp + i1 * P.ra + i3 * P.rb) * P.picks;
    let origin = (i0 * P.lead + i1) * P.picks * P.inner + i3;
    let first = i2 << 8u;
    let end = min(first + 256u, P.picks);
    if (first > 0u) {
      let before = keys[row + first - 1u];
      var j = first;
      while (j < end) {
        if (keys[row + j] != before) { break; }
        total += g[origin + order[row + j] * P.inner];
        j++;
      }
    }
    heads[i] = total;
    i += stride;
    i3 += is3;
let iw3 = select(0u, 1u, i3 >= P.inner);
i3 -= iw3 * P.inner;
i2 += is2 + iw3;
let iw2 = select(0u, 1u, i2 >= P.chunks);
i2 -= iw2 * P.chunks;
i1 += is1 + iw2;
let iw1 = select(0u, 1u, i1 >= P.lead);
i1 -= iw1 * P.lead;
i0 += is0 + iw1;
  }
}
// {"type":"u32","lanes":1}: 56 lines, sha256 36a7504d84d7745b
