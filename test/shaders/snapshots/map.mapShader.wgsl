// mapShader {"body":"let result = x0 + x1;","helpers":[],"inputs":[{"stored":"f32","bool":false,"load":"vector"},{"stored":"f32","bool":false,"load":"splat"}],"type":"f32","stored":"f32","rank":0,"lanes":4,"scalars":0,"coords":false}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> in0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> in1: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
struct Params { n: u32, chunk: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let chunkStart = (group.x + group.y * groups.x) * P.chunk;
  let chunkEnd = min(chunkStart + P.chunk, P.n);
  var i = chunkStart + lane;
  
  
  while (i < chunkEnd) {

    let x0 = in0[i];
let x1 = vec4f(in1[0u]);
    let result = x0 + x1;
    out[i] = result;
    i += 64u;
    
  }
}
// {"inputs":[{"stored":"f32","bool":false,"load":"scalar"},{"stored":"f32","bool":false,"load":"scalar"}],"rank":3,"lanes":1}: 38 lines, sha256 272de25b5b11b31d
// {"body":"let t0 = s_tanh(x0);\nlet t1 = (t0 + vec4f(P.s0));\nlet result = t1;","helpers":["tanh"],"inputs":[{"stored":"f32","bool":false,"load":"vector"}],"scalars":1}: 31 lines, sha256 8ec3f98207e31d87
// {"inputs":[{"stored":"f16","bool":false,"load":"vector"},{"stored":"f32","bool":false,"load":"vector"}],"stored":"f16"}: 25 lines, sha256 8347802bd3bbc856
// {"body":"let result = x0 & x1;","inputs":[{"stored":"u32","bool":true,"load":"vector"},{"stored":"u32","bool":true,"load":"vector"}],"type":"bool","stored":"u32"}: 24 lines, sha256 affe6e9721d2f481
// {"body":"let result = i32(i0) + i32(i1);","inputs":[],"type":"i32","stored":"i32","rank":2,"lanes":1,"coords":true}: 31 lines, sha256 59a9e5bf0db669f3
