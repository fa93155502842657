// gatherShader {"type":"f32","index":"i32","lanes":4,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
struct Params { parts: u32, lead: u32, size: u32, picks: u32, inner: u32, ip: u32, ia: u32, ik: u32, ib: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  var i = gid.x + gid.y * groups.x * 64u;
  let n = P.parts * P.lead * P.picks * P.inner;
  var i3 = i % P.inner;
let ir3 = i / P.inner;
var i2 = ir3 % P.picks;
let ir2 = ir3 / P.picks;
var i1 = ir2 % P.lead;
let ir1 = ir2 / P.lead;
var i0 = ir1;
  let is3 = stride % P.inner;
let isr3 = stride / P.inner;
let is2 = isr3 % P.picks;
let isr2 = isr3 / P.picks;
let is1 = isr2 % P.lead;
let isr1 = isr2 / P.lead;
let is0 = isr1;
  while (i < n) {
    let at = u32(clamp(index[i0 * P.ip + i1 * P.ia + i2 * P.ik + i3 * P.ib], 0, i32(P.size) - 1));
    out[i] = x[((i0 * P.lead + i1) * P.size + at) * P.inner + i3];
    i += stride;
    i3 += is3;
let iw3 = select(0u, 1u, i3 >= P.inner);
i3 -= iw3 * P.inner;
i2 += is2 + iw3;
let iw2 = select(0u, 1u, i2 >= P.picks);
i2 -= iw2 * P.picks;
i1 += is1 + iw2;
let iw1 = select(0u, 1u, i1 >= P.lead);
i1 -= iw1 * P.lead;
i0 += is0 + iw1;
  }
}
// {"index":"u32","type":"u32","lanes":1}: 42 lines, sha256 44480719450455ef
// {"type":"f16","lanes":1}: 43 lines, sha256 3fe59a0a32625231
