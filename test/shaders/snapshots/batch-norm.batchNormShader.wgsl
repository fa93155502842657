// batchNormShader {"pass":"apply","lanes":4,"relu":true,"residual":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> stats: array<vec4f>;
@group(0) @binding(2) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(3) var<storage, read> beta: array<vec4f>;
@group(0) @binding(4) var<storage, read> r: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;
struct Params { rows: u32, channels: u32, chunks: u32, chunk: u32, total: u32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = gid.x + gid.y * groups.x * 64u;
  if (index >= P.total) { return; }
  let channel = index % P.channels;
  let rest = index / P.channels;
  let chunk = rest % P.chunks;
  let part = rest / P.chunks;
  let first = chunk * P.chunk;
  let end = min(first + P.chunk, P.rows);
  let base = part * P.rows * P.channels + channel;
  let mean = stats[part * 2u * P.channels + channel];
  let rstd = stats[(part * 2u + 1u) * P.channels + channel];
  let scale = rstd * gamma[part * P.channels + channel];
  let offset = beta[part * P.channels + channel];
  for (var row = first; row < end; row++) {
    let at = base + row * P.channels;
    let v = (x[at] - mean) * scale + offset + r[at];
    out[at] = select(v, vec4f(0.0), v <= vec4f(0.0));
  }
  
}
// {"pass":"moments","relu":false,"residual":false}: 30 lines, sha256 c832270a418abc0a
// {"pass":"gradientSums","residual":false}: 33 lines, sha256 70d4b11b89cc6f21
// {"pass":"gradient"}: 37 lines, sha256 9c5581240bf03f92
// {"lanes":1,"relu":false,"residual":false,"workgroup":16}: 31 lines, sha256 42f81c3bb18cc769
