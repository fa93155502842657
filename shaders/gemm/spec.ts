/**
 * One family of kernels: C[row, col] = act(sum_k P[row, k] Q[col, k] + bias).
 *
 * Dense matmul in all its transposed forms, and convolution with its two gradients as implicit GEMMs, differ only in
 * how P and Q are loaded and where C goes. P is the side whose values are handed out (`rows`), Q the side that lies
 * across lanes (`cols`); the host may swap the two.
 */
export interface GemmSpec {
  problem: Problem;
  p: OperandSpec;
  q: OperandSpec;
  /** Along which index C is contiguous, and whether it is stored four at a time. */
  store: { along: 'row' | 'col'; vector: boolean };
  /** Index that selects the bias element. */
  bias: 'none' | 'row' | 'col';
  activation: Activation;
  /** K is not a multiple of 4: the last step masks both operands. */
  tail: boolean;
  /** Set where the grid of tiles exceeds what a device takes in one dimension: it is then dealt out in a row. */
  folded?: true;
  /** Shape of the tile and of the machine that runs it. */
  tile: SubgroupTile | WorkgroupTile;
}

/**
 * - `matmul`: k counts along one axis.
 * - `conv`: rows are channels of the result, cols its pixels; k counts taps, then source channels.
 *   `forward` reads the input for the output; `input` reads the output's gradient for the input's.
 * - `convWeight`: rows are output channels, cols (tap, input channel), k counts output pixels.
 */
export type Problem = 'matmul' | 'convForward' | 'convInput' | 'convWeight';

/**
 * How an operand is read.
 * - `k4`: contiguous along k, four k at a time
 * - `i4`: contiguous along its own index (row or col), four of them at a time
 * - `scalar`: any strides, one element at a time
 */
export interface OperandSpec {
  load: 'k4' | 'i4' | 'scalar';
  half: boolean;
}

export type Activation = 'none' | 'relu' | 'tanh' | 'sigmoid';

/**
 * One subgroup a workgroup; every lane owns `quads` groups of four columns, and all `rows` rows of the tile. The tile
 * is rows x (4 * lanes * quads); rows * quads accumulators of vec4 should stay within 32.
 */
export interface SubgroupTile {
  kind: 'subgroup';
  lanes: number;
  rows: number;
  quads: number;
  /** GPUs want the store loop unrolled, so that accumulators stay in registers; software wants one store site. */
  unroll: boolean;
}

/** A workgroup shares tiles of P and Q in workgroup memory; every invocation owns a block in registers. */
export interface WorkgroupTile {
  kind: 'workgroup';
  /** Tile of C, and its depth. */
  rows: number;
  cols: number;
  depth: number;
  /** Block of C that one invocation owns, as vectors of four: multiples of 4. */
  blockRows: number;
  blockCols: number;
  /** Tiles of P and Q that lie in workgroup memory at a time: with 2, the next is written while this one is read. */
  buffers: 1 | 2;
  /** GPUs want the walk over a tile and the stores unrolled; software drivers would compile for seconds. */
  unroll: boolean;
}

/** Numbers that follow from a tile. */
export interface TileShape {
  /** Invocations along columns and rows, and in all. */
  across: number;
  down: number;
  invocations: number;
  /** Vectors of four in one k of a tile: those of P, then those of Q. */
  vectors: number;
  /** Bytes of workgroup memory. */
  bytes: number;
}

export function tileShape(tile: WorkgroupTile): TileShape {
  const across = tile.cols / tile.blockCols;
  const down = tile.rows / tile.blockRows;
  const vectors = (tile.rows + tile.cols) / 4;
  return { across, down, invocations: across * down, vectors, bytes: 16 * vectors * tile.depth * tile.buffers };
}

/** Parameters of every problem: sizes of C and of the walk over k. */
const COMMON = [
  ['rows', 'u32'],
  ['cols', 'u32'],
  /** Length of the k loop: all of K, or the channels of one tap. */
  ['depth', 'u32'],
  /** k of one split, a multiple of 4, and the number of splits. */
  ['chunk', 'u32'],
  ['splits', 'u32'],
  /** Independent products: batch x groups. */
  ['parts', 'u32'],
] as const;

/** Strides in elements; C of one product is `cPart` elements, contiguous by `cLead`. */
const MATMUL = [
  ['pI', 'u32'],
  ['pK', 'u32'],
  ['qI', 'u32'],
  ['qK', 'u32'],
  ['pPart', 'u32'],
  ['qPart', 'u32'],
  ['cPart', 'u32'],
  ['cLead', 'u32'],
  ['biasPart', 'u32'],
] as const;

