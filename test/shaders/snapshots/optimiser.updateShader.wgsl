// updateShader {"rule":"adamw","momentum":false,"nesterov":false,"decay":"marked","masked":true,"clip":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read> hyper: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<vec4f>;
@group(0) @binding(3) var<storage, read> marks: array<vec4f>;
@group(0) @binding(4) var<storage, read> normSquared: array<f32>;
@group(0) @binding(5) var<storage, read_write> weights: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> second: array<vec4f>;
struct Params { n: u32, decay: f32, momentum: f32, beta1: f32, beta2: f32, gain1: f32, gain2: f32, eps: f32, maxNorm: f32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let by = groups.x * groups.y * 64u;

  let lr = hyper[0];

  for (var i = gid.x + gid.y * groups.x * 64u; i < P.n; i += by) {
    var w = weights[i];
    var g = gradients[i];


    g *= min(1.0, P.maxNorm / (sqrt(normSquared[0]) + 1e-6));



    w -= lr * P.decay * marks[i] * w;


    var m = P.beta1 * first[i] + P.gain1 * g;
    var v = P.beta2 * second[i] + P.gain2 * g * g;
    w -= lr * (m / hyper[1]) / (sqrt(v / hyper[2]) + P.eps);


    let alive = mask[i] != vec4f(0.0);
    w = select(vec4f(0.0), w, alive);

    m = select(vec4f(0.0), m, alive);


    v = select(vec4f(0.0), v, alive);



    weights[i] = w;

    first[i] = m;


    second[i] = v;

  }
}
// {"rule":"sgd","decay":"none","masked":false,"clip":false}: 30 lines, sha256 ff3f7411255bfd5a
// {"rule":"sgd","momentum":true,"decay":"all"}: 49 lines, sha256 04f4e32cbf589044
// {"rule":"sgd","momentum":true,"nesterov":true,"masked":false}: 42 lines, sha256 16c9f6df7818f4c1
// {"rule":"adam","decay":"all","clip":false}: 50 lines, sha256 edef34ace9e5a3e5
// {"rule":"adam","decay":"none","masked":false,"clip":false}: 38 lines, sha256 d50902a126999e6a
// {"models":true}: 66 lines, sha256 7c8c2027f55f62d1
// {"models":true,"rule":"sgd","momentum":true,"decay":"all"}: 60 lines, sha256 819fc303eb2dc3c7
