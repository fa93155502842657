import type { Shader } from '../../src/gpu/kernel.js';
import { type Direction, TAP_PARAMS, tapHelpers } from './conv-stream.js';

/**
 * The tile that a lane of the panel kernels keeps in private memory: the source pixels in the windows of its block of
 * 2 x 2 result pixels, for `pitch` channels.
 *
 * It lies in four arrays by the parity of the block of stride x stride pixels that a source pixel is in. The four
 * result pixels of a block read for one tap from four different arrays, and which from which depends on the parity of
 * the tap alone; so the nonzeros come in four turns, by parity. One array would do, but software drivers compile in time
 * that grows with the square of an array's length.
 */
export interface TileSpec {
  /** Subgroup size, and lanes of a workgroup. */
  lanes: number;
  /** Elements of each of the four arrays: at least cells * pitch. */
  capacity: number;
  /** Source channels are read four at a time. */
  vector: boolean;
}

export const TILE_PARAMS: Shader['params'] = [
  /** Workgroups, and how their number splits: units (groups of blocks for y and dx, chunks for dw), splits, bundles, phases, parts. */
  ['n', 'u32'],
  ['units', 'u32'],
  ['splits', 'u32'],
  ['bundles', 'u32'],
  ['phases', 'u32'],
  /** Blocks of all images, of an image, and of a row of it. */
  ['blocks', 'u32'],
  ['blocksImage', 'u32'],
  ['blocksRow', 'u32'],
  ['resultH', 'u32'],
  ['resultW', 'u32'],
  ['resultC', 'u32'],
  ['sourceH', 'u32'],
  ['sourceW', 'u32'],
  ['sourceC', 'u32'],
  /** Images between the shares of two parts; 0 where they share the source. */
  ['sourcePart', 'u32'],
  ['images', 'u32'],
  /** Source pixels between neighbouring windows. */
  ['stepY', 'i32'],
  ['stepX', 'i32'],
  /** Cells of an array, channels of a chunk, chunks, and nonzeros of a segment at most. */
  ['tileH', 'i32'],
  ['tileW', 'i32'],
  ['pitch', 'u32'],
  ['chunks', 'u32'],
  ['capacity', 'u32'],
  /** Source channels and result channels of a bundle. */
  ['bundleDepth', 'u32'],
  ['bundleRows', 'u32'],
  /** Result channels in all parts. */
  ['lines', 'u32'],
  /** Pixels of a block: 4, a parameter so that loops with stores stay loops. */
  ['pixels', 'u32'],
  ...TAP_PARAMS,
];

const Q = [0, 1, 2, 3];
/** WGSL for each pixel of a block, array of a tile, or turn: there are four of all. */
export const eachOf4 = (f: (q: number) => string, between = '\n'): string => Q.map(f).join(between);

/** The arrays, and the steps to their neighbouring cells. */
export const declareTile = (
  spec: TileSpec,
): string => `${eachOf4((q) => `var tile${q}: array<f32, ${spec.capacity}>;`, ' ')}
  let right = P.pitch * u32(P.stepX);
  let below = P.pitch * u32(P.stepY * P.tileW);`;

/** Functions that the pieces below call. */
export const tileHelpers = (direction: Direction, vector: boolean): string => `${tapHelpers(direction)}
// The source element where channel 0 of a pixel lies${vector ? ', in vectors of four' : ''}; any where it is outside.
fn pixelAt(image: u32, y: i32, x: i32, inside: bool) -> u32 {
  return select(0u, ((image * P.sourceH + u32(y)) * P.sourceW + u32(x)) * P.sourceC${vector ? ' / 4u' : ''}, inside);
}`;

/** Splits the workgroup's number: `unit`, `split`, `bundle`, `phase`, `part`. */
export const splitGroup = `let id = group.x + group.y * groups.x;
  if (id >= P.n) { return; }
  let unit = id % P.units;
  let split = id / P.units % P.splits;
  let bundle = id / P.units / P.splits % P.bundles;
  let phase = i32(id / P.units / P.splits / P.bundles % P.phases);
  let part = id / P.units / P.splits / P.bundles / P.phases;`;

