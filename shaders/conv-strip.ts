import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { activate } from './gemm/epilogue.js';
import type { Activation } from './gemm/spec.js';
import { mathHelpers } from './math.js';

/** Structure of a convolution by strips of pixels; sizes and geometry are parameters. */
export interface ConvStripSpec {
  /** Size of the subgroup, which is the workgroup. */
  lanes: number;
  /** Result channels of a tile. */
  rows: number;
  /** Strips of four pixels a lane, one below the other. */
  strips: number;
  /** Width of the kernel. */
  taps: number;
  /** Result channels, of a group and of a pixel, are multiples of four, and stored so. */
  vector: boolean;
  /** The lanes are at the same place of as many images, a multiple of which there are; else at neighbouring places. */
  byImage: boolean;
  bias: boolean;
  activation: Activation;
}

const unsigned = (...names: string[]) => names.map((name) => [name, 'u32'] as const);
const signed = (...names: string[]) => names.map((name) => [name, 'i32'] as const);
const list = (n: number, f: (i: number) => string): string[] => Array.from({ length: n }, (_, i) => f(i));
const lines = (n: number, f: (i: number) => string): string => list(n, f).join('\n');

/**
 * Convolution with stride and dilation 1 of NHWC images whose channels are few or no multiple of four, for devices with
 * subgroups where workgroup memory does not pay.
 *
 *     y[n, row, col, o] = act(bias[o] + sum over r, t, c of x[n, row + r - padY, col + t - padX, c] w[o, r, t, c])
 *
 * The gradient of x is the same sum over dy, with w turned round and its channels swapped: the host says so by the
 * steps through w (wRow along o, wTap along t, wTapRow along r, wChannel along c, from wStart).
 * Tiling: a lane has `strips` strips of four pixels, one below the other, and `rows` result channels of them in
 * registers. It walks down the rows of one source channel and loads of each the 4 + taps - 1 pixels that a strip sees,
 * once for all taps and for all strips, which see it one kernel row apart. The rows * taps weights of a kernel row are
 * dealt out over the lanes and handed out by subgroupBroadcast. Lanes at the same place of different images leave out
 * the kernel rows that lie beside all of them: gradients of 5x5 kernels have a quarter of those.
 * Grid: x, y groups of strips (folded), z model x groups x row tiles.
 * Cost: 2 rows taps kh depth flops a pixel; a pixel of the source is read (kh + strips - 1) / strips (4 + taps - 1) / 4
 * times a row tile.
 */
