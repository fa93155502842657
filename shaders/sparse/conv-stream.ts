import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

/** `forward`: y from x; `input`: dx from the gradient of y, by phases of the stride. */
export type Direction = 'forward' | 'input';

export interface StreamSpec {
  direction: Direction;
  /** `tile`: offsets into the tiles of `conv-panel.ts`; `direct`: offsets into the source itself. */
  form: 'tile' | 'direct';
  /** What travels beside an offset: the nonzero's value, or its position among the values. */
  payload: 'value' | 'entry';
  workgroup: number;
}

/** Geometry of the convolution, as in `ConvAttrs`. */
export const TAP_PARAMS: Shader['params'] = [
  ['kh', 'i32'],
  ['kw', 'i32'],
  ['strideY', 'i32'],
  ['strideX', 'i32'],
  ['padY', 'i32'],
  ['padX', 'i32'],
  ['dilationY', 'i32'],
  ['dilationX', 'i32'],
];

export const STREAM_PARAMS: Shader['params'] = [
  ['segments', 'u32'],
  ['chunks', 'u32'],
  /** Result channels in all parts, and of one. */
  ['lines', 'u32'],
  ['channels', 'u32'],
  /** Result and source channels of one group of the convolution. */
  ['side', 'u32'],
  ['depth', 'u32'],
  /** Columns of one part of the pattern. */
  ['columns', 'u32'],
  /** Groups that share a tile, and channels of a chunk of it. */
  ['bundle', 'u32'],
  ['pitch', 'u32'],
  ['capacity', 'u32'],
  ['sourceW', 'u32'],
  ['sourceC', 'u32'],
  ['stepY', 'i32'],
  ['stepX', 'i32'],
  ['tileW', 'u32'],
  ...TAP_PARAMS,
];

/**
 * WGSL of both axes: the source pixel where the window of a result pixel begins, before the pixel's own part
 * (`originAt`), and how far into the window a tap reads (`tapAt`; negative where the tap misses the phase).
 *
 * Forward, a window begins at y stride - pad and a tap reads tap dilation further on. For dx, pixel q stride + phase is
 * read by tap t from output q + (phase + pad - t dilation) / stride, where that is whole.
 */
export const tapHelpers = (direction: Direction): string =>
  direction === 'forward'
    ? `
fn originAt(phase: i32, size: i32, stride: i32, pad: i32, dilation: i32) -> i32 { return -pad; }
fn tapAt(tap: i32, phase: i32, size: i32, stride: i32, pad: i32, dilation: i32) -> i32 { return tap * dilation; }`
    : `
fn originAt(phase: i32, size: i32, stride: i32, pad: i32, dilation: i32) -> i32 {
  let least = phase + pad - (size - 1) * dilation;
  return select(least, least + stride - 1, least > 0) / stride;
}
fn tapAt(tap: i32, phase: i32, size: i32, stride: i32, pad: i32, dilation: i32) -> i32 {
  let far = phase + pad - tap * dilation;
  if (far % stride != 0) { return -1; }
  return far / stride - originAt(phase, size, stride, pad, dilation);
}`;

/**
 * The nonzeros of a sparse convolution in the order in which its kernels walk them: for each phase, result channel and
 * chunk of source channels a segment of (offset, payload), taps ascending. Offsets follow from geometry and tiling, so
 * that the kernels do no arithmetic on columns; values are copied, so that one load brings both.
 *
 * Layout: starts, across and entries are the pattern's lines: rows (out) going forward, columns (kh, kw, in) for dx.
 * stream [phases, lines, chunks, capacity] of (offset, payload), or of (dy, dx, offset, payload) for direct kernels.
 * counts [phases, lines, chunks]; for tiles [..., 4], the count after each of the four turns that a segment takes its taps
 * in (see `conv-tile.ts`).
 * Tiling: one segment an invocation. Cost: a binary search a tap, three loads and a store a nonzero.
 */
export function convStreamShader(spec: StreamSpec): Shader {
  const { workgroup, form } = spec;
  const forward = spec.direction === 'forward';
  const entry = forward ? 'at' : 'entries[at]';
  const payload = spec.payload === 'value' ? `bitcast<u32>(values[${entry}])` : entry;
  const code = wgsl`
${tapHelpers(spec.direction)}
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
#if ${form === 'tile'}
// Which cell of its half of the tile a pixel of the window is.
fn cellOf(at: i32, step: i32) -> u32 { return u32(at / step / 2 * step + at % step); }
#endif
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let segment = gid.x + gid.y * groups.x * ${workgroup}u;
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
#if ${forward}
  let start = starts[line];
  let end = starts[line + 1u];
#endif
#if ${form === 'tile'}
  for (var turn = 0; turn < 4; turn++) {
#endif
  for (var ky = 0; ky < P.kh; ky++) {
    let y = tapAt(ky, phase / P.strideX, P.kh, P.strideY, P.padY, P.dilationY);
    for (var kx = 0; kx < P.kw; kx++) {
      let x = tapAt(kx, phase % P.strideX, P.kw, P.strideX, P.padX, P.dilationX);
      if (y < 0 || x < 0) { continue; }
#if ${form === 'tile'}
      if (y / P.stepY % 2 * 2 + x / P.stepX % 2 != turn) { continue; }
#endif
      let tap = u32(ky * P.kw + kx);
#if ${forward}
      let base = tap * P.depth;
#else
      let base = group * P.depth;
      let column = line / P.channels * P.columns + tap * P.side + channel % P.side;
      let start = starts[column];
      let end = starts[column + 1u];
#endif
      var at = search(start, end, base + low);
      let last = search(at, end, base + high);
      for (; at < last; at++) {
        let source = across[at] - base + shift;
#if ${form === 'tile'}
        let cell = cellOf(y, P.stepY) * P.tileW + cellOf(x, P.stepX);
        stream[to] = vec2u(cell * P.pitch + source - low, ${payload});
#else
        let dy = y + originAt(phase / P.strideX, P.kh, P.strideY, P.padY, P.dilationY);
        let dx = x + originAt(phase % P.strideX, P.kw, P.strideX, P.padX, P.dilationX);
        let offset = (dy * i32(P.sourceW) + dx) * i32(P.sourceC) + i32(group * P.depth + source - shift);
        stream[to] = vec4u(bitcast<u32>(dy), bitcast<u32>(dx), bitcast<u32>(offset), ${payload});
#endif
        to++;
      }
    }
  }
#if ${form === 'tile'}
  counts[segment * 4u + u32(turn)] = to - first;
  }
#else
  counts[segment] = to - first;
#endif
}`;
  return {
    code,
    bindings: [
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      ...(forward ? [] : [{ name: 'entries', access: 'read', type: 'array<u32>' } as const]),
      ...(spec.payload === 'value' ? [{ name: 'values', access: 'read', type: 'array<f32>' } as const] : []),
      { name: 'counts', access: 'read_write', type: 'array<u32>' },
      { name: 'stream', access: 'read_write', type: form === 'tile' ? 'array<vec2u>' : 'array<vec4u>' },
    ],
    params: STREAM_PARAMS,
  };
}
