// poolShader {"kind":"max","adaptive":false,"disjoint":false,"tile":null,"lanes":4}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> index: array<vec4i>;
struct Params { n: u32, chunk: u32, channels: u32, h: u32, w: u32, oh: u32, ow: u32, kh: u32, kw: u32, strideY: u32, strideX: u32, padY: u32, padX: u32, countPad: u32, images: u32 }
var<immediate> P: Params;
fn windowOf(o: u32, size: u32, parts: u32, k: u32, stride: u32, pad: u32) -> vec2u {
  let first = o * stride;
  return vec2u(max(first, pad) - pad, min(max(first + k, pad) - pad, size));
}
fn holders(i: u32, size: u32, parts: u32, k: u32, stride: u32, pad: u32) -> vec2u {
  let at = i + pad;
  return vec2u(select(0u, (at - k) / stride + 1u, at >= k), min(at / stride + 1u, parts));
}
// Length that an average divides by: without the padding, or with it (but never past the far edge of the padding).
fn extent(o: u32, size: u32, parts: u32, k: u32, stride: u32, pad: u32) -> u32 {
  if (P.countPad != 0u) { return min(o * stride + k, size + 2u * pad) - o * stride; }
  let s = windowOf(o, size, parts, k, stride, pad);
  return s.y - s.x;
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
    let image = i0 * P.h * P.w;
    var best = vec4f(bitcast<f32>(0xff800000u | (P.n & 0u)));
    var place = vec4i(i32(windowOf(i1, P.h, P.oh, P.kh, P.strideY, P.padY).x * P.w + windowOf(i2, P.w, P.ow, P.kw, P.strideX, P.padX).x));
    
    let rows = windowOf(i1, P.h, P.oh, P.kh, P.strideY, P.padY);
    let cols = windowOf(i2, P.w, P.ow, P.kw, P.strideX, P.padX);
    for (var r = rows.x; r < rows.y; r++) {
      var pixel = r * P.w + cols.x;
      for (var c = cols.x; c < cols.y; c++) {
        let v = x[(image + pixel) * P.channels + i3];
        let wins = (v > best) | ((bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
        best = select(best, v, wins);
        place = select(place, vec4i(i32(pixel)), wins);
        pixel++;
      }
    }
    y[i] = best;
    index[i] = place;
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
// {"kind":"gather"}: 57 lines, sha256 0d31f158cebebca1
// {"kind":"scatter"}: 67 lines, sha256 63edbe875884b775
// {"kind":"scatter","disjoint":true}: 69 lines, sha256 d2f6a863afdaab27
// {"kind":"max","lanes":2}: 72 lines, sha256 35f6e446f059b602
// {"kind":"max","disjoint":true,"tile":[2,2]}: 77 lines, sha256 8c19aae3d6ac5c0a
// {"kind":"scatter","disjoint":true,"tile":[1,3],"lanes":2}: 62 lines, sha256 628fbac9c00b24b2
// {"kind":"avgInput","disjoint":true,"tile":[2,1],"lanes":1}: 59 lines, sha256 9d47d9a1f57afa7c
// {"kind":"gather","lanes":2}: 57 lines, sha256 bcece3d05fb05cc9
// {"kind":"avg","lanes":1}: 66 lines, sha256 5a7765ee4ffb49ff
// {"kind":"avg","adaptive":true}: 56 lines, sha256 9df1df98283e4680
// {"kind":"avgInput"}: 66 lines, sha256 b5b15925d1d9e3c7
// {"kind":"avgInput","disjoint":true,"lanes":1}: 67 lines, sha256 ad2f7995880a99b3
