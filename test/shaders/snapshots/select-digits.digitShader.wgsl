// digitShader {"key":{"type":"f32","by":"magnitude","largest":true},"first":true,"rare":false,"vector":true,"bins":2048,"shared":true,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> hist: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> status: array<atomic<u32>>;
struct Params { units: u32, groups: u32, chunk: u32, loads: u32, tail: u32, shift: u32, mask: u32, high: u32 }
var<immediate> P: Params;
fn select_key(raw: u32) -> u32 {
  let m = raw & 0x7fffffffu;
  return select(0x7f800000u - m, 0x7fffffffu, m > 0x7f800000u);
}

var<workgroup> count: array<atomic<u32>, 2048>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x + group.y * groups.x;
  let unit = id / P.groups;
  if (unit >= P.units) { return; }


  var nan = 0u;

  let begin = (id % P.groups) * P.chunk;
  let end = min(begin + P.chunk, P.loads);
  for (var i = begin + lane; i < end; i += 64u) {
    let raw = x[unit * P.loads + i];
    let live = select(4u, P.tail, i + 1u == P.loads);
    let key0 = select_key(raw.x);
    let key1 = select_key(raw.y);
    let key2 = select_key(raw.z);
    let key3 = select_key(raw.w);
    let counts0 = (0u < live);
    let counts1 = (1u < live);
    let counts2 = (2u < live);
    let counts3 = (3u < live);

    nan += u32(counts0 & (key0 == 0x7fffffffu));
    nan += u32(counts1 & (key1 == 0x7fffffffu));
    nan += u32(counts2 & (key2 == 0x7fffffffu));
    nan += u32(counts3 & (key3 == 0x7fffffffu));


    if (counts0) { atomicAdd(&count[(key0 >> P.shift) & P.mask], 1u); }
    if (counts1) { atomicAdd(&count[(key1 >> P.shift) & P.mask], 1u); }
    if (counts2) { atomicAdd(&count[(key2 >> P.shift) & P.mask], 1u); }
    if (counts3) { atomicAdd(&count[(key3 >> P.shift) & P.mask], 1u); }

  }

  workgroupBarrier();
  for (var d = lane; d <= P.mask; d += 64u) {
    let c = atomicLoad(&count[d]);

    if (c > 0u) { atomicAdd(&hist[unit * 2048u + d], c); }
  }

  if (nan > 0u) { atomicAdd(&status[unit], nan); }

}
// {"first":false}: 53 lines, sha256 1d1c175d4d3280c9
// {"first":false,"bins":256,"shared":false,"workgroup":8}: 52 lines, sha256 f3185fd919d2a5e4
// {"first":false,"rare":true,"bins":256,"shared":false,"workgroup":8}: 54 lines, sha256 0681fafe728c381c
// {"vector":false,"key":{"type":"i32","by":"magnitude","largest":true}}: 38 lines, sha256 0dfb260451ec6b77
// {"vector":false,"bins":256,"shared":false,"workgroup":8,"key":{"type":"u32","by":"signed","largest":false}}: 38 lines, sha256 8254e8ac61d7c673
