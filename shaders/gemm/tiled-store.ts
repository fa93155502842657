import { activate } from './epilogue.js';
import type { GemmSpec, TileShape, WorkgroupTile } from './spec.js';

/** A loop over 0..n-1, written out where it indexes registers; no result of C lies at or beyond `bound`. */
type Loop = (name: string, n: number, bound: string, body: (i: string) => string) => string;

const unrolled: Loop = (_, n, __, body) => Array.from({ length: n }, (_, i) => `{\n${body(`${i}u`)}\n}`).join('\n');
/** Down from the bound: a driver that saw a constant one would unroll the loop. */
const counted: Loop = (name, n, bound, body) =>
  `for (var ${name}Left = min(${n}u, ${bound}); ${name}Left > 0u; ${name}Left--) {
let ${name} = ${name}Left - 1u;
${body(name)}
}`;

/**
 * WGSL that adds the bias to an invocation's block, applies the activation and stores it, four neighbours in C at a
 * time. The block consists of pieces of 4 x 4, the invocations' pieces of one kind lying side by side.
 */
export function storeBlock(spec: GemmSpec, tile: WorkgroupTile, shape: TileShape): string {
  const loop = tile.unroll ? unrolled : counted;
  const wide = tile.blockCols / 4;
  const high = tile.blockRows / 4;
  const rowOf = (piece: string) => `row0 + ${piece} * ${4 * shape.down}u`;
  const colOf = (piece: string) => `col0 + ${piece} * ${4 * shape.across}u`;
  if (spec.store.along === 'col') {
    const lead = spec.problem === 'convWeight' ? 'tapWidth' : 'P.cLead';
    const piece = (i: string, j: string) => `let col = ${colOf(j)};
if (col < P.cols) {
${four(spec, `acc[${i} * ${wide}u + ${j}]`, j, `cBase + row * ${lead}`)}
}`;
    const line = (i: string) => `let row = ${rowOf(`(${i} / 4u)`)} + ${i} % 4u;
if (row < P.rows) {
${loop('j', wide, 'P.cols', (j) => piece(i, j))}
}`;
    return `${biasAlong(spec, wide, colOf, loop)}\n${loop('i', tile.blockRows, 'P.rows', line)}`;
  }
  const piece = (h: string, j: string) => {
    const value = (r: number) => `acc[(${h} * 4u + ${r}u) * ${wide}u + ${j} / 4u][${j} % 4u]`;
    return `let row = ${rowOf(h)};
if (row < P.rows) {
${four(spec, `vec4f(${[0, 1, 2, 3].map(value).join(', ')})`, h, 'target0')}
}`;
  };
  const line = (j: string) => `let col = ${colOf(`(${j} / 4u)`)} + ${j} % 4u;
${columnStart(spec)}
if (live) {
${loop('h', high, 'P.rows', (h) => piece(h, j))}
}`;
  return `${biasAlong(spec, high, rowOf, loop)}\n${loop('j', tile.blockCols, 'P.cols', line)}`;
}

/** `shift`: bias of the pieces along which C is contiguous, read once for all lines of a piece. */
function biasAlong(spec: GemmSpec, pieces: number, indexOf: (piece: string) => string, loop: Loop): string {
  const { along } = spec.store;
  if (spec.bias !== along) return '';
  const one = (m: number) => `bias[biasBase + min(e + ${m}u, P.${along}s - 1u)]`;
  const read = (piece: string) => `let e = ${indexOf(piece)};
shift[${piece}] = vec4f(${[0, 1, 2, 3].map(one).join(', ')});`;
  return `var shift: array<vec4f, ${pieces}>;\n${loop('s', pieces, `P.${along}s`, read)}`;
}

/**
 * Stores a vector of one piece in the line of C that begins at `start`. Where lines are no multiple of 4 long, it goes
 * component by component in a loop: four times the store sites would be four times the compile time.
 */
function four(spec: GemmSpec, vector: string, piece: string, start: string): string {
  const { along, vector: whole } = spec.store;
  const bias =
    spec.bias === 'none' ? '' : spec.bias === along ? ` + shift[${piece}]` : ` + bias[biasBase + ${spec.bias}]`;
  const value = `let sum = ${vector}${bias};
let value = ${activate(spec.activation, 'sum', 'vec4f')};`;
  if (whole) return `${value}\nc[(${start} + ${along}) / 4u] = value;`;
  return `${value}
for (var e = ${along}; e < min(${along} + 4u, P.${along}s); e++) {
c[${start} + e] = value[e - ${along}];
}`;
}

/** `target0`: offset in C of column `col`, where C is contiguous along rows; `live`: whether there is such a column. */
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
