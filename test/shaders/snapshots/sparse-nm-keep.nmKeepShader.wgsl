// nmKeepShader {"by":"magnitude","workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> kept: array<u32>;
@group(0) @binding(2) var<storage, read_write> census: array<atomic<u32>>;
struct Params { count: u32, n: u32, m: u32, shift: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  for (var g = gid.x + gid.y * groups.x * 64u; g < P.count; g += stride) {
    let base = g * P.m;
    var keys: array<u32, 16>;
    var bad = 0xffffffffu;
    var given = 0u;
    for (var i = 0u; i < P.m; i++) {
      let bits = x[base + i];

      keys[i] = bits << 1u;
      if (keys[i] > 0xff000000u) { bad = min(bad, base + i); }

    }

    if (bad != 0xffffffffu) { atomicMin(&census[0], bad); }
    var chosen = 0u;
    for (var turn = 0u; turn < P.n; turn++) {
      var best = 0u;
      var at = 16u;
      for (var i = 0u; i < P.m; i++) {
        let free = ((chosen >> i) & 1u) == 0u;
        if (free & ((at == 16u) | (keys[i] > best))) {
          best = keys[i];
          at = i;
        }
      }
      chosen |= 1u << at;
    }
    for (var i = 0u; i < P.m; i++) { kept[base + i] = (chosen >> i) & 1u; }
  }
}
// {"by":"mask"}: 42 lines, sha256 af4bfe64acc600ad
