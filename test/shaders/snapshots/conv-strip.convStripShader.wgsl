// convStripShader {"lanes":8,"rows":10,"strips":2,"taps":5,"vector":false,"byImage":false,"bias":true,"activation":"relu"}
enable subgroups;
@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
struct Params { images: u32, h: u32, w: u32, channels: u32, outH: u32, outW: u32, outChannels: u32, groups: u32, depth: u32, rows: u32, rowTiles: u32, tileRows: u32, xPart: u32, wPart: u32, wGroup: u32, yPart: u32, biasPart: u32, kh: i32, padY: i32, padX: i32, wStart: i32, wRow: i32, wTap: i32, wTapRow: i32, wChannel: i32 }
@group(0) @binding(4) var<uniform> P: Params;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let rowTile = id.z % P.rowTiles;
  let part = id.z / P.rowTiles;
  let member = part / P.groups;
  let group = part % P.groups;
  let first = rowTile * 10u;
  let across = (P.outW + 3u) / 4u;
  let down = (P.outH + 1u) / 2u;
  let places = down * across;
  let number = id.x + id.y * count.x;
  let real = number * 8u + lane < P.images * places;
  let all = min(number * 8u + lane, P.images * places - 1u);
  let image = all / places;
  let place = all - image * places;
  let line = place / across;
  let left = (place - line * across) * 4u;
  let row = line * 2u;
  let top = i32(row) - P.padY;
  let r0 = 0;
  let r1 = P.kh;
  let base = member * P.xPart + image * P.h * P.w * P.channels + group * P.depth;
  let col0 = i32(left) + 0 - P.padX;
  let in0 = u32(col0) < P.w;
  let at0 = u32(clamp(col0, 0, i32(P.w) - 1)) * P.channels;
let col1 = i32(left) + 1 - P.padX;
  let in1 = u32(col1) < P.w;
  let at1 = u32(clamp(col1, 0, i32(P.w) - 1)) * P.channels;
let col2 = i32(left) + 2 - P.padX;
  let in2 = u32(col2) < P.w;
  let at2 = u32(clamp(col2, 0, i32(P.w) - 1)) * P.channels;
let col3 = i32(left) + 3 - P.padX;
  let in3 = u32(col3) < P.w;
  let at3 = u32(clamp(col3, 0, i32(P.w) - 1)) * P.channels;
let col4 = i32(left) + 4 - P.padX;
  let in4 = u32(col4) < P.w;
  let at4 = u32(clamp(col4, 0, i32(P.w) - 1)) * P.channels;
let col5 = i32(left) + 5 - P.padX;
  let in5 = u32(col5) < P.w;
  let at5 = u32(clamp(col5, 0, i32(P.w) - 1)) * P.channels;
let col6 = i32(left) + 6 - P.padX;
  let in6 = u32(col6) < P.w;
  let at6 = u32(clamp(col6, 0, i32(P.w) - 1)) * P.channels;
let col7 = i32(left) + 7 - P.padX;
  let in7 = u32(col7) < P.w;
  let at7 = u32(clamp(col7, 0, i32(P.w) - 1)) * P.channels;
  let dealt0 = 0u + lane;
  let wAt0 = i32(min(first + dealt0 / 5u, P.rows - 1u)) * P.wRow + i32(dealt0 % 5u) * P.wTap;
let dealt1 = 8u + lane;
  let wAt1 = i32(min(first + dealt1 / 5u, P.rows - 1u)) * P.wRow + i32(dealt1 % 5u) * P.wTap;
let dealt2 = 16u + lane;
  let wAt2 = i32(min(first + dealt2 / 5u, P.rows - 1u)) * P.wRow + i32(dealt2 % 5u) * P.wTap;
let dealt3 = 24u + lane;
  let wAt3 = i32(min(first + dealt3 / 5u, P.rows - 1u)) * P.wRow + i32(dealt3 % 5u) * P.wTap;