/** The lane's block: `real`, `image`, its first pixel `y0`, `x0` of the phase, and its window's `top` and `left`. */
export const locateBlock = (lanes: number, group: string): string => `let number = ${group} * ${lanes}u + lane;
  let real = number < P.blocks;
  let block = min(number, P.blocks - 1u);
  let image = block / P.blocksImage;
  let y0 = block % P.blocksImage / P.blocksRow * 2u;
  let x0 = block % P.blocksImage % P.blocksRow * 2u;
  let top = i32(y0) * P.stepY + originAt(phase / P.strideX, P.kh, P.strideY, P.padY, P.dilationY);
  let left = i32(x0) * P.stepX + originAt(phase % P.strideX, P.kw, P.strideX, P.padX, P.dilationX);`;

/** `place0..3`: the pixels of the block counted over the whole result, or -1 where there is none. */
export const placePixels = (direction: Direction): string => {
  const spread = (axis: 'Y' | 'X', part: string) =>
    direction === 'forward' ? '' : ` * u32(P.stride${axis}) + u32(phase ${part} P.strideX)`;
  const one = (q: number) => `let row${q} = (y0 + ${q >> 1}u)${spread('Y', '/')};
    let col${q} = (x0 + ${q & 1}u)${spread('X', '%')};
    let inside${q} = real & (row${q} < P.resultH) & (col${q} < P.resultW);
    let place${q} = select(-1, i32(((part * P.images + image) * P.resultH + row${q}) * P.resultW + col${q}), inside${q});`;
  return eachOf4(one, '\n    ');
};

/** Fills the tile with a chunk of the source's channels; pixels outside are 0. */
export function loadTile({ vector }: TileSpec): string {
  const one = (q: number) =>
    vector
      ? `let v${q} = select(vec4f(0.0), source[at${q} + c], in${q});
          ${['x', 'y', 'z', 'w'].map((k, i) => `tile${q}[to + ${i}u] = v${q}.${k};`).join(' ')}`
      : `tile${q}[to] = select(0.0, source[at${q} + c], in${q});`;
  const four = vector ? ' / 4u' : '';
  return `let channel = bundle * P.bundleDepth + chunk * P.pitch;
    let width = min(P.pitch, P.bundleDepth - chunk * P.pitch)${four};
    for (var cellY = 0; cellY < P.tileH; cellY++) {
      let evenY = top + cellY / P.stepY * 2 * P.stepY + cellY % P.stepY;
      for (var cellX = 0; cellX < P.tileW; cellX++) {
        let evenX = left + cellX / P.stepX * 2 * P.stepX + cellX % P.stepX;
        ${eachOf4(
          (q) => `let py${q} = evenY${q > 1 ? ' + P.stepY' : ''};
        let px${q} = evenX${q % 2 ? ' + P.stepX' : ''};
        let in${q} = (u32(py${q}) < P.sourceH) & (u32(px${q}) < P.sourceW);
        let at${q} = pixelAt(part * P.sourcePart + image, py${q}, px${q}, in${q}) + channel${four};`,
        )}
        var to = u32(cellY * P.tileW + cellX) * P.pitch;
        for (var c = 0u; c < width; c++) {
          ${eachOf4(one)}
          to += ${vector ? 4 : 1}u;
        }
      }
    }`;
}

/**
 * Reads the tile at a nonzero's offset in a turn: `v0..v3` for the block's pixels. The lower bit of a turn says that its
 * taps are in odd columns, the upper one in odd rows; even arrays are then read one cell further on. Each turn is
 * written out: arrays that are read at one index share the work of unpacking it.
 */
export function readTile(turn: number, offset: string): string {
  const read = (pixel: number) => {
    const array = pixel ^ turn;
    const right = turn & 1 & ~array ? ' + right' : '';
    const below = turn & 2 & ~array ? ' + below' : '';
    return `let v${pixel} = tile${array}[at${right}${below}];`;
  };
  return `let at = ${offset}; ${eachOf4(read, ' ')}`;
}

/**
 * Walks a segment's nonzeros, as many at a time as the subgroup has lanes: `load` runs for those from `p` on, of which
 * there are `some`, then the turn's body for all `u` of them, then `finish`. The turns follow each other: software
 * drivers run every arm of an `if`, so that one loop that chose among four bodies would take the time of all.
 */
export function walkTurns(
  lanes: number,
  step: { load: string; body: (turn: number) => string; finish: string },
): string {
  return `let ends = segment * P.capacity + counts[segment * 4u + (lane & 3u)];
      var p = segment * P.capacity;
      ${eachOf4(
        (turn) => `{
        let end = subgroupBroadcast(ends, ${turn}u);
        while (p < end) {
          let some = min(${lanes}u, end - p);
          ${step.load}
          ${step.body(turn)}
          ${step.finish}
          p += some;
        }
      }`,
      )}`;
}
