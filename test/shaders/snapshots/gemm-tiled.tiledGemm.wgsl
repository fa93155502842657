// tiledGemm {"problem":"matmul","p":{"load":"k4","half":false},"q":{"load":"i4","half":false},"store":{"along":"col","vector":true},"bias":"none","activation":"none","tail":false,"tile":{"kind":"workgroup","rows":32,"cols":64,"depth":16,"blockRows":4,"blockCols":4,"buffers":2,"unroll":true}}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> p: array<vec4f>;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
struct Params { rows: u32, cols: u32, depth: u32, chunk: u32, splits: u32, parts: u32, pI: u32, pK: u32, qI: u32, qK: u32, pPart: u32, qPart: u32, cPart: u32, cLead: u32, biasPart: u32 }
var<immediate> P: Params;
fn raster(id: vec3u, count: vec3u) -> vec3u {
  let n = id.y * count.x + id.x;
  let top = n / (8u * count.x) * 8u;
  let height = min(8u, count.y - top);
  let within = n - top * count.x;
  return vec3u(within / height, top + within % height, id.z);
}
var<workgroup> staged: array<array<array<array<vec4f, 24>, 4>, 4>, 2>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  
  let group = raster(id, count);
  let split = group.z % P.splits;
  let part = group.z / P.splits;
  let k0 = split * P.chunk;
  let kEnd = min(k0 + P.chunk, P.depth);
  let across = lane % 32u % 8u + lane / 32u % 2u * 8u;
  let down = lane % 32u / 8u + lane / 32u / 2u * 4u;
  let row0 = group.y * 32u + down * 4u;
  let col0 = group.x * 64u + across * 4u;
  
  let slot0 = lane + 0u;
  var at0: vec4u;
  var slab0 = 0u;
  var lane0 = 0u;
  var block0: mat4x4f;
  if (slot0 < 64u) {
let s = slot0 - 0u;
    let iBlock = s % 16u;
let kBlock = s / 16u;
    slab0 = kBlock;
    lane0 = iBlock + 8u;
    let i0 = group.x * 64u + iBlock * 4u;
    at0 = vec4u(part * P.qPart + min(i0, P.cols - 4u));
} else {
if (slot0 < 96u) {
let s = slot0 - 64u;
    let iBlock = s % 8u + s / 32u * 8u;
let kBlock = s / 8u % 4u;
    slab0 = kBlock;
    lane0 = iBlock + 0u;
    let i0 = group.y * 32u + iBlock * 4u;
    at0 = part * P.pPart + min(vec4u(i0) + vec4u(0u, 1u, 2u, 3u), vec4u(P.rows - 1u)) * P.pI;
}
}
  var acc: array<vec4f, 4>;

  var buffer = 0u;

  var kTile = k0;
  loop {
    let more = kTile < kEnd;
    if (more) {
      {
    let k = kTile + 4u * slab0;
    block0 = mat4x4f();
    if (k < kEnd) {
      if (slot0 < 64u) {
block0[0] = q[(at0.x + (k + 0u) * P.qK) / 4u];
block0[1] = q[(at0.x + (k + 1u) * P.qK) / 4u];
block0[2] = q[(at0.x + (k + 2u) * P.qK) / 4u];
block0[3] = q[(at0.x + (k + 3u) * P.qK) / 4u];
} else {
if (slot0 < 96u) {
block0 = transpose(mat4x4f(p[(at0.x + k) / 4u], p[(at0.y + k) / 4u], p[(at0.z + k) / 4u], p[(at0.w + k) / 4u]));
}
}
    }
  }

    }
    if (kTile > k0) {
      let kFrom = kTile - 16u;
let kTo = min(kTile, kEnd);
for (var k = kFrom; k < kTo; k += 4u) {
let slab = (k - kFrom) / 4u;
{
let a0 = staged[buffer][slab][0][down + 0u];
let b0 = staged[buffer][slab][0][8u + across + 0u];
acc[0] = fma(vec4f(a0.x), b0, acc[0]);
acc[1] = fma(vec4f(a0.y), b0, acc[1]);
acc[2] = fma(vec4f(a0.z), b0, acc[2]);
acc[3] = fma(vec4f(a0.w), b0, acc[3]);
}
{
let a0 = staged[buffer][slab][1][down + 0u];
let b0 = staged[buffer][slab][1][8u + across + 0u];
acc[0] = fma(vec4f(a0.x), b0, acc[0]);
acc[1] = fma(vec4f(a0.y), b0, acc[1]);
acc[2] = fma(vec4f(a0.z), b0, acc[2]);
acc[3] = fma(vec4f(a0.w), b0, acc[3]);
}
{
let a0 = staged[buffer][slab][2][down + 0u];
let b0 = staged[buffer][slab][2][8u + across + 0u];
acc[0] = fma(vec4f(a0.x), b0, acc[0]);
acc[1] = fma(vec4f(a0.y), b0, acc[1]);
acc[2] = fma(vec4f(a0.z), b0, acc[2]);
acc[3] = fma(vec4f(a0.w), b0, acc[3]);
}
{
let a0 = staged[buffer][slab][3][down + 0u];
let b0 = staged[buffer][slab][3][8u + across + 0u];
acc[0] = fma(vec4f(a0.x), b0, acc[0]);
acc[1] = fma(vec4f(a0.y), b0, acc[1]);
acc[2] = fma(vec4f(a0.z), b0, acc[2]);
acc[3] = fma(vec4f(a0.w), b0, acc[3]);
}
}
    }
    if (!more) { break; }

    // The other buffer was last read one turn ago, before the barrier below: no invocation reads it now.
    buffer = 1u - buffer;

    if (slot0 < 96u) {
staged[buffer][slab0][0][lane0] = block0[0];
staged[buffer][slab0][1][lane0] = block0[1];
staged[buffer][slab0][2][lane0] = block0[2];
staged[buffer][slab0][3][lane0] = block0[3];
}

    workgroupBarrier(); // everyone has written its part of the tile that is read next
    kTile += 16u;
  }
  let cBase = (split * P.parts + part) * P.cPart;
  
  
{
let row = row0 + (0u / 4u) * 32u + 0u % 4u;
if (row < P.rows) {
{
let col = col0 + 0u * 64u;
if (col < P.cols) {
let sum = acc[0u * 1u + 0u];
let value = sum;
c[(cBase + row * P.cLead + col) / 4u] = value;
}
}
}
}
{
let row = row0 + (1u / 4u) * 32u + 1u % 4u;
if (row < P.rows) {
{
let col = col0 + 0u * 64u;
if (col < P.cols) {
let sum = acc[1u * 1u + 0u];
let value = sum;
c[(cBase + row * P.cLead + col) / 4u] = value;
}
}
}
}
{
let row = row0 + (2u / 4u) * 32u + 2u % 4u;
if (row < P.rows) {
{
let col = col0 + 0u * 64u;
if (col < P.cols) {
let sum = acc[2u * 1u + 0u];
let value = sum;
c[(cBase + row * P.cLead + col) / 4u] = value;
}
}
}
}
{
let row = row0 + (3u / 4u) * 32u + 3u % 4u;
if (row < P.rows) {
{
let col = col0 + 0u * 64u;
if (col < P.cols) {
let sum = acc[3u * 1u + 0u];
let value = sum;
c[(cBase + row * P.cLead + col) / 4u] = value;
}
}
}
}
}
// {"p":{"load":"i4","half":false},"q":{"load":"k4","half":false}}: 189 lines, sha256 83529dcb0fdb8e81
// {"p":{"load":"scalar","half":false},"q":{"load":"scalar","half":false},"store":{"along":"col","vector":false},"tail":true}: 200 lines, sha256 8a7e0fac16ddd119
// {"p":{"load":"k4","half":true},"q":{"load":"i4","half":true}}: 190 lines, sha256 49c2db66059e310f
// {"bias":"col","activation":"relu"}: 194 lines, sha256 f2acc7804fd03eee
// {"bias":"row","activation":"tanh","store":{"along":"row","vector":true}}: 210 lines, sha256 0fb4ec1a29c0098c
// {"problem":"convForward","p":{"load":"k4","half":false},"q":{"load":"k4","half":false},"store":{"along":"row","vector":true},"bias":"row","activation":"relu"}: 221 lines, sha256 93fa71fc8104097c
// {"problem":"convForward","p":{"load":"scalar","half":false},"q":{"load":"scalar","half":false},"store":{"along":"row","vector":false},"tail":true}: 270 lines, sha256 b15e84c1cbb71043
// {"problem":"convInput","p":{"load":"i4","half":false},"q":{"load":"k4","half":false},"store":{"along":"row","vector":true}}: 271 lines, sha256 924ec5941950734c
// {"problem":"convWeight","p":{"load":"i4","half":false},"q":{"load":"i4","half":false},"store":{"along":"col","vector":true}}: 248 lines, sha256 d86917591b76a8b8
// {"problem":"convWeight","p":{"load":"scalar","half":false},"q":{"load":"scalar","half":false},"store":{"along":"col","vector":false},"tail":true}: 256 lines, sha256 121c2ed98a92e592
// {"tile":{"kind":"workgroup","rows":32,"cols":64,"depth":16,"blockRows":4,"blockCols":4,"buffers":1,"unroll":false}}: 125 lines, sha256 10143811bedcdc03
// {"tile":{"kind":"workgroup","rows":128,"cols":128,"depth":16,"blockRows":8,"blockCols":8,"buffers":2,"unroll":true}}: 355 lines, sha256 44d569d2aca6127c
