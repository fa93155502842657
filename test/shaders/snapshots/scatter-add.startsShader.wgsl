// startsShader {"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> keys: array<u32>;
@group(0) @binding(1) var<storage, read_write> starts: array<u32>;
struct Params { rows: u32, ends: u32, picks: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  var i = gid.x + gid.y * groups.x * 64u;
  let n = P.rows * P.ends;
  var i1 = i % P.ends;
let ir1 = i / P.ends;
var i0 = ir1;
  let is1 = stride % P.ends;
let isr1 = stride / P.ends;
let is0 = isr1;
  while (i < n) {
    var low = 0u;
    var high = P.picks;
    while (low < high) {
      let middle = (low + high) >> 1u;
      if (keys[i0 * P.picks + middle] < i1) { low = middle + 1u; } else { high = middle; }
    }
    starts[i] = low;
    i += stride;
    i1 += is1;
let iw1 = select(0u, 1u, i1 >= P.ends);
i1 -= iw1 * P.ends;
i0 += is0 + iw1;
  }
}
