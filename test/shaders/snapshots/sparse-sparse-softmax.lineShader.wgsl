// lineShader {"problem":"softmax","workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
struct Params { lines: u32, nnz: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let slot = id.x + id.y * groups.x * 64u;
  if (slot >= P.lines) { return; }
  let line = order[slot];
  let base = id.z * P.nnz;
  let first = base + starts[line];
  let last = base + starts[line + 1u];

  if (first == last) { return; }
  var top = values[first];
  for (var p = first; p < last; p++) { top = max(top, values[p]); }
  var total = 0.0;
  for (var p = first; p < last; p++) { total += exp(values[p] - top); }
  for (var p = first; p < last; p++) { out[p] = exp(values[p] - top) / total; }

}
// {"problem":"sum"}: 22 lines, sha256 96a7079cf21a6843
// {"problem":"spread","workgroup":16}: 21 lines, sha256 0b3dcce4a97a146d
