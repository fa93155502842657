import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { mathHelpers } from '../math.js';
import { colLoader } from './col-loader.js';
import { activate } from './epilogue.js';
import { rowLoader } from './row-loader.js';
import { biasBase, type GemmSpec, paramsOf, partition, resultBase, type SubgroupTile, walksTaps } from './spec.js';

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
  const { rows, lanes } = tile;
  const p = rowLoader(spec, tile);
  const q = colLoader(spec);
  const multiply = Array.from({ length: rows }, (_, i) => {
    const s = [0, 1, 2, 3].map((k) => `vec4f(${p.value(i, k)})`);
    return `acc[${i}] = fma(${s[3]}, b3, fma(${s[2]}, b2, fma(${s[1]}, b1, fma(${s[0]}, b0, acc[${i}]))));`;
  }).join('\n');
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const code = wgsl`
${mathHelpers(helpers, spec.store.vector ? 4 : 1)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${partition(spec)}
  let row0 = group.y * ${rows}u;
  let col0 = group.x * ${4 * lanes}u + lane * 4u;
  let k0 = split * P.chunk;
  let kEnd = min(k0 + P.chunk, P.depth);
  ${p.start}
  ${q.start}
  var acc: array<vec4f, ${rows}>;
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
  ${columnTargets(spec)}
  ${spec.store.along === 'col' ? storeAlongCols(spec, tile) : storeAlongRows(spec, tile)}
}`;
  const stored = (half: boolean, vector: boolean) => `array<${vector ? (half ? 'vec4h' : 'vec4f') : half ? 'f16' : 'f32'}>`;
  return {
    code,
    enables: spec.p.half || spec.q.half ? ['subgroups', 'f16'] : ['subgroups'],
    bindings: [
      { name: 'p', access: 'read', type: stored(spec.p.half, spec.p.load !== 'scalar') },
      { name: 'q', access: 'read', type: stored(spec.q.half, spec.q.load !== 'scalar') },
      ...(spec.bias === 'none' ? [] : [{ name: 'bias', access: 'read', type: 'array<f32>' } as const]),
      { name: 'c', access: 'read_write', type: stored(false, spec.store.vector) },
    ],
    params: [...paramsOf(spec.problem), ['tileRows', 'u32']],
  };
}

/** `target`: offsets in C of the lane's four columns, where C is contiguous along rows; negative outside. */
function columnTargets(spec: GemmSpec): string {
  if (spec.store.along === 'col') return '';
  const each = (f: (j: number) => string) => `let places = vec4i(${[0, 1, 2, 3].map(f).join(', ')});`;
  if (spec.problem === 'convInput') {
    return `${[0, 1, 2, 3]
      .map(
        (j) => `let ty${j} = py${j} * P.strideY + phaseY;
  let tx${j} = px${j} * P.strideX + phaseX;`,
      )
      .join('\n')}
  ${each((j) => `select(-1, ((pn${j} * P.h + ty${j}) * P.w + tx${j}) * i32(P.groups * P.ci), ty${j} < P.h && tx${j} < P.w && col0 + ${j}u < P.cols)`)}`;
  }
  const lead = spec.problem === 'convForward' ? 'P.groups * P.co' : 'P.cLead';
  return each((j) => `select(-1, i32((col0 + ${j}u) * ${lead}), col0 + ${j}u < P.cols)`);
}

function storeAlongCols(spec: GemmSpec, tile: SubgroupTile): string {
  const count = tile.unroll ? `${tile.rows}u` : 'P.tileRows';
  const lead = spec.problem === 'convWeight' ? 'tapWidth' : 'P.cLead';
  if (!spec.store.vector) {
    return `for (var i = 0u; i < ${count} * 4u; i++) {
    let row = row0 + i / 4u;
    let col = col0 + i % 4u;
    if (row < P.rows && col < P.cols) {
      let value = acc[i / 4u][i % 4u]${spec.bias === 'none' ? '' : ` + bias[biasBase + ${spec.bias}]`};
      c[cBase + row * ${lead} + col] = ${activate(spec.activation, 'value', 'f32')};
    }
  }`;
  }
  const shift = { none: '', row: ' + vec4f(bias[biasBase + row])', col: ' + shift' }[spec.bias];
  return `if (col0 < P.cols) {
    ${spec.bias === 'col' ? 'let shift = vec4f(bias[biasBase + col0], bias[biasBase + col0 + 1u], bias[biasBase + col0 + 2u], bias[biasBase + col0 + 3u]);' : ''}
    for (var i = 0u; i < ${count}; i++) {
      let row = row0 + i;
      if (row < P.rows) {
        let value = acc[i]${shift};
        c[(cBase + row * ${lead} + col0) / 4u] = ${activate(spec.activation, 'value', 'vec4f')};
      }
    }
  }`;
}

function storeAlongRows(spec: GemmSpec, tile: SubgroupTile): string {
  const count = tile.unroll ? `${tile.rows}u` : 'P.tileRows';
  if (!spec.store.vector) {
    return `for (var i = 0u; i < ${count} * 4u; i++) {
    let row = row0 + i / 4u;
    let place = places[i % 4u];
    if (row < P.rows && place >= 0) {
      let value = acc[i / 4u][i % 4u]${{ none: '', row: ' + bias[biasBase + row]', col: ' + bias[biasBase + col0 + i % 4u]' }[spec.bias]};
      c[cBase + u32(place) + row] = ${activate(spec.activation, 'value', 'f32')};
    }
  }`;
  }
  const shift = {
    none: '',
    row: ' + vec4f(bias[biasBase + row], bias[biasBase + row + 1u], bias[biasBase + row + 2u], bias[biasBase + row + 3u])',
    col: ' + vec4f(bias[biasBase + col0 + i % 4u])',
  }[spec.bias];
  return `for (var i = 0u; i < ${count}; i++) {
    let r = i / 4u * 4u;
    let j = i % 4u;
    let row = row0 + r;
    let place = places[j];
    if (row < P.rows && place >= 0) {
      let value = vec4f(acc[r][j], acc[r + 1u][j], acc[r + 2u][j], acc[r + 3u][j])${shift};
      c[(cBase + u32(place) + row) / 4u] = ${activate(spec.activation, 'value', 'vec4f')};
    }
  }`;
}
