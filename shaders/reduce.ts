import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { type ElementInput, helperSource, inputBindings, loadElement, odometer, offsetOf } from './elements.js';

export type Combine = 'sum' | 'max' | 'min';

/** Structure of one reduction of an expression. */
export interface ReduceSpec {
  combine: Combine;
  body: string;
  helpers: readonly string[];
  inputs: readonly ElementInput[];
  /** Merged axes that are kept and that are reduced. */
  kept: number;
  reduced: number;
  /** `kept`: neighbouring invocations own neighbouring results; `reduced`: a workgroup shares one result. */
  across: 'kept' | 'reduced';
  /** 4: vec4 loads along the innermost axis (the kept one across `kept`, the reduced one across `reduced`). */
  lanes: 1 | 4;
  scalars: number;
  coords: readonly { axis: number; digit: string }[];
  workgroup: number;
}

// Infinities come from bits joined with a run-time zero: WGSL refuses constant expressions that are not finite.
const IDENTITY: Record<Combine, string> = {
  sum: '0.0',
  max: 'bitcast<f32>(0xff800000u | (P.length & 0u))',
  min: 'bitcast<f32>(0x7f800000u | (P.length & 0u))',
};

const combineText = (op: Combine, a: string, b: string): string => (op === 'sum' ? `${a} + ${b}` : `${op}(${a}, ${b})`);

/**
 * out[s, k] = combine over r in chunk s of f(in0[k, r], in1[k, r], ...).
 *
 * Layout: contiguous output of [splits, kept]; every input has a stride per merged axis, 0 where it broadcasts.
 * Tiling: across `kept`, one invocation walks the chunk for one result (or four neighbouring ones); across
 * `reduced`, a workgroup walks it side by side and folds in a fixed tree. A second pass over [splits] finishes.
 * The order of additions is fixed by the shape alone: same bytes every time. Within a chunk, blocks are combined first
 * and then their results: with blocks of the square root's length the rounding error of n additions grows like 2 sqrt(n).
 * Cost: one load an input and element; kept * splits stores.
 */
export function reduceShader(spec: ReduceSpec): Shader {
  const { inputs, kept, reduced, lanes, combine } = spec;
  const k = Array.from({ length: kept }, (_, a) => `k${a}`);
  const r = Array.from({ length: reduced }, (_, a) => `r${a}`);
  const keptWalk = odometer(
    'k',
    k.map((_, a) => `P.kd${a}`),
  );
  const walk = odometer(
    'r',
    r.map((_, a) => `P.rd${a}`),
  );
  const base = inputs.map(
    (_, i) =>
      `let b${i} = ${offsetOf(
        k,
        k.map((_, a) => `k${i}_${a}`),
      )};`,
  );
  const loads = inputs.map((x, i) =>
    loadElement(
      x,
      i,
      `b${i} + ${offsetOf(
        r,
        r.map((_, a) => `r${i}_${a}`),
      )}`,
    ),
  );
  const coords = spec.coords.map((c) => `let c${c.axis} = i32(${c.digit});`);
  const T = lanes === 4 ? 'vec4f' : 'f32';
  const shared = spec.across === 'reduced';
  const params: Shader['params'] = [
    ['results', 'u32'],
    ['length', 'u32'],
    ['chunk', 'u32'],
    ['block', 'u32'],
    ...k.map((_, a) => [`kd${a}`, 'u32'] as const),
    ...r.map((_, a) => [`rd${a}`, 'u32'] as const),
    ...inputs.flatMap((_, i) => k.map((_, a) => [`k${i}_${a}`, 'u32'] as const)),
    ...inputs.flatMap((_, i) => r.map((_, a) => [`r${i}_${a}`, 'u32'] as const)),
    ...Array.from({ length: spec.scalars }, (_, s) => [`s${s}`, 'f32'] as const),
  ];
  const code = wgsl`
${helperSource(spec.helpers, lanes)}
#if ${shared}
var<workgroup> fold: array<f32, ${spec.workgroup}>;
#endif
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let split = group.z;
#if ${shared}
  let result_index = group.x + group.y * groups.x;
  if (result_index >= P.results) { return; }
  let first = split * P.chunk + lane;
  let by = ${spec.workgroup}u;
#else
  let result_index = (group.x + group.y * groups.x) * ${spec.workgroup}u + lane;
  if (result_index >= P.results) { return; }
  let first = split * P.chunk;
  let by = 1u;
#endif
  let end = min((split + 1u) * P.chunk, P.length);
#if ${kept > 0}
  ${keptWalk.start('result_index')}
#endif
  ${base.join('\n')}
  ${walk.start('first')}
  ${walk.step('by')}
  var total = ${T}(${IDENTITY[combine]});
  var q = first;
  while (q < end) {
    let stop = min(q + P.block, end);
    var within = ${T}(${IDENTITY[combine]});
    while (q < stop) {
      ${coords.join('\n')}
      ${loads.join('\n')}
      ${spec.body}
      within = ${combineText(combine, 'within', 'result')};
      q += by;
      ${walk.advance}
    }
    total = ${combineText(combine, 'total', 'within')};
  }
#if ${shared}
#if ${lanes === 4}
  fold[lane] = ${combineText(combine, combineText(combine, 'total.x', 'total.y'), combineText(combine, 'total.z', 'total.w'))};
#else
  fold[lane] = total;
#endif
  for (var width = ${spec.workgroup / 2}u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width) { fold[lane] = ${combineText(combine, 'fold[lane]', 'fold[lane + width]')}; }
  }
  if (lane == 0u) { out[split * P.results + result_index] = fold[0]; }
#else
  out[split * P.results + result_index] = total;
#endif
}`;
  return {
    code,
    enables: inputs.some((x) => x.stored === 'f16') ? ['f16'] : [],
    bindings: [
      ...inputBindings(inputs),
      { name: 'out', access: 'read_write', type: `array<${!shared && lanes === 4 ? 'vec4f' : 'f32'}>` },
    ],
    params,
  };
}