/** NHWC input x [members, images, h, w, cx], OHWI weight w [members, cy, kh, kw, ci], NHWC output y [members, images, ho, wo, cy]. */
const CONV = [
  ['groups', 'u32'],
  ['images', 'u32'],
  ['h', 'i32'],
  ['w', 'i32'],
  ['ho', 'i32'],
  ['wo', 'i32'],
  ['kh', 'i32'],
  ['kw', 'i32'],
  ['strideY', 'i32'],
  ['strideX', 'i32'],
  ['padY', 'i32'],
  ['padX', 'i32'],
  ['dilationY', 'i32'],
  ['dilationX', 'i32'],
  /** Input and output channels of one group. */
  ['ci', 'u32'],
  ['co', 'u32'],
  /** Elements between members; 0 where a side is shared by all. */
  ['xPart', 'u32'],
  ['wPart', 'u32'],
  ['yPart', 'u32'],
  ['biasPart', 'u32'],
] as const;

export type ParamList = readonly (readonly [string, 'u32' | 'i32' | 'f32'])[];
export const paramsOf = (problem: Problem): ParamList => [...COMMON, ...(problem === 'matmul' ? MATMUL : CONV)];

/** Convolutions that walk tap by tap, with constant addresses inside one tap; the others count k over all taps. */
export const walksTaps = (spec: GemmSpec): boolean =>
  (spec.problem === 'convForward' || spec.problem === 'convInput') && spec.q.load === 'k4';

/**
 * WGSL that splits the workgroup's z into `split`, `part` and, for convolutions, `member`, `channelGroup` and the
 * phase of a strided input gradient; shared by every body.
 */
export function partition(spec: GemmSpec): string {
  const lines = ['let split = group.z % P.splits;'];
  if (spec.problem === 'convInput') {
    lines.push(
      'let phases = u32(P.strideY * P.strideX);',
      'let part = group.z / P.splits / phases;',
      'let phase = i32(group.z / P.splits % phases);',
      'let phaseY = phase / P.strideX;',
      'let phaseX = phase % P.strideX;',
    );
  } else {
    lines.push('let part = group.z / P.splits;');
  }
  if (spec.problem !== 'matmul') {
    lines.push(
      'let member = part / P.groups;',
      'let channelGroup = part % P.groups;',
      'let tapWidth = u32(P.kh * P.kw) * P.ci;',
    );
  }
  return lines.join('\n  ');
}

/** Parameters of a folded grid: tiles across, tiles down, and layers (batch x groups x phases x splits). */
export const FOLD: ParamList = [
  ['colTiles', 'u32'],
  ['rowTiles', 'u32'],
  ['layers', 'u32'],
];

/** The builtins of `main` that place a workgroup, and WGSL that leaves its tile in `id` and the grid in `count`. */
export function placement(spec: GemmSpec): { builtins: string; start: string } {
  const names = spec.folded ? ['place', 'places'] : ['id', 'count'];
  return {
    builtins: `@builtin(workgroup_id) ${names[0]}: vec3u, @builtin(num_workgroups) ${names[1]}: vec3u`,
    start: spec.folded
      ? `let count = vec3u(P.colTiles, P.rowTiles, P.layers);
  let turn = place.x + place.y * places.x;
  let layer = turn / count.x / count.y;
  if (layer >= count.z) { return; }
  let id = vec3u(turn % count.x, turn / count.x % count.y, layer);`
      : '',
  };
}

/** Offset in C of this workgroup's product. */
export function resultBase(spec: GemmSpec): string {
  switch (spec.problem) {
    case 'matmul':
      return 'let cBase = (split * P.parts + part) * P.cPart;';
    case 'convForward':
      return 'let cBase = member * P.yPart + channelGroup * P.co;';
    case 'convInput':
      return 'let cBase = member * P.xPart + channelGroup * P.ci;';
    case 'convWeight':
      return 'let cBase = (split * P.parts + part) * P.co * tapWidth;';
  }
}

/** Offset of this product's bias. */
export function biasBase(spec: GemmSpec): string {
  if (spec.bias === 'none') return '';
  return `let biasBase = ${spec.problem === 'matmul' ? 'part * P.biasPart' : 'member * P.biasPart + channelGroup * P.rows'};`;
}

/**
 * Workgroups start in the order of their number, x first. Counted down `band` row tiles before the next column tile,
 * those that run together share more of P and Q, and find it in the cache.
 */
export const raster = (band: number): string => `fn raster(id: vec3u, count: vec3u) -> vec3u {
  let n = id.y * count.x + id.x;
  let top = n / (${band}u * count.x) * ${band}u;
  let height = min(${band}u, count.y - top);
  let within = n - top * count.x;
  return vec3u(within / height, top + within % height, id.z);
}`;
