import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { BLOCK_PARAMS, blockPlace, PANEL, reflector } from './qr-blocks.js';

/** Structure of the form for devices where private memory is cheap and barriers are not. */
export interface SubgroupPanelSpec {
  /** Lanes of a subgroup, a power of two from 4 up. */
  lanes: number;
  /** Most chunks of 16 rows in a block: what the lanes' private memory holds. */
  depth: number;
}

/**
 * The factorisation of qr-panel by one subgroup a workgroup, without barriers: lane (g, c) has columns 4c to 4c + 3 of
 * every (lanes / 4)-th row from g on, as vec4s in private memory. Pivot columns go to the other lanes by shuffles; a
 * step's change and the next step's products share one pass over the rows.
 */
export function qrSubgroupPanelShader({ lanes, depth }: SubgroupPanelSpec): Shader {
  const across = lanes / 4;
  const code = wgsl`
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  ${blockPlace('1u')}
  let g = lane / 4u;
  let quad = lane % 4u;
  let mates = lane - quad;
  let columns = 4u * quad + vec4u(0u, 1u, 2u, 3u);
  let base = (matrix * P.rows * P.lead + P.top) / 4u + quad;
  let count = chunks * ${PANEL / across}u;
  var x: array<vec4f, ${(depth * PANEL) / across}>;
  var gram: array<vec4f, ${PANEL}>;
  var tri: array<vec4f, ${PANEL}>;
  var dots = vec4f();
  for (var i = 0u; i < count; i++) {
    let at = i * ${across}u + g;
    let row = start + at / ${PANEL}u * P.stride + at % ${PANEL}u;
    let value = select(vec4f(), work[base + min(row, P.rows - 1u) * P.lead / 4u], row < P.rows);
    x[i] = value;
    dots += value * select(0.0, subgroupShuffle(value.x, mates), at > 0u);
  }
  var scale = vec4f();
  for (var k = 0u; k < P.steps; k++) {
    ${step(across)}
  }
  for (var i = 0u; i < count; i++) {
    let at = i * ${across}u + g;
    let unit = select(vec4f(), vec4f(1.0), columns == vec4u(at));
    let value = select(unit, x[i] * scale, vec4u(at) > columns);
    v[(index * P.depth * ${PANEL}u + at) * 4u + quad] = select(vec4f(), value, columns < vec4u(P.steps));
  }
  for (var i = 0u; i < ${PANEL / across}u; i++) {
    let at = i * ${across}u + g;
    if (start + at < P.rows) {
      let kept = (vec4u(at) <= columns) | (columns >= vec4u(P.steps));
      work[base + (start + at) * P.lead / 4u] = select(vec4f(), x[i], kept);
    }
  }
  // Lane c has rows 4c to 4c + 3 of T's columns: T[.., k] = -tau_k sum over j < k of T[.., j] (VᵀV)[j, k].
  for (var k = 0u; k < P.width; k++) {
    var sum = vec4f();
    let own = gram[k];
    for (var j = 0u; j < k; j++) { sum += tri[j] * subgroupShuffle(own[j % 4u], j / 4u); }
    let tau = subgroupShuffle(own[k % 4u], k / 4u);
    tri[k] = -tau * sum + select(vec4f(), vec4f(tau), columns == vec4u(k));
    if (g == 0u) {
      for (var e = 0u; e < P.width / 4u; e++) {
        t[(2u * index * ${PANEL}u + 4u * quad + e) * ${PANEL}u + k] = tri[k][e];
        t[((2u * index + 1u) * ${PANEL}u + k) * ${PANEL}u + 4u * quad + e] = tri[k][e];
      }
    }
  }
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

/** Step k: reflector from `dots`, change of all rows, and `dots` of the next column. */
function step(across: number): string {
  const folds = [];
  for (let far = 4; far < 4 * across; far *= 2) folds.push(`dots += subgroupShuffleXor(dots, ${far}u);`);
  return `
    let element = k % 4u;
    let next = (k + 1u) % 4u;
    let source = mates + k / 4u;
    let nextSource = mates + (k + 1u) / 4u % 4u;
    ${folds.join('\n')}
    let pivots = subgroupShuffle(x[k / ${across}u], k % ${across}u * 4u + quad);
    let alpha = subgroupShuffle(pivots[element], k / 4u);
    let squares = subgroupShuffle(dots[element], k / 4u);
    ${reflector}
    let product = pivots + inverse * dots;
    let here = columns == vec4u(k);
    gram[k] = select(select(vec4f(), product * scale, columns < vec4u(k)), vec4f(tau), here);
    let change = select(vec4f(), tau * product, columns > vec4u(k));
    let slope = inverse * change;
    scale = select(scale, vec4f(inverse), here);
    if (g == k % ${across}u) { x[k / ${across}u] = select(pivots - change, vec4f(beta), here); }
    dots = vec4f();
    for (var i = k / ${across}u; i < count; i++) {
      let at = i * ${across}u + g;
      let old = x[i];
      let value = old - slope * select(0.0, subgroupShuffle(old[element], source), at > k);
      x[i] = value;
      dots += value * select(0.0, subgroupShuffle(value[next], nextSource), at > k + 1u);
    }`;
}
