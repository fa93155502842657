import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { components, type SelectKey, scanFold, selectKey } from './key.js';

/**
 * What is made of a selection: a mask of the selected elements; their indices and keys, in order of index; or the index
 * of the last one, the k-th element itself.
 */
export type MarkStage = 'mask' | 'indices' | 'locate';

/** Structure of a walk over the elements of a finished selection. */
export interface MarkSpec {
  key: SelectKey;
  stage: MarkStage;
  /** Units have several blocks: `starts` says how many elements before a block are less than the key, or equal to it. */
  seeded: boolean;
  /** Loads of four neighbours. */
  vector: boolean;
  /** A workgroup shares a block, and ranks its elements by scans; else every invocation walks a block of its own. */
  shared: boolean;
  /** How a mask is stored: as a bool, or as 0.0 and 1.0. */
  stored: 'u32' | 'f32';
  workgroup: number;
}

const PARAMS: Shader['params'] = [
  ['units', 'u32'],
  ['blocks', 'u32'],
  ['block', 'u32'],
  ['loads', 'u32'],
  ['tail', 'u32'],
  ['base', 'u32'],
  ['all', 'u32'],
  ['k', 'u32'],
];

/** Whether what is made of the selection depends on the order of the elements that tie. */
const RANKED: Record<MarkStage, string> = { mask: 's.y < s.z', locate: 'true', indices: 'true' };

/** Unit, block and state of this invocation or workgroup. */
const PLACE = (spec: MarkSpec): string => `
  let id = ${spec.shared ? 'group.x + group.y * groups.x' : `(group.x + group.y * groups.x) * ${spec.workgroup}u + lane`};
  let unit = id / P.blocks;
  if (unit >= P.units) { return; }
  let s = state[unit];
  let slot = unit * P.all + P.base + id % P.blocks;
  let begin = (id % P.blocks) * P.block;
  let end = min(begin + P.block, P.loads);`;

const HEAD = `(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32)`;

/** Keys of the loaded elements, and whether each is there and less than (`under`) or equal to (`tie`) the unit's key. */
function classify({ vector }: MarkSpec): string {
  const live = vector ? 'let live = select(4u, P.tail, j + 1u == P.loads);' : '';
  const there = (q: number) => (vector ? ` & (${q}u < live)` : '');
  const each = components(vector).map(
    (c, q) => `let key${q} = select_key(raw${c});
    let under${q} = (key${q} < s.x)${there(q)};
    let tie${q} = (key${q} == s.x)${there(q)};`,
  );
  return `let raw = x[unit * P.loads + j];\n    ${[live, ...each].join('\n    ')}`;
}

/**
 * counts[0, unit, block] = elements of the block whose key is less than the unit's, counts[1, unit, block] = elements of
 * that key. Nothing is counted where the order of ties does not matter.
 *
 * Layout: x [units, n] as `loads` loads a unit, the last of `tail` elements; state [units]; counts [2, units, all], this
 * tensor's blocks beginning at `base`: those of several tensors lie behind each other.
 * Tiling: one invocation, or one workgroup, a block. Cost: one load an element.
 */
