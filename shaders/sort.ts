import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { type KeyKind, orderKey } from './order-key.js';

/** Structure of one pass of a radix sort. */
export interface RadixSpec {
  /** Keys are made from the values that are sorted (first pass), or come from the pass before (null). */
  key: KeyKind | null;
  descending: boolean;
  /** The last pass writes the order alone, and the sorted keys only where they are asked for. */
  last: boolean;
  keysOut: boolean;
  /** Bits a digit. */
  bits: 4 | 8;
  /**
   * false: one invocation has a block of its own and counters in private memory, no barriers (software devices).
   * true: a workgroup shares a block, counters in workgroup memory (GPUs); `bits` is 4.
   */
  shared: boolean;
  workgroup: number;
}

/** Elements that one invocation of a shared pass sorts. */
export const RADIX_ITEMS = 8;

const PARAMS: Shader['params'] = [
  ['units', 'u32'],
  ['blocks', 'u32'],
  ['block', 'u32'],
  ['n', 'u32'],
  ['shift', 'u32'],
  ['digits', 'u32'],
  ['in_inner', 'u32'],
  ['out_inner', 'u32'],
  ['size', 'u32'],
];

/** Which block this invocation or workgroup has, and where the row's elements are. */
const PLACE = (spec: RadixSpec): string => `
${spec.shared ? 'let unit = group.x + group.y * groups.x;' : `let unit = (group.x + group.y * groups.x) * ${spec.workgroup}u + lane;`}
  if (unit >= P.units) { return; }
  let row = unit / P.blocks;
  let block = unit % P.blocks;
  let first = block * P.block;
  let end = min(first + P.block, P.n);
  let origin = (row / P.in_inner) * P.n * P.in_inner + row % P.in_inner;`;

const HEAD = `(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32)`;

function keyAt(spec: RadixSpec, j: string): string {
  return spec.key ? `order_key(x[origin + (${j}) * P.in_inner])` : `x[row * P.n + ${j}]`;
}

/**
 * counts[row, digit, block] = how many keys of the block have the digit.
 *
 * Layout: x [outer, n, in_inner] on the first pass, keys [rows, n] after it; counts [rows, digits, blocks].
 * Cost: one load an element.
 */
export function radixCountShader(spec: RadixSpec): Shader {
  const digits = 1 << spec.bits;
  const code = wgsl`
#if ${spec.key !== null}
${orderKey(spec.key ?? 'u32', spec.descending)}
#endif
#if ${spec.shared}
var<workgroup> count: array<atomic<u32>, ${digits}>;
#endif
@compute @workgroup_size(${spec.workgroup})
fn main${HEAD} {
  ${PLACE(spec)}
#if ${spec.shared}
  if (lane < P.digits) { atomicStore(&count[lane], 0u); }
  workgroupBarrier();
  for (var j = first + lane; j < end; j += ${spec.workgroup}u) {
    atomicAdd(&count[(${keyAt(spec, 'j')} >> P.shift) & ${digits - 1}u], 1u);
  }
  workgroupBarrier();
  if (lane < P.digits) { counts[(row * P.digits + lane) * P.blocks + block] = atomicLoad(&count[lane]); }
#else
  var count: array<u32, ${digits}>;
  for (var j = first; j < end; j++) { count[(${keyAt(spec, 'j')} >> P.shift) & ${digits - 1}u]++; }
  for (var d = 0u; d < P.digits; d++) { counts[(row * P.digits + d) * P.blocks + block] = count[d]; }
#endif
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: 'array<u32>' },
      { name: 'counts', access: 'read_write', type: 'array<u32>' },
    ],
    params: PARAMS,
  };
}

/**
 * Moves every element to starts[row, digit, block] plus its rank among the block's elements of that digit: stable.
 *
 * Layout: starts is the exclusive scan of counts along (digit, block); payload [rows, n] (the element's own index on
 * the first pass); order [outer, n, out_inner].
 * Tiling: a private counter walks each digit; or a workgroup ranks RADIX_ITEMS elements an invocation by a scan over its
 * counters [digit, invocation].
 * Cost: two loads and two stores an element.
 */
export function radixMoveShader(spec: RadixSpec): Shader {
  const digits = 1 << spec.bits;
  const W = spec.workgroup;
  const value = spec.key ? 'j' : 'payload[row * P.n + j]';
  const store = [
    spec.last ? 'order[dest + at * P.out_inner] = value;' : 'order[row * P.n + at] = value;',
    spec.last && !spec.keysOut ? '' : 'keys[row * P.n + at] = key;',
  ].join(' ');
  const code = wgsl`
#if ${spec.key !== null}
${orderKey(spec.key ?? 'u32', spec.descending)}
#endif
#if ${spec.shared}
var<workgroup> count: array<u32, ${digits * W}>;
var<workgroup> fold: array<u32, ${W}>;
#endif
@compute @workgroup_size(${W})
fn main${HEAD} {
  ${PLACE(spec)}
  let dest = (row / P.out_inner) * P.n * P.out_inner + row % P.out_inner;
#if ${!spec.shared}
  var next: array<u32, ${digits}>;
  for (var d = 0u; d < P.digits; d++) { next[d] = starts[(row * P.digits + d) * P.blocks + block]; }
  for (var j = first; j < end; j++) {
    let key = ${keyAt(spec, 'j')};
    let value = ${value};
    let digit = (key >> P.shift) & ${digits - 1}u;
    let at = next[digit];
    next[digit] = at + 1u;
    ${store}
  }
#else
  for (var d = 0u; d < ${digits}u; d++) { count[d * ${W}u + lane] = 0u; }
  let mine = first + lane * ${RADIX_ITEMS}u;
  let stop = min(mine + ${RADIX_ITEMS}u, end);
  var held: array<u32, ${RADIX_ITEMS}>;
  var rank: array<u32, ${RADIX_ITEMS}>;
  for (var j = mine; j < stop; j++) {
    let key = ${keyAt(spec, 'j')};
    let slot = ((key >> P.shift) & ${digits - 1}u) * ${W}u + lane;
    held[j - mine] = key;
    rank[j - mine] = count[slot];
    count[slot]++;
  }
  workgroupBarrier();
  // Exclusive scan of the counters in the order (digit, invocation): ${digits} neighbours each, then their sums.
  var sum = 0u;
  for (var d = 0u; d < ${digits}u; d++) {
    let c = count[lane * ${digits}u + d];
    count[lane * ${digits}u + d] = sum;
    sum += c;
  }
  fold[lane] = sum;
  workgroupBarrier();
  for (var width = 1u; width < ${W}u; width <<= 1u) {
    var before = 0u;
    if (lane >= width) { before = fold[lane - width]; }
    workgroupBarrier();
    fold[lane] += before;
    workgroupBarrier();
  }
  let base = fold[lane] - sum;
  for (var d = 0u; d < ${digits}u; d++) { count[lane * ${digits}u + d] += base; }
  workgroupBarrier();
  for (var j = mine; j < stop; j++) {
    let key = held[j - mine];
    let value = ${value};
    let digit = (key >> P.shift) & ${digits - 1}u;
    let within = count[digit * ${W}u + lane] + rank[j - mine] - count[digit * ${W}u];
    let at = starts[(row * P.digits + digit) * P.blocks + block] + within;
    ${store}
  }
#endif
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: 'array<u32>' },
      ...(spec.key ? [] : [{ name: 'payload', access: 'read', type: 'array<u32>' } as const]),
      { name: 'starts', access: 'read', type: 'array<u32>' },
      { name: 'order', access: 'read_write', type: 'array<u32>' },
      ...(spec.last && !spec.keysOut ? [] : [{ name: 'keys', access: 'read_write', type: 'array<u32>' } as const]),
    ],
    params: PARAMS,
  };
}

