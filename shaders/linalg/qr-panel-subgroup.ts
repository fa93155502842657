import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { BLOCK_PARAMS, blockPlace, PANEL, reflector } from './qr-blocks.js';

/** Structure of the form for devices where private memory is cheap and barriers are not. */
export interface SubgroupPanelSpec {
  /** Lanes of a subgroup, a power of two from 4 to 64. */
  lanes: number;
  /** Most chunks of 16 rows in a block: what the lanes' private memory holds. */
  depth: number;
}

const each = (n: number, f: (i: number) => string, between = '\n'): string =>
  Array.from({ length: n }, (_, i) => f(i)).join(between);

/**
 * The factorisation of qr-panel by one subgroup a workgroup, without barriers: lane l has every lanes-th row from l on
 * in private memory, whose indices are constants wherever it matters.
 *
 * For that the columns rotate: a step takes the column in place 0, puts what it leaves (R above, the reflector below)
 * into place 15, and moves all others, changed or finished, down by one. So the pivot is always in place 0, finished
 * reflectors are in the last places, where their products with the next pivot arise beside those of the columns to
 * come, and after 16 steps all are home. Columns start one place further: step 0 changes nothing and makes the first
 * products. T's rows, a lane's own, rotate along: its columns lie where the reflectors do, zeros elsewhere.
 *
 * Cost: 4 x 16 operations a row and step; the products of a step meet in log2(lanes) exchanges.
 */
