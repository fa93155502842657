// resizeShader {"mode":"bilinear","adjoint":false,"lanes":4}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> src: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4f>;
struct Params { n: u32, chunk: u32, images: u32, channels: u32, h: u32, w: u32, oh: u32, ow: u32, aY: i32, bY: i32, dY: i32, aX: i32, bX: i32, dX: i32 }
var<immediate> P: Params;
struct Reading { first: u32, second: u32, rest: f32 }
fn readingOf(o: u32, size: u32, a: i32, b: i32, d: i32) -> Reading {
  let at = u32(max(a * i32(o) + b, 0));
  let first = at / u32(d);
  return Reading(first, min(first + 1u, size - 1u), f32(at - first * u32(d)) / f32(d));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let chunkStart = (group.x + group.y * groups.x) * P.chunk;
  let chunkEnd = min(chunkStart + P.chunk, P.n);
  var i = chunkStart + lane;
  var i3 = i % P.channels;
let ir3 = i / P.channels;
var i2 = ir3 % P.ow;
let ir2 = ir3 / P.ow;
var i1 = ir2 % P.oh;
let ir1 = ir2 / P.oh;
var i0 = ir1;
  let is3 = 64u % P.channels;
let isr3 = 64u / P.channels;
let is2 = isr3 % P.ow;
let isr2 = isr3 / P.ow;
let is1 = isr2 % P.oh;
let isr1 = isr2 / P.oh;
let is0 = isr1;
  while (i < chunkEnd) {

    let row = readingOf(i1, P.h, P.aY, P.bY, P.dY);
    let col = readingOf(i2, P.w, P.aX, P.bX, P.dX);
    let above = (i0 * P.h + row.first) * P.w;

    let below = (i0 * P.h + row.second) * P.w;
    let top = mix(src[(above + col.first) * P.channels + i3], src[(above + col.second) * P.channels + i3], col.rest);
    let bottom = mix(src[(below + col.first) * P.channels + i3], src[(below + col.second) * P.channels + i3], col.rest);
    dst[i] = mix(top, bottom, row.rest);


    i += 64u;
    i3 += is3;
let iw3 = select(0u, 1u, i3 >= P.channels);
i3 -= iw3 * P.channels;
i2 += is2 + iw3;
let iw2 = select(0u, 1u, i2 >= P.ow);
i2 -= iw2 * P.ow;
i1 += is1 + iw2;
let iw1 = select(0u, 1u, i1 >= P.oh);
i1 -= iw1 * P.oh;
i0 += is0 + iw1;
  }
}
// {"mode":"nearest"}: 54 lines, sha256 d960fb9ba2f98f8b
// {"adjoint":true}: 74 lines, sha256 10d66b9f88272b16
// {"mode":"nearest","adjoint":true,"lanes":1}: 73 lines, sha256 9e58be5719435e21
