// argReduceShader {"key":"f32","least":false,"from":"values","to":"index","shared":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
struct Params { units: u32, length: u32, inner: u32, chunks: u32, chunk: u32 }
var<immediate> P: Params;
fn order_key(raw: u32) -> u32 { return select(select(raw | 0x80000000u, ~raw, (raw >> 31u) == 1u && (raw << 1u) != 0u), 0xffffffffu, (raw & 0x7fffffffu) > 0x7f800000u); }
fn better(a: vec2u, b: vec2u) -> bool { return a.x > b.x || (a.x == b.x && a.y < b.y); }

var<workgroup> fold: array<vec2u, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {

  let unit = group.x + group.y * groups.x;
  let offset = lane;
  let by = 64u;

  if (unit >= P.units) { return; }
  let row = unit / P.inner;
  let first = (row % P.chunks) * P.chunk;
  let end = min(first + P.chunk, P.length);
  let base = row / P.chunks * P.length * P.inner + unit % P.inner;
  var best = vec2u(0u, 0xffffffffu);
  for (var j = first + offset; j < end; j += by) {

    let next = vec2u(order_key(x[base + j * P.inner]), j);

    if (better(next, best)) { best = next; }
  }

  fold[lane] = best;
  for (var width = 32u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width && better(fold[lane + width], fold[lane])) { fold[lane] = fold[lane + width]; }
  }
  if (lane > 0u) { return; }
  best = fold[0];


  out[unit] = best.y;

}
// {"least":true,"key":"i32"}: 43 lines, sha256 4ea99bcb8cd42b09
// {"to":"pairs","key":"u32"}: 43 lines, sha256 ffd33d932dc3ec57
// {"from":"pairs"}: 43 lines, sha256 986bbf857162b4cb
// {"shared":false,"workgroup":16}: 33 lines, sha256 4a764daaae3932fe
