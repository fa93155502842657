import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { activate } from '../gemm/epilogue.js';
import type { Activation } from '../gemm/spec.js';
import { mathHelpers } from '../math.js';
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

/** Structure of a product with a panel. */
export interface SpmmPanelSpec extends PanelSpec {
  /** K exceeds the capacity: lines are walked chunk by chunk of K, and C holds the sums in between. */
  chunked: boolean;
  /**
   * Entries that are multiplied in one go: as many as there are lanes for long lines; 2 where the padding of short
   * ones would cost more than a loop.
   */
  together: number;
  /**
   * How C is written: `rows` [m, n], by fours where the panel has quads; `columns` [n, m]; `columns4` the same with m a
   * multiple of 4, four rows at a time.
   */
  c: 'rows' | 'columns' | 'columns4';
  bias: boolean;
  activation: Activation;
}

/**
 * C[i, j] = act(sum_p values[p] B[across[p], j] + bias[i]), p over the entries of line i.
 *
 * Layout: lines by `starts` [parts * lines + 1], or by `cuts` [parts * lines, chunks + 1], where every line's entries of
 * each chunk of K begin; B and C as the spec says.
 * Tiling: one subgroup has lanes * columns columns of C and P.lines of its lines. It reads its columns of B once into
 * private arrays; then each lane loads one entry of a line, and the subgroup hands them out one by one.
 * Grid: x tiles of columns, y ranges of lines, z parts or batch.
 * Cost: 2 nnz n flops; B is read once for each range of lines, the entries n / (lanes * columns) times.
 */
