// convDirectValuesShader {"workgroup":64}
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> across: array<u32>;
@group(0) @binding(2) var<storage, read> line_of: array<u32>;
@group(0) @binding(3) var<storage, read> source: array<f32>;
@group(0) @binding(4) var<storage, read> g: array<f32>;
@group(0) @binding(5) var<storage, read_write> values: array<f32>;
struct Params { entries: u32, parts: u32, side: u32, depth: u32, images: u32, resultH: u32, resultW: u32, resultC: u32, sourceH: u32, sourceW: u32, sourceC: u32, sourcePart: u32, kh: i32, kw: i32, strideY: i32, strideX: i32, padY: i32, padX: i32, dilationY: i32, dilationX: i32 }
@group(0) @binding(6) var<uniform> P: Params;
var<workgroup> sums: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = group.x + group.y * groups.x;
  if (p >= P.entries) { return; }
  var part = 0u;
  while (part + 1u < P.parts) {
    if (starts[(part + 1u) * P.resultC] > p) { break; }
    part++;
  }
  let output = line_of[p];
  let tap = i32(across[p] / P.depth);
  let channel = output / P.side * P.depth + across[p] % P.depth;
  let downY = tap / P.kw * P.dilationY - P.padY;
  let downX = tap % P.kw * P.dilationX - P.padX;
  let pixels = P.images * P.resultH * P.resultW;
  var sum = 0.0;
  for (var i = lane; i < pixels; i += 64u) {
    let image = i / P.resultW / P.resultH;
    let y = u32(i32(i / P.resultW % P.resultH) * P.strideY + downY);
    let x = u32(i32(i % P.resultW) * P.strideX + downX);
    let inside = (y < P.sourceH) & (x < P.sourceW);
    let at = (((part * P.sourcePart + image) * P.sourceH + y) * P.sourceW + x) * P.sourceC + channel;
    let value = source[select(0u, at, inside)];
    let slope = g[(part * pixels + i) * P.resultC + output];
    sum = select(sum, fma(value, slope, sum), inside);
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (lane < half) { sums[lane] += sums[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u) { values[p] = sums[0]; }
}
