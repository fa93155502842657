import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { components, nanKey, type SelectKey, scanFold, selectKey } from './key.js';

/** Structure of one pass that counts digits. */
export interface DigitSpec {
  key: SelectKey;
  /** The first digit counts for every key; a later one for those that share the digits found so far. */
  first: boolean;
  /** So few keys are expected to count that a branch around counting pays where every key would be counted else. */
  rare: boolean;
  /** Loads of four neighbours. */
  vector: boolean;
  /** Counters of one histogram: 2 to the bits of a digit. */
  bins: number;
  /**
   * How a workgroup counts in its memory. true: all its invocations share the counters (GPUs). false: every invocation
   * has counters of its own, without atomics, which software devices do twice as fast.
   */
  shared: boolean;
  workgroup: number;
}

/**
 * hist[unit, d] += number of keys of a unit whose digit is d, among those whose higher digits are the unit's prefix. The
 * first pass also counts NaN: status[unit] += their number.
 *
 * Layout: x [units, n]; state [units] of (prefix, rank, ties, less); hist [units, bins]; status [units]. n is `loads` loads
 * of one element or of four, the last of which has `tail` elements.
 * Tiling: `groups` workgroups a unit, each with a run of neighbouring loads, its invocations side by side. Private
 * counters take every key, with 1 or 0 to add, so that no invocation branches.
 * Cost: one load an element, and up to `bins` atomic additions a workgroup: integers, so their order does not matter.
 */