let dealt4 = 32u + lane;
  let wAt4 = i32(min(first + dealt4 / 5u, P.rows - 1u)) * P.wRow + i32(dealt4 % 5u) * P.wTap;
let dealt5 = 40u + lane;
  let wAt5 = i32(min(first + dealt5 / 5u, P.rows - 1u)) * P.wRow + i32(dealt5 % 5u) * P.wTap;
let dealt6 = 48u + lane;
  let wAt6 = i32(min(first + dealt6 / 5u, P.rows - 1u)) * P.wRow + i32(dealt6 % 5u) * P.wTap;
  let wBase = i32(member * P.wPart + group * P.wGroup) + P.wStart;
  var acc: array<vec4f, 20>;
  let bias0 = bias[member * P.biasPart + group * P.rows + min(first + 0u + lane, P.rows - 1u)];
let bias1 = bias[member * P.biasPart + group * P.rows + min(first + 8u + lane, P.rows - 1u)];
acc[0] = vec4f(subgroupBroadcast(bias0, 0u));
acc[1] = vec4f(subgroupBroadcast(bias0, 0u));
acc[2] = vec4f(subgroupBroadcast(bias0, 1u));
acc[3] = vec4f(subgroupBroadcast(bias0, 1u));
acc[4] = vec4f(subgroupBroadcast(bias0, 2u));
acc[5] = vec4f(subgroupBroadcast(bias0, 2u));
acc[6] = vec4f(subgroupBroadcast(bias0, 3u));
acc[7] = vec4f(subgroupBroadcast(bias0, 3u));
acc[8] = vec4f(subgroupBroadcast(bias0, 4u));
acc[9] = vec4f(subgroupBroadcast(bias0, 4u));
acc[10] = vec4f(subgroupBroadcast(bias0, 5u));
acc[11] = vec4f(subgroupBroadcast(bias0, 5u));
acc[12] = vec4f(subgroupBroadcast(bias0, 6u));
acc[13] = vec4f(subgroupBroadcast(bias0, 6u));
acc[14] = vec4f(subgroupBroadcast(bias0, 7u));
acc[15] = vec4f(subgroupBroadcast(bias0, 7u));
acc[16] = vec4f(subgroupBroadcast(bias1, 0u));
acc[17] = vec4f(subgroupBroadcast(bias1, 0u));
acc[18] = vec4f(subgroupBroadcast(bias1, 1u));
acc[19] = vec4f(subgroupBroadcast(bias1, 1u));
  for (var c = 0u; c < P.depth; c++) {
    let source0 = top + r0 + 0;
    let live0 = u32(source0) < P.h;
    let from0 = base + u32(clamp(source0, 0, i32(P.h) - 1)) * P.w * P.channels + c;
    var x0_0 = select(0.0, x[from0 + at0], live0 & in0);
var x0_1 = select(0.0, x[from0 + at1], live0 & in1);
var x0_2 = select(0.0, x[from0 + at2], live0 & in2);
var x0_3 = select(0.0, x[from0 + at3], live0 & in3);
var x0_4 = select(0.0, x[from0 + at4], live0 & in4);
var x0_5 = select(0.0, x[from0 + at5], live0 & in5);
var x0_6 = select(0.0, x[from0 + at6], live0 & in6);
var x0_7 = select(0.0, x[from0 + at7], live0 & in7);
    var wAt = wBase + i32(c) * P.wChannel + r0 * P.wTapRow;
    for (var r = r0; r < r1; r++) {
      let w0 = w[u32(wAt + wAt0)];
let w1 = w[u32(wAt + wAt1)];
let w2 = w[u32(wAt + wAt2)];
let w3 = w[u32(wAt + wAt3)];
let w4 = w[u32(wAt + wAt4)];
let w5 = w[u32(wAt + wAt5)];
let w6 = w[u32(wAt + wAt6)];
      let source1 = top + r + 1;
    let live1 = u32(source1) < P.h;
    let from1 = base + u32(clamp(source1, 0, i32(P.h) - 1)) * P.w * P.channels + c;
    let x1_0 = select(0.0, x[from1 + at0], live1 & in0);
let x1_1 = select(0.0, x[from1 + at1], live1 & in1);
let x1_2 = select(0.0, x[from1 + at2], live1 & in2);
let x1_3 = select(0.0, x[from1 + at3], live1 & in3);
let x1_4 = select(0.0, x[from1 + at4], live1 & in4);
let x1_5 = select(0.0, x[from1 + at5], live1 & in5);
let x1_6 = select(0.0, x[from1 + at6], live1 & in6);
let x1_7 = select(0.0, x[from1 + at7], live1 & in7);
      let b0_0 = vec4f(x0_0, x0_1, x0_2, x0_3);
let b0_1 = vec4f(x0_1, x0_2, x0_3, x0_4);
let b0_2 = vec4f(x0_2, x0_3, x0_4, x0_5);
let b0_3 = vec4f(x0_3, x0_4, x0_5, x0_6);
let b0_4 = vec4f(x0_4, x0_5, x0_6, x0_7);
let b1_0 = vec4f(x1_0, x1_1, x1_2, x1_3);
let b1_1 = vec4f(x1_1, x1_2, x1_3, x1_4);
let b1_2 = vec4f(x1_2, x1_3, x1_4, x1_5);
let b1_3 = vec4f(x1_3, x1_4, x1_5, x1_6);
let b1_4 = vec4f(x1_4, x1_5, x1_6, x1_7);
      let s0_0 = vec4f(subgroupBroadcast(w0, 0u));
let s0_1 = vec4f(subgroupBroadcast(w0, 1u));
let s0_2 = vec4f(subgroupBroadcast(w0, 2u));
let s0_3 = vec4f(subgroupBroadcast(w0, 3u));
let s0_4 = vec4f(subgroupBroadcast(w0, 4u));
      acc[0] = fma(s0_4, b0_4, fma(s0_3, b0_3, fma(s0_2, b0_2, fma(s0_1, b0_1, fma(s0_0, b0_0, acc[0])))));
acc[1] = fma(s0_4, b1_4, fma(s0_3, b1_3, fma(s0_2, b1_2, fma(s0_1, b1_1, fma(s0_0, b1_0, acc[1])))));
let s1_0 = vec4f(subgroupBroadcast(w0, 5u));
let s1_1 = vec4f(subgroupBroadcast(w0, 6u));
let s1_2 = vec4f(subgroupBroadcast(w0, 7u));
let s1_3 = vec4f(subgroupBroadcast(w1, 0u));
let s1_4 = vec4f(subgroupBroadcast(w1, 1u));
      acc[2] = fma(s1_4, b0_4, fma(s1_3, b0_3, fma(s1_2, b0_2, fma(s1_1, b0_1, fma(s1_0, b0_0, acc[2])))));
acc[3] = fma(s1_4, b1_4, fma(s1_3, b1_3, fma(s1_2, b1_2, fma(s1_1, b1_1, fma(s1_0, b1_0, acc[3])))));
let s2_0 = vec4f(subgroupBroadcast(w1, 2u));
let s2_1 = vec4f(subgroupBroadcast(w1, 3u));
let s2_2 = vec4f(subgroupBroadcast(w1, 4u));
let s2_3 = vec4f(subgroupBroadcast(w1, 5u));
let s2_4 = vec4f(subgroupBroadcast(w1, 6u));
      acc[4] = fma(s2_4, b0_4, fma(s2_3, b0_3, fma(s2_2, b0_2, fma(s2_1, b0_1, fma(s2_0, b0_0, acc[4])))));
acc[5] = fma(s2_4, b1_4, fma(s2_3, b1_3, fma(s2_2, b1_2, fma(s2_1, b1_1, fma(s2_0, b1_0, acc[5])))));
let s3_0 = vec4f(subgroupBroadcast(w1, 7u));
let s3_1 = vec4f(subgroupBroadcast(w2, 0u));
let s3_2 = vec4f(subgroupBroadcast(w2, 1u));
let s3_3 = vec4f(subgroupBroadcast(w2, 2u));
let s3_4 = vec4f(subgroupBroadcast(w2, 3u));
      acc[6] = fma(s3_4, b0_4, fma(s3_3, b0_3, fma(s3_2, b0_2, fma(s3_1, b0_1, fma(s3_0, b0_0, acc[6])))));
acc[7] = fma(s3_4, b1_4, fma(s3_3, b1_3, fma(s3_2, b1_2, fma(s3_1, b1_1, fma(s3_0, b1_0, acc[7])))));
let s4_0 = vec4f(subgroupBroadcast(w2, 4u));
let s4_1 = vec4f(subgroupBroadcast(w2, 5u));
let s4_2 = vec4f(subgroupBroadcast(w2, 6u));
let s4_3 = vec4f(subgroupBroadcast(w2, 7u));
let s4_4 = vec4f(subgroupBroadcast(w3, 0u));
      acc[8] = fma(s4_4, b0_4, fma(s4_3, b0_3, fma(s4_2, b0_2, fma(s4_1, b0_1, fma(s4_0, b0_0, acc[8])))));
acc[9] = fma(s4_4, b1_4, fma(s4_3, b1_3, fma(s4_2, b1_2, fma(s4_1, b1_1, fma(s4_0, b1_0, acc[9])))));
let s5_0 = vec4f(subgroupBroadcast(w3, 1u));
let s5_1 = vec4f(subgroupBroadcast(w3, 2u));
let s5_2 = vec4f(subgroupBroadcast(w3, 3u));
let s5_3 = vec4f(subgroupBroadcast(w3, 4u));
let s5_4 = vec4f(subgroupBroadcast(w3, 5u));
      acc[10] = fma(s5_4, b0_4, fma(s5_3, b0_3, fma(s5_2, b0_2, fma(s5_1, b0_1, fma(s5_0, b0_0, acc[10])))));
acc[11] = fma(s5_4, b1_4, fma(s5_3, b1_3, fma(s5_2, b1_2, fma(s5_1, b1_1, fma(s5_0, b1_0, acc[11])))));
let s6_0 = vec4f(subgroupBroadcast(w3, 6u));
let s6_1 = vec4f(subgroupBroadcast(w3, 7u));
let s6_2 = vec4f(subgroupBroadcast(w4, 0u));
let s6_3 = vec4f(subgroupBroadcast(w4, 1u));
let s6_4 = vec4f(subgroupBroadcast(w4, 2u));
      acc[12] = fma(s6_4, b0_4, fma(s6_3, b0_3, fma(s6_2, b0_2, fma(s6_1, b0_1, fma(s6_0, b0_0, acc[12])))));
acc[13] = fma(s6_4, b1_4, fma(s6_3, b1_3, fma(s6_2, b1_2, fma(s6_1, b1_1, fma(s6_0, b1_0, acc[13])))));
let s7_0 = vec4f(subgroupBroadcast(w4, 3u));
let s7_1 = vec4f(subgroupBroadcast(w4, 4u));
let s7_2 = vec4f(subgroupBroadcast(w4, 5u));
let s7_3 = vec4f(subgroupBroadcast(w4, 6u));
let s7_4 = vec4f(subgroupBroadcast(w4, 7u));
      acc[14] = fma(s7_4, b0_4, fma(s7_3, b0_3, fma(s7_2, b0_2, fma(s7_1, b0_1, fma(s7_0, b0_0, acc[14])))));
acc[15] = fma(s7_4, b1_4, fma(s7_3, b1_3, fma(s7_2, b1_2, fma(s7_1, b1_1, fma(s7_0, b1_0, acc[15])))));
let s8_0 = vec4f(subgroupBroadcast(w5, 0u));
let s8_1 = vec4f(subgroupBroadcast(w5, 1u));
let s8_2 = vec4f(subgroupBroadcast(w5, 2u));
let s8_3 = vec4f(subgroupBroadcast(w5, 3u));
let s8_4 = vec4f(subgroupBroadcast(w5, 4u));
      acc[16] = fma(s8_4, b0_4, fma(s8_3, b0_3, fma(s8_2, b0_2, fma(s8_1, b0_1, fma(s8_0, b0_0, acc[16])))));
acc[17] = fma(s8_4, b1_4, fma(s8_3, b1_3, fma(s8_2, b1_2, fma(s8_1, b1_1, fma(s8_0, b1_0, acc[17])))));
let s9_0 = vec4f(subgroupBroadcast(w5, 5u));
let s9_1 = vec4f(subgroupBroadcast(w5, 6u));
let s9_2 = vec4f(subgroupBroadcast(w5, 7u));
let s9_3 = vec4f(subgroupBroadcast(w6, 0u));
let s9_4 = vec4f(subgroupBroadcast(w6, 1u));
      acc[18] = fma(s9_4, b0_4, fma(s9_3, b0_3, fma(s9_2, b0_2, fma(s9_1, b0_1, fma(s9_0, b0_0, acc[18])))));
acc[19] = fma(s9_4, b1_4, fma(s9_3, b1_3, fma(s9_2, b1_2, fma(s9_1, b1_1, fma(s9_0, b1_0, acc[19])))));
      x0_0 = x1_0;
x0_1 = x1_1;
x0_2 = x1_2;
x0_3 = x1_3;
x0_4 = x1_4;
x0_5 = x1_5;
x0_6 = x1_6;
x0_7 = x1_7;
      wAt += P.wTapRow;
    }
  }
  let to0 = member * P.yPart + ((image * P.outH + row + 0u) * P.outW + left) * P.outChannels
    + group * P.rows + first;
  let wide0 = select(0u, min(4u, P.outW - left), real & (row + 0u < P.outH));
  for (var o = 0u; o < P.tileRows; o++) {
    if (first + o < P.rows) {
      let sum = acc[min((o) * 2u + 0u, 19u)];
      let value = select(sum, vec4f(0.0), sum <= vec4f(0.0));
      if (0u < wide0) { y[to0 + 0u * P.outChannels + o] = value[0]; }
if (1u < wide0) { y[to0 + 1u * P.outChannels + o] = value[1]; }
if (2u < wide0) { y[to0 + 2u * P.outChannels + o] = value[2]; }
if (3u < wide0) { y[to0 + 3u * P.outChannels + o] = value[3]; }
    }
  }
