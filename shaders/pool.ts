import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { chunkWalk, WALK_PARAMS, WALK_WORKGROUP } from './walk.js';

/** Structure of a pooling kernel; sizes are parameters. */
export interface PoolSpec {
  /**
   * `max`: y and index from x; `gather`: y from x and index; `scatter`: its adjoint; `avg`: y from x;
   * `avgInput`: its adjoint.
   */
  kind: 'max' | 'gather' | 'scatter' | 'avg' | 'avgInput';
  /** Window o is [floor(o h / oh), ceil((o + 1) h / oh)) instead of [o stride - pad, ... + kernel). */
  adaptive: boolean;
  /** No two windows overlap: an adjoint then walks windows and writes the pixels of each, instead of walking pixels. */
  disjoint: boolean;
  /** Windows tile the image and are so small that loops over them are unrolled: rows and columns of one, else null. */
  tile: readonly [rows: number, columns: number] | null;
  /** Channels of an invocation. */
  lanes: 1 | 2 | 4;
}

const PARAMS = [
  'channels',
  'h',
  'w',
  'oh',
  'ow',
  'kh',
  'kw',
  'strideY',
  'strideX',
  'padY',
  'padX',
  'countPad',
  'images',
] as const;

/**
 * Window o of an axis as [first, end), clipped to the image, and the range of windows that hold pixel i. An adaptive
 * axis is its own mirror image: the windows that hold a pixel are the window of the swapped sizes.
 */
const windows = (adaptive: boolean): string =>
  adaptive
    ? `
fn share(o: u32, size: u32, parts: u32) -> vec2u { return vec2u(o * size / parts, ((o + 1u) * size + parts - 1u) / parts); }
fn windowOf(o: u32, size: u32, parts: u32, k: u32, stride: u32, pad: u32) -> vec2u { return share(o, size, parts); }
fn holders(i: u32, size: u32, parts: u32, k: u32, stride: u32, pad: u32) -> vec2u { return share(i, parts, size); }
fn extent(o: u32, size: u32, parts: u32, k: u32, stride: u32, pad: u32) -> u32 { let s = share(o, size, parts); return s.y - s.x; }`
    : `
fn windowOf(o: u32, size: u32, parts: u32, k: u32, stride: u32, pad: u32) -> vec2u {
  let first = o * stride;
  return vec2u(max(first, pad) - pad, min(max(first + k, pad) - pad, size));
}
fn holders(i: u32, size: u32, parts: u32, k: u32, stride: u32, pad: u32) -> vec2u {
  let at = i + pad;
  return vec2u(select(0u, (at - k) / stride + 1u, at >= k), min(at / stride + 1u, parts));
}
// Length that an average divides by: without the padding, or with it (but never past the far edge of the padding).
fn extent(o: u32, size: u32, parts: u32, k: u32, stride: u32, pad: u32) -> u32 {
  if (P.countPad != 0u) { return min(o * stride + k, size + 2u * pad) - o * stride; }
  let s = windowOf(o, size, parts, k, stride, pad);
  return s.y - s.x;
}`;

const ROWS = 'P.h, P.oh, P.kh, P.strideY, P.padY';
const COLS = 'P.w, P.ow, P.kw, P.strideX, P.padX';

/**
 * Pooling of NHWC images, images and leading axes as one.
 *
 *     max      y[o] = x[i*], index[o] = i* = the first i in window o, in row-major order, that no other exceeds
 *     gather   y[o] = x[index[o]]
 *     scatter  dx[i] = sum of g[o] over windows o with index[o] = i, in row-major order of o: no atomics
 *     avg      y[o] = sum of x over window o / extent(o);  avgInput is its transpose
 *
 * Tiling: one invocation a result and `lanes` channels, in a chunk walk, neighbours along channels. Adjoints of
 * disjoint windows give one invocation a window: it writes the window's pixels and those up to the next window.
 * Cost: max and avg load every pixel once a window that holds it; disjoint adjoints store every pixel once.
 */
export function poolShader(spec: PoolSpec): Shader {
  const V = spec.lanes === 1 ? 'f32' : `vec${spec.lanes}f`;
  const I = spec.lanes === 1 ? 'i32' : `vec${spec.lanes}i`;
  const owner = spec.disjoint && (spec.kind === 'scatter' || spec.kind === 'avgInput');
  const perPixel = !owner && (spec.kind === 'scatter' || spec.kind === 'avgInput');
  const [rows, cols] = perPixel ? ['P.h', 'P.w'] : ['P.oh', 'P.ow'];
  const walk = chunkWalk(['P.images', rows, cols, 'P.channels']);
  const code = wgsl`
${windows(spec.adaptive)}
@compute @workgroup_size(${WALK_WORKGROUP})
fn main(${walk.builtins}) {
  ${walk.start}
  while (${walk.more}) {
    let image = i0 * P.h * P.w;
    ${body(spec, V, I, owner)}
    ${walk.advance}
  }
}`;
  const float = (name: string, access: 'read' | 'read_write' = 'read') =>
    ({ name, access, type: `array<${V}>` }) as const;
  const ints = (access: 'read' | 'read_write') => ({ name: 'index', access, type: `array<${I}>` }) as const;
  const bindings = {
    max: [float('x'), float('y', 'read_write'), ints('read_write')],
    gather: [{ name: 'x', access: 'read', type: 'array<f32>' } as const, ints('read'), float('y', 'read_write')],
    scatter: [float('g'), ints('read'), float('dx', 'read_write')],
    avg: [float('x'), float('y', 'read_write')],
    avgInput: [float('g'), float('dx', 'read_write')],
  }[spec.kind];
  return { code, bindings, params: [...WALK_PARAMS, ...PARAMS.map((name) => [name, 'u32'] as const)] };
}

