// blockFlagsShader {"float":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> grid: array<u32>;
struct Params { blocks: u32, across: u32, block: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  let quads = P.block / 4u;
  for (var at = gid.x + gid.y * groups.x * 64u; at < P.blocks; at += stride) {
    let first = at / P.across * P.block * P.across * quads + at % P.across * quads;
    var top = vec4u();
    for (var e = 0u; e < P.block * quads; e++) {
      let v = x[first + e / quads * P.across * quads + e % quads];
      top = max(top, v << vec4u(1u));
    }
    let most = max(max(top.x, top.y), max(top.z, top.w));
    grid[at] = select(select(0u, 0x3f800000u, most != 0u), 0x7fc00000u, most > 0xff000000u);
  }
}
// {"float":false}: 21 lines, sha256 11ee579650f0863c
