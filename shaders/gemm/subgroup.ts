import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { mathHelpers } from '../math.js';
import { colLoader } from './col-loader.js';
import { activate } from './epilogue.js';
import { rowLoader } from './row-loader.js';
import {
  biasBase,
  FOLD,
  type GemmSpec,
  paramsOf,
  partition,
  placement,
  raster,
  resultBase,
  type SubgroupTile,
  walksTaps,
} from './spec.js';

/**
 * C[row, col] = act(sum_k P[row, k] Q[col, k] + bias), one subgroup a workgroup, no barriers, no workgroup memory.
 *
 * Tiling: a tile is `rows` x 4 * lanes. Lane l holds four columns of Q for four consecutive k in registers; the rows
 * of P for the same k lie across the lanes and are handed out by subgroupBroadcast. Per row and four k that is four
 * broadcasts and one chained multiply-add of vec4s into a private accumulator.
 * Grid: x column tiles, y row tiles, z batch x groups x phases x splits of k.
 * Cost: 2 rows cols k flops; P is read cols / (4 lanes) times, Q rows / tile.rows times.
 *
 * Loop bounds come from parameters, and results leave from one store site: software drivers unroll constant loops and
 * their compile time grows with the number of storage accesses.
 */
export function subgroupGemm(spec: GemmSpec): Shader {
  const tile = spec.tile as SubgroupTile;
  const { rows, lanes, quads } = tile;
  const p = rowLoader(spec, tile);
  const q = colLoader(spec, quads);
  const at = placement(spec);
  // Convolutions have few row tiles and short walks: there is nothing to gain from an order.
  const banded = spec.problem === 'matmul';
  const multiply = multiplyAdd(rows, quads, p.value);
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const code = wgsl`
${mathHelpers(helpers, spec.store.vector ? 4 : 1)}
${banded ? raster(8) : ''}
@compute @workgroup_size(${lanes})
fn main(${at.builtins}, @builtin(local_invocation_index) lane: u32) {
  ${at.start}
  let group = ${banded ? 'raster(id, count)' : 'id'};
  ${partition(spec)}
  let row0 = group.y * ${rows}u;
  ${Array.from({ length: quads }, (_, v) => `let col${v} = group.x * ${4 * lanes * quads}u + ${4 * lanes * v}u + lane * 4u;`).join('\n  ')}
  let k0 = split * P.chunk;
  let kEnd = min(k0 + P.chunk, P.depth);
  ${p.start}
  ${q.start}
  var acc: array<vec4f, ${rows * quads}>;
#if ${walksTaps(spec)}
  for (var kh = 0; kh < P.kh; kh++) {
    ${q.tapRow}
    for (var kw = 0; kw < P.kw; kw++) {
      ${q.tap}
      ${p.tap}
      for (var k = k0; k < kEnd; k += 4u) {
        ${p.step}
        ${q.step}
        ${multiply}
      }
    }
  }
#else
  for (var k = k0; k < kEnd; k += 4u) {
    ${p.step}
    ${q.step}
    ${multiply}
  }
#endif
  ${resultBase(spec)}
  ${biasBase(spec)}
  ${storeTile(spec, tile)}
}`;
  const stored = (half: boolean, vector: boolean) =>
    `array<${vector ? (half ? 'vec4h' : 'vec4f') : half ? 'f16' : 'f32'}>`;
  return {
    code,
    enables: spec.p.half || spec.q.half ? ['subgroups', 'f16'] : ['subgroups'],
    bindings: [
      { name: 'p', access: 'read', type: stored(spec.p.half, spec.p.load !== 'scalar') },
      { name: 'q', access: 'read', type: stored(spec.q.half, spec.q.load !== 'scalar') },
      ...(spec.bias === 'none' ? [] : [{ name: 'bias', access: 'read', type: 'array<f32>' } as const]),
      { name: 'c', access: 'read_write', type: stored(false, spec.store.vector) },
    ],
    params: [...paramsOf(spec.problem), ['tileRows', 'u32'], ...(spec.folded ? FOLD : [])],
  };
}

/** WGSL of one step of four k: every row's P, handed out by `value`, times the groups' `b<v>_<k>` into `acc`. */
export function multiplyAdd(rows: number, quads: number, value: (row: number, k: number) => string): string {
  return Array.from({ length: rows }, (_, i) => {
    const s = [0, 1, 2, 3].map((k) => `let s${i}_${k} = vec4f(${value(i, k)});`);
    const sums = Array.from({ length: quads }, (_, v) => {
      const a = `acc[${i * quads + v}]`;
      return `${a} = fma(s${i}_3, b${v}_3, fma(s${i}_2, b${v}_2, fma(s${i}_1, b${v}_1, fma(s${i}_0, b${v}_0, ${a}))));`;
    });
    return [...s, ...sums].join('\n');
  }).join('\n');
}

/** WGSL that adds the bias, applies the activation and stores `acc`, whose tile begins at row0 and col0, col1, ... */
export function storeTile(spec: GemmSpec, tile: SubgroupTile): string {
  const one = spec.store.along === 'col' ? storeAlongCols : storeAlongRows;
  return Array.from({ length: tile.quads }, (_, v) => one(spec, tile, v)).join('\n  ');
}

