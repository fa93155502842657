import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import {
  columnAt,
  columnsOfLane,
  fillPanel,
  list,
  type PanelSpec,
  panelArrays,
  panelBinding,
  panelQuad,
  walkEntries,
} from './panel.js';

/** Structure of sampled products with a panel. `b` is the side that the entries' coordinates along a line select. */
export interface SddmmPanelSpec extends PanelSpec {
  /** K exceeds the capacity: lines are walked chunk by chunk of K. */
  chunked: boolean;
  /** Results are written through `entries`. */
  indirect: boolean;
  /** How A [m, n], the side of the lines, lies: row by row, read by fours where the panel has quads, or [n, m]. */
  a: 'rows' | 'columns';
}

/**
 * values[p] = sum_j A[i, j] B[across[p], j] for the entries p of every line i.
 *
 * Layout: lines by `starts` or `cuts` as in `spmmPanelShader`; A and B as the spec says.
 * Tiling: one subgroup takes lanes * columns columns of A and B at a time, those of B in private arrays. For as many
 * entries as it has lanes, every lane adds up its columns; a butterfly then adds over the lanes so that lane l ends
 * with the sum of entry l: one shuffle an entry instead of log2(lanes), and one store for all.
 * Grid: x ranges of lines, y parts or batch.
 * Cost: 2 nnz n flops; B is read once for each range of lines, values n / (lanes * columns) times.
 */
export function sddmmPanelShader(spec: SddmmPanelSpec): Shader {
  const { lanes, columns, capacity, chunked, indirect, a, quads } = spec;
  const groups = columns / 4;
  const loadA = list(groups, (q) =>
    a === 'rows' && quads
      ? `let a${q} = select(vec4f(), a[(aBase + row * P.n + min(col${q}, P.n - 4u)) / 4u], col${q} < P.n);`
      : `let a${q} = vec4f(${[0, 1, 2, 3].map((j) => elementOfA(spec, q, j)).join(', ')});`,
  );
  const products = list(lanes, (z) => {
    const sums = Array.from({ length: groups }, (_, q) => `a${q} * ${panelQuad(q, 'k')}`).join(' + ');
    return `var sum${z} = 0.0;
        {
          let k = subgroupBroadcast(at, ${z}u);
          let four = ${sums};
          sum${z} = (four.x + four.y) + (four.z + four.w);
        }`;
  });
  const body = `${products}
        ${butterfly(lanes)}
        if (inside) {
          let target_ = valueBase + ${indirect ? 'entries[mine]' : 'mine'};
          if (tile > 0u) { sum0 += values[target_]; }
          values[target_] = sum0;
        }`;
  const code = wgsl`
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = group.y;
  let aBase = part * P.aPart;
  let bBase = part * P.bPart;
  let valueBase = part * P.valuePart;
  let row0 = group.x * P.range;
  let rowEnd = min(row0 + P.range, P.m);
  ${panelArrays(spec)}
  let k0 = ${chunked ? `P.chunk * ${capacity}u` : '0u'};
    for (var tile = 0u; tile < P.n; tile += ${lanes * columns}u) {
      ${columnsOfLane(spec)}
      ${fillPanel(spec, 'bBase')}
      for (var row = row0; row < rowEnd; row++) {
        let line = part * P.linePart + row;
#if ${chunked}
        let first = cuts[line * (P.chunks + 1u) + P.chunk];
        let last = cuts[line * (P.chunks + 1u) + P.chunk + 1u];
#else
        let first = starts[line];
        let last = starts[line + 1u];
#endif
        ${loadA}
        ${walkEntries(spec, '', body)}
      }
    }
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: chunked ? 'cuts' : 'starts', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      ...(indirect ? [{ name: 'entries', access: 'read', type: 'array<u32>' } as const] : []),
      { name: 'a', access: 'read', type: a === 'rows' && quads ? 'array<vec4f>' : 'array<f32>' },
      { name: 'b', access: 'read', type: panelBinding(spec) },
      { name: 'values', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ['m', 'u32'],
      ['k', 'u32'],
      ['n', 'u32'],
      /** Lines of a range. */
      ['range', 'u32'],
      /** Elements, or lines, from one part to the next; 0 where it is shared. */
      ['aPart', 'u32'],
      ['bPart', 'u32'],
      ['valuePart', 'u32'],
      ['linePart', 'u32'],
      /** Chunks of K, and which of them this launch has. */
      ...(chunked
        ? ([
            ['chunks', 'u32'],
            ['chunk', 'u32'],
          ] as const)
        : []),
    ],
  };
}

/** A[row, column j of group q], 0 past its last column. */
function elementOfA(spec: SddmmPanelSpec, q: number, j: number): string {
  const column = columnAt(spec, q, j);
  const here = `min(${column}, P.n - 1u)`;
  const at = spec.a === 'rows' ? `aBase + row * P.n + ${here}` : `aBase + ${here} * P.m + row`;
  return `select(0.0, a[${at}], ${column} < P.n)`;
}

/**
 * Adds `sum0, sum1, ...` over all lanes; lane l ends with the total of sum<l> in sum0. In every step a lane keeps the
 * half of the sums that its own bit names and gives the other half to its partner.
 */
function butterfly(lanes: number): string {
  const steps: string[] = [];
  for (let half = lanes / 2; half >= 1; half /= 2) {
    steps.push(`let upper${half} = (lane & ${half}u) != 0u;`);
    for (let z = 0; z < half; z++) {
      steps.push(
        `{ let given = select(sum${z + half}, sum${z}, upper${half}); sum${z} = select(sum${z}, sum${z + half}, upper${half}) + subgroupShuffleXor(given, ${half}u); }`,
      );
    }
  }
  return steps.join('\n        ');
}
