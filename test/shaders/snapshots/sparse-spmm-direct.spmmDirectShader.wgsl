// spmmDirectShader {"across":8,"down":1,"subgroup":true,"width":4,"b":"rows","c":"rows","bias":true,"activation":"relu"}
enable subgroups;
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> across: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<vec4f>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> c: array<vec4f>;
struct Params { m: u32, k: u32, n: u32, tiles: u32, units: u32, valuePart: u32, bPart: u32, linePart: u32, biasPart: u32 }
var<immediate> P: Params;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  let part = group.z;
  let bBase = part * P.bPart;
  let mineColumn = ((unit % P.tiles) * 8u + lane % 8u) * 4u;

  // All lanes take part in handing out, also those past the last column.
  let column = min(mineColumn, P.n - 4u);
  let slot = unit / P.tiles;

  let line = order[part * P.linePart + slot];
  let first = starts[line];
  let last = starts[line + 1u];
  var sum = vec4f();

  for (var p = first; p < last; p += 8u) {
    let mine = min(p + lane, last - 1u);
    let at = across[mine];
    let value = values[part * P.valuePart + mine];
    let count = min(8u, last - p);
    for (var z = 0u; z < count; z++) {
      let k = subgroupShuffle(at, z);
      let x = subgroupShuffle(value, z);
      sum = fma(vec4f(x), b[(bBase + k * P.n + column) / 4u], sum);
    }
  }
  if (mineColumn >= P.n) { return; }

  let row = line - part * P.linePart;

  sum += vec4f(bias[part * P.biasPart + row]);

  c[(part * P.m * P.n + row * P.n + column) / 4u] = select(sum, vec4f(0.0), sum <= vec4f(0.0));
}
// {"across":16,"down":4,"subgroup":false,"activation":"sigmoid"}: 43 lines, sha256 c76954146df38340
// {"width":1,"b":"columns","c":"columns","bias":false,"activation":"none"}: 45 lines, sha256 a4caf9a0b18b3ddc