export function digitShader(spec: DigitSpec): Shader {
  const { first, shared, vector, bins } = spec;
  const W = spec.workgroup;
  const nans = first && spec.key.type === 'f32';
  const parts = components(vector).map((c, q) => ({
    key: `let key${q} = select_key(raw${c});`,
    // Whether the key is there, and counts.
    counts: `let counts${q} = ${[`${q}u < live`, ...(first ? [] : [`(key${q} >> P.high) == prefix`])].map((t) => `(${t})`).join(' & ')};`,
    nan: `nan += u32(counts${q} & (key${q} == ${nanKey(spec.key)}));`,
    tally: shared
      ? `if (counts${q}) { atomicAdd(&count[(key${q} >> P.shift) & P.mask], 1u); }`
      : `count[((key${q} >> P.shift) & P.mask) * ${W}u + lane] += u32(counts${q});`,
  }));
  const lines = (of: keyof (typeof parts)[number]) => parts.map((p) => p[of]).join('\n    ');
  const some = parts.map((_, q) => `counts${q}`).join(' | ');
  const code = wgsl`
${selectKey(spec.key)}
#if ${shared}
var<workgroup> count: array<atomic<u32>, ${bins}>;
#else
var<workgroup> count: array<u32, ${bins * W}>;
#endif
@compute @workgroup_size(${W})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x + group.y * groups.x;
  let unit = id / P.groups;
  if (unit >= P.units) { return; }
#if ${!first}
  let prefix = state[unit].x;
#endif
#if ${nans}
  var nan = 0u;
#endif
  let begin = (id % P.groups) * P.chunk;
  let end = min(begin + P.chunk, P.loads);
  for (var i = begin + lane; i < end; i += ${W}u) {
    let raw = x[unit * P.loads + i];
    let live = select(${vector ? 4 : 1}u, P.tail, i + 1u == P.loads);
    ${lines('key')}
    ${lines('counts')}
#if ${nans}
    ${lines('nan')}
#endif
#if ${spec.rare}
    if (${some}) {
    ${lines('tally')}
    }
#else
    ${lines('tally')}
#endif
  }
#if ${shared}
  workgroupBarrier();
  for (var d = lane; d <= P.mask; d += ${W}u) {
    let c = atomicLoad(&count[d]);
#else
  for (var d = 0u; d <= P.mask; d++) {
    let c = count[d * ${W}u + lane];
#endif
    if (c > 0u) { atomicAdd(&hist[unit * ${bins}u + d], c); }
  }
#if ${nans}
  if (nan > 0u) { atomicAdd(&status[unit], nan); }
#endif
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: `array<${vector ? 'vec4u' : 'u32'}>` },
      ...(first ? [] : [{ name: 'state', access: 'read', type: 'array<vec4u>' } as const]),
      { name: 'hist', access: 'read_write', type: 'array<atomic<u32>>' },
      ...(nans ? [{ name: 'status', access: 'read_write', type: 'array<atomic<u32>>' } as const] : []),
    ],
    params: [
      ['units', 'u32'],
      ['groups', 'u32'],
      ['chunk', 'u32'],
      ['loads', 'u32'],
      ['tail', 'u32'],
      ['shift', 'u32'],
      ['mask', 'u32'],
      ['high', 'u32'],
    ],
  };
}

/** Structure of the step from one digit to the next. */
export interface NarrowSpec {
  /** The first step takes the ranks and reports on them; later ones go on from the state. */
  first: boolean;
  /** Ranks lie on the device, one a unit; else all are `P.k`. */
  ranks: boolean;
  /** Counters of one histogram. */
  bins: number;
  workgroup: number;
}

/** Bit of a unit's status that says that its rank, given on the device, was out of range and has been limited to it. */
export const BAD_RANK = 0x80000000;

/** WGSL: the unit's rank `k`, limited to [P.least, P.n], and whether it had to be. */
export const takeRank = (ranks: boolean): string => `let asked = ${ranks ? 'ranks[unit]' : 'P.k'};
  let k = clamp(asked, P.least, P.n);
  let misfit = select(0u, ${BAD_RANK}u, k != asked);`;

/** Parameters of `takeRank`. */
export const RANK_PARAMS: Shader['params'] = [
  ['n', 'u32'],
  ['k', 'u32'],
  ['least', 'u32'],
];

/**
 * Finds in every unit's histogram the digit of the key of its rank, and clears the histogram for the next digit.
 *
 * state[unit] = (digits found so far, rank among the keys that share them, how many share them, how many are less).
 * After the last digit that is: the key of the k-th element, how many elements of that key are selected, how many
 * there are, and how many are less.
 *
 * Layout: hist [units, bins]; state [units] of vec4u; ranks and status [units].
 * Tiling: one workgroup a unit; an invocation sums neighbouring bins, a scan over the workgroup finds the one whose
 * bins hold the rank, and that one walks its bins.
 * Cost: two loads and one store a bin.
 */
export function narrowShader(spec: NarrowSpec): Shader {
  const { first, ranks, bins } = spec;
  const W = spec.workgroup;
  const code = wgsl`
var<workgroup> fold: array<u32, ${W}>;
@compute @workgroup_size(${W})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = group.x + group.y * groups.x;
  if (unit >= P.units) { return; }
#if ${first}
  ${takeRank(ranks)}
  let s = vec4u(0u, k, 0u, 0u);
  if (lane == 0u) { status[unit] |= misfit; }
#else
  let s = state[unit];
#endif
  let mine = unit * ${bins}u + lane * P.share;
  var sum = 0u;
  for (var d = 0u; d < P.share; d++) { sum += hist[mine + d]; }
  fold[lane] = sum;
  workgroupBarrier();
  ${scanFold(W)}
  let before = fold[lane] - sum;
  if ((before < s.y && s.y <= before + sum) || (s.y == 0u && lane == 0u)) {
    var at = 0u;
    var less = before;
    var here = hist[mine];
    while (less + here < s.y) {
      less += here;
      at++;
      here = hist[mine + at];
    }
    state[unit] = vec4u((s.x << P.bits) | (lane * P.share + at), s.y - less, here, s.w + less);
  }
  for (var d = 0u; d < P.share; d++) { hist[mine + d] = 0u; }
}`;
  return {
    code,
    bindings: [
      { name: 'hist', access: 'read_write', type: 'array<u32>' },
      { name: 'state', access: 'read_write', type: 'array<vec4u>' },
      ...(first && ranks ? [{ name: 'ranks', access: 'read', type: 'array<u32>' } as const] : []),
      ...(first ? [{ name: 'status', access: 'read_write', type: 'array<u32>' } as const] : []),
    ],
    params: [['units', 'u32'], ['share', 'u32'], ['bits', 'u32'], ...(first ? RANK_PARAMS : [])],
  };
}
