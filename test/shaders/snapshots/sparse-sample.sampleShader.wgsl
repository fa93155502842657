// sampleShader {"move":"gather","parts":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> line_of: array<u32>;
@group(0) @binding(2) var<storage, read> across: array<u32>;
@group(0) @binding(3) var<storage, read_write> values: array<u32>;
@group(0) @binding(4) var<storage, read> dense: array<u32>;
struct Params { slices: u32, chunks: u32, rows: u32, cols: u32, nnz: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  let slice = unit / P.chunks;
  if (slice >= P.slices) { return; }

  let own = 0u;
  let first = starts[slice * P.rows];
  let end = starts[(slice + 1u) * P.rows];

  let origin = slice * P.rows * P.cols;
  for (var p = first + unit % P.chunks * 64u + lane; p < end; p += P.chunks * 64u) {
    let at = origin + line_of[p] * P.cols + across[p];
    values[own + p] = dense[at];
  }
}
// {"move":"scatter"}: 25 lines, sha256 6b847721d5ec2d2c
// {"move":"mark","parts":false}: 23 lines, sha256 939db406611dc22d
