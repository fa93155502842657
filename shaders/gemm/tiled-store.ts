import { activate } from './epilogue.js';
import type { GemmSpec, WorkgroupTile } from './spec.js';
import type { TileShape } from './tiled.js';

/** A loop over 0..n-1, unrolled where registers are indexed by it; `bound` is at least as far as results reach. */
type Loop = (name: string, n: number, bound: string, body: (i: string) => string) => string;

const unrolled: Loop = (_, n, __, body) => Array.from({ length: n }, (_, i) => `{\n${body(`${i}u`)}\n}`).join('\n');
const counted: Loop = (name, n, bound, body) => `for (var ${name} = 0u; ${name} < min(${n}u, ${bound}); ${name}++) {\n${body(name)}\n}`;

/** WGSL that adds the bias to an invocation's block, applies the activation and stores it. */
export function storeBlock(spec: GemmSpec, tile: WorkgroupTile, shape: TileShape): string {
  const loop = tile.unroll ? unrolled : counted;
  return spec.store.along === 'col' ? alongCols(spec, tile, shape, loop) : alongRows(spec, tile, shape, loop);
}

/** Pieces of four rows or columns lie one stride apart. */
const rowOf = (piece: string, { down }: TileShape) => `row0 + ${piece} * ${4 * down}u`;
const colOf = (piece: string, { across }: TileShape) => `col0 + ${piece} * ${4 * across}u`;

function alongCols(spec: GemmSpec, tile: WorkgroupTile, shape: TileShape, loop: Loop): string {
  const wide = tile.blockCols / 4;
  const lead = spec.problem === 'convWeight' ? 'tapWidth' : 'P.cLead';
  const stored = (i: string, j: string) => {
    const acc = `acc[${i} * ${wide}u + ${j}]`;
    if (spec.store.vector) {
      const four = 'bias[biasBase + col], bias[biasBase + col + 1u], bias[biasBase + col + 2u], bias[biasBase + col + 3u]';
      const bias = { none: '', row: ' + bias[biasBase + row]', col: ` + vec4f(${four})` }[spec.bias];
      return `let value = ${acc}${bias};
c[(cBase + row * ${lead} + col) / 4u] = ${activate(spec.activation, 'value', 'vec4f')};`;
    }
    return loop(
      'm',
      4,
      'P.cols - col',
      (m) => `if (col + ${m} < P.cols) {
let value = ${acc}[${m}]${spec.bias === 'none' ? '' : ` + bias[biasBase + ${spec.bias === 'row' ? 'row' : `col + ${m}`}]`};
c[cBase + row * ${lead} + col + ${m}] = ${activate(spec.activation, 'value', 'f32')};
}`,
    );
  };
  return loop(
    'i',
    tile.blockRows,
    'P.rows',
    (i) => `let row = ${rowOf(`(${i} / 4u)`, shape)} + ${i} % 4u;
if (row < P.rows) {
${loop(
  'j',
  wide,
  'P.cols',
  (j) => `let col = ${colOf(j, shape)};
if (col < P.cols) {
${stored(i, j)}
}`,
)}
}`,
  );
}

/** Where C is contiguous along rows, each column of the block begins at a place of its own. */
function alongRows(spec: GemmSpec, tile: WorkgroupTile, shape: TileShape, loop: Loop): string {
  const wide = tile.blockCols / 4;
  const stored = (j: string, h: string) => {
    const at = (r: string) => `acc[(${h} * 4u + ${r}) * ${wide}u + ${j} / 4u][${j} % 4u]`;
    if (spec.store.vector) {
      const four = 'bias[biasBase + row], bias[biasBase + row + 1u], bias[biasBase + row + 2u], bias[biasBase + row + 3u]';
      const bias = { none: '', row: ` + vec4f(${four})`, col: ' + bias[biasBase + col]' }[spec.bias];
      return `let value = vec4f(${['0u', '1u', '2u', '3u'].map(at).join(', ')})${bias};
c[(target0 + row) / 4u] = ${activate(spec.activation, 'value', 'vec4f')};`;
    }
    return loop(
      'm',
      4,
      'P.rows - row',
      (m) => `if (row + ${m} < P.rows) {
let value = ${at(m)}${spec.bias === 'none' ? '' : ` + bias[biasBase + ${spec.bias === 'col' ? 'col' : `row + ${m}`}]`};
c[target0 + row + ${m}] = ${activate(spec.activation, 'value', 'f32')};
}`,
    );
  };
  return loop(
    'j',
    tile.blockCols,
    'P.cols',
    (j) => `let col = ${colOf(`(${j} / 4u)`, shape)} + ${j} % 4u;
${columnStart(spec)}
if (live) {
${loop(
  'h',
  tile.blockRows / 4,
  'P.rows',
  (h) => `let row = ${rowOf(h, shape)};
if (row < P.rows) {
${stored(j, h)}
}`,
)}
}`,
  );
}

/** `target0`: offset in C of column `col`; `live`: whether there is such a column. */
function columnStart(spec: GemmSpec): string {
  if (spec.problem === 'convInput') {
    return `let gridW = u32((P.w + P.strideX - 1) / P.strideX);
let gridH = u32((P.h + P.strideY - 1) / P.strideY);
let x = i32(col % gridW) * P.strideX + phaseX;
let y = i32(col / gridW % gridH) * P.strideY + phaseY;
let image = i32(col / gridW / gridH);
let live = col < P.cols && y < P.h && x < P.w;
let target0 = cBase + u32((image * P.h + y) * P.w + x) * (P.groups * P.ci);`;
  }
  const lead = spec.problem === 'convForward' ? 'P.groups * P.co' : 'P.cLead';
  return `let live = col < P.cols;
let target0 = cBase + col * ${lead};`;
}
