import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { RANK_PARAMS, takeRank } from './digits.js';
import { nanKey, type SelectKey, scanFold, selectKey } from './key.js';

/** Structure of the selection that does whole rows in one launch. */
export interface RowSelectSpec {
  key: SelectKey;
  /** Ranks lie on the device, one a row; else all are `P.k`. */
  ranks: boolean;
  /** true: a workgroup shares a row (GPUs). false: every invocation has a row of its own, without barriers. */
  shared: boolean;
  /** Bits of a digit; 4 where rows are so short that walks over counters would cost more than passes over elements. */
  bits: 4 | 8;
  workgroup: number;
}

/**
 * state[row] = (key of the k-th element of the row, how many elements of that key are selected, how many there are, how
 * many are less); status[row] = number of NaN.
 *
 * Layout: x [rows, n]; state [rows] of vec4u; ranks and status [rows].
 * Tiling: one digit after the other, the highest first, with counters in private memory (one invocation a row) or in
 * workgroup memory (a workgroup a row, a scan over the counters). Keys that do not count have a private counter too.
 * Cost: a load an element and a walk over the counters a digit.
 */
export function rowSelectShader(spec: RowSelectSpec): Shader {
  const { shared } = spec;
  const W = spec.workgroup;
  const { bits } = spec;
  const bins = 1 << bits;
  const share = bins / W;
  const nan = spec.key.type === 'f32' ? `nan += u32((key == ${nanKey(spec.key)}) & (turn == 0u));` : '';
  const digit = `(key >> shift) & ${bins - 1}u`;
  const counts = `((key >> shift) >> ${bits}u) == s.x`;
  const code = wgsl`
${selectKey(spec.key)}
#if ${shared}
var<workgroup> count: array<atomic<u32>, ${bins}>;
var<workgroup> fold: array<u32, ${W}>;
var<workgroup> found: vec4u;
var<workgroup> nanTotal: atomic<u32>;
#endif
@compute @workgroup_size(${W})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
#if ${shared}
  let unit = group.x + group.y * groups.x;
#else
  let unit = (group.x + group.y * groups.x) * ${W}u + lane;
  var count: array<u32, ${bins + 1}>;
#endif
  if (unit >= P.units) { return; }
  ${takeRank(spec.ranks)}
  var s = vec4u(0u, k, 0u, 0u);
  var nan = 0u;
  for (var turn = 0u; turn < P.turns; turn++) {
    let shift = ${32 - bits}u - ${bits}u * turn;
#if ${shared}
    for (var d = lane; d < ${bins}u; d += ${W}u) { atomicStore(&count[d], 0u); }
    workgroupBarrier();
    for (var j = lane; j < P.n; j += ${W}u) {
      let key = select_key(x[unit * P.n + j]);
      ${nan}
      if (${counts}) { atomicAdd(&count[${digit}], 1u); }
    }
    workgroupBarrier();
    var sum = 0u;
    for (var d = 0u; d < ${share}u; d++) { sum += atomicLoad(&count[lane * ${share}u + d]); }
    fold[lane] = sum;
    workgroupBarrier();
    ${scanFold(W)}
    let before = fold[lane] - sum;
    if ((before < s.y && s.y <= before + sum) || (s.y == 0u && lane == 0u)) {
      var at = lane * ${share}u;
      var less = before;
      var here = atomicLoad(&count[at]);
      while (less + here < s.y) {
        less += here;
        at++;
        here = atomicLoad(&count[at]);
      }
      found = vec4u((s.x << ${bits}u) | at, s.y - less, here, s.w + less);
    }
    workgroupBarrier();
    s = found;
#else
    for (var d = 0u; d < P.bins; d++) { count[d] = 0u; }
    for (var j = 0u; j < P.n; j++) {
      let key = select_key(x[unit * P.n + j]);
      ${nan}
      count[select(${bins}u, ${digit}, ${counts})]++;
    }
    var at = 0u;
    var less = 0u;
    var here = count[0];
    while (less + here < s.y) {
      less += here;
      at++;
      here = count[at];
    }
    s = vec4u((s.x << ${bits}u) | at, s.y - less, here, s.w + less);
#endif
  }
#if ${shared}
  atomicAdd(&nanTotal, nan);
  workgroupBarrier();
  if (lane > 0u) { return; }
  nan = atomicLoad(&nanTotal);
#endif
  state[unit] = s;
  status[unit] = nan | misfit;
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: 'array<u32>' },
      { name: 'state', access: 'read_write', type: 'array<vec4u>' },
      ...(spec.ranks ? [{ name: 'ranks', access: 'read', type: 'array<u32>' } as const] : []),
      { name: 'status', access: 'read_write', type: 'array<u32>' },
    ],
    params: [['units', 'u32'], ['turns', 'u32'], ['bins', 'u32'], ...RANK_PARAMS],
  };
}
