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

  let shift = sums[part * P.chunks * 2u * P.channels + channel];

  var a = 0.0;
  var b = 0.0;
  var count = 0.0;
  for (var chunk = 0u; chunk < P.chunks; chunk++) {
    let at = (part * P.chunks + chunk) * 2u * P.channels + channel;

    let n = f32(min(P.chunk, P.rows - chunk * P.chunk));
    let d = sums[at] - shift - a;
    let both = count + n;
    a += d * (n / both);
    b += sums[at + P.channels] + d * d * (count * n / both);
    count = both;

  }
  let to = part * 2u * P.channels + channel;

  let variance = b / count;
  let mean = shift + a;
  out[to] = mean;
  out[to + P.channels] = inverseSqrt(variance + P.eps);

  let i = part * P.channels + channel;
  runningMean[i] = mix(runningMean[i], mean, P.momentum);
  runningVariance[i] = mix(runningVariance[i], b / max(count - 1.0, 1.0), P.momentum);


}
// {"running":false}: 37 lines, sha256 e35dd7ae65f686aa
// {"combine":"sums","running":false,"workgroup":8}: 28 lines, sha256 b5327ca2ca6417a9
