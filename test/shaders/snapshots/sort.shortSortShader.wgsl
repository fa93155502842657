// shortSortShader {"key":"f32","descending":false,"keysOut":false,"capacity":256,"shared":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> order: array<u32>;
struct Params { units: u32, n: u32, width: u32, in_inner: u32, out_inner: u32, size: u32 }
var<immediate> P: Params;
fn order_key(raw: u32) -> u32 { return select(select(raw | 0x80000000u, ~raw, (raw >> 31u) == 1u && (raw << 1u) != 0u), 0xffffffffu, (raw & 0x7fffffffu) > 0x7f800000u); }

var<workgroup> pair: array<vec2u, 256>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {

  let row = group.x + group.y * groups.x;

  if (row >= P.units) { return; }
  let origin = (row / P.in_inner) * P.n * P.in_inner + row % P.in_inner;
  for (var j = lane; j < P.width; j += 64u) {
    // Padding has the greatest key and the greatest indices, so it ends behind every element.
    var key = 0xffffffffu;
    if (j < P.n) { key = order_key(x[origin + j * P.in_inner]); }
    pair[j] = vec2u(key, j);
  }
  for (var run = 2u; run <= P.width; run <<= 1u) {
    for (var gap = run >> 1u; gap > 0u; gap >>= 1u) {

      workgroupBarrier();

      for (var q = lane; q < (P.width >> 1u); q += 64u) {
        let low = ((q & ~(gap - 1u)) << 1u) | (q & (gap - 1u));
        let a = pair[low];
        let b = pair[low + gap];
        let after = a.x > b.x || (a.x == b.x && a.y > b.y);
        let swap = after == ((low & run) == 0u);
        pair[low] = select(a, b, swap);
        pair[low + gap] = select(b, a, swap);
      }
    }
  }

  workgroupBarrier();

  let dest = (row / P.out_inner) * P.n * P.out_inner + row % P.out_inner;
  for (var j = lane; j < P.n; j += 64u) {
    let p = pair[j];
    order[dest + j * P.out_inner] = p.y;

  }
}
// {"descending":true,"keysOut":true}: 52 lines, sha256 3366eb0b5d8b3250
// {"key":"index-i32","capacity":16,"shared":false,"workgroup":8}: 44 lines, sha256 5ce8b72fa51c3495
