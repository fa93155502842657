// reduceShader {"combine":"sum","body":"let result = x0 + x1;","helpers":[],"inputs":[{"stored":"f32","bool":false,"load":"vector"},{"stored":"f32","bool":false,"load":"vector"}],"kept":1,"reduced":1,"across":"reduced","lanes":4,"scalars":0,"coords":[],"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> in0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> in1: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
struct Params { results: u32, length: u32, chunk: u32, block: u32, kd0: u32, rd0: u32, k0_0: u32, k1_0: u32, r0_0: u32, r1_0: u32 }
var<immediate> P: Params;
var<workgroup> fold: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let split = group.z;

  let result_index = group.x + group.y * groups.x;
  if (result_index >= P.results) { return; }
  let first = split * P.chunk + lane;
  let by = 64u;

  let end = min((split + 1u) * P.chunk, P.length);

  var k0 = result_index;

  let b0 = k0 * P.k0_0;
let b1 = k0 * P.k1_0;
  var r0 = first;
  let rs0 = by;
  var total = vec4f(0.0);
  var q = first;
  while (q < end) {
    let stop = min(q + P.block, end);
    var within = vec4f(0.0);
    while (q < stop) {
      
      let x0 = in0[b0 + r0 * P.r0_0];
let x1 = in1[b1 + r0 * P.r1_0];
      let result = x0 + x1;
      within = within + result;
      q += by;
      r0 += rs0;
    }
    total = total + within;
  }


  fold[lane] = total.x + total.y + total.z + total.w;

  for (var width = 32u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width) { fold[lane] = fold[lane] + fold[lane + width]; }
  }
  if (lane == 0u) { out[split * P.results + result_index] = fold[0]; }

}
// {"across":"kept"}: 44 lines, sha256 a57901a4a5de6ae9
// {"inputs":[{"stored":"f32","bool":false,"load":"scalar"},{"stored":"f32","bool":false,"load":"scalar"}],"lanes":1,"kept":2,"reduced":2}: 62 lines, sha256 edc858419daca5d7
// {"inputs":[{"stored":"f32","bool":false,"load":"scalar"},{"stored":"f32","bool":false,"load":"scalar"}],"lanes":1,"kept":2,"reduced":1,"across":"kept","combine":"max"}: 46 lines, sha256 a9426602ba819612
// {"combine":"min"}: 53 lines, sha256 66efc044e5731b0a
