import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { mathHelpers } from '../math.js';
import {
  biasBase,
  FOLD,
  type GemmSpec,
  paramsOf,
  partition,
  placement,
  raster,
  resultBase,
  type TileShape,
  tileShape,
  type WorkgroupTile,
} from './spec.js';
import { type BlockLoader, colBlocks, type Own, rowBlocks, walk, walkHelpers } from './tiled-load.js';
import { storeBlock } from './tiled-store.js';

/**
 * C[row, col] = act(sum_k P[row, k] Q[col, k] + bias), for GPUs; no subgroup operations.
 *
 * Tiling: a workgroup owns rows x cols of C and walks k in tiles of `depth`. Each tile of P and Q is fetched once in
 * 4 x 4 blocks, a block an invocation, and put into workgroup memory as [k][row / 4] and [k][col / 4] side by side,
 * so that the walk over it reads vectors along rows and columns whatever the layout in storage. Every invocation
 * owns blockRows x blockCols of C in registers, as 4 x 4 pieces one stride apart: neighbours then read neighbouring
 * vectors. Per k it reads (blockRows + blockCols) / 4 vectors for blockRows * blockCols multiply-adds.
 * Pipeline: the next tile is fetched into registers before the current one is multiplied, so that the loads are under
 * way meanwhile; with two buffers one barrier a tile is enough.
 * Grid: x column tiles, y row tiles, z batch x groups x phases x splits of k. Convolutions count k over all taps.
 * Cost: 2 rows cols k flops; P is read cols / tile.cols times, Q rows / tile.rows times.
 */
export function tiledGemm(spec: GemmSpec): Shader {
  const tile = spec.tile as WorkgroupTile;
  const shape = tileShape(tile);
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const fetch = stager(spec, tile, shape);
  const at = placement(spec);
  const code = wgsl`
${mathHelpers(helpers, 4)}
${walkHelpers(spec)}
${raster(8)}
var<workgroup> staged: array<array<array<array<vec4f, ${shape.vectors}>, 4>, ${tile.depth / 4}>, ${tile.buffers}>;

@compute @workgroup_size(${shape.invocations})
fn main(${at.builtins}, @builtin(local_invocation_index) lane: u32) {
  ${at.start}
  let group = raster(id, count);
  ${partition(spec)}
  ${walk(spec)}
  ${place(spec, shape)}
  ${fetch.start}
  var acc: array<vec4f, ${(tile.blockRows * tile.blockCols) / 4}>;
#if ${tile.buffers === 2}
  var buffer = 0u;
#else
  const buffer = 0u;
#endif
  var kTile = k0;
  loop {
    let more = kTile < kEnd;
    if (more) {
      ${fetch.load}
    }
    if (kTile > k0) {
      ${multiply(tile, shape)}
    }
    if (!more) { break; }
#if ${tile.buffers === 2}
    // The other buffer was last read one turn ago, before the barrier below: no invocation reads it now.
    buffer = 1u - buffer;
#else
    workgroupBarrier(); // everyone has read the tile that is overwritten now
#endif
    ${fetch.store}
    workgroupBarrier(); // everyone has written its part of the tile that is read next
    kTile += ${tile.depth}u;
  }
  ${resultBase(spec)}
  ${biasBase(spec)}
  ${storeBlock(spec, tile, shape)}
}`;
  const stored = (half: boolean, vector: boolean) =>
    `array<${vector ? (half ? 'vec4h' : 'vec4f') : half ? 'f16' : 'f32'}>`;
  return {
    code,
    enables: spec.p.half || spec.q.half ? ['f16'] : [],
    bindings: [
      { name: 'p', access: 'read', type: stored(spec.p.half, spec.p.load !== 'scalar') },
      { name: 'q', access: 'read', type: stored(spec.q.half, spec.q.load !== 'scalar') },
      ...(spec.bias === 'none' ? [] : [{ name: 'bias', access: 'read', type: 'array<f32>' } as const]),
      { name: 'c', access: 'read_write', type: stored(false, spec.store.vector) },
    ],
    params: [...paramsOf(spec.problem), ...(spec.folded ? FOLD : [])],
  };
}

/**
 * Where the invocation's block lies. Thirty-two neighbours (what a GPU runs in step) form a patch of 8 x 4, longer the
 * way C is contiguous: twelve different vectors feed them all, and they write whole lines of C.
 */
function place(spec: GemmSpec, { across, down }: TileShape): string {
  const tile = spec.tile as WorkgroupTile;
  const byRow = spec.store.along === 'row';
  const wide = Math.min(byRow ? 4 : 8, across);
  const high = Math.min(byRow ? 8 : 4, down);
  const within = `lane % ${wide * high}u`;
  const patch = `lane / ${wide * high}u`;
  const [x, y] = byRow
    ? [`${within} / ${high}u`, `${within} % ${high}u`]
    : [`${within} % ${wide}u`, `${within} / ${wide}u`];
  return `let across = ${x} + ${patch} % ${across / wide}u * ${wide}u;
  let down = ${y} + ${patch} / ${across / wide}u * ${high}u;
  let row0 = group.y * ${tile.rows}u + down * 4u;
  let col0 = group.x * ${tile.cols}u + across * 4u;`;
}

