// rowSelectShader {"key":{"type":"f32","by":"magnitude","largest":true},"ranks":false,"shared":true,"bits":8,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> state: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> status: array<u32>;
struct Params { units: u32, turns: u32, bins: u32, n: u32, k: u32, least: u32 }
var<immediate> P: Params;
fn select_key(raw: u32) -> u32 {
  let m = raw & 0x7fffffffu;
  return select(0x7f800000u - m, 0x7fffffffu, m > 0x7f800000u);
}

var<workgroup> count: array<atomic<u32>, 256>;
var<workgroup> fold: array<u32, 64>;
var<workgroup> found: vec4u;
var<workgroup> nanTotal: atomic<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {

  let unit = group.x + group.y * groups.x;

  if (unit >= P.units) { return; }
  let asked = P.k;
  let k = clamp(asked, P.least, P.n);
  let misfit = select(0u, 2147483648u, k != asked);
  var s = vec4u(0u, k, 0u, 0u);
  var nan = 0u;
  for (var turn = 0u; turn < P.turns; turn++) {
    let shift = 24u - 8u * turn;

    for (var d = lane; d < 256u; d += 64u) { atomicStore(&count[d], 0u); }
    workgroupBarrier();
    for (var j = lane; j < P.n; j += 64u) {
      let key = select_key(x[unit * P.n + j]);
      nan += u32((key == 0x7fffffffu) & (turn == 0u));
      if (((key >> shift) >> 8u) == s.x) { atomicAdd(&count[(key >> shift) & 255u], 1u); }
    }
    workgroupBarrier();
    var sum = 0u;
    for (var d = 0u; d < 4u; d++) { sum += atomicLoad(&count[lane * 4u + d]); }
    fold[lane] = sum;
    workgroupBarrier();
    for (var width = 1u; width < 64u; width <<= 1u) {
    var under = 0u;
    if (lane >= width) { under = fold[lane - width]; }
    workgroupBarrier();
    fold[lane] += under;
    workgroupBarrier();
  }
    let before = fold[lane] - sum;
    if ((before < s.y && s.y <= before + sum) || (s.y == 0u && lane == 0u)) {
      var at = lane * 4u;
      var less = before;
      var here = atomicLoad(&count[at]);
      while (less + here < s.y) {
        less += here;
        at++;
        here = atomicLoad(&count[at]);
      }
      found = vec4u((s.x << 8u) | at, s.y - less, here, s.w + less);
    }
    workgroupBarrier();
    s = found;

  }

  atomicAdd(&nanTotal, nan);
  workgroupBarrier();
  if (lane > 0u) { return; }
  nan = atomicLoad(&nanTotal);

  state[unit] = s;
  status[unit] = nan | misfit;
}
// {"ranks":true,"key":{"type":"f32","by":"signed","largest":true}}: 74 lines, sha256 51d6723f141cdc28
// {"shared":false,"bits":4,"workgroup":8}: 48 lines, sha256 c1ead2e6e3def197
// {"shared":false,"key":{"type":"i32","by":"signed","largest":false}}: 46 lines, sha256 309ec55e1ce405bb