export function blockCountShader(spec: MarkSpec): Shader {
  const { shared } = spec;
  const W = spec.workgroup;
  const each = components(spec.vector).map((_, q) => `less += u32(under${q}); ties += u32(tie${q});`);
  const code = wgsl`
${selectKey(spec.key)}
#if ${shared}
var<workgroup> total: array<atomic<u32>, 2>;
#endif
@compute @workgroup_size(${W})
fn main${HEAD} {
  ${PLACE(spec)}
  if (!(${RANKED[spec.stage]})) { return; }
  var less = 0u;
  var ties = 0u;
  for (var j = begin${shared ? ' + lane' : ''}; j < end; j += ${shared ? W : 1}u) {
    ${classify(spec)}
    ${each.join('\n    ')}
  }
#if ${shared}
  atomicAdd(&total[0], less);
  atomicAdd(&total[1], ties);
  workgroupBarrier();
  if (lane > 0u) { return; }
  less = atomicLoad(&total[0]);
  ties = atomicLoad(&total[1]);
#endif
  counts[slot] = less;
  counts[P.units * P.all + slot] = ties;
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: `array<${spec.vector ? 'vec4u' : 'u32'}>` },
      { name: 'state', access: 'read', type: 'array<vec4u>' },
      { name: 'counts', access: 'read_write', type: 'array<u32>' },
    ],
    params: PARAMS,
  };
}

/** What one element of the walk adds to the output; `less` and `ties` count the elements before it. */
function emit(spec: MarkSpec, q: number): string {
  const index = spec.vector ? `4u * j + ${q}u` : 'j';
  const kept = `under${q} | (tie${q} & (ties < s.y))`;
  const after = `ties += u32(tie${q});`;
  if (spec.stage === 'mask') return `let kept${q} = ${kept}; ${after}`;
  if (spec.stage === 'locate') return `if (tie${q} & (ties + 1u == s.y)) { out[unit] = i32(${index}); } ${after}`;
  return `if (${kept}) {
      let at = unit * P.k + less + min(ties, s.y);
      out[at] = i32(${index});
      keys[at] = key${q};
    }
    less += u32(under${q}); ${after}`;
}

/**
 * Writes what is made of a selection (see `MarkStage`). An element is selected if its key is less than the unit's, or
 * equal and among the first `s.y` of that key.
 *
 * Layout: as for `blockCountShader`; starts is the exclusive scan of counts over blocks; a mask has x's layout, with 0 in
 * what the last load has beyond n; indices and keys are [units, k]; located indices [units].
 * Tiling: one invocation walks a block; or a workgroup, a load an invocation at a time, ranks by a scan of counts
 * packed into 16 bits each.
 * Cost: one load an element; a store an element for a mask.
 */
export function markShader(spec: MarkSpec): Shader {
  const { shared, stage, vector } = spec;
  const W = spec.workgroup;
  const parts = components(vector).map((_, q) => q);
  const kept = (q: number) => (spec.stored === 'u32' ? `u32(kept${q})` : `f32(kept${q})`);
  const out = spec.stored === 'u32' ? 'u32' : 'f32';
  const mask = vector ? `vec4<${out}>(${parts.map(kept).join(', ')})` : kept(0);
  const ranked = RANKED[stage];
  const code = wgsl`
${selectKey(spec.key)}
#if ${shared}
var<workgroup> fold: array<u32, ${W}>;
#endif
@compute @workgroup_size(${W})
fn main${HEAD} {
  ${PLACE(spec)}
  let ranked = ${ranked};
  var less = 0u;
  var ties = 0u;
#if ${spec.seeded}
  if (ranked) {
    less = starts[slot];
    ties = starts[P.units * P.all + slot];
  }
#if ${stage === 'locate'}
  // Of all blocks only the one that holds the k-th element is walked.
  let last = P.base + id % P.blocks + 1u == P.all;
  let upTo = select(starts[P.units * P.all + slot + 1u], s.z, last);
  if (ties >= s.y || upTo < s.y) { return; }
#endif
#endif
#if ${!shared}
  for (var j = begin; j < end; j++) {
    ${classify(spec)}
#else
  for (var tile = begin; tile < end; tile += ${W}u) {
    let j = tile + lane;
    let inside = j < end;
    ${classify(spec)}
    let mine = select(0u, ${parts.map((q) => `(u32(under${q}) << 16u) + u32(tie${q})`).join(' + ')}, inside);
    var before = 0u;
    var whole = 0u;
    if (ranked) {
      fold[lane] = mine;
      workgroupBarrier();
      ${scanFold(W)}
      before = fold[lane] - mine;
      whole = fold[${W - 1}];
      workgroupBarrier();
    }
    let tileLess = less + (whole >> 16u);
    let tileTies = ties + (whole & 0xffffu);
    less += before >> 16u;
    ties += before & 0xffffu;
    if (inside) {
#endif
    ${parts.map((q) => emit(spec, q)).join('\n    ')}
#if ${stage === 'mask'}
    out[unit * P.loads + j] = ${mask};
#endif
#if ${shared}
    }
    less = tileLess;
    ties = tileTies;
#endif
  }
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: `array<${vector ? 'vec4u' : 'u32'}>` },
      { name: 'state', access: 'read', type: 'array<vec4u>' },
      ...(spec.seeded ? [{ name: 'starts', access: 'read', type: 'array<u32>' } as const] : []),
      {
        name: 'out',
        access: 'read_write',
        type: stage === 'mask' ? `array<${vector ? `vec4<${out}>` : out}>` : 'array<i32>',
      },
      ...(stage === 'indices' ? [{ name: 'keys', access: 'read_write', type: 'array<u32>' } as const] : []),
    ],
    params: PARAMS,
  };
}
