// scanShader {"type":"f32","stage":"scan","reverse":false,"exclusive":false,"seeded":true,"shared":true,"lanes":1,"workgroup":64}
requires immediate_address_space;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> seeds: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
struct Params { units: u32, length: u32, inner: u32, chunks: u32, chunk: u32 }
var<immediate> P: Params;
var<workgroup> fold: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {

  let unit = group.x + group.y * groups.x;

  if (unit >= P.units) { return; }
  let b = unit % P.inner;
  let row = unit / P.inner;
  let first = (row % P.chunks) * P.chunk;
  let end = min(first + P.chunk, P.length);
  let base = row / P.chunks * P.length * P.inner + b;

  var total = seeds[unit];




  for (var tile = first; tile < end; tile += 64u) {
    let j = tile + lane;
    var value = f32();
    if (j < end) { value = x[base + (j) * P.inner]; }
    fold[lane] = value;
    workgroupBarrier();
    for (var width = 1u; width < 64u; width <<= 1u) {
      var before = f32();
      if (lane >= width) { before = fold[lane - width]; }
      workgroupBarrier();
      fold[lane] += before;
      workgroupBarrier();
    }
    var result = total;

    result += fold[lane];

    if (j < end) { out[base + (j) * P.inner] = result; }
    total += fold[63];
    workgroupBarrier();
  }

}
// {"stage":"sums"}: 35 lines, sha256 4a68fbd5bc4c5d02
// {"reverse":true,"exclusive":true,"type":"i32"}: 49 lines, sha256 80478f87e3257f09
// {"seeded":false,"shared":false,"lanes":4,"workgroup":16}: 35 lines, sha256 10c627175823a16d
