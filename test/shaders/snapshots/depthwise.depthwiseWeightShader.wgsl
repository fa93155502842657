// depthwiseWeightShader {"lanes":4,"taps":3,"slide":true,"workgroup":64}
@group(0) @binding(0) var<storage, read> g: array<vec4f>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> stage: array<f32>;
struct Params { n: u32, models: u32, images: u32, channels: u32, xChannels: u32, multiplier: u32, gPart: u32, xPart: u32, kh: u32, kw: u32, blocks: u32, chunk: u32, h: i32, w: i32, oh: i32, ow: i32, strideY: i32, strideX: i32, padY: i32, padX: i32, dilationY: i32, dilationX: i32 }
@group(0) @binding(3) var<uniform> P: Params;
fn pixelAt(row: u32, col: i32) -> vec4f {
  let v = x[row + u32(clamp(col, 0, P.w - 1)) * P.xChannels];
  return select(vec4f(0.0), v, u32(col) < u32(P.w));
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = gid.x + gid.y * groups.x * 64u;
  if (i >= P.n) { return; }
  let channel = i % P.channels;
  let block = i / P.channels % (P.kh * P.blocks);
  let rest = i / (P.channels * P.kh * P.blocks);
  let model = rest % P.models;
  let split = rest / P.models;
  let ky = block / P.blocks;
  let kx = block % P.blocks * 3u;
  let offsetY = i32(ky) * P.dilationY - P.padY;
  let offsetX = i32(kx) * P.dilationX - P.padX;
  let first = split * P.chunk;
  let end = min(first + P.chunk, P.images * u32(P.oh));
  var image = first / u32(P.oh);
  var y = i32(first % u32(P.oh));
  var acc0 = vec4f(0.0); var v0 = vec4f(0.0);
        var acc1 = vec4f(0.0); var v1 = vec4f(0.0);
        var acc2 = vec4f(0.0); var v2 = vec4f(0.0);
  for (var r = first; r < end; r++) {
    let sy = y * P.strideY + offsetY;
    if (sy >= 0 && sy < P.h) {
      let row = (model * P.xPart + (image * u32(P.h) + u32(sy)) * u32(P.w)) * P.xChannels + channel;
      var at = (model * P.gPart + r * u32(P.ow)) * P.channels + channel;
      var sx = offsetX;

      v0 = pixelAt(row, sx + 0 * P.dilationX);
      v1 = pixelAt(row, sx + 1 * P.dilationX);

      for (var c = 0; c < P.ow; c++) {
        let grad = g[at];

        v2 = pixelAt(row, sx + 2 * P.dilationX);

        acc0 = fma(grad, v0, acc0);
        acc1 = fma(grad, v1, acc1);
        acc2 = fma(grad, v2, acc2);

        v0 = v1; v1 = v2;

        at += P.channels;
        sx += P.strideX;
      }
    }
    y++;
    if (y == P.oh) { y = 0; image++; }
  }
  let perFilter = P.kh * P.kw;
  let place = ((split * P.models + model) * P.channels + channel) * 4u * perFilter + ky * P.kw + kx;
  if (kx + 0u < P.kw) { stage[place + 0u + 0u * perFilter] = acc0[0]; stage[place + 0u + 1u * perFilter] = acc0[1]; stage[place + 0u + 2u * perFilter] = acc0[2]; stage[place + 0u + 3u * perFilter] = acc0[3]; }
        if (kx + 1u < P.kw) { stage[place + 1u + 0u * perFilter] = acc1[0]; stage[place + 1u + 1u * perFilter] = acc1[1]; stage[place + 1u + 2u * perFilter] = acc1[2]; stage[place + 1u + 3u * perFilter] = acc1[3]; }
        if (kx + 2u < P.kw) { stage[place + 2u + 0u * perFilter] = acc2[0]; stage[place + 2u + 1u * perFilter] = acc2[1]; stage[place + 2u + 2u * perFilter] = acc2[2]; stage[place + 2u + 3u * perFilter] = acc2[3]; }
}
// {"slide":false}: 61 lines, sha256 d3bdff201712b5ea
// {"lanes":1,"taps":1,"slide":false}: 53 lines, sha256 bd7f6d72fcc8ec5c
