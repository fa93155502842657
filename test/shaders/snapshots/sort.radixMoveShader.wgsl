// radixMoveShader {"key":"f32","descending":false,"last":false,"keysOut":false,"bits":4,"shared":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read_write> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> keys: array<u32>;
struct Params { units: u32, blocks: u32, block: u32, n: u32, shift: u32, digits: u32, in_inner: u32, out_inner: u32, size: u32 }
var<immediate> P: Params;
fn order_key(raw: u32) -> u32 { return select(select(raw | 0x80000000u, ~raw, (raw >> 31u) == 1u && (raw << 1u) != 0u), 0xffffffffu, (raw & 0x7fffffffu) > 0x7f800000u); }


var<workgroup> count: array<u32, 1024>;
var<workgroup> fold: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  
let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  let row = unit / P.blocks;
  let block = unit % P.blocks;
  let first = block * P.block;
  let end = min(first + P.block, P.n);
  let origin = (row / P.in_inner) * P.n * P.in_inner + row % P.in_inner;
  let dest = (row / P.out_inner) * P.n * P.out_inner + row % P.out_inner;

  for (var d = 0u; d < 16u; d++) { count[d * 64u + lane] = 0u; }
  let mine = first + lane * 8u;
  let stop = min(mine + 8u, end);
  var held: array<u32, 8>;
  var rank: array<u32, 8>;
  for (var j = mine; j < stop; j++) {
    let key = order_key(x[origin + (j) * P.in_inner]);
    let slot = ((key >> P.shift) & 15u) * 64u + lane;
    held[j - mine] = key;
    rank[j - mine] = count[slot];
    count[slot]++;
  }
  workgroupBarrier();
  // Exclusive scan of the counters in the order (digit, invocation): 16 neighbours each, then their sums.
  var sum = 0u;
  for (var d = 0u; d < 16u; d++) {
    let c = count[lane * 16u + d];
    count[lane * 16u + d] = sum;
    sum += c;
  }
  fold[lane] = sum;
  workgroupBarrier();
  for (var width = 1u; width < 64u; width <<= 1u) {
    var before = 0u;
    if (lane >= width) { before = fold[lane - width]; }
    workgroupBarrier();
    fold[lane] += before;
    workgroupBarrier();
  }
  let base = fold[lane] - sum;
  for (var d = 0u; d < 16u; d++) { count[lane * 16u + d] += base; }
  workgroupBarrier();
  for (var j = mine; j < stop; j++) {
    let key = held[j - mine];
    let value = j;
    let digit = (key >> P.shift) & 15u;
    let within = count[digit * 64u + lane] + rank[j - mine] - count[digit * 64u];
    let at = starts[(row * P.digits + digit) * P.blocks + block] + within;
    order[row * P.n + at] = value; keys[row * P.n + at] = key;
  }

}
// {"key":null,"last":true}: 65 lines, sha256 04d4b76440741c05
// {"key":null,"last":true,"keysOut":true}: 66 lines, sha256 de180f010f0a393e
// {"key":"u32","bits":8,"shared":false,"workgroup":8}: 35 lines, sha256 45e12cda6b168ab6
