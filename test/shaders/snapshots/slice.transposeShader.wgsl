// transposeShader {"stored":"u32","form":"tile"}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> src: array<u32>;
@group(0) @binding(1) var<storage, read_write> dst: array<u32>;
struct Params { n: u32, chunk: u32, batch: u32, rowBlocks: u32, colBlocks: u32, rows: u32, cols: u32, srcBatch: u32, srcRow: u32, dstBatch: u32, dstRow: u32 }
var<immediate> P: Params;
var<workgroup> tile: array<u32, 1056>;
@compute @workgroup_size(32, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let i = group.x + group.y * groups.x;
  if (i >= P.n) { return; }
  let perMatrix = P.rowBlocks * P.colBlocks;
  let b = i / perMatrix;
  let within = i - b * perMatrix;
  let r0 = within / P.colBlocks * 32u;
  let c0 = within % P.colBlocks * 32u;
  for (var k = local.y; k < 32u; k += 8u) {
    let r = r0 + local.x;
    let c = c0 + k;
    if (r < P.rows && c < P.cols) { tile[k * 33u + local.x] = src[b * P.srcBatch + c * P.srcRow + r]; }
  }
  workgroupBarrier();
  for (var k = local.y; k < 32u; k += 8u) {
    let r = r0 + k;
    let c = c0 + local.x;
    if (r < P.rows && c < P.cols) { dst[b * P.dstBatch + r * P.dstRow + c] = tile[local.x * 33u + k]; }
  }
}
// {"form":"block"}: 42 lines, sha256 5f0e09e8afb0d09f
// {"stored":"f16"}: 29 lines, sha256 f89d1f7f978c69fe
