import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { colLoader } from '../gemm/col-loader.js';
import { placement } from '../gemm/spec.js';
import { multiplyAdd, storeTile } from '../gemm/subgroup.js';
import { mathHelpers } from '../math.js';
import { type BlockSpec, blockParams, storedAs } from './block-spec.js';

export interface PanelSpec extends BlockSpec {
  /** Rows of Q that fit the panel: K is no longer. */
  panel: number;
}

/**
 * The product of `blockWalkShader` for a matrix Q and small blocks, on software devices: reading four rows of Q costs these
 * as much as 36 multiply-adds of one vector, and a block of 4 x 4 has only 16.
 *
 * Tiling: one subgroup has 4 * lanes columns; a lane reads all K rows of its four columns once into a private array, and
 * then multiplies every y-th line with it. A block's values are loaded by as many lanes as it has vectors of four, so
 * that one load serves two or more of the smallest blocks.
 * Grid: x column tiles, y groups of lines (dealt out by falling length), z batch.
 * Cost: 2 blocks b^2 cols flops; P is read cols / (4 lanes) times, Q once for every group of lines.
 */
export function blockPanelShader(spec: PanelSpec): Shader {
  const { block, tile, turned } = spec;
  const { lanes, rows } = tile;
  const vectors = (block * block) / 4;
  const together = Math.max(1, lanes / vectors);
  const sets = Math.max(1, vectors / lanes);
  const at = placement(spec);
  const helpers = spec.activation === 'tanh' || spec.activation === 'sigmoid' ? [spec.activation] : [];
  const q = colLoader(spec, 1);
  const load = (s: number) => {
    const value = `p[firstVector + ${s * lanes}u]`;
    return `let a${s} = ${together > 1 ? `select(vec4f(), ${value}, e + lane / ${vectors}u < last)` : value};`;
  };
  /** P[row i, k] of block g among those loaded together: rows of a block follow each other, or, turned, its columns. */
  const value = (g: number, i: number, k: number) => {
    const [outer, inner] = turned ? [k, i] : [i, k];
    const f = (outer * block + inner) >> 2;
    return `subgroupBroadcast(a${Math.floor(f / lanes)}.${'xyzw'[inner % 4]}, ${g * vectors + (f % lanes)}u)`;
  };
  const step = (g: number, k0: number) => `{
        ${list(4, (k) => `let b0_${k} = vec4f(${FOUR.map((c) => `panel[at${g}][${k0 + k}][${c}]`).join(', ')});`)}
        ${multiplyAdd(rows, 1, (i, k) => value(g, i, k0 + k))}
      }`;
  const fill = (s: number) => `{
      let k = first + ${4 * s}u;
      ${q.step}
      ${list(4, (k) => FOUR.map((c) => `panel[at][${4 * s + k}][${c}] = b0_${k}[${c}];`).join(' '))}
    }`;
  const code = wgsl`
${mathHelpers(helpers, spec.store.vector ? 4 : 1)}
@compute @workgroup_size(${lanes})
fn main(${at.builtins}, @builtin(local_invocation_index) lane: u32) {
  ${at.start}
  let col0 = id.x * ${4 * lanes}u + lane * 4u;
  let part = id.z;
  let pBase = part * P.pPart;
  let cBase = part * P.cPart;
  let biasBase = 0u;
  ${q.start}
  var panel: array<array<array<f32, 4>, ${block}>, ${spec.panel / block}>;
  for (var first = 0u; first < P.depth; first += ${block}u) {
    let at = first / ${block}u;
    ${list(block / 4, fill)}
  }
  for (var turn = id.y; turn < P.lines; turn += count.y) {
    let line = order[turn];
    let last = starts[line + 1u];
    let row0 = line * ${block}u;
    // Spelled out: there are drivers that zero a variable declared in a loop only the first time.
    var acc = array<vec4f, ${rows}>();
    for (var e = starts[line]; e < last; e += ${together}u) {
      let mine = ${together > 1 ? `min(e + lane / ${vectors}u, last - 1u)` : 'e'};
      let other = across[mine];
      let firstVector = pBase / 4u + ${turned ? 'entries[mine]' : 'mine'} * ${vectors}u + lane % ${vectors}u;
      ${list(sets, load)}
      ${list(together, (g) => `let at${g} = ${together > 1 ? `subgroupBroadcast(other, ${g * vectors}u)` : 'other'};`)}
      ${list(together, (g) => list(block / 4, (s) => step(g, 4 * s)))}
    }
    ${storeTile(spec, tile)}
  }
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: 'p', access: 'read', type: 'array<vec4f>' },
      { name: 'q', access: 'read', type: storedAs(spec, 'q') },
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      { name: 'order', access: 'read', type: 'array<u32>' },
      ...(turned ? [{ name: 'entries', access: 'read', type: 'array<u32>' } as const] : []),
      ...(spec.bias === 'none' ? [] : [{ name: 'bias', access: 'read', type: 'array<f32>' } as const]),
      { name: 'c', access: 'read_write', type: spec.store.vector ? 'array<vec4f>' : 'array<f32>' },
    ],
    params: blockParams(spec, 'panel'),
  };
}

const FOUR = [0, 1, 2, 3] as const;
const list = (n: number, f: (i: number) => string): string => Array.from({ length: n }, (_, i) => f(i)).join('\n');