/**
 * The way of a tile from storage to workgroup memory, in rounds of one block an invocation. Q comes first: it is the
 * longer side where the two differ, and the rounds after its own then are all of P.
 */
function stager(spec: GemmSpec, tile: WorkgroupTile, shape: TileShape): { start: string; load: string; store: string } {
  const deep = tile.depth / 4;
  const sides = {
    q: { loader: colBlocks(spec), n: tile.cols / 4, first: 0, begin: `group.x * ${tile.cols}u`, lane: tile.rows / 4 },
    p: {
      loader: rowBlocks(spec),
      n: tile.rows / 4,
      first: (tile.cols / 4) * deep,
      begin: `group.y * ${tile.rows}u`,
      lane: 0,
    },
  };
  const total = shape.vectors * deep;
  const texts = { start: '', load: '', store: '' };
  for (let round = 0; round * shape.invocations < total; round++) {
    const first = round * shape.invocations;
    const last = first + shape.invocations;
    const own: Own = { at: `at${round}`, y: `y${round}`, x: `x${round}`, block: `block${round}` };
    const slot = `slot${round}`;
    const within = (n: number, text: string) => (last > n ? `if (${slot} < ${n}u) {\n${text}\n}` : text);
    /** Code for those invocations whose block is of P, and for those whose block is of Q. */
    const bySide = (f: (side: (typeof sides)['p']) => string): string => {
      if (first >= sides.p.first) return within(total, f(sides.p));
      if (last <= sides.p.first) return f(sides.q);
      return `if (${slot} < ${sides.p.first}u) {\n${f(sides.q)}\n} else {\n${within(total, f(sides.p))}\n}`;
    };
    const begin = bySide(
      (s) => `let s = ${slot} - ${s.first}u;
    ${share(s.loader, s.n, deep)}
    slab${round} = kBlock;
    lane${round} = iBlock + ${s.lane}u;
    let i0 = ${s.begin} + iBlock * 4u;
    ${s.loader.start(own)}`,
    );
    texts.start += `
  let ${slot} = lane + ${first}u;
  var at${round}: vec4u;${spec.problem === 'matmul' ? '' : `\n  var y${round}: vec4i;\n  var x${round}: vec4i;`}
  var slab${round} = 0u;
  var lane${round} = 0u;
  var block${round}: mat4x4f;
  ${begin}`;
    texts.load += `{
    let k = kTile + 4u * slab${round};
    block${round} = mat4x4f();
    if (k < kEnd) {
      ${bySide((s) => s.loader.load(own))}
    }
  }\n`;
    const put = [0, 1, 2, 3].map((c) => `staged[buffer][slab${round}][${c}][lane${round}] = block${round}[${c}];`);
    texts.store += `${within(total, put.join('\n'))}\n`;
  }
  return texts;
}

/**
 * Which of `n` x `deep` blocks is the s-th. Neighbours share out k in patches of 8 x `deep`, so that eight of them
 * write eight neighbouring vectors (no bank conflict) and all together read whole stretches of storage.
 */
function share(loader: BlockLoader, n: number, deep: number): string {
  if (loader.across === 'index') return `let iBlock = s % ${n}u;\nlet kBlock = s / ${n}u;`;
  const wide = Math.min(8, n);
  return `let iBlock = s % ${wide}u + s / ${wide * deep}u * ${wide}u;\nlet kBlock = s / ${wide}u % ${deep}u;`;
}

/** Multiplies the tile in the current buffer into the accumulators. */
function multiply(tile: WorkgroupTile, { across, down }: TileShape): string {
  const [high, wide] = [tile.blockRows / 4, tile.blockCols / 4];
  const step = (k: string): string => {
    const lines: string[] = [];
    for (let i = 0; i < high; i++) lines.push(`let a${i} = staged[buffer]${k}[down + ${i * down}u];`);
    for (let j = 0; j < wide; j++)
      lines.push(`let b${j} = staged[buffer]${k}[${tile.rows / 4}u + across + ${j * across}u];`);
    for (let i = 0; i < tile.blockRows; i++) {
      for (let j = 0; j < wide; j++) {
        const n = i * wide + j;
        lines.push(`acc[${n}] = fma(vec4f(a${Math.floor(i / 4)}.${'xyzw'[i % 4]}), b${j}, acc[${n}]);`);
      }
    }
    return lines.join('\n');
  };
  // The last tile of a walk may end early. Four k are written out for GPUs, one for drivers that compile slowly; the
  // bounds hide the length of the loop, lest those unroll it all the same.
  const every = tile.unroll ? 4 : 1;
  const body = tile.unroll
    ? [0, 1, 2, 3].map((k) => `{\n${step(`[slab][${k}]`)}\n}`).join('\n')
    : step('[slab][(k - kFrom) % 4u]');
  return `let kFrom = kTile - ${tile.depth}u;
let kTo = min(kTile, kEnd);
for (var k = kFrom; k < kTo; k += ${every}u) {
let slab = (k - kFrom) / 4u;
${body}
}`;
}
