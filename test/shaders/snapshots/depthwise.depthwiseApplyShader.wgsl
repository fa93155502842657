// depthwiseApplyShader {"direction":"forward","lanes":4,"pixels":4,"slide":true,"bias":true,"activation":"relu"}
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<vec4f>;
struct Params { n: u32, chunk: u32, models: u32, images: u32, rows: u32, blocks: u32, channels: u32, sourceChannels: u32, multiplier: u32, sourcePart: u32, weightPart: u32, biasPart: u32, cols: i32, sourceH: i32, sourceW: i32, kh: i32, kw: i32, strideY: i32, strideX: i32, padY: i32, padX: i32, dilationY: i32, dilationX: i32, tapStepY: i32, tapStepX: i32, sourceStepY: i32, sourceStepX: i32 }
@group(0) @binding(4) var<uniform> P: Params;
fn pixelAt(row: u32, col: i32) -> vec4f {
  let v = source[row + u32(clamp(col, 0, P.sourceW - 1)) * P.sourceChannels];
  return select(vec4f(0.0), v, u32(col) < u32(P.sourceW));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let taps = u32(P.kh * P.kw);
  let chunkStart = (group.x + group.y * groups.x) * P.chunk;
  let chunkEnd = min(chunkStart + P.chunk, P.n);
  var i = chunkStart + lane;
  var i4 = i % P.channels;
let ir4 = i / P.channels;
var i3 = ir4 % P.blocks;
let ir3 = ir4 / P.blocks;
var i2 = ir3 % P.rows;
let ir2 = ir3 / P.rows;
var i1 = ir2 % P.images;
let ir1 = ir2 / P.images;
var i0 = ir1;
  let is4 = 64u % P.channels;
let isr4 = 64u / P.channels;
let is3 = isr4 % P.blocks;
let isr3 = isr4 / P.blocks;
let is2 = isr3 % P.rows;
let isr2 = isr3 / P.rows;
let is1 = isr2 % P.images;
let isr1 = isr2 / P.images;
let is0 = isr1;
  while (i < chunkEnd) {
    let y = i32(i2);

    let apart = 1;
    let across = P.strideX;
    let x = i32(i3) * 4;
    let tapY = 0;
    let tapX = 0;
    var sy = y * P.strideY - P.padY;
    let fromX = x * P.strideX - P.padX;

    var acc0 = vec4f(0.0); var v0 = vec4f(0.0);
        var acc1 = vec4f(0.0); var v1 = vec4f(0.0);
        var acc2 = vec4f(0.0); var v2 = vec4f(0.0);
        var acc3 = vec4f(0.0); var v3 = vec4f(0.0);

    let base = (i0 * P.sourcePart + i1 * u32(P.sourceH * P.sourceW)) * P.sourceChannels + i4;
    let first = (i0 * P.weightPart + i4 * 4u) * taps;
    for (var ky = tapY; ky < P.kh; ky += P.tapStepY) {
      if (sy >= 0 && sy < P.sourceH) {
        let row = base + u32(sy * P.sourceW) * P.sourceChannels;
        var sx = fromX;

        v0 = pixelAt(row, sx + 0 * across);
        v1 = pixelAt(row, sx + 1 * across);
        v2 = pixelAt(row, sx + 2 * across);

        for (var kx = tapX; kx < P.kw; kx += P.tapStepX) {
          let at = first + u32(ky * P.kw + kx);
          let w = vec4f(weight[at + 0u * taps], weight[at + 1u * taps], weight[at + 2u * taps], weight[at + 3u * taps]);

          v3 = pixelAt(row, sx + 3 * across);

          acc0 = fma(v0, w, acc0);
        acc1 = fma(v1, w, acc1);
        acc2 = fma(v2, w, acc2);
        acc3 = fma(v3, w, acc3);

          v0 = v1; v1 = v2; v2 = v3;

          sx += P.sourceStepX;
        }
      }
      sy += P.sourceStepY;
    }


    let shift = vec4f(bias[i0 * P.biasPart + i4 * 4u + 0u], bias[i0 * P.biasPart + i4 * 4u + 1u], bias[i0 * P.biasPart + i4 * 4u + 2u], bias[i0 * P.biasPart + i4 * 4u + 3u]);

    let place = ((i0 * P.images + i1) * P.rows + i2) * u32(P.cols);
    { let col = x + 0 * apart;
    let value = acc0 + shift;
    if (col < P.cols) { result[(place + u32(col)) * P.channels + i4] = select(value, vec4f(0.0), value <= vec4f(0.0)); } }
        { let col = x + 1 * apart;
    let value = acc1 + shift;
    if (col < P.cols) { result[(place + u32(col)) * P.channels + i4] = select(value, vec4f(0.0), value <= vec4f(0.0)); } }
        { let col = x + 2 * apart;
    let value = acc2 + shift;
    if (col < P.cols) { result[(place + u32(col)) * P.channels + i4] = select(value, vec4f(0.0), value <= vec4f(0.0)); } }
        { let col = x + 3 * apart;
    let value = acc3 + shift;
    if (col < P.cols) { result[(place + u32(col)) * P.channels + i4] = select(value, vec4f(0.0), value <= vec4f(0.0)); } }
    i += 64u;
    i4 += is4;
let iw4 = select(0u, 1u, i4 >= P.channels);
i4 -= iw4 * P.channels;
i3 += is3 + iw4;
let iw3 = select(0u, 1u, i3 >= P.blocks);
i3 -= iw3 * P.blocks;
i2 += is2 + iw3;
let iw2 = select(0u, 1u, i2 >= P.rows);
i2 -= iw2 * P.rows;
i1 += is1 + iw2;
let iw1 = select(0u, 1u, i1 >= P.images);
i1 -= iw1 * P.images;
i0 += is0 + iw1;
  }
}
// {"direction":"input","bias":false,"activation":"none"}: 124 lines, sha256 fc424d04534d8a8c
// {"slide":false}: 111 lines, sha256 7ca2a8fb48cbd817
// {"lanes":1,"pixels":1,"slide":false,"activation":"sigmoid"}: 97 lines, sha256 8dcd127a1cceaf4c
