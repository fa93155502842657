// convStreamShader {"direction":"forward","form":"tile","payload":"value","workgroup":8}
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> across: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>;
@group(0) @binding(4) var<storage, read_write> stream: array<vec2u>;
struct Params { segments: u32, chunks: u32, lines: u32, channels: u32, side: u32, depth: u32, columns: u32, bundle: u32, pitch: u32, capacity: u32, sourceW: u32, sourceC: u32, stepY: i32, stepX: i32, tileW: u32, kh: i32, kw: i32, strideY: i32, strideX: i32, padY: i32, padX: i32, dilationY: i32, dilationX: i32 }
@group(0) @binding(5) var<uniform> P: Params;
fn originAt(phase: i32, size: i32, stride: i32, pad: i32, dilation: i32) -> i32 { return -pad; }
fn tapAt(tap: i32, phase: i32, size: i32, stride: i32, pad: i32, dilation: i32) -> i32 { return tap * dilation; }
// The first position in [low, high) whose coordinate is not below key.
fn search(low: u32, high: u32, key: u32) -> u32 {
  var begin = low;
  var stop = high;
  while (begin < stop) {
    let middle = (begin + stop) >> 1u;
    if (across[middle] < key) { begin = middle + 1u; } else { stop = middle; }
  }
  return begin;
}

// Which cell of its half of the tile a pixel of the window is.
fn cellOf(at: i32, step: i32) -> u32 { return u32(at / step / 2 * step + at % step); }

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let segment = gid.x + gid.y * groups.x * 8u;
  if (segment >= P.segments) { return; }
  let line = segment / P.chunks % P.lines;
  let phase = i32(segment / P.chunks / P.lines);
  let channel = line % P.channels;
  let group = channel / P.side;
  // Source channels of the chunk within the group, and where the group's begin in its tile.
  let low = segment % P.chunks * P.pitch;
  let high = min(low + P.pitch, P.depth);
  let shift = group % P.bundle * P.depth;
  let first = segment * P.capacity;
  var to = first;

  let start = starts[line];
  let end = starts[line + 1u];


  for (var turn = 0; turn < 4; turn++) {

  for (var ky = 0; ky < P.kh; ky++) {
    let y = tapAt(ky, phase / P.strideX, P.kh, P.strideY, P.padY, P.dilationY);
    for (var kx = 0; kx < P.kw; kx++) {
      let x = tapAt(kx, phase % P.strideX, P.kw, P.strideX, P.padX, P.dilationX);
      if (y < 0 || x < 0) { continue; }

      if (y / P.stepY % 2 * 2 + x / P.stepX % 2 != turn) { continue; }

      let tap = u32(ky * P.kw + kx);

      let base = tap * P.depth;

      var at = search(start, end, base + low);
      let last = search(at, end, base + high);
      for (; at < last; at++) {
        let source = across[at] - base + shift;

        let cell = cellOf(y, P.stepY) * P.tileW + cellOf(x, P.stepX);
        stream[to] = vec2u(cell * P.pitch + source - low, bitcast<u32>(values[at]));

        to++;
      }
    }
  }

  counts[segment * 4u + u32(turn)] = to - first;
  }

}
// {"direction":"input"}: 82 lines, sha256 10908e6b3cd6003f
// {"payload":"entry"}: 73 lines, sha256 bc395062d38d7208
// {"form":"direct","workgroup":64}: 68 lines, sha256 c3fb22fa305e284b
