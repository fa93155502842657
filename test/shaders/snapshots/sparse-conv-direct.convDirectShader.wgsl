// convDirectShader {"direction":"forward","bias":true,"activation":"relu","workgroup":64}
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read> stream: array<vec4u>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> result: array<f32>;
struct Params { n: u32, pixels: u32, gridH: u32, gridW: u32, lines: u32, capacity: u32, biasPart: u32, images: u32, resultH: u32, resultW: u32, resultC: u32, sourceH: u32, sourceW: u32, sourceC: u32, sourcePart: u32, strideY: i32, strideX: i32 }
@group(0) @binding(5) var<uniform> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = gid.x + gid.y * groups.x * 64u;
  if (i >= P.n) { return; }
  let line = i / P.pixels % P.lines;
  let phase = i / P.pixels / P.lines;
  let part = line / P.resultC;
  let channel = line % P.resultC;
  let gridX = i % P.pixels % P.gridW;
  let gridY = i % P.pixels / P.gridW % P.gridH;
  let image = i % P.pixels / P.gridW / P.gridH;

  let y = gridY;
  let x = gridX;
  let fromY = i32(gridY) * P.strideY;
  let fromX = i32(gridX) * P.strideX;

  if (y >= P.resultH || x >= P.resultW) { return; }
  let base = ((i32(part * P.sourcePart + image) * i32(P.sourceH) + fromY) * i32(P.sourceW) + fromX) * i32(P.sourceC);
  let segment = phase * P.lines + line;
  var p = segment * P.capacity;
  let end = p + counts[segment];
  var sum = 0.0;
  for (; p < end; p++) {
    let entry = stream[p];
    let inside = (u32(fromY + i32(entry.x)) < P.sourceH) & (u32(fromX + i32(entry.y)) < P.sourceW);
    let value = source[u32(select(0, base + i32(entry.z), inside))];
    sum = select(sum, fma(bitcast<f32>(entry.w), value, sum), inside);
  }
  let value = sum + bias[part * P.biasPart + channel];
  let place = (((part * P.images + image) * P.resultH + y) * P.resultW + x) * P.resultC + channel;
  result[place] = select(value, f32(0.0), value <= f32(0.0));
}
// {"direction":"input","bias":false,"activation":"none"}: 40 lines, sha256 d72be9dbde0364db
// {"activation":"sigmoid"}: 45 lines, sha256 ab7732780b7bfc6a
