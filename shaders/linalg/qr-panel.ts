import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { BLOCK_PARAMS, blockPlace, PANEL, reflector } from './qr-blocks.js';

/** Structure of the factorisation of one level of a panel. */
export interface PanelSpec {
  /** Most chunks of 16 rows in a block: what workgroup memory holds. */
  depth: number;
}

const SIZE = PANEL * PANEL;

/**
 * Householder QR of every block of a level: block = (I - V T Vᵀ) R, R left in the block's first 16 rows.
 *
 * Reflector k has v = (1, x / (alpha - beta)) from row k down, alpha being the pivot, x the column below it,
 * beta = -sign(alpha) |(alpha, x)| and tau = (beta - alpha) / beta. One pass over the rows gives xᵀ times every column:
 * the norm, what the columns to the right lose, and the products with earlier reflectors that make T (Schreiber and
 * Van Loan 1989).
 *
 * Layout: work [matrices, rows, lead], overwritten; V and T as in qr-blocks.
 * Tiling: a workgroup holds a block of up to 16 depth rows in workgroup memory; invocation (g, c) has rows g, g + 16,
 * ... of column c.
 * Cost: 4 x 16 x 16 flops a row; one load and two stores an element.
 */
export function qrPanelShader({ depth }: PanelSpec): Shader {
  const code = wgsl`
var<workgroup> tile: array<f32, ${depth * SIZE}>;
var<workgroup> fold: array<f32, ${SIZE}>;
var<workgroup> gram: array<f32, ${SIZE}>;
@compute @workgroup_size(${SIZE})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
  ${blockPlace('1u')}
  let c = lane % ${PANEL}u;
  let g = lane / ${PANEL}u;
  let column = matrix * P.rows * P.lead + P.top + c;
  for (var q = 0u; q < chunks; q++) {
    let row = start + q * P.stride + g;
    var value = 0.0;
    if (row < P.rows) { value = work[column + row * P.lead]; }
    tile[q * ${SIZE}u + lane] = value;
  }
  gram[lane] = 0.0;
  var scale = 0.0;
  workgroupBarrier();
  for (var k = 0u; k < P.steps; k++) {
    var dot = 0.0;
    for (var q = 0u; q < chunks; q++) {
      let at = q * ${SIZE}u + g * ${PANEL}u;
      dot += select(0.0, tile[at + k], (q > 0u) | (g > k)) * tile[at + c];
    }
    fold[lane] = dot;
    workgroupBarrier();
    var total = 0.0;
    var squares = 0.0;
    for (var i = 0u; i < ${PANEL}u; i++) {
      total += fold[i * ${PANEL}u + c];
      squares += fold[i * ${PANEL}u + k];
    }
    let alpha = tile[k * ${PANEL + 1}u];
    let above = tile[k * ${PANEL}u + c];
    workgroupBarrier();
    ${reflector}
    let product = above + inverse * total;
    if (c < k) {
      if (g == 0u) { gram[c * ${PANEL}u + k] = product * scale; }
    } else if (c > k) {
      let change = tau * product;
      for (var q = 0u; q < chunks; q++) {
        let at = q * ${SIZE}u + g * ${PANEL}u;
        if ((q > 0u) | (g > k)) { tile[at + c] -= tile[at + k] * inverse * change; }
      }
      if (g == k) { tile[k * ${PANEL}u + c] = above - change; }
    } else {
      scale = inverse;
      if (g == k) {
        gram[k * ${PANEL + 1}u] = tau;
        tile[k * ${PANEL + 1}u] = beta;
      }
    }
    workgroupBarrier();
  }
  for (var q = 0u; q < chunks; q++) {
    let entry = tile[q * ${SIZE}u + lane];
    let below = (q > 0u) | (g > c);
    let value = select(select(0.0, 1.0, g == c), entry * scale, below);
    v[(index * P.depth + q) * ${SIZE}u + lane] = select(0.0, value, c < P.steps);
  }
  if (start + g < P.rows) {
    work[column + (start + g) * P.lead] = select(0.0, tile[lane], (g <= c) | (c >= P.steps));
  }
  // Row g of T needs only itself: T[g, k] = -tau_k sum over j from g to k - 1 of T[g, j] (VᵀV)[j, k].
  if (c == 0u) {
    for (var k = 0u; k < P.width; k++) {
      var sum = 0.0;
      for (var j = g; j < k; j++) { sum += fold[lane + j] * gram[j * ${PANEL}u + k]; }
      fold[lane + k] = gram[k * ${PANEL + 1}u] * select(-sum, select(0.0, 1.0, k == g), k <= g);
    }
  }
  workgroupBarrier();
  t[2u * index * ${SIZE}u + lane] = fold[lane];
  t[(2u * index + 1u) * ${SIZE}u + lane] = fold[c * ${PANEL}u + g];
}`;
  return {
    code,
    bindings: [
      { name: 'work', access: 'read_write', type: 'array<f32>' },
      { name: 'v', access: 'read_write', type: 'array<f32>' },
      { name: 't', access: 'read_write', type: 'array<f32>' },
    ],
    params: [...BLOCK_PARAMS, ['steps', 'u32']],
  };
}
