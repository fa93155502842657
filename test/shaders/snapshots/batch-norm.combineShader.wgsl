// combineShader {"combine":"moments","running":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(3) var<storage, read_write> runningVariance: array<f32>;
struct Params { rows: u32, channels: u32, chunks: u32, chunk: u32, total: u32, eps: f32, momentum: f32 }
var<immediate> P: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  if (gid.x >= P.total) { return; }
  let channel = gid.x % P.channels;
  let part = gid.x / P.channels;
  var a = 0.0;
  var b = 0.0;
  var count = 0.0;
  for (var chunk = 0u; chunk < P.chunks; chunk++) {
    let at = (part * P.chunks + chunk) * 2u * P.channels + channel;

    let n = f32(min(P.chunk, P.rows - chunk * P.chunk));
    let d = sums[at] - a;
    let both = count + n;
    a += d * (n / both);
    b += sums[at + P.channels] + d * d * (count * n / both);
    count = both;

  }
  let to = part * 2u * P.channels + channel;

  let variance = b / count;
  out[to] = a;
  out[to + P.channels] = inverseSqrt(variance + P.eps);

  let i = part * P.channels + channel;
  runningMean[i] = mix(runningMean[i], a, P.momentum);
  runningVariance[i] = mix(runningVariance[i], b / max(count - 1.0, 1.0), P.momentum);


}
// {"running":false}: 33 lines, sha256 ec7f10754de7a5d8
// {"combine":"sums","running":false,"workgroup":8}: 27 lines, sha256 dac56cf86c6ef9c5
