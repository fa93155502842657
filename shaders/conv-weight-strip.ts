import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';

/** Structure of a convolution's weight gradient by strips of pixels; sizes and geometry are parameters. */
export interface ConvWeightStripSpec {
  /** Size of the subgroup, which is the workgroup. */
  lanes: number;
  /** Result channels of a tile. */
  rows: number;
  /** Width of the kernel. */
  taps: number;
}

const unsigned = (...names: string[]) => names.map((name) => [name, 'u32'] as const);
const signed = (...names: string[]) => names.map((name) => [name, 'i32'] as const);
const list = (n: number, f: (i: number) => string): string[] => Array.from({ length: n }, (_, i) => f(i));
const lines = (n: number, f: (i: number) => string): string => list(n, f).join('\n');

/** Pixels of dy that are taken at a time. */
const STRIP = 4;

/**
 * Weight gradient of a convolution with stride and dilation 1 of NHWC images whose channels are few or no multiple of
 * four, for devices with subgroups where workgroup memory does not pay.
 *
 *     dw[o, r, t, c] = sum over n, row, col of dy[n, row, col, o] x[n, row + r - padY, col + t - padX, c]
 *
 * Tiling: a lane has one kernel row r and source channel c, with all taps t of `rows` result channels in registers. It
 * walks along the lines of dy in strips of four pixels: of x it loads four pixels a strip, for the others of the window
 * of 4 + taps - 1 were loaded for the strip before, and the strip's 4 rows values of dy are dealt out over the lanes and
 * handed out by subgroupBroadcast.
 * Grid: x tiles of (r, c), y splits of the lines (each with its own dw, which the host adds up), z model x groups x row
 * tiles.
 * Cost: 2 taps flops a result channel, pixel and lane; 4 + ceil(4 rows / lanes) loads for 4 rows taps multiply-adds.
 */
export function convWeightStripShader({ lanes, rows, taps }: ConvWeightStripSpec): Shader {
  const sets = Math.ceil((STRIP * rows) / lanes);
  const kept = taps - 1;
  const gradient = (j: number, o: number) => {
    const place = j * rows + o;
    return `subgroupBroadcast(g${Math.floor(place / lanes)}, ${place % lanes}u)`;
  };
  const pixel = (column: string) =>
    `select(0.0, x[xAt + u32(clamp(${column}, 0, i32(P.w) - 1)) * P.channels], inside & (u32(${column}) < P.w))`;
  const chain = (o: number, t: number) =>
    list(STRIP, String).reduce((sum, _, j) => `fma(s${j}, x${j + t}, ${sum})`, `acc[${o * taps + t}]`);
  const code = wgsl`
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rowTile = id.z % P.rowTiles;
  let part = id.z / P.rowTiles;
  let member = part / P.groups;
  let group = part % P.groups;
  let first = rowTile * ${rows}u;
  let column = id.x * ${lanes}u + lane;
  let place = min(column, P.kh * P.depth - 1u);
  let r = place / P.depth;
  let c = place - r * P.depth;
  ${lines(
    sets,
    (s) => `let dealt${s} = ${s * lanes}u + lane;
  let j${s} = dealt${s} / ${rows}u;
  let o${s} = dealt${s} - j${s} * ${rows}u;
  let gAt${s} = j${s} * P.outChannels + o${s};
  let has${s} = (j${s} < ${STRIP}u) & (first + o${s} < P.rows);`,
  )}
  var acc: array<f32, ${rows * taps}>;
  let end = min((id.y + 1u) * P.chunk, P.images * P.outH);
  for (var line = id.y * P.chunk; line < end; line++) {
    let image = line / P.outH;
    let row = i32(line - image * P.outH + r) - P.padY;
    let inside = u32(row) < P.h;
    let xAt = member * P.xPart + (image * P.h + u32(clamp(row, 0, i32(P.h) - 1))) * P.w * P.channels
      + group * P.depth + c;
    let gLine = member * P.yPart + line * P.outW * P.outChannels + group * P.rows + first;
    ${lines(kept, (j) => `var x${j} = ${pixel(`(${j} - P.padX)`)};`)}
    for (var left = 0u; left < P.outW; left += ${STRIP}u) {
      let next = i32(left) - P.padX;
      ${lines(STRIP, (j) => `let x${kept + j} = ${pixel(`(next + ${kept + j})`)};`)}
      let gLeft = gLine + left * P.outChannels;
      ${lines(sets, (s) => `let g${s} = select(0.0, dy[gLeft + gAt${s}], has${s} & (left + j${s} < P.outW));`)}
      ${lines(
        rows,
        (o) => `{
        ${lines(STRIP, (j) => `let s${j} = ${gradient(j, o)};`)}
        ${lines(taps, (t) => `acc[${o * taps + t}] = ${chain(o, t)};`)}
      }`,
      )}
      ${lines(kept, (j) => `x${j} = x${j + STRIP};`)}
    }
  }
  if (column < P.kh * P.depth) {
    let at = id.y * P.splitStep + member * P.wPart + ((group * P.rows + first) * P.kh + r) * ${taps}u * P.depth + c;
    // The bound is a parameter, and the min() hides the array's length: else the driver would unroll the loop.
    for (var o = 0u; o < P.tileRows; o++) {
      if (first + o < P.rows) {
        ${lines(
          taps,
          (t) =>
            `dw[at + (o * P.kh * ${taps}u + ${t}u) * P.depth] = acc[min(o * ${taps}u + ${t}u, ${rows * taps - 1}u)];`,
        )}
      }
    }
  }
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: 'dy', access: 'read', type: 'array<f32>' },
      { name: 'x', access: 'read', type: 'array<f32>' },
      { name: 'dw', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ...unsigned('images', 'h', 'w', 'channels', 'outH', 'outW', 'outChannels', 'groups', 'depth', 'rows'),
      ...unsigned('rowTiles', 'tileRows', 'xPart', 'yPart', 'wPart', 'kh', 'chunk', 'splitStep'),
      ...signed('padY', 'padX'),
    ],
  };
}
