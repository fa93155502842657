// flipBitsShader {"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> bits: array<u32>;
@group(0) @binding(1) var<storage, read_write> flipped: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
struct Params { blocks: u32, rows: u32, cols: u32, side: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  let row_words = (P.cols + 31u) / 32u;
  let col_words = (P.rows + 31u) / 32u;
  for (var i = gid.x + gid.y * groups.x * 64u; i < P.blocks; i += stride) {
    let w = i % row_words;
    let h = i / row_words % col_words;
    let part = i / row_words / col_words;
    let rows = min(P.side, P.rows - h * 32u);
    let cols = min(P.side, P.cols - w * 32u);
    var block: array<u32, 32>;
    for (var r = 0u; r < rows; r++) { block[r] = bits[(part * P.rows + h * 32u + r) * row_words + w]; }
    for (var r = rows; r < P.side; r++) { block[r] = 0u; }
    var mask = 0x0000ffffu;
    for (var j = P.side >> 1u; j > 0u; j >>= 1u) {
      for (var k = 0u; k < P.side; k = (k + j + 1u) & ~j) {
        let swap = ((block[k] >> j) ^ block[k + j]) & mask;
        block[k + j] ^= swap;
        block[k] ^= swap << j;
      }
      mask ^= mask << (j >> 1u);
    }
    for (var c = 0u; c < cols; c++) {
      let at = (part * P.cols + w * 32u + c) * col_words + h;
      flipped[at] = block[c];
      counts[at] = countOneBits(block[c]);
    }
  }
}
