import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { BLOCK_PARAMS, blockPlace, PANEL } from './qr-blocks.js';

/** Structure of the form for devices where broadcasts are cheap and barriers are not. */
export interface SubgroupUpdateSpec {
  /** Lanes of a subgroup, a power of two from 4 to 64. */
  lanes: number;
}

const ROWS = 4;
const each = (n: number, f: (i: number) => string): string => Array.from({ length: n }, (_, i) => f(i)).join('\n');

/**
 * The update of qr-update by one subgroup a workgroup, without barriers: a lane has four columns, four rows of V lie
 * across the lanes and are handed out by broadcasts.
 */
export function qrSubgroupUpdateShader({ lanes }: SubgroupUpdateSpec): Shader {
  const sets = Math.ceil((ROWS * PANEL) / 4 / lanes);
  const load = (name: string, buffer: string, base: string) =>
    each(sets, (s) => `let ${name}${s} = ${buffer}[${base} + ${lanes > 16 ? 'lane % 16u' : `${s * lanes}u + lane`}];`);
  /** Element [row, k] of four rows of 16 that lie across the lanes. */
  const element = (name: string, row: number, k: number) => {
    const at = row * (PANEL / 4) + Math.floor(k / 4);
    return `vec4f(subgroupBroadcast(${name}${Math.floor(at / lanes)}.${'xyzw'[k % 4]}, ${at % lanes}u))`;
  };
  const rows = each(ROWS, (r) => `let x${r} = work[base + min(row0 + ${r}u, P.rows - 1u) * P.lead / 4u];`);
  const place = `let row0 = start + h / ${PANEL / ROWS}u * P.stride + h % ${PANEL / ROWS}u * ${ROWS}u;`;
  const code = wgsl`
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  ${blockPlace('P.slabs')}
  let column = P.first + unit % P.slabs * ${4 * lanes}u + 4u * lane;
  let inside = column < P.lead;
  let base = (matrix * P.rows * P.lead + min(column, P.lead - 4u)) / 4u;
  let reflectors = index * P.depth * ${(PANEL * PANEL) / 4}u;
  let count = chunks * ${PANEL / ROWS}u;
  var w: array<vec4f, ${PANEL}>;
  var r: array<vec4f, ${PANEL}>;
  for (var h = 0u; h < count; h++) {
    ${place}
    ${load('v', 'v', `reflectors + h * ${(ROWS * PANEL) / 4}u`)}
    ${rows}
    ${each(PANEL, (k) => {
      const chain = Array.from({ length: ROWS }, (_, i) => i).reduce(
        (sum, i) => `fma(${element('v', i, k)}, x${i}, ${sum})`,
        `w[${k}]`,
      );
      return `w[${k}] = ${chain};`;
    })}
  }
  for (var k = 0u; k < P.width; k++) {
    let t0 = t[(2u * index + P.backward) * ${(PANEL * PANEL) / 4}u + k * ${PANEL / 4}u + lane % 4u];
    let part = w[k];
    ${each(PANEL, (c) => `r[${c}] = fma(${element('t', 0, c)}, part, r[${c}]);`)}
  }
  for (var h = 0u; h < count; h++) {
    ${place}
    ${load('v', 'v', `reflectors + h * ${(ROWS * PANEL) / 4}u`)}
    ${rows}
    ${each(ROWS, (i) => {
      const chain = Array.from({ length: PANEL }, (_, k) => k).reduce(
        (sum, k) => `fma(${element('v', i, k)}, r[${k}], ${sum})`,
        'vec4f()',
      );
      return `let change${i} = ${chain};`;
    })}
    ${each(ROWS, (i) => {
      const row = `(row0 + ${i}u)`;
      return `if (inside & (${row} < P.rows)) { work[base + ${row} * P.lead / 4u] = x${i} - change${i}; }`;
    })}
  }
}`;
  return {
    code,
    enables: ['subgroups'],
    bindings: [
      { name: 'work', access: 'read_write', type: 'array<vec4f>' },
      { name: 'v', access: 'read', type: 'array<vec4f>' },
      { name: 't', access: 'read', type: 'array<vec4f>' },
    ],
    params: [...BLOCK_PARAMS, ['first', 'u32'], ['slabs', 'u32'], ['backward', 'u32']],
  };
}