/** What one invocation does at image i0, row i1, column i2, channels i3. */
function body(spec: PoolSpec, V: string, I: string, owner: boolean): string {
  const { tile } = spec;
  const pixels = tile
    ? Array.from({ length: tile[0] * tile[1] }, (_, k) => [Math.floor(k / tile[1]), k % tile[1]])
    : [];
  const unrolled = (inner: string) => `
    let corner = i1 * P.kh * P.w + i2 * P.kw;
    ${pixels.map(([r, c]) => `{ let pixel = corner + ${r}u * P.w + ${c}u; ${inner} }`).join('\n')}`;
  const overWindow = (inner: string) =>
    tile
      ? unrolled(inner)
      : `
    let rows = windowOf(i1, ${ROWS});
    let cols = windowOf(i2, ${COLS});
    for (var r = rows.x; r < rows.y; r++) {
      var pixel = r * P.w + cols.x;
      for (var c = cols.x; c < cols.y; c++) {
        ${inner}
        pixel++;
      }
    }`;
  const overHolders = (inner: string) => `
    let pixel = i1 * P.w + i2;
    let rows = holders(i1, ${ROWS});
    let cols = holders(i2, ${COLS});
    var total = ${V}(0.0);
    for (var r = rows.x; r < rows.y; r++) {
      for (var c = cols.x; c < cols.y; c++) {
        let o = ((i0 * P.oh + r) * P.ow + c) * P.channels + i3;
        ${inner}
      }
    }
    dx[i] = total;`;
  // The cell of window o: from its first pixel to the next window's; the last cell reaches to the edge.
  const overCell = (inner: string) =>
    tile
      ? unrolled(`dx[(image + pixel) * P.channels + i3] = ${inner};`)
      : `
    let rows = windowOf(i1, ${ROWS});
    let cols = windowOf(i2, ${COLS});
    let cellRows = select(windowOf(i1 + 1u, ${ROWS}).x, P.h, i1 + 1u == P.oh);
    let cellCols = select(windowOf(i2 + 1u, ${COLS}).x, P.w, i2 + 1u == P.ow);
    for (var r = rows.x; r < cellRows; r++) {
      var pixel = r * P.w + cols.x;
      for (var c = cols.x; c < cellCols; c++) {
        dx[(image + pixel) * P.channels + i3] = ${inner};
        pixel++;
      }
    }`;
  const U = spec.lanes === 1 ? 'u32' : `vec${spec.lanes}u`;
  switch (spec.kind) {
    case 'max':
      // Bits tell NaN, which wins over every number; comparisons with it are false.
      return `var best = ${V}(bitcast<f32>(0xff800000u | (P.n & 0u)));
    var place = ${I}(i32(windowOf(i1, ${ROWS}).x * P.w + windowOf(i2, ${COLS}).x));
    ${overWindow(`let v = x[(image + pixel) * P.channels + i3];
        let wins = (v > best) | ((bitcast<${U}>(v) & ${U}(0x7fffffffu)) > ${U}(0x7f800000u));
        best = select(best, v, wins);
        place = select(place, ${I}(i32(pixel)), wins);`)}
    y[i] = best;
    index[i] = place;`;
    case 'avg':
      return `var total = ${V}(0.0);
    ${overWindow('total += x[(image + pixel) * P.channels + i3];')}
    y[i] = total / f32(extent(i1, ${ROWS}) * extent(i2, ${COLS}));`;
    case 'gather': {
      const lanes = [0, 1, 2, 3].slice(0, spec.lanes);
      const load = (l: number) =>
        `x[(image + u32(at${spec.lanes === 1 ? '' : `[${l}]`})) * P.channels * ${spec.lanes}u + i3 * ${spec.lanes}u + ${l}u]`;
      return `let at = index[i];
    y[i] = ${V}(${lanes.map(load).join(', ')});`;
    }
    case 'scatter':
      return owner
        ? `let part = g[i];
    let at = index[i];
    ${overCell(`select(${V}(0.0), part, at == ${I}(i32(pixel)))`)}`
        : overHolders(`total += select(${V}(0.0), g[o], index[o] == ${I}(i32(pixel)));`);
    case 'avgInput':
      return owner
        ? `let part = g[i] / f32(extent(i1, ${ROWS}) * extent(i2, ${COLS}));
    ${overCell(tile ? 'part' : `select(${V}(0.0), part, r < rows.y && c < cols.y)`)}`
        : overHolders(`total += g[o] / f32(extent(r, ${ROWS}) * extent(c, ${COLS}));`);
  }
}
