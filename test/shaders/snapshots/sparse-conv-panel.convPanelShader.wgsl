// convPanelShader {"lanes":8,"capacity":256,"vector":true,"rows":4,"direction":"forward","bias":true,"activation":"relu"}
enable subgroups;
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> stream: array<vec2u>;
@group(0) @binding(2) var<storage, read> source: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> result: array<vec4f>;
struct Params { n: u32, units: u32, splits: u32, bundles: u32, phases: u32, blocks: u32, blocksImage: u32, blocksRow: u32, resultH: u32, resultW: u32, resultC: u32, sourceH: u32, sourceW: u32, sourceC: u32, sourcePart: u32, images: u32, stepY: i32, stepX: i32, tileH: i32, tileW: i32, pitch: u32, chunks: u32, capacity: u32, bundleDepth: u32, bundleRows: u32, lines: u32, pixels: u32, kh: i32, kw: i32, strideY: i32, strideX: i32, padY: i32, padX: i32, dilationY: i32, dilationX: i32, splitRows: u32, biasPart: u32 }
@group(0) @binding(5) var<uniform> P: Params;
fn originAt(phase: i32, size: i32, stride: i32, pad: i32, dilation: i32) -> i32 { return -pad; }
fn tapAt(tap: i32, phase: i32, size: i32, stride: i32, pad: i32, dilation: i32) -> i32 { return tap * dilation; }
// The source element where channel 0 of a pixel lies, in vectors of four; any where it is outside.
fn pixelAt(image: u32, y: i32, x: i32, inside: bool) -> u32 {
  return select(0u, ((image * P.sourceH + u32(y)) * P.sourceW + u32(x)) * P.sourceC / 4u, inside);
}
// Bounds that a shuffle hands out are the same in all lanes, which the compiler cannot know.
@diagnostic(off, subgroup_uniformity)
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x + group.y * groups.x;
  if (id >= P.n) { return; }
  let unit = id % P.units;
  let split = id / P.units % P.splits;
  let bundle = id / P.units / P.splits % P.bundles;
  let phase = i32(id / P.units / P.splits / P.bundles % P.phases);
  let part = id / P.units / P.splits / P.bundles / P.phases;
  let number = unit * 8u + lane;
  let real = number < P.blocks;
  let block = min(number, P.blocks - 1u);
  let image = block / P.blocksImage;
  let y0 = block % P.blocksImage / P.blocksRow * 2u;
  let x0 = block % P.blocksImage % P.blocksRow * 2u;
  let top = i32(y0) * P.stepY + originAt(phase / P.strideX, P.kh, P.strideY, P.padY, P.dilationY);
  let left = i32(x0) * P.stepX + originAt(phase % P.strideX, P.kw, P.strideX, P.padX, P.dilationX);
  let first = split * P.splitRows;
  let last = min(first + P.splitRows, P.bundleRows);
  let row0 = (y0 + 0u);
    let col0 = (x0 + 0u);
    let inside0 = real & (row0 < P.resultH) & (col0 < P.resultW);
    let place0 = select(-1, i32(((part * P.images + image) * P.resultH + row0) * P.resultW + col0), inside0);
    let row1 = (y0 + 0u);
    let col1 = (x0 + 1u);
    let inside1 = real & (row1 < P.resultH) & (col1 < P.resultW);
    let place1 = select(-1, i32(((part * P.images + image) * P.resultH + row1) * P.resultW + col1), inside1);
    let row2 = (y0 + 1u);
    let col2 = (x0 + 0u);
    let inside2 = real & (row2 < P.resultH) & (col2 < P.resultW);
    let place2 = select(-1, i32(((part * P.images + image) * P.resultH + row2) * P.resultW + col2), inside2);
    let row3 = (y0 + 1u);
    let col3 = (x0 + 1u);
    let inside3 = real & (row3 < P.resultH) & (col3 < P.resultW);
    let place3 = select(-1, i32(((part * P.images + image) * P.resultH + row3) * P.resultW + col3), inside3);
  var places = array<i32, 4>(place0, place1, place2, place3);
  var tile0: array<f32, 256>; var tile1: array<f32, 256>; var tile2: array<f32, 256>; var tile3: array<f32, 256>;
  let right = P.pitch * u32(P.stepX);
  let below = P.pitch * u32(P.stepY * P.tileW);
  for (var chunk = 0u; chunk < P.chunks; chunk++) {
    let channel = bundle * P.bundleDepth + chunk * P.pitch;
    let width = min(P.pitch, P.bundleDepth - chunk * P.pitch) / 4u;
    for (var cellY = 0; cellY < P.tileH; cellY++) {
      let evenY = top + cellY / P.stepY * 2 * P.stepY + cellY % P.stepY;
      for (var cellX = 0; cellX < P.tileW; cellX++) {
        let evenX = left + cellX / P.stepX * 2 * P.stepX + cellX % P.stepX;
        let py0 = evenY;
        let px0 = evenX;
        let in0 = (u32(py0) < P.sourceH) & (u32(px0) < P.sourceW);
        let at0 = pixelAt(part * P.sourcePart + image, py0, px0, in0) + channel / 4u;
let py1 = evenY;
        let px1 = evenX + P.stepX;
        let in1 = (u32(py1) < P.sourceH) & (u32(px1) < P.sourceW);
        let at1 = pixelAt(part * P.sourcePart + image, py1, px1, in1) + channel / 4u;
let py2 = evenY + P.stepY;
        let px2 = evenX;
        let in2 = (u32(py2) < P.sourceH) & (u32(px2) < P.sourceW);
        let at2 = pixelAt(part * P.sourcePart + image, py2, px2, in2) + channel / 4u;
let py3 = evenY + P.stepY;
        let px3 = evenX + P.stepX;
        let in3 = (u32(py3) < P.sourceH) & (u32(px3) < P.sourceW);
        let at3 = pixelAt(part * P.sourcePart + image, py3, px3, in3) + channel / 4u;
        var to = u32(cellY * P.tileW + cellX) * P.pitch;
        for (var c = 0u; c < width; c++) {
          let v0 = select(vec4f(0.0), source[at0 + c], in0);
          tile0[to + 0u] = v0.x; tile0[to + 1u] = v0.y; tile0[to + 2u] = v0.z; tile0[to + 3u] = v0.w;
let v1 = select(vec4f(0.0), source[at1 + c], in1);
          tile1[to + 0u] = v1.x; tile1[to + 1u] = v1.y; tile1[to + 2u] = v1.z; tile1[to + 3u] = v1.w;
let v2 = select(vec4f(0.0), source[at2 + c], in2);
          tile2[to + 0u] = v2.x; tile2[to + 1u] = v2.y; tile2[to + 2u] = v2.z; tile2[to + 3u] = v2.w;
let v3 = select(vec4f(0.0), source[at3 + c], in3);
          tile3[to + 0u] = v3.x; tile3[to + 1u] = v3.y; tile3[to + 2u] = v3.z; tile3[to + 3u] = v3.w;
          to += 4u;
        }
      }
    }
    for (var row = first; row < last; row += 4u) {
      let channel = bundle * P.bundleRows + row;
      var total0 = vec4f(0.0); var total1 = vec4f(0.0); var total2 = vec4f(0.0); var total3 = vec4f(0.0);

      for (var j = 0u; j < P.pixels; j++) {

      let segment = ((u32(phase) * P.lines + part * P.resultC) + channel + j) * P.chunks + chunk;
      var sum0 = 0.0; var sum1 = 0.0; var sum2 = 0.0; var sum3 = 0.0;
      let ends = segment * P.capacity + counts[segment * 4u + (lane & 3u)];
      var p = segment * P.capacity;
      {
        let end = subgroupBroadcast(ends, 0u);
        while (p < end) {
          let some = min(8u, end - p);
          let pair = stream[min(p + lane, end - 1u)];
          for (var u = 0u; u < some; u++) {
            let value = bitcast<f32>(subgroupShuffle(pair.y, u));
            let at = subgroupShuffle(pair.x, u); let v0 = tile0[at]; let v1 = tile1[at]; let v2 = tile2[at]; let v3 = tile3[at];
            sum0 = fma(value, v0, sum0); sum1 = fma(value, v1, sum1); sum2 = fma(value, v2, sum2); sum3 = fma(value, v3, sum3);
          }
          
          p += some;
        }
      }
{
        let end = subgroupBroadcast(ends, 1u);
        while (p < end) {
          let some = min(8u, end - p);
          let pair = stream[min(p + lane, end - 1u)];
          for (var u = 0u; u < some; u++) {
            let value = bitcast<f32>(subgroupShuffle(pair.y, u));
            let at = subgroupShuffle(pair.x, u); let v0 = tile1[at]; let v1 = tile0[at + right]; let v2 = tile3[at]; let v3 = tile2[at + right];
            sum0 = fma(value, v0, sum0); sum1 = fma(value, v1, sum1); sum2 = fma(value, v2, sum2); sum3 = fma(value, v3, sum3);
          }
          
          p += some;
        }
      }
{
        let end = subgroupBroadcast(ends, 2u);
        while (p < end) {
          let some = min(8u, end - p);
          let pair = stream[min(p + lane, end - 1u)];
          for (var u = 0u; u < some; u++) {
            let value = bitcast<f32>(subgroupShuffle(pair.y, u));
            let at = subgroupShuffle(pair.x, u); let v0 = tile2[at]; let v1 = tile3[at]; let v2 = tile0[at + below]; let v3 = tile1[at + below];
            sum0 = fma(value, v0, sum0); sum1 = fma(value, v1, sum1); sum2 = fma(value, v2, sum2); sum3 = fma(value, v3, sum3);
          }
          
          p += some;
        }
      }
{
        let end = subgroupBroadcast(ends, 3u);
        while (p < end) {
          let some = min(8u, end - p);
          let pair = stream[min(p + lane, end - 1u)];
          for (var u = 0u; u < some; u++) {
            let value = bitcast<f32>(subgroupShuffle(pair.y, u));
            let at = subgroupShuffle(pair.x, u); let v0 = tile3[at]; let v1 = tile2[at + right]; let v2 = tile1[at + below]; let v3 = tile0[at + right + below];
            sum0 = fma(value, v0, sum0); sum1 = fma(value, v1, sum1); sum2 = fma(value, v2, sum2); sum3 = fma(value, v3, sum3);
          }
          
          p += some;
        }
      }

        let own = vec4<bool>(j == 0u, j == 1u, j == 2u, j == 3u);
        total0 = select(total0, vec4f(sum0), own);
total1 = select(total1, vec4f(sum1), own);
total2 = select(total2, vec4f(sum2), own);
total3 = select(total3, vec4f(sum3), own);
      }

      let totals = array<vec4f, 4>(total0, total1, total2, total3);
      for (var q = 0u; q < P.pixels; q++) {
        if (places[q] >= 0) {
          let place = (u32(places[q]) * P.resultC + channel) / 4u;
          var value = totals[q];
          if (chunk > 0u) { value += result[place]; }
          if (chunk + 1u == P.chunks) {
            value += bias[(part * P.biasPart + channel) / 4u];
            value = select(value, vec4f(0.0), value <= vec4f(0.0));
          }
          result[place] = value;
        }
      }
    }
  }
}
// {"direction":"input","bias":false,"activation":"none"}: 189 lines, sha256 5d63739f68ad5722
// {"vector":false,"rows":1,"activation":"tanh"}: 182 lines, sha256 ef5ae50d7528ae55
