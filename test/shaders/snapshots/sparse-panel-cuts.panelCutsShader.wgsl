// panelCutsShader {"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> across: array<u32>;
@group(0) @binding(2) var<storage, read_write> cuts: array<u32>;
struct Params { lines: u32, chunks: u32, chunk: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = id.x + id.y * groups.x * 64u;
  if (at >= P.lines * (P.chunks + 1u)) { return; }
  let line = at / (P.chunks + 1u);
  let bound = (at % (P.chunks + 1u)) * P.chunk;
  var low = starts[line];
  var high = starts[line + 1u];
  while (low < high) {
    let middle = (low + high) / 2u;
    if (across[middle] < bound) { low = middle + 1u; } else { high = middle; }
  }
  cuts[at] = low;
}
