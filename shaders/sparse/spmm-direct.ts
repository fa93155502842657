import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { activate } from '../gemm/epilogue.js';
import type { Activation } from '../gemm/spec.js';
import { mathHelpers } from '../math.js';

/** Structure of a product that reads B from storage. */
export interface SpmmDirectSpec {
  /** Invocations along the columns of C, and lines of a workgroup. */
  across: number;
  down: number;
  /** One subgroup is one workgroup and one line; its lanes load the line's entries and hand them out. */
  subgroup: boolean;
  /** Columns an invocation: 4 where B and C lie row by row and n is a multiple of 4. */
  width: 1 | 4;
  /** B is [k, n] or, by columns, [n, k]; C is [m, n] or [n, m]. */
  b: 'rows' | 'columns';
  c: 'rows' | 'columns';
  bias: boolean;
  activation: Activation;
}

/**
 * C[i, j] = act(sum_p values[p] B[across[p], j] + bias[i]), p over the entries of line i.
 *
 * Layout: lines by `starts`, taken in `order`, so that those of a workgroup are about equally long.
 * Tiling: a workgroup has across * width columns of `down` lines; an invocation walks one line for its columns.
 * Neighbouring invocations read neighbouring columns of the same row of B.
 * Grid: tiles of columns x groups of lines, folded; z parts or batch.
 * Cost: 2 nnz n flops; every entry reads its row of B.
 */
export function spmmDirectShader(spec: SpmmDirectSpec): Shader {
  const { across, down, subgroup, width, b, c, bias, activation } = spec;
  const T = width === 4 ? 'vec4f' : 'f32';
  const helpers = activation === 'tanh' || activation === 'sigmoid' ? [activation] : [];
  const place = (matrix: 'rows' | 'columns', row: string, rows: string) =>
    matrix === 'rows' ? `${row} * P.n + column` : `column * ${rows} + ${row}`;
  const element = (name: string, base: string, at: string) =>
    width === 4 ? `${name}[(${base} + ${at}) / 4u]` : `${name}[${base} + ${at}]`;
  const value = `values[part * P.valuePart + mine]`;
  const product = (k: string, x: string) => `sum = fma(${T}(${x}), ${element('b', 'bBase', place(b, k, 'P.k'))}, sum);`;
  const code = wgsl`
${mathHelpers(helpers, width)}
@compute @workgroup_size(${across * down})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  let part = group.z;
  let bBase = part * P.bPart;
  let mineColumn = ((unit % P.tiles) * ${across}u + lane % ${across}u) * ${width}u;
#if ${subgroup}
  // All lanes take part in handing out, also those past the last column.
  let column = min(mineColumn, P.n - ${width}u);
  let slot = unit / P.tiles;
#else
  let column = mineColumn;
  let slot = unit / P.tiles * ${down}u + lane / ${across}u;
  if ((column >= P.n) | (slot >= P.m)) { return; }
#endif
  let line = order[part * P.linePart + slot];
  let first = starts[line];
  let last = starts[line + 1u];
  var sum = ${T}();
#if ${subgroup}
  for (var p = first; p < last; p += ${across}u) {
    let mine = min(p + lane, last - 1u);
    let at = across[mine];
    let value = ${value};
    let count = min(${across}u, last - p);
    for (var z = 0u; z < count; z++) {
      let k = subgroupShuffle(at, z);
      let x = subgroupShuffle(value, z);
      ${product('k', 'x')}
    }
  }
  if (mineColumn >= P.n) { return; }
#else
  for (var mine = first; mine < last; mine++) {
    let k = across[mine];
    ${product('k', value)}
  }
#endif
  let row = line - part * P.linePart;
#if ${bias}
  sum += ${T}(bias[part * P.biasPart + row]);
#endif
  ${element('c', 'part * P.m * P.n', place(c, 'row', 'P.m'))} = ${activate(activation, 'sum', T)};
}`;
  const fours = width === 4 ? 'array<vec4f>' : 'array<f32>';
  return {
    code,
    enables: subgroup ? ['subgroups'] : [],
    bindings: [
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'order', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      { name: 'values', access: 'read', type: 'array<f32>' },
      { name: 'b', access: 'read', type: fours },
      ...(bias ? [{ name: 'bias', access: 'read', type: 'array<f32>' } as const] : []),
      { name: 'c', access: 'read_write', type: fours },
    ],
    params: [
      ['m', 'u32'],
      ['k', 'u32'],
      ['n', 'u32'],
      /** Tiles of columns, and tiles times groups of lines. */
      ['tiles', 'u32'],
      ['units', 'u32'],
      /** Elements, or lines, from one part to the next; 0 where it is shared. */
      ['valuePart', 'u32'],
      ['bPart', 'u32'],
      ['linePart', 'u32'],
      ['biasPart', 'u32'],
    ],
  };
}
