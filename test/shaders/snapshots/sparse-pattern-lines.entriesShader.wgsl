// entriesShader {"byColumn":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> bits: array<u32>;
@group(0) @binding(1) var<storage, read> word_starts: array<u32>;
@group(0) @binding(2) var<storage, read> row_bits: array<u32>;
@group(0) @binding(3) var<storage, read> row_starts: array<u32>;
@group(0) @binding(4) var<storage, read_write> across: array<u32>;
@group(0) @binding(5) var<storage, read_write> line_of: array<u32>;
@group(0) @binding(6) var<storage, read_write> entries: array<u32>;
struct Params { words: u32, count: u32, length: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  let words_a_line = (P.length + 31u) / 32u;
  let row_words = (P.count + 31u) / 32u;
  for (var i = gid.x + gid.y * groups.x * 64u; i < P.words; i += stride) {
    var word = bits[i];
    var at = word_starts[i];
    let first = (i % words_a_line) * 32u;
    let line = i / words_a_line % P.count;

    let rows = i / words_a_line / P.count * P.length;
    let before = (1u << (line & 31u)) - 1u;

    while (word != 0u) {
      let k = first + firstTrailingBit(word);
      across[at] = k;
      line_of[at] = line;

      let of_row = (rows + k) * row_words + (line >> 5u);
      entries[at] = row_starts[of_row] + countOneBits(row_bits[of_row] & before);

      word &= word - 1u;
      at++;
    }
  }
}
// {"byColumn":false}: 29 lines, sha256 d397cba5a3071b12
