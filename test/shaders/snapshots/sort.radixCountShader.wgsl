// radixCountShader {"key":"f32","descending":false,"last":false,"keysOut":false,"bits":4,"shared":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
struct Params { units: u32, blocks: u32, block: u32, n: u32, shift: u32, digits: u32, in_inner: u32, out_inner: u32, size: u32 }
var<immediate> P: Params;
fn order_key(raw: u32) -> u32 { return select(select(raw | 0x80000000u, ~raw, (raw >> 31u) == 1u && (raw << 1u) != 0u), 0xffffffffu, (raw & 0x7fffffffu) > 0x7f800000u); }


var<workgroup> count: array<atomic<u32>, 16>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  
let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  let row = unit / P.blocks;
  let block = unit % P.blocks;
  let first = block * P.block;
  let end = min(first + P.block, P.n);
  let origin = (row / P.in_inner) * P.n * P.in_inner + row % P.in_inner;

  if (lane < P.digits) { atomicStore(&count[lane], 0u); }
  workgroupBarrier();
  for (var j = first + lane; j < end; j += 64u) {
    atomicAdd(&count[(order_key(x[origin + (j) * P.in_inner]) >> P.shift) & 15u], 1u);
  }
  workgroupBarrier();
  if (lane < P.digits) { counts[(row * P.digits + lane) * P.blocks + block] = atomicLoad(&count[lane]); }

}
// {"key":null}: 28 lines, sha256 e4b49a40785ab36c
// {"key":"i32","descending":true}: 31 lines, sha256 45c18a9b99cad8d6
// {"key":"index-u32","bits":8,"shared":false,"workgroup":8}: 25 lines, sha256 14bd7d0aa701a480
