// bitsShader {"type":"f32","lanes":4,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> bits: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> census: array<atomic<u32>>;
struct Params { words: u32, words_a_line: u32, cols: u32, side: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let zero = vec4u(0u);
  let one = vec4u(1u);
  let stride = groups.x * groups.y * 64u;
  for (var i = gid.x + gid.y * groups.x * 64u; i < P.words; i += stride) {
    let first = (i % P.words_a_line) * 32u;
    let base = i / P.words_a_line * P.cols + first;
    let n = min(P.side, P.cols - first);
    var word = 0u;

    var nans = 0u;

    for (var b = 0u; b < n; b += 4u) {
      let v = x[(base + b) / 4u];
      word |= dot(select(zero, one, (v << one) != zero), vec4u(1u, 2u, 4u, 8u)) << b;

      nans |= dot(select(zero, one, (v << one) > zero + 0xff000000u), vec4u(1u, 2u, 4u, 8u)) << b;

    }
    bits[i] = word;
    counts[i] = countOneBits(word);

    if (nans != 0u) { atomicMin(&census[0], base + firstTrailingBit(nans)); }

  }
}
// {"type":"u32"}: 28 lines, sha256 f669254bf16f173d
// {"lanes":1}: 35 lines, sha256 3cd0076d8afaa895
