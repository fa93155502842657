import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { backwardText, FINITE, forwardText, gradientText, lossText, parameterCount } from './network.js';
import { LIVE, rateText, rowAddress, TRAIN_PARAMS, type TrainSpec, trainBindings, updateText } from './update.js';

/** Structure of the training kernel that gives each invocation a network. */
export interface TrainLanesSpec extends TrainSpec {
  /** Lanes of a subgroup, each of which loads a row and hands it to the others; 0 for devices without subgroups. */
  lanes: number;
  /** Rows computed together, for one load and store of each gradient. */
  together: number;
}

/**
 * Many steps of many networks, one network an invocation; with w its parameters, for every step
 *
 *   loss = mean over the batch of loss(network(x, w), y);  w = update(w, d loss / d w)
 *
 * A network whose loss or weights are not finite is marked with the step and stays as it is from then on.
 *
 * Layout: parameters and state [slot, parameter, model], so that neighbouring invocations read neighbours. Weights,
 * gradients and state are private arrays for the whole launch: arrays and not variables, and loops to move them, because
 * compilation time explodes otherwise; the layers are straight-line code, because an index that varies costs ten times
 * as much there.
 * Tiling: rows in blocks of one a lane, each loaded once and shuffled to all.
 * Cost: about 6 flops a weight, row and step.
 */
export function trainLanesShader(spec: TrainLanesSpec): Shader {
  const { sizes, workgroup, together } = spec;
  const inputs = sizes[0];
  const params = parameterCount(sizes);
  const shuffled = spec.lanes > 0;
  const block = shuffled ? spec.lanes : 8;
  const columns = Array.from({ length: inputs + 1 }, (_, k) => k);
  const rows = Array.from({ length: together }, (_, r) => r);
  const last = 'P.batch - 1u';
  const load = shuffled
    ? [
        `let at = ${rowAddress(spec, `min(base + lane, ${last})`)};`,
        ...columns.map((k) => `let mine${k} = rows[at + ${k}u];`),
      ]
    : [];
  const fetch = (r: number) =>
    shuffled
      ? columns.map((k) => `let x${k}_${r} = subgroupShuffle(mine${k}, j + ${r}u);`)
      : [
          `let at${r} = ${rowAddress(spec, `min(base + j + ${r}u, ${last})`)};`,
          ...columns.map((k) => `let x${k}_${r} = rows[at${r} + ${k}u];`),
        ];
  const row = (r: number) => `
${fetch(r).join('\n')}
${forwardText(spec, r, (i) => `x${i}_${r}`)}
${lossText(spec, r, `x${inputs}_${r}`, r > 0 ? `j + ${r}u < count` : null)}
${backwardText(spec, r)}`;
  const code = wgsl`
${FINITE}
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) invocation: u32
#if ${shuffled}
  , @builtin(subgroup_invocation_id) lane: u32
#endif
) {
  let position = (group.x + group.y * groups.x) * ${workgroup}u + invocation;
  // Invocations beyond the last model repeat it without storing: they have rows to load for the others.
  let n = P.first + min(position, P.span - 1u);
  var w: array<f32, ${params}>;
  var g: array<f32, ${params}>;
#if ${spec.slots > 0}
  var first: array<f32, ${params}>;
#endif
#if ${spec.slots > 1}
  var second: array<f32, ${params}>;
#endif
  for (var i = 0u; i < P.params; i++) {
    w[i] = state[i * P.models + n];
    g[i] = 0.0;
#if ${spec.slots > 0}
    first[i] = state[(P.params + i) * P.models + n];
#endif
#if ${spec.slots > 1}
    second[i] = state[(2u * P.params + i) * P.models + n];
#endif
  }
#if ${spec.masked}
  var keeps: array<u32, ${Math.ceil(params / 32)}>;
  for (var i = 0u; i < (P.params + 31u) / 32u; i++) { keeps[i] = masks[i * P.models + n]; }
#endif
  let base_rate = bitcast<f32>(settings[n]);
  let schedule = settings[P.models + n];
  var mark = outcomes[n];
  var loss_bits = outcomes[P.models + n];
  for (var s = 0u; s < P.steps; s++) {
    var total = 0.0;
    for (var base = 0u; base < P.batch; base += ${block}u) {
      let count = min(${block}u, P.batch - base);
${load.join('\n')}
      var linear = 0.0;
      var normaliser = 1.0;
      for (var j = 0u; j < count; j += ${together}u) {
${rows.map(row).join('\n')}
${gradientText(spec, together)}
        linear += ${rows.map((r) => `linear_${r}`).join(' + ')};
        normaliser *= ${rows.map((r) => `normaliser_${r}`).join(' * ')};
      }
      total += linear + log(normaliser);
    }
    if (mark == ${LIVE}u) {
      let loss = total * P.perRow;
      loss_bits = bitcast<u32>(loss);
      var finite = is_finite(loss);
      if (finite) {
${rateText(spec)}
        for (var i = 0u; i < P.params; i++) {
          let weight = w[i];
          let slope = g[i] * P.perRow;
          g[i] = 0.0;
${updateText(spec, 'first[i]', 'second[i]', '((keeps[i >> 5u] >> (i & 31u)) & 1u) == 1u')}
          w[i] = next;
          finite = finite & is_finite(next);
        }
      }
      if (!finite) { mark = P.done + P.offset + s; }
    }
  }
  if (position < P.span) {
    for (var i = 0u; i < P.params; i++) {
      state[i * P.models + n] = w[i];
#if ${spec.slots > 0}
      state[(P.params + i) * P.models + n] = first[i];
#endif
#if ${spec.slots > 1}
      state[(2u * P.params + i) * P.models + n] = second[i];
#endif
    }
    outcomes[n] = mark;
    outcomes[P.models + n] = loss_bits;
  }
}`;
  return { code, bindings: trainBindings(spec), params: TRAIN_PARAMS, enables: shuffled ? ['subgroups'] : [] };
}
