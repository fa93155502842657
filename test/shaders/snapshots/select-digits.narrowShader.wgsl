// narrowShader {"first":true,"ranks":false,"bins":2048,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read_write> hist: array<u32>;
@group(0) @binding(1) var<storage, read_write> state: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> status: array<u32>;
struct Params { units: u32, share: u32, bits: u32, n: u32, k: u32, least: u32 }
var<immediate> P: Params;
var<workgroup> fold: array<u32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }

  let asked = P.k;
  let k = clamp(asked, P.least, P.n);
  let misfit = select(0u, 2147483648u, k != asked);
  let s = vec4u(0u, k, 0u, 0u);
  if (lane == 0u) { status[unit] |= misfit; }

  let mine = unit * 2048u + lane * P.share;
  var sum = 0u;
  for (var d = 0u; d < P.share; d++) { sum += hist[mine + d]; }
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
    var at = 0u;
    var less = before;
    var here = hist[mine];
    while (less + here < s.y) {
      less += here;
      at++;
      here = hist[mine + at];
    }
    state[unit] = vec4u((s.x << P.bits) | (lane * P.share + at), s.y - less, here, s.w + less);
  }
  for (var d = 0u; d < P.share; d++) { hist[mine + d] = 0u; }
}
// {"ranks":true}: 46 lines, sha256 1a7501d152a49ad7
// {"first":false,"bins":256,"workgroup":8}: 40 lines, sha256 1c1917bdc5c14bb7