export function spmmPanelShader(spec: SpmmPanelSpec): Shader {
  const { lanes, columns, capacity, chunked, together, activation } = spec;
  const groups = columns / 4;
  const helpers = activation === 'tanh' || activation === 'sigmoid' ? [activation] : [];
  const one = (entry: string) => `{
          let k = ${handed('at', entry)};
          let x = vec4f(${handed('value', entry)});
          ${list(groups, (q) => `sum${q} = fma(x, ${panelQuad(q, 'k')}, sum${q});`)}
        }`;
  const whole = together === lanes;
  const handed = (what: string, entry: string) =>
    whole ? `subgroupBroadcast(${what}, ${entry})` : `subgroupShuffle(${what}, ${entry})`;
  const hand = whole
    ? list(lanes, (u) => one(`${u}u`))
    : `var z = 0u;
        loop {
          ${list(together, (u) => one(`z + ${u}u`))}
          z += ${together}u;
          if ((z >= ${lanes}u) | (p + z >= last)) { break; }
        }`;
  const code = wgsl`
${mathHelpers(helpers, 4)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = group.z;
  let valueBase = part * P.valuePart;
  let bBase = part * P.bPart;
  let cBase = part * P.m * P.n;
  let tile = group.x * ${lanes * columns}u;
  ${columnsOfLane(spec)}
  let row0 = group.y * P.range;
  let rowEnd = min(row0 + P.range, P.m);
  ${panelArrays(spec)}
#if ${spec.c === 'columns4'}
  ${list(columns, (v) => `var turned${v} = vec4f();`)}
#endif
  let k0 = ${chunked ? `P.chunk * ${capacity}u` : '0u'};
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
      ${begin(spec)}
      ${walkEntries(spec, 'let value = select(0.0, values[valueBase + mine], inside);', hand)}
      ${epilogue(spec)}
      ${store(spec)}
    }
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: chunked ? 'cuts' : 'starts', access: 'read', type: 'array<u32>' },
      { name: 'across', access: 'read', type: 'array<u32>' },
      { name: 'values', access: 'read', type: 'array<f32>' },
      { name: 'b', access: 'read', type: panelBinding(spec) },
      ...(spec.bias ? [{ name: 'bias', access: 'read', type: 'array<f32>' } as const] : []),
      { name: 'c', access: 'read_write', type: storesFours(spec) ? 'array<vec4f>' : 'array<f32>' },
    ],
    params: [
      ['m', 'u32'],
      ['k', 'u32'],
      ['n', 'u32'],
      /** Lines of a range. */
      ['range', 'u32'],
      /** Elements, or lines, from one part to the next; 0 where it is shared. */
      ['valuePart', 'u32'],
      ['bPart', 'u32'],
      ['linePart', 'u32'],
      ['biasPart', 'u32'],
      /** Chunks of K, and which of them this launch adds. */
      ...(chunked
        ? ([
            ['chunks', 'u32'],
            ['chunk', 'u32'],
          ] as const)
        : []),
    ],
  };
}

const storesFours = ({ c, quads }: SpmmPanelSpec): boolean => (c === 'rows' ? quads : c === 'columns4');

/** Element of C in column j of group q. */
function place(spec: SpmmPanelSpec, q: number, j: number): string {
  const column = columnAt(spec, q, j);
  return spec.c === 'rows' ? `cBase + row * P.n + ${column}` : `cBase + ${column} * P.m + row`;
}

/** `sum0, sum1, ...`: zero, or what earlier chunks have left in C. */
function begin(spec: SpmmPanelSpec): string {
  const { columns, chunked, c, quads } = spec;
  const groups = columns / 4;
  const each = (f: (q: number, j: number) => string) => list(groups, (q) => list(4, (j) => f(q, j)));
  if (c === 'columns4') {
    // Four rows of a column at a time: taken from the front of a vector, put back at its end.
    const load = each(
      (q, j) => `if (${columnAt(spec, q, j)} < P.n) { turned${4 * q + j} = c[(${place(spec, q, j)}) / 4u]; }`,
    );
    const sums = list(
      groups,
      (q) => `var sum${q} = vec4f(${[0, 1, 2, 3].map((j) => `turned${4 * q + j}.x`).join(', ')});`,
    );
    return chunked
      ? `if (row % 4u == 0u) {
        ${list(columns, (v) => `turned${v} = vec4f();`)}
        if (P.chunk > 0u) {
          ${load}
        }
      }
      ${sums}`
      : list(groups, (q) => `var sum${q} = vec4f();`);
  }
  const zeros = list(groups, (q) => `var sum${q} = vec4f();`);
  if (!chunked) return zeros;
  const load =
    quads && c === 'rows'
      ? list(groups, (q) => `if (col${q} < P.n) { sum${q} = c[(${place(spec, q, 0)}) / 4u]; }`)
      : each((q, j) => `if (${columnAt(spec, q, j)} < P.n) { sum${q}[${j}] = c[${place(spec, q, j)}]; }`);
  return `${zeros}
      if (P.chunk > 0u) {
        ${load}
      }`;
}

function epilogue(spec: SpmmPanelSpec): string {
  const { columns, chunked, bias, activation } = spec;
  if (!bias && activation === 'none') return '';
  const finish = list(
    columns / 4,
    (q) => `sum${q} = ${activate(activation, bias ? `(sum${q} + shift)` : `sum${q}`, 'vec4f')};`,
  );
  const code = `${bias ? 'let shift = vec4f(bias[part * P.biasPart + row]);' : ''}
      ${finish}`;
  return chunked ? `if (P.chunk == P.chunks - 1u) {\n${code}\n}` : code;
}

function store(spec: SpmmPanelSpec): string {
  const groups = spec.columns / 4;
  const each = (f: (q: number, j: number) => string) => list(groups, (q) => list(4, (j) => f(q, j)));
  if (spec.c === 'columns4') {
    return `${each((q, j) => `turned${4 * q + j} = vec4f(turned${4 * q + j}.yzw, sum${q}[${j}]);`)}
      if (row % 4u == 3u) {
        ${each((q, j) => `if (${columnAt(spec, q, j)} < P.n) { c[(${place(spec, q, j)}) / 4u] = turned${4 * q + j}; }`)}
      }`;
  }
  return storesFours(spec)
    ? list(groups, (q) => `if (col${q} < P.n) { c[(${place(spec, q, 0)}) / 4u] = sum${q}; }`)
    : each((q, j) => `if (${columnAt(spec, q, j)} < P.n) { c[${place(spec, q, j)}] = sum${q}[${j}]; }`);
}
