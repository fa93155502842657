// stridedCopyShader {"stored":"u32","rank":3,"lanes":1}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> src: array<u32>;
@group(0) @binding(1) var<storage, read_write> dst: array<u32>;
struct Params { n: u32, chunk: u32, srcAt: i32, dstAt: i32, d0: u32, d1: u32, d2: u32, s0: i32, s1: i32, s2: i32, t0: i32, t1: i32, t2: i32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let chunkStart = (group.x + group.y * groups.x) * P.chunk;
  let chunkEnd = min(chunkStart + P.chunk, P.n);
  var i = chunkStart + lane;
  var i2 = i % P.d2;
let ir2 = i / P.d2;
var i1 = ir2 % P.d1;
let ir1 = ir2 / P.d1;
var i0 = ir1;
  let is2 = 64u % P.d2;
let isr2 = 64u / P.d2;
let is1 = isr2 % P.d1;
let isr1 = isr2 / P.d1;
let is0 = isr1;
  while (i < chunkEnd) {
    dst[P.dstAt + i32(i0) * P.t0 + i32(i1) * P.t1 + i32(i2) * P.t2] = src[P.srcAt + i32(i0) * P.s0 + i32(i1) * P.s1 + i32(i2) * P.s2];
    i += 64u;
    i2 += is2;
let iw2 = select(0u, 1u, i2 >= P.d2);
i2 -= iw2 * P.d2;
i1 += is1 + iw2;
let iw1 = select(0u, 1u, i1 >= P.d1);
i1 -= iw1 * P.d1;
i0 += is0 + iw1;
  }
}
// {"lanes":4}: 33 lines, sha256 a3903f88e0c82c94
// {"stored":"f16","rank":1}: 20 lines, sha256 27b28719d810e4de
