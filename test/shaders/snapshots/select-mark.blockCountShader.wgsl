// blockCountShader {"key":{"type":"f32","by":"magnitude","largest":true},"stage":"indices","seeded":true,"vector":true,"shared":true,"stored":"u32","workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read> state: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
struct Params { units: u32, blocks: u32, block: u32, loads: u32, tail: u32, base: u32, all: u32, k: u32 }
var<immediate> P: Params;
fn select_key(raw: u32) -> u32 {
  let m = raw & 0x7fffffffu;
  return select(0x7f800000u - m, 0x7fffffffu, m > 0x7f800000u);
}

var<workgroup> total: array<atomic<u32>, 2>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  
  let id = group.x + group.y * groups.x;
  let unit = id / P.blocks;
  if (unit >= P.units) { return; }
  let s = state[unit];
  let slot = unit * P.all + P.base + id % P.blocks;
  let begin = (id % P.blocks) * P.block;
  let end = min(begin + P.block, P.loads);
  if (!(true)) { return; }
  var less = 0u;
  var ties = 0u;
  for (var j = begin + lane; j < end; j += 64u) {
    let raw = x[unit * P.loads + j];
    let live = select(4u, P.tail, j + 1u == P.loads);
    let key0 = select_key(raw.x);
    let under0 = (key0 < s.x) & (0u < live);
    let tie0 = (key0 == s.x) & (0u < live);
    let key1 = select_key(raw.y);
    let under1 = (key1 < s.x) & (1u < live);
    let tie1 = (key1 == s.x) & (1u < live);
    let key2 = select_key(raw.z);
    let under2 = (key2 < s.x) & (2u < live);
    let tie2 = (key2 == s.x) & (2u < live);
    let key3 = select_key(raw.w);
    let under3 = (key3 < s.x) & (3u < live);
    let tie3 = (key3 == s.x) & (3u < live);
    less += u32(under0); ties += u32(tie0);
    less += u32(under1); ties += u32(tie1);
    less += u32(under2); ties += u32(tie2);
    less += u32(under3); ties += u32(tie3);
  }

  atomicAdd(&total[0], less);
  atomicAdd(&total[1], ties);
  workgroupBarrier();
  if (lane > 0u) { return; }
  less = atomicLoad(&total[0]);
  ties = atomicLoad(&total[1]);

  counts[slot] = less;
  counts[P.units * P.all + slot] = ties;
}
// {"stage":"mask","vector":false}: 46 lines, sha256 b961c621ed020aee
// {"shared":false,"workgroup":8}: 49 lines, sha256 5bfa55a520f26588
