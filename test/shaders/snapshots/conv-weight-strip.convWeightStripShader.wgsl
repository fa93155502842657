// convWeightStripShader {"lanes":8,"rows":10,"taps":5}
enable subgroups;
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
struct Params { images: u32, h: u32, w: u32, channels: u32, outH: u32, outW: u32, outChannels: u32, groups: u32, depth: u32, rows: u32, rowTiles: u32, tileRows: u32, xPart: u32, yPart: u32, wPart: u32, kh: u32, chunk: u32, splitStep: u32, padY: i32, padX: i32 }
@group(0) @binding(3) var<uniform> P: Params;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rowTile = id.z % P.rowTiles;
  let part = id.z / P.rowTiles;
  let member = part / P.groups;
  let group = part % P.groups;
  let first = rowTile * 10u;
  let column = id.x * 8u + lane;
  let place = min(column, P.kh * P.depth - 1u);
  let r = place / P.depth;
  let c = place - r * P.depth;
  let dealt0 = 0u + lane;
  let j0 = dealt0 / 10u;
  let o0 = dealt0 - j0 * 10u;
  let gAt0 = j0 * P.outChannels + o0;
  let has0 = (j0 < 4u) & (first + o0 < P.rows);
let dealt1 = 8u + lane;
  let j1 = dealt1 / 10u;
  let o1 = dealt1 - j1 * 10u;
  let gAt1 = j1 * P.outChannels + o1;
  let has1 = (j1 < 4u) & (first + o1 < P.rows);
let dealt2 = 16u + lane;
  let j2 = dealt2 / 10u;
  let o2 = dealt2 - j2 * 10u;
  let gAt2 = j2 * P.outChannels + o2;
  let has2 = (j2 < 4u) & (first + o2 < P.rows);
let dealt3 = 24u + lane;
  let j3 = dealt3 / 10u;
  let o3 = dealt3 - j3 * 10u;
  let gAt3 = j3 * P.outChannels + o3;
  let has3 = (j3 < 4u) & (first + o3 < P.rows);
let dealt4 = 32u + lane;
  let j4 = dealt4 / 10u;
  let o4 = dealt4 - j4 * 10u;
  let gAt4 = j4 * P.outChannels + o4;
  let has4 = (j4 < 4u) & (first + o4 < P.rows);
  var acc: array<f32, 50>;
  let end = min((id.y + 1u) * P.chunk, P.images * P.outH);
  for (var line = id.y * P.chunk; line < end; line++) {
    let image = line / P.outH;
    let row = i32(line - image * P.outH + r) - P.padY;
    let inside = u32(row) < P.h;
    let xAt = member * P.xPart + (image * P.h + u32(clamp(row, 0, i32(P.h) - 1))) * P.w * P.channels
      + group * P.depth + c;
    let gLine = member * P.yPart + line * P.outW * P.outChannels + group * P.rows + first;
    var x0 = select(0.0, x[xAt + u32(clamp((0 - P.padX), 0, i32(P.w) - 1)) * P.channels], inside & (u32((0 - P.padX)) < P.w));
var x1 = select(0.0, x[xAt + u32(clamp((1 - P.padX), 0, i32(P.w) - 1)) * P.channels], inside & (u32((1 - P.padX)) < P.w));
var x2 = select(0.0, x[xAt + u32(clamp((2 - P.padX), 0, i32(P.w) - 1)) * P.channels], inside & (u32((2 - P.padX)) < P.w));
var x3 = select(0.0, x[xAt + u32(clamp((3 - P.padX), 0, i32(P.w) - 1)) * P.channels], inside & (u32((3 - P.padX)) < P.w));
    for (var left = 0u; left < P.outW; left += 4u) {
      let next = i32(left) - P.padX;
      let x4 = select(0.0, x[xAt + u32(clamp((next + 4), 0, i32(P.w) - 1)) * P.channels], inside & (u32((next + 4)) < P.w));
let x5 = select(0.0, x[xAt + u32(clamp((next + 5), 0, i32(P.w) - 1)) * P.channels], inside & (u32((next + 5)) < P.w));
let x6 = select(0.0, x[xAt + u32(clamp((next + 6), 0, i32(P.w) - 1)) * P.channels], inside & (u32((next + 6)) < P.w));
let x7 = select(0.0, x[xAt + u32(clamp((next + 7), 0, i32(P.w) - 1)) * P.channels], inside & (u32((next + 7)) < P.w));
      let gLeft = gLine + left * P.outChannels;
      let g0 = select(0.0, dy[gLeft + gAt0], has0 & (left + j0 < P.outW));
let g1 = select(0.0, dy[gLeft + gAt1], has1 & (left + j1 < P.outW));
let g2 = select(0.0, dy[gLeft + gAt2], has2 & (left + j2 < P.outW));
let g3 = select(0.0, dy[gLeft + gAt3], has3 & (left + j3 < P.outW));
let g4 = select(0.0, dy[gLeft + gAt4], has4 & (left + j4 < P.outW));
      {
        let s0 = subgroupBroadcast(g0, 0u);
let s1 = subgroupBroadcast(g1, 2u);
let s2 = subgroupBroadcast(g2, 4u);
let s3 = subgroupBroadcast(g3, 6u);
        acc[0] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[0]))));
