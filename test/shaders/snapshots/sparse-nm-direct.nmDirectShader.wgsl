// nmDirectShader {"width":4,"along":"n","bias":true,"activation":"relu","workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> indices: array<u32>;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<vec4f>;
struct Params { rows: u32, n: u32, length: u32, valuePart: u32, bPart: u32, bK: u32, bN: u32, cM: u32, cN: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let unit = id.x + id.y * groups.x * 64u;
  let columns = P.n / 4u;
  if (unit >= P.rows * columns) { return; }

  let row = unit / columns;
  let column = unit % columns * 4u;

  let part = id.z;
  let first = row * P.length;
  let base = part * P.bPart + column * P.bN;
  var sum = vec4f();
  for (var p = first; p < first + P.length; p++) {
    sum = fma(vec4f(values[part * P.valuePart + p]), b[(base + indices[p] * P.bK) / 4u], sum);
  }
  sum += vec4f(bias[row]);
  c[(part * P.rows * P.n + row * P.cM + column * P.cN) / 4u] = select(sum, vec4f(0.0), sum <= vec4f(0.0));
}
// {"width":1,"along":"rows","bias":false,"activation":"tanh"}: 34 lines, sha256 ad477c2415c7ca7d