export function convStripShader(spec: ConvStripSpec): Shader {
  const { lanes, rows, strips, taps, bias, byImage } = spec;
  const window = 4 + taps - 1;
  const sets = Math.ceil((rows * taps) / lanes);
  const each = (f: (v: number) => string) => lines(strips, f);
  /** All strips but the last, whose row of the source is the next one's of the kernel row before. */
  const above = (f: (v: number) => string) => lines(strips - 1, f);
  /** Loads what strip v sees of a row of the source. */
  const load = (keyword: 'let' | 'var', v: number, row: string) => `let source${v} = ${row};
    let live${v} = u32(source${v}) < P.h;
    let from${v} = base + u32(clamp(source${v}, 0, i32(P.h) - 1)) * P.w * P.channels + c;
    ${lines(window, (j) => `${keyword} x${v}_${j} = select(0.0, x[from${v} + at${j}], live${v} & in${j});`)}`;
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const weight = (o: number, t: number) => {
    const place = o * taps + t;
    return `vec4f(subgroupBroadcast(w${Math.floor(place / lanes)}, ${place % lanes}u))`;
  };
  const pixels = (v: number, t: number) => `vec4f(${list(4, (j) => `x${v}_${j + t}`).join(', ')})`;
  const chain = (o: number, v: number) =>
    list(taps, String).reduce((sum, _, t) => `fma(s${o}_${t}, b${v}_${t}, ${sum})`, `acc[${o * strips + v}]`);
  const code = wgsl`
${mathHelpers(helpers, 4)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let rowTile = id.z % P.rowTiles;
  let part = id.z / P.rowTiles;
  let member = part / P.groups;
  let group = part % P.groups;
  let first = rowTile * ${rows}u;
  let across = (P.outW + 3u) / 4u;
  let down = (P.outH + ${strips - 1}u) / ${strips}u;
  let places = down * across;
  let number = id.x + id.y * count.x;
  ${
    byImage
      ? `let real = number < P.images / ${lanes}u * places;
  let bundle = min(number / places, P.images / ${lanes}u - 1u);
  let image = bundle * ${lanes}u + lane;
  let place = min(number - bundle * places, places - 1u);`
      : `let real = number * ${lanes}u + lane < P.images * places;
  let all = min(number * ${lanes}u + lane, P.images * places - 1u);
  let image = all / places;
  let place = all - image * places;`
  }
  let line = place / across;
  let left = (place - line * across) * 4u;
  let row = line * ${strips}u;
  let top = i32(row) - P.padY;
  let r0 = ${byImage ? `clamp(-top - ${strips - 1}, 0, P.kh - 1)` : '0'};
  let r1 = ${byImage ? 'clamp(i32(P.h) - top, r0 + 1, P.kh)' : 'P.kh'};
  let base = member * P.xPart + image * P.h * P.w * P.channels + group * P.depth;
  ${lines(
    window,
    (j) => `let col${j} = i32(left) + ${j} - P.padX;
  let in${j} = u32(col${j}) < P.w;
  let at${j} = u32(clamp(col${j}, 0, i32(P.w) - 1)) * P.channels;`,
  )}
  ${lines(
    sets,
    (s) => `let dealt${s} = ${s * lanes}u + lane;
  let wAt${s} = i32(min(first + dealt${s} / ${taps}u, P.rows - 1u)) * P.wRow + i32(dealt${s} % ${taps}u) * P.wTap;`,
  )}
  let wBase = i32(member * P.wPart + group * P.wGroup) + P.wStart;
  var acc: array<vec4f, ${rows * strips}>;
  ${bias ? startFromBias(spec) : ''}
  for (var c = 0u; c < P.depth; c++) {
    ${above((v) => load('var', v, `top + r0 + ${v}`))}
    var wAt = wBase + i32(c) * P.wChannel + r0 * P.wTapRow;
    for (var r = r0; r < r1; r++) {
      ${lines(sets, (s) => `let w${s} = w[u32(wAt + wAt${s})];`)}
      ${load('let', strips - 1, `top + r + ${strips - 1}`)}
      ${each((v) => lines(taps, (t) => `let b${v}_${t} = ${pixels(v, t)};`))}
      ${lines(
        rows,
        (o) => `${lines(taps, (t) => `let s${o}_${t} = ${weight(o, t)};`)}
      ${each((v) => `acc[${o * strips + v}] = ${chain(o, v)};`)}`,
      )}
      ${above((v) => lines(window, (j) => `x${v}_${j} = x${v + 1}_${j};`))}
      wAt += P.wTapRow;
    }
  }
  ${each((v) => store(spec, v))}
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: 'w', access: 'read', type: 'array<f32>' },
      { name: 'x', access: 'read', type: 'array<f32>' },
      ...(bias ? [{ name: 'bias', access: 'read', type: 'array<f32>' } as const] : []),
      { name: 'y', access: 'read_write', type: spec.vector ? 'array<vec4f>' : 'array<f32>' },
    ],
    params: [
      ...unsigned('images', 'h', 'w', 'channels', 'outH', 'outW', 'outChannels', 'groups', 'depth', 'rows'),
      ...unsigned('rowTiles', 'tileRows', 'xPart', 'wPart', 'wGroup', 'yPart', 'biasPart'),
      ...signed('kh', 'padY', 'padX', 'wStart', 'wRow', 'wTap', 'wTapRow', 'wChannel'),
    ],
  };
}

/** WGSL that lays the tile's bias across the lanes and begins every sum with its channel's. */
function startFromBias({ lanes, rows, strips }: ConvStripSpec): string {
  const loads = lines(
    Math.ceil(rows / lanes),
    (s) =>
      `let bias${s} = bias[member * P.biasPart + group * P.rows + min(first + ${s * lanes}u + lane, P.rows - 1u)];`,
  );
  const begin = (i: number) => {
    const o = Math.floor(i / strips);
    return `acc[${i}] = vec4f(subgroupBroadcast(bias${Math.floor(o / lanes)}, ${o % lanes}u));`;
  };
  return `${loads}\n${lines(rows * strips, begin)}`;
}

/**
 * WGSL that applies the activation and stores strip v of every lane. The loop's bound is a parameter,
 * and the min() hides the array's length: else the driver would unroll the stores, three times the compile time.
 */
function store({ rows, strips, vector, activation }: ConvStripSpec, v: number): string {
  const acc = (i: string) => `acc[min((${i}) * ${strips}u + ${v}u, ${rows * strips - 1}u)]`;
  const start = `let to${v} = member * P.yPart + ((image * P.outH + row + ${v}u) * P.outW + left) * P.outChannels
    + group * P.rows + first;
  let wide${v} = select(0u, min(4u, P.outW - left), real & (row + ${v}u < P.outH));`;
  if (!vector) {
    const one = (j: number) => `if (${j}u < wide${v}) { y[to${v} + ${j}u * P.outChannels + o] = value[${j}]; }`;
    return `${start}
  for (var o = 0u; o < P.tileRows; o++) {
    if (first + o < P.rows) {
      let sum = ${acc('o')};
      let value = ${activate(activation, 'sum', 'vec4f')};
      ${lines(4, one)}
    }
  }`;
  }
  const column = (j: number) => `if (${j}u < wide${v}) {
        let value = vec4f(${list(4, (r) => `r${r}.${'xyzw'[j]}`).join(', ')});
        y[(to${v} + ${j}u * P.outChannels + o) / 4u] = ${activate(activation, 'value', 'vec4f')};
      }`;
  return `${start}
  for (var o = 0u; o < P.tileRows; o += 4u) {
    if (first + o < P.rows) {
      ${lines(4, (r) => `let r${r} = ${acc(`o + ${r}u`)};`)}
      ${lines(4, column)}
    }
  }`;
}
