// markShader {"key":{"type":"f32","by":"magnitude","largest":true},"stage":"indices","seeded":true,"vector":true,"shared":true,"stored":"u32","workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read> state: array<vec4u>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<i32>;
@group(0) @binding(4) var<storage, read_write> keys: array<u32>;
struct Params { units: u32, blocks: u32, block: u32, loads: u32, tail: u32, base: u32, all: u32, k: u32 }
var<immediate> P: Params;
fn select_key(raw: u32) -> u32 {
  let m = raw & 0x7fffffffu;
  return select(0x7f800000u - m, 0x7fffffffu, m > 0x7f800000u);
}

var<workgroup> fold: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  
  let id = group.x + group.y * groups.x;
  let unit = id / P.blocks;
  if (unit >= P.units) { return; }
  let s = state[unit];
  let slot = unit * P.all + P.base + id % P.blocks;
  let begin = (id % P.blocks) * P.block;
  let end = min(begin + P.block, P.loads);
  let ranked = true;
  var less = 0u;
  var ties = 0u;

  if (ranked) {
    less = starts[slot];
    ties = starts[P.units * P.all + slot];
  }



  for (var tile = begin; tile < end; tile += 64u) {
    let j = tile + lane;
    let inside = j < end;
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
    let mine = select(0u, (u32(under0) << 16u) + u32(tie0) + (u32(under1) << 16u) + u32(tie1) + (u32(under2) << 16u) + u32(tie2) + (u32(under3) << 16u) + u32(tie3), inside);
    var before = 0u;
    var whole = 0u;
    if (ranked) {
      fold[lane] = mine;
      workgroupBarrier();
      for (var width = 1u; width < 64u; width <<= 1u) {
    var under = 0u;
    if (lane >= width) { under = fold[lane - width]; }
    workgroupBarrier();
    fold[lane] += under;
    workgroupBarrier();
  }
      before = fold[lane] - mine;
      whole = fold[63];
      workgroupBarrier();
    }
    let tileLess = less + (whole >> 16u);
    let tileTies = ties + (whole & 0xffffu);
    less += before >> 16u;
    ties += before & 0xffffu;
    if (inside) {

    if (under0 | (tie0 & (ties < s.y))) {
      let at = unit * P.k + less + min(ties, s.y);
      out[at] = i32(4u * j + 0u);
      keys[at] = key0;
    }
    less += u32(under0); ties += u32(tie0);
    if (under1 | (tie1 & (ties < s.y))) {
      let at = unit * P.k + less + min(ties, s.y);
      out[at] = i32(4u * j + 1u);
      keys[at] = key1;
    }
    less += u32(under1); ties += u32(tie1);
    if (under2 | (tie2 & (ties < s.y))) {
      let at = unit * P.k + less + min(ties, s.y);
      out[at] = i32(4u * j + 2u);
      keys[at] = key2;
    }
    less += u32(under2); ties += u32(tie2);
    if (under3 | (tie3 & (ties < s.y))) {
      let at = unit * P.k + less + min(ties, s.y);
      out[at] = i32(4u * j + 3u);
      keys[at] = key3;
    }
    less += u32(under3); ties += u32(tie3);


    }
    less = tileLess;
    ties = tileTies;

  }
}
// {"stage":"mask"}: 90 lines, sha256 d23f41f03a997458
// {"stage":"mask","stored":"f32","seeded":false,"vector":false}: 71 lines, sha256 f86332c1bd6ff66f
// {"stage":"locate","shared":false,"workgroup":8}: 63 lines, sha256 c3e7bb62b7129e8d
// {"shared":false}: 79 lines, sha256 e4ccf754fa0b692b
