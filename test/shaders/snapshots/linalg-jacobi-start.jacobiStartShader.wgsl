// jacobiStartShader {}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> largest: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;
struct Params { n: u32, chunk: u32, matrices: u32, size: u32, width: u32, floor: f32, share: f32 }
var<immediate> P: Params;
/** Diagonal entries below this may multiply up to nothing along a chain of rows. */
const WEAK = 0x1p-8;
/** A number in [-1, 1) that looks random (a permuted congruential generator's output). */
fn noise(seed: u32) -> f32 {
  let state = seed * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return f32(i32((word >> 22u) ^ word)) * 0x1p-31;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let chunkStart = (group.x + group.y * groups.x) * P.chunk;
  let chunkEnd = min(chunkStart + P.chunk, P.n);
  var i = chunkStart + lane;
  var i2 = i % P.width;
let ir2 = i / P.width;
var i1 = ir2 % P.size;
let ir1 = ir2 / P.size;
var i0 = ir1;
  let is2 = 64u % P.width;
let isr2 = 64u / P.width;
let is1 = isr2 % P.size;
let isr1 = isr2 / P.size;
let is0 = isr1;
  while (i < chunkEnd) {
    // The exponent's bits alone; of zero, denormals and the last powers, what has a normal inverse.
    let power = clamp(bitcast<u32>(largest[i0]) & 0x7f800000u, 0x01000000u, 0x7e000000u);
    let inverse = bitcast<f32>(0x7f000000u - power);
    if (i1 == 0u && i2 == 0u) { scale[i0] = bitcast<f32>(power); }
    var value = 0.0;
    if (i2 < P.size) {
      let row = (i0 * P.size + i1) * P.size;
      value = a[row + i2] * inverse;
      let diagonal = abs(a[row + i1] * inverse);
      if (i1 != i2 && diagonal < WEAK) { value += P.floor * P.share * noise(i1 * P.size + i2); }
      if (i1 == i2 && diagonal < P.floor) { value = select(P.floor, -P.floor, value < 0.0); }
    }
    x[i] = value;
    i += 64u;
    i2 += is2;
let iw2 = select(0u, 1u, i2 >= P.width);
i2 -= iw2 * P.width;
i1 += is1 + iw2;
let iw1 = select(0u, 1u, i1 >= P.size);
i1 -= iw1 * P.size;
i0 += is0 + iw1;
  }
}
