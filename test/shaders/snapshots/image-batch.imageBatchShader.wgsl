// imageBatchShader {"channels":3,"parts":1,"crop":true,"flip":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> part0: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<i32>;
@group(0) @binding(2) var<storage, read> bits: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
struct Params { batch: u32, height: u32, width: u32, words: u32, per_part: u32, pad: u32, scale0: f32, shift0: f32, scale1: f32, shift1: f32, scale2: f32, shift2: f32 }
var<immediate> P: Params;
fn word(part: u32, at: u32) -> u32 {
  return part0[at];
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * 64u;
  var pixel = gid.x + gid.y * groups.x * 64u;
  let pixels = P.batch * P.height * P.width;
  var i2 = pixel % P.width;
let ir2 = pixel / P.width;
var i1 = ir2 % P.height;
let ir1 = ir2 / P.height;
var i0 = ir1;
  let is2 = stride % P.width;
let isr2 = stride / P.width;
let is1 = isr2 % P.height;
let isr1 = isr2 / P.height;
let is0 = isr1;
  while (pixel < pixels) {
    let row = u32(max(rows[i0], 0));
    let part = min(row / P.per_part, 0u);
    let base = (row - part * P.per_part) * P.words;
    var y = i1;
    var x = i2;

    x = select(x, P.width - 1u - x, (bits[2u * i0 + 1u] & 1u) == 1u);


    // In [0, size + 2 pad); the image begins at pad. What is before it wraps to large numbers, which are outside as well.
    let shifts = bits[2u * i0];
    y += (((shifts & 0xffffu) * (2u * P.pad + 1u)) >> 16u) - P.pad;
    x += (((shifts >> 16u) * (2u * P.pad + 1u)) >> 16u) - P.pad;
    let inside = (y < P.height) & (x < P.width);
    let first = select(0u, (y * P.width + x) * 3u, inside);

    
    {
      let at = first + 0u;
      let w = word(part, base + at / 4u);
      let byte = select(0u, (w >> (8u * (at % 4u))) & 255u, inside);
      out[pixel * 3u + 0u] = f32(byte) * P.scale0 + P.shift0;
    }
    {
      let at = first + 1u;
      let w = word(part, base + at / 4u);
      let byte = select(0u, (w >> (8u * (at % 4u))) & 255u, inside);
      out[pixel * 3u + 1u] = f32(byte) * P.scale1 + P.shift1;
    }
    {
      let at = first + 2u;
      let w = word(part, base + at / 4u);
      let byte = select(0u, (w >> (8u * (at % 4u))) & 255u, inside);
      out[pixel * 3u + 2u] = f32(byte) * P.scale2 + P.shift2;
    }
    pixel += stride;
    i2 += is2;
let iw2 = select(0u, 1u, i2 >= P.width);
i2 -= iw2 * P.width;
i1 += is1 + iw2;
let iw1 = select(0u, 1u, i1 >= P.height);
i1 -= iw1 * P.height;
i0 += is0 + iw1;
  }
}
// {"crop":false,"flip":false}: 65 lines, sha256 7af00727a7def9d5
// {"channels":1,"parts":4,"flip":false}: 64 lines, sha256 84c1dbdd566fe9e7
