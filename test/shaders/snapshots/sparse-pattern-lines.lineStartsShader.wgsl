// lineStartsShader {"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> word_starts: array<u32>;
@group(0) @binding(1) var<storage, read_write> starts: array<u32>;
@group(0) @binding(2) var<storage, read_write> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> census: array<atomic<u32>>;
struct Params { lines: u32, words_a_line: u32, slot: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  var longest = 0u;
  for (var i = gid.x + gid.y * groups.x * 64u; i <= P.lines; i += stride) {
    let start = word_starts[i * P.words_a_line];
    starts[i] = start;
    if (i < P.lines) {
      let length = word_starts[(i + 1u) * P.words_a_line] - start;
      lengths[i] = length;
      longest = max(longest, length);
    } else {
      atomicStore(&census[1], start);
    }
  }
  atomicMax(&census[P.slot], longest);
}