/** `places<v>`: offsets in C of the four columns of group v, where C is contiguous along rows; negative outside. */
function places(spec: GemmSpec, v: number): string {
  const each = (f: (j: number) => string) => `let places${v} = vec4i(${[0, 1, 2, 3].map(f).join(', ')});`;
  if (spec.problem === 'convInput') {
    const split = (j: number) => `let ty${v}_${j} = py${v}_${j} * P.strideY + phaseY;
  let tx${v}_${j} = px${v}_${j} * P.strideX + phaseX;`;
    return `${[0, 1, 2, 3].map(split).join('\n  ')}
  ${each((j) => `select(-1, ((pn${v}_${j} * P.h + ty${v}_${j}) * P.w + tx${v}_${j}) * i32(P.groups * P.ci), (ty${v}_${j} < P.h) & (tx${v}_${j} < P.w) & (col${v} + ${j}u < P.cols))`)}`;
  }
  const lead = spec.problem === 'convForward' ? 'P.groups * P.co' : 'P.cLead';
  return each((j) => `select(-1, i32((col${v} + ${j}u) * ${lead}), col${v} + ${j}u < P.cols)`);
}

/**
 * Accumulator of row i (an expression) in group v. Mesa takes the length of an array as a bound of the loop that walks
 * it, and unrolls that loop: three times the compile time. The min() keeps it from that.
 */
const accumulator = ({ rows, quads }: SubgroupTile, v: number, i: string): string =>
  `acc[min(${quads === 1 ? i : `(${i}) * ${quads}u + ${v}u`}, ${rows * quads - 1}u)]`;

function storeAlongCols(spec: GemmSpec, tile: SubgroupTile, v: number): string {
  const count = tile.unroll ? `${tile.rows}u` : 'P.tileRows';
  const lead = spec.problem === 'convWeight' ? 'tapWidth' : 'P.cLead';
  const bias = (at: string) => `bias[biasBase + ${at}]`;
  if (!spec.store.vector) {
    return `for (var i = 0u; i < ${count} * 4u; i++) {
    let row = row0 + i / 4u;
    let col = col${v} + i % 4u;
    if (row < P.rows && col < P.cols) {
      let value = ${accumulator(tile, v, 'i / 4u')}[i % 4u]${spec.bias === 'none' ? '' : ` + ${bias(spec.bias)}`};
      c[cBase + row * ${lead} + col] = ${activate(spec.activation, 'value', 'f32')};
    }
  }`;
  }
  const shift = { none: '', row: ` + vec4f(${bias('row')})`, col: ` + shift${v}` }[spec.bias];
  const load = [0, 1, 2, 3].map((j) => bias(`col${v} + ${j}u`)).join(', ');
  return `if (col${v} < P.cols) {
    ${spec.bias === 'col' ? `let shift${v} = vec4f(${load});` : ''}
    for (var i = 0u; i < ${count}; i++) {
      let row = row0 + i;
      if (row < P.rows) {
        let value = ${accumulator(tile, v, 'i')}${shift};
        c[(cBase + row * ${lead} + col${v}) / 4u] = ${activate(spec.activation, 'value', 'vec4f')};
      }
    }
  }`;
}

function storeAlongRows(spec: GemmSpec, tile: SubgroupTile, v: number): string {
  const count = tile.unroll ? `${tile.rows}u` : 'P.tileRows';
  const acc = (i: string) => accumulator(tile, v, i);
  const bias = (at: string) => `bias[biasBase + ${at}]`;
  if (!spec.store.vector) {
    const shift = { none: '', row: ` + ${bias('row')}`, col: ` + ${bias(`col${v} + i % 4u`)}` }[spec.bias];
    return `${places(spec, v)}
  for (var i = 0u; i < ${count} * 4u; i++) {
    let row = row0 + i / 4u;
    let place = places${v}[i % 4u];
    if (row < P.rows && place >= 0) {
      let value = ${acc('i / 4u')}[i % 4u]${shift};
      c[cBase + u32(place) + row] = ${activate(spec.activation, 'value', 'f32')};
    }
  }`;
  }
  const four = [0, 1, 2, 3].map((j) => bias(`row + ${j}u`)).join(', ');
  const shift = { none: '', row: ' + shift', col: '' }[spec.bias];
  const column = (j: number) => {
    const value = `vec4f(${[0, 1, 2, 3].map((r) => `r${r}.${'xyzw'[j]}`).join(', ')})${shift}`;
    const shifted = spec.bias === 'col' ? `${value} + vec4f(${bias(`col${v} + ${j}u`)})` : value;
    return `if (places${v}[${j}] >= 0) {
        let value = ${shifted};
        c[(cBase + u32(places${v}[${j}]) + row) / 4u] = ${activate(spec.activation, 'value', 'vec4f')};
      }`;
  };
  return `${places(spec, v)}
  for (var i = 0u; i < ${count}; i += 4u) {
    let row = row0 + i;
    if (row < P.rows) {
      ${[0, 1, 2, 3].map((r) => `let r${r} = ${acc(`i + ${r}u`)};`).join('\n      ')}
      ${spec.bias === 'row' ? `let shift = vec4f(${four});` : ''}
      ${[0, 1, 2, 3].map(column).join('\n      ')}
    }
  }`;
}