/** Structure of the sort of short rows. */
export interface ShortSortSpec {
  key: KeyKind;
  descending: boolean;
  keysOut: boolean;
  /** Most elements a row, a power of two. */
  capacity: number;
  /**
   * true: a workgroup shares a row in its memory. false: every invocation sorts a row of its own in private memory,
   * without barriers, which suits software devices with many rows.
   */
  shared: boolean;
  workgroup: number;
}

/**
 * Sorts whole rows in fast memory: a bitonic network over (key, index) pairs, whose total order makes it stable.
 *
 * Layout: x [outer, n, in_inner], order [outer, n, out_inner], keys [rows, n]. `width` is the power of two >= n.
 * Tiling: one workgroup, or one invocation, a row.
 * Cost: one load and one store an element; log2(width)^2 width / 4 exchanges in fast memory.
 */
export function shortSortShader(spec: ShortSortSpec): Shader {
  const { shared } = spec;
  const W = spec.workgroup;
  const by = shared ? `${W}u` : '1u';
  const own = shared ? 'lane' : '0u';
  const code = wgsl`
${orderKey(spec.key, spec.descending)}
#if ${shared}
var<workgroup> pair: array<vec2u, ${spec.capacity}>;
#endif
@compute @workgroup_size(${W})
fn main${HEAD} {
#if ${shared}
  let row = group.x + group.y * groups.x;
#else
  let row = (group.x + group.y * groups.x) * ${W}u + lane;
  var pair: array<vec2u, ${spec.capacity}>;
#endif
  if (row >= P.units) { return; }
  let origin = (row / P.in_inner) * P.n * P.in_inner + row % P.in_inner;
  for (var j = ${own}; j < P.width; j += ${by}) {
    // Padding has the greatest key and the greatest indices, so it ends behind every element.
    var key = 0xffffffffu;
    if (j < P.n) { key = order_key(x[origin + j * P.in_inner]); }
    pair[j] = vec2u(key, j);
  }
  for (var run = 2u; run <= P.width; run <<= 1u) {
    for (var gap = run >> 1u; gap > 0u; gap >>= 1u) {
#if ${shared}
      workgroupBarrier();
#endif
      for (var q = ${own}; q < (P.width >> 1u); q += ${by}) {
        let low = ((q & ~(gap - 1u)) << 1u) | (q & (gap - 1u));
        let a = pair[low];
        let b = pair[low + gap];
        let after = a.x > b.x || (a.x == b.x && a.y > b.y);
        let swap = after == ((low & run) == 0u);
        pair[low] = select(a, b, swap);
        pair[low + gap] = select(b, a, swap);
      }
    }
  }
#if ${shared}
  workgroupBarrier();
#endif
  let dest = (row / P.out_inner) * P.n * P.out_inner + row % P.out_inner;
  for (var j = ${own}; j < P.n; j += ${by}) {
    let p = pair[j];
    order[dest + j * P.out_inner] = p.y;
#if ${spec.keysOut}
    keys[row * P.n + j] = p.x;
#endif
  }
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: 'array<u32>' },
      { name: 'order', access: 'read_write', type: 'array<u32>' },
      ...(spec.keysOut ? [{ name: 'keys', access: 'read_write', type: 'array<u32>' } as const] : []),
    ],
    params: [
      ['units', 'u32'],
      ['n', 'u32'],
      ['width', 'u32'],
      ['in_inner', 'u32'],
      ['out_inner', 'u32'],
      ['size', 'u32'],
    ],
  };
}
