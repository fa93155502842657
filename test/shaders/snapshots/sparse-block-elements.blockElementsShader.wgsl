// blockElementsShader {"toBlocks":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> line_of: array<u32>;
@group(0) @binding(1) var<storage, read> across: array<u32>;
@group(0) @binding(2) var<storage, read> dense: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> values: array<vec4f>;
struct Params { parts: u32, blocks: u32, rows: u32, cols: u32, block: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  let quads = P.block / 4u;
  let area = P.block * quads;
  for (var v = gid.x + gid.y * groups.x * 64u; v < P.parts * P.blocks * area; v += stride) {
    let at = v / area % P.blocks;
    let row = (v / area / P.blocks) * P.rows + line_of[at] * P.block + v % area / quads;
    let place = row * P.cols / 4u + across[at] * quads + v % quads;
    values[v] = dense[place];
  }
}
// {"toBlocks":false}: 20 lines, sha256 cac147852f520042