let to1 = member * P.yPart + ((image * P.outH + row + 1u) * P.outW + left) * P.outChannels
    + group * P.rows + first;
  let wide1 = select(0u, min(4u, P.outW - left), real & (row + 1u < P.outH));
  for (var o = 0u; o < P.tileRows; o++) {
    if (first + o < P.rows) {
      let sum = acc[min((o) * 2u + 1u, 19u)];
      let value = select(sum, vec4f(0.0), sum <= vec4f(0.0));
      if (0u < wide1) { y[to1 + 0u * P.outChannels + o] = value[0]; }
if (1u < wide1) { y[to1 + 1u * P.outChannels + o] = value[1]; }
if (2u < wide1) { y[to1 + 2u * P.outChannels + o] = value[2]; }
if (3u < wide1) { y[to1 + 3u * P.outChannels + o] = value[3]; }
    }
  }
}
// {"lanes":4,"rows":24,"strips":1,"vector":true}: 373 lines, sha256 0ae30f8f52f78fc6
// {"lanes":16,"rows":4,"taps":11,"byImage":true,"bias":false,"activation":"none"}: 239 lines, sha256 535f94f6228db065
// {"lanes":32,"rows":8,"taps":3,"vector":true,"byImage":true,"activation":"tanh"}: 209 lines, sha256 70231dc5bdc6ea3d