export function qrSubgroupPanelShader({ lanes, depth }: SubgroupPanelSpec): Shader {
  const groups = (depth * PANEL) / lanes;
  const tRows = Math.ceil(PANEL / lanes);
  const code = wgsl`
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  ${blockPlace('1u')}
  let base = (matrix * P.rows * P.lead + P.top) / 4u;
  let count = (chunks * ${PANEL}u + ${lanes - 1}u) / ${lanes}u;
  var x: array<f32, ${groups * PANEL}>;
  ${each(tRows, (r) => `var tri${r}: array<f32, ${PANEL}>;`)}
  for (var i = 0u; i < count; i++) {
    let at = i * ${lanes}u + lane;
    let row = start + at / ${PANEL}u * P.stride + at % ${PANEL}u;
    let exists = (at < chunks * ${PANEL}u) & (row < P.rows);
    for (var q = 0u; q < P.width / 4u; q++) {
      let value = select(vec4f(), work[base + min(row, P.rows - 1u) * P.lead / 4u + q], exists);
      // min() hides the array's length from drivers that would unroll the loops.
      let to = min(i, ${groups - 1}u) * ${PANEL}u;
      ${each(4, (e) => `x[to + (4u * q + ${e + 1}u) % ${PANEL}u] = value[${e}];`)}
    }
  }
  ${each(PANEL, (c) => `var d${c} = 0.0;`)}
  for (var turn = 0u; turn <= P.width; turn++) {
    ${step(lanes, groups, tRows)}
  }
  for (var i = 0u; i < count; i++) {
    let at = i * ${lanes}u + lane;
    for (var q = 0u; q < P.width / 4u; q++) {
      let columns = 4u * q + vec4u(0u, 1u, 2u, 3u);
      let begin = min(i, ${groups - 1}u) * ${PANEL}u + 4u * q;
      let value = vec4f(${each(4, (e) => `x[begin + ${e}u]`, ', ')});
      let unit = select(select(vec4f(), vec4f(1.0), columns == vec4u(at)), value, vec4u(at) > columns);
      if (at < chunks * ${PANEL}u) {
        v[(index * P.depth * ${PANEL}u + at) * 4u + q] = select(vec4f(), unit, columns < vec4u(P.steps));
      }
      if ((at < ${PANEL}u) & (start + at < P.rows)) {
        let kept = (vec4u(at) <= columns) | (columns >= vec4u(P.steps));
        work[base + (start + at) * P.lead / 4u + q] = select(vec4f(), value, kept);
      }
    }
  }
  ${each(
    tRows,
    (r) => `let row${r} = lane + ${r * lanes}u;
  for (var c = 0u; c < P.width; c++) {
    let value = tri${r}[min(c, ${PANEL - 1}u)];
    if (row${r} < ${PANEL}u) {
      t[(2u * index * ${PANEL}u + row${r}) * ${PANEL}u + c] = value;
      t[((2u * index + 1u) * ${PANEL}u + c) * ${PANEL}u + row${r}] = value;
    }
  }`,
  )}
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: 'work', access: 'read_write', type: 'array<vec4f>' },
      { name: 'v', access: 'read_write', type: 'array<vec4f>' },
      { name: 't', access: 'read_write', type: 'array<f32>' },
    ],
    params: [...BLOCK_PARAMS, ['steps', 'u32']],
  };
}

/** Turn k + 1: the reflector of column k from the products d, then all rows' change, rotation and next products. */
function step(lanes: number, groups: number, tRows: number): string {
  const columns = Array.from({ length: PANEL - 1 }, (_, c) => c + 1);
  const top = (c: number) =>
    Array.from({ length: tRows - 1 }, (_, r) => r + 1).reduce(
      (value, r) => `select(${value}, x[${Math.min(r, groups - 1) * PANEL + c}], k >= ${r * lanes}u)`,
      `x[${c}]`,
    );
  const rows = (i: number) => {
    const at = i * PANEL;
    // Only the first 16 rows may be at or above the pivot.
    const low = i * lanes < PANEL;
    const changed = (c: number) =>
      low ? `x[${at + c}] - slope${c} * own - pivot * change${c}` : `x[${at + c}] - slope${c} * old`;
    return `{
      let old = x[${at}];
      ${
        low
          ? `let at = lane + ${i * lanes}u;
      let below = at >= turn;
      let own = select(0.0, old, below);
      let pivot = select(0.0, 1.0, at + 1u == turn);
      let left = select(select(old, beta, at + 1u == turn), old * keep, below);`
          : 'let left = old * keep;'
      }
      ${each(columns.length, (j) => `let y${j} = ${changed(j + 1)};`)}
      ${each(columns.length, (j) => `x[${at + j}] = y${j};`)}
      x[${at + PANEL - 1}] = left;
      let next = ${low ? 'select(0.0, y0, at > turn)' : 'y0'};
      ${each(columns.length, (j) => `d${j} += next * y${j};`)}
      d${PANEL - 1} += next * left;
    }`;
  };
  return `let k = max(turn, 1u) - 1u;
    let works = (turn > 0u) & (k < P.steps);
    ${meeting(lanes)}
    ${each(PANEL, (c) => `let p${c} = subgroupShuffle(${top(c)}, k % ${lanes}u);`)}
    let alpha = p0;
    let squares = select(0.0, s0, works);
    ${reflector}
    let keep = select(1.0, inverse, works);
    ${columns
      .map(
        (c) => `let product${c} = p${c} + inverse * s${c};
    let change${c} = select(0.0, tau * product${c}, k < ${PANEL - c}u);
    let slope${c} = inverse * change${c};`,
      )
      .join('\n')}
    ${each(
      tRows,
      (r) => `{
      let sum = ${columns.map((c) => `tri${r}[${c}] * product${c}`).join(' + ')};
      ${columns.map((c) => `tri${r}[${c - 1}] = tri${r}[${c}];`).join('\n')}
      tri${r}[${PANEL - 1}] = select(0.0, tau, lane + ${r * lanes}u == k) - tau * sum;
    }`,
    )}
    ${each(PANEL, (c) => `d${c} = 0.0;`)}
    ${each(groups, rows)}`;
}

/** Sums s0 to s15 over all lanes of d0 to d15: lanes halve what they carry with every exchange, and hand out the ends. */
function meeting(lanes: number): string {
  const stages: string[] = [];
  let names = Array.from({ length: PANEL }, (_, c) => `d${c}`);
  for (let far = lanes / 2, stage = 0; far >= 1; far /= 2, stage++) {
    const high = `(lane & ${far}u) != 0u`;
    if (names.length === 1) {
      const to = `m${stage}_0`;
      stages.push(`let ${to} = ${names[0]} + subgroupShuffleXor(${names[0]}, ${far}u);`);
      names = [to];
      continue;
    }
    const half = names.length / 2;
    names = names.slice(0, half).map((low, v) => {
      const up = names[v + half];
      const to = `m${stage}_${v}`;
      stages.push(
        `let ${to} = select(${low}, ${up}, ${high}) + subgroupShuffleXor(select(${up}, ${low}, ${high}), ${far}u);`,
      );
      return to;
    });
  }
  // The first exchange told the upper half of the columns from the lower, and so on: a column's leading bits are its lane.
  const holder = (c: number) => Math.floor((c * lanes) / PANEL);
  const ends = each(PANEL, (c) => `let s${c} = subgroupBroadcast(${names[c % names.length]}, ${holder(c)}u);`);
  return `${stages.join('\n')}
    ${ends}`;
}