acc[1] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[1]))));
acc[2] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[2]))));
acc[3] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[3]))));
acc[4] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[4]))));
      }
{
        let s0 = subgroupBroadcast(g0, 1u);
let s1 = subgroupBroadcast(g1, 3u);
let s2 = subgroupBroadcast(g2, 5u);
let s3 = subgroupBroadcast(g3, 7u);
        acc[5] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[5]))));
acc[6] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[6]))));
acc[7] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[7]))));
acc[8] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[8]))));
acc[9] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[9]))));
      }
{
        let s0 = subgroupBroadcast(g0, 2u);
let s1 = subgroupBroadcast(g1, 4u);
let s2 = subgroupBroadcast(g2, 6u);
let s3 = subgroupBroadcast(g4, 0u);
        acc[10] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[10]))));
acc[11] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[11]))));
acc[12] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[12]))));
acc[13] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[13]))));
acc[14] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[14]))));
      }
{
        let s0 = subgroupBroadcast(g0, 3u);
let s1 = subgroupBroadcast(g1, 5u);
let s2 = subgroupBroadcast(g2, 7u);
let s3 = subgroupBroadcast(g4, 1u);
        acc[15] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[15]))));
acc[16] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[16]))));
acc[17] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[17]))));
acc[18] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[18]))));
acc[19] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[19]))));
      }
{
        let s0 = subgroupBroadcast(g0, 4u);
let s1 = subgroupBroadcast(g1, 6u);
let s2 = subgroupBroadcast(g3, 0u);
let s3 = subgroupBroadcast(g4, 2u);
        acc[20] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[20]))));
acc[21] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[21]))));
acc[22] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[22]))));
acc[23] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[23]))));
acc[24] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[24]))));
      }
{
        let s0 = subgroupBroadcast(g0, 5u);
let s1 = subgroupBroadcast(g1, 7u);
let s2 = subgroupBroadcast(g3, 1u);
let s3 = subgroupBroadcast(g4, 3u);
        acc[25] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[25]))));
acc[26] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[26]))));
acc[27] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[27]))));
acc[28] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[28]))));
acc[29] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[29]))));
      }
{
        let s0 = subgroupBroadcast(g0, 6u);
let s1 = subgroupBroadcast(g2, 0u);
let s2 = subgroupBroadcast(g3, 2u);
let s3 = subgroupBroadcast(g4, 4u);
        acc[30] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[30]))));
acc[31] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[31]))));
acc[32] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[32]))));
acc[33] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[33]))));
acc[34] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[34]))));
      }
{
        let s0 = subgroupBroadcast(g0, 7u);
let s1 = subgroupBroadcast(g2, 1u);
let s2 = subgroupBroadcast(g3, 3u);
let s3 = subgroupBroadcast(g4, 5u);
        acc[35] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[35]))));
acc[36] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[36]))));
acc[37] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[37]))));
acc[38] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[38]))));
acc[39] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[39]))));
      }
{
        let s0 = subgroupBroadcast(g1, 0u);
let s1 = subgroupBroadcast(g2, 2u);
let s2 = subgroupBroadcast(g3, 4u);
let s3 = subgroupBroadcast(g4, 6u);
        acc[40] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[40]))));
acc[41] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[41]))));
acc[42] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[42]))));
acc[43] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[43]))));
acc[44] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[44]))));
      }
{
        let s0 = subgroupBroadcast(g1, 1u);
let s1 = subgroupBroadcast(g2, 3u);
let s2 = subgroupBroadcast(g3, 5u);
let s3 = subgroupBroadcast(g4, 7u);
        acc[45] = fma(s3, x3, fma(s2, x2, fma(s1, x1, fma(s0, x0, acc[45]))));
acc[46] = fma(s3, x4, fma(s2, x3, fma(s1, x2, fma(s0, x1, acc[46]))));
acc[47] = fma(s3, x5, fma(s2, x4, fma(s1, x3, fma(s0, x2, acc[47]))));
acc[48] = fma(s3, x6, fma(s2, x5, fma(s1, x4, fma(s0, x3, acc[48]))));
acc[49] = fma(s3, x7, fma(s2, x6, fma(s1, x5, fma(s0, x4, acc[49]))));
      }
      x0 = x4;
x1 = x5;
x2 = x6;
x3 = x7;
    }
  }
  if (column < P.kh * P.depth) {
    let at = id.y * P.splitStep + member * P.wPart + ((group * P.rows + first) * P.kh + r) * 5u * P.depth + c;
    // The bound is a parameter, and the min() hides the array's length: else the driver would unroll the loop.
    for (var o = 0u; o < P.tileRows; o++) {
      if (first + o < P.rows) {
        dw[at + (o * P.kh * 5u + 0u) * P.depth] = acc[min(o * 5u + 0u, 49u)];
dw[at + (o * P.kh * 5u + 1u) * P.depth] = acc[min(o * 5u + 1u, 49u)];
dw[at + (o * P.kh * 5u + 2u) * P.depth] = acc[min(o * 5u + 2u, 49u)];
dw[at + (o * P.kh * 5u + 3u) * P.depth] = acc[min(o * 5u + 3u, 49u)];
dw[at + (o * P.kh * 5u + 4u) * P.depth] = acc[min(o * 5u + 4u, 49u)];
      }
    }
  }
}
// {"lanes":4,"rows":24,"taps":3}: 412 lines, sha256 d767e4a8fa8ed2bd
// {"lanes":16,"rows":5,"taps":11}: 173 lines, sha256 026e5e2782f22a38
// {"lanes":32,"rows":16,"taps":2}: 189 lines, sha256 0bddddeab7e70811
