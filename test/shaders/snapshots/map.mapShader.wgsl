// mapShader {"body":"let result = x0 + x1;","helpers":[],"inputs":[{"stored":"f32","bool":false,"load":"vector"},{"stored":"f32","bool":false,"load":"splat"}],"type":"f32","stored":"f32","rank":0,"lanes":4,"scalars":0,"coords":false,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> in0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> in1: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
struct Params { n: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(undefined) {
  (index) => split(name, index, "var")
  while (undefined) {

    let x0 = in0[i];
let x1 = vec4f(in1[0u]);
    let result = x0 + x1;
    out[i] = result;
    
  }
}
// {"inputs":[{"stored":"f32","bool":false,"load":"scalar"},{"stored":"f32","bool":false,"load":"scalar"}],"rank":3,"lanes":1}: 25 lines, sha256 57249f47651041f6
// {"body":"let t0 = s_tanh(x0);\nlet t1 = (t0 + vec4f(P.s0));\nlet result = t1;","helpers":["tanh"],"inputs":[{"stored":"f32","bool":false,"load":"vector"}],"scalars":1}: 26 lines, sha256 bd03123c47ddcd8e
// {"inputs":[{"stored":"f16","bool":false,"load":"vector"},{"stored":"f32","bool":false,"load":"vector"}],"stored":"f16"}: 20 lines, sha256 f38407b45f451392
// {"body":"let result = x0 & x1;","inputs":[{"stored":"u32","bool":true,"load":"vector"},{"stored":"u32","bool":true,"load":"vector"}],"type":"bool","stored":"u32"}: 19 lines, sha256 93b90629d5d1dd4a
// {"body":"let result = i32(i0) + i32(i1);","inputs":[],"type":"i32","stored":"i32","rank":2,"lanes":1,"coords":true}: 22 lines, sha256 7e22704a5a521a78
