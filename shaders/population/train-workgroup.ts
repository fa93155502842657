import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { backwardText, FINITE, forwardText, layerOffsets, lossText, parameterCount, unitName } from './network.js';
import { LIVE, rateText, rowAddress, TRAIN_PARAMS, type TrainSpec, trainBindings, updateText } from './update.js';

/** Structure of the training kernel that gives each workgroup a network; `workgroup` rows make a tile. */
export interface TrainWorkgroupSpec extends TrainSpec {
  /**
   * Straight-line accesses to workgroup memory, as GPUs like them. Else loops move weights and units between it and
   * private arrays: on software devices every place of the text that touches workgroup memory costs compilation time.
   */
  unroll: boolean;
}

/** Units of all layers below the last, and of all above the first. */
const unitCounts = (sizes: readonly number[]) => {
  const all = sizes.reduce((a, b) => a + b, 0);
  return { activations: all - sizes[sizes.length - 1], deltas: all - sizes[0] };
};

/** Bytes of workgroup memory that the kernel takes. */
export function trainWorkgroupBytes(sizes: readonly number[], workgroup: number): number {
  const { activations, deltas } = unitCounts(sizes);
  return 4 * (parameterCount(sizes) + (activations + 1 + deltas + 1) * workgroup + 2);
}

/**
 * The same steps as the kernel of lanes, one network a workgroup.
 *
 * Tiling: for a tile of rows, each invocation takes one row through the network and back, and leaves the activations h
 * and gradients d of its units in workgroup memory [unit, row]. Then each invocation owns some parameters and sums
 * d[out] h[in] over the tile's rows. Biases read a row of ones as h, and the loss is one more "parameter" that sums the
 * rows' losses: all sums are made in the order of the rows. Parameters and their state stay with their owner.
 * Cost: about 6 flops a weight, row and step; three barriers a tile.
 */
export function trainWorkgroupShader(spec: TrainWorkgroupSpec): Shader {
  const { sizes, workgroup } = spec;
  const params = parameterCount(sizes);
  const own = Math.ceil((params + 1) / workgroup);
  const { activations, deltas } = unitCounts(sizes);
  const starts = (layers: readonly number[]) => layers.map((_, l) => layers.slice(0, l).reduce((a, b) => a + b, 0));
  const activationAt = starts(sizes);
  const deltaAt = starts(sizes.slice(1));
  // In which rows of the two tables each parameter's factors lie: the layer decides, and the place in it.
  const places = layerOffsets(sizes)
    .map(
      ({ weights, biases }, l) => `
  if (p >= ${weights}u && p < ${biases}u) {
    return vec2u(${deltaAt[l]}u + (p - ${weights}u) / ${sizes[l]}u, ${activationAt[l]}u + (p - ${weights}u) % ${sizes[l]}u);
  }
  if (p >= ${biases}u && p < ${biases + sizes[l + 1]}u) { return vec2u(${deltaAt[l]}u + p - ${biases}u, ${activations}u); }`,
    )
    .join('');
  const shared = spec.unroll ? 'w' : 'weights';
  const units = (kind: 'h' | 'd', layers: readonly number[], below: number): string[] =>
    layers.flatMap((count, l) => Array.from({ length: count }, (_, i) => unitName(kind, l + below, i, 0)));
  const store = (table: string, names: string[]): string => {
    // The longer bound says nothing, save that the loop is not of constant length: drivers would unroll it.
    if (spec.unroll) return names.map((name, i) => `${table}[${i * workgroup}u + lane] = ${name};`).join('\n');
    return `
        var ${table}_own = array<f32, ${names.length}>(${names.join(', ')});
        for (var i = 0u; i < min(${names.length}u, P.batch + ${names.length}u); i++) { ${table}[i * ${workgroup}u + lane] = ${table}_own[i]; }`;
  };
  const code = wgsl`
${FINITE}
var<workgroup> ${shared}: array<f32, ${params}>;
var<workgroup> activation: array<f32, ${(activations + 1) * workgroup}>;
var<workgroup> delta: array<f32, ${(deltas + 1) * workgroup}>;
var<workgroup> step_loss: f32;
var<workgroup> broken: atomic<u32>;
fn factors(p: u32) -> vec2u {${places}
  return vec2u(${deltas}u, ${activations}u);
}
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x + group.y * groups.x;
  if (position >= P.span) { return; }
  let n = P.first + position;
  var sums: array<f32, ${own}>;
#if ${!spec.unroll}
  var w: array<f32, ${params}>;
#endif
#if ${spec.slots > 0}
  var first: array<f32, ${own}>;
#endif
#if ${spec.slots > 1}
  var second: array<f32, ${own}>;
#endif
  var k = 0u;
  for (var i = lane; i < P.params; i += ${workgroup}u) {
    ${shared}[i] = state[i * P.models + n];
#if ${spec.slots > 0}
    first[k] = state[(P.params + i) * P.models + n];
#endif
#if ${spec.slots > 1}
    second[k] = state[(2u * P.params + i) * P.models + n];
#endif
    k++;
  }
  activation[${activations * workgroup}u + lane] = 1.0;
  if (lane == 0u) { atomicStore(&broken, 0u); }
  let base_rate = bitcast<f32>(settings[n]);
  let schedule = settings[P.models + n];
  var mark = outcomes[n];
  var loss_bits = outcomes[P.models + n];
  workgroupBarrier();
  for (var s = 0u; s < P.steps; s++) {
    for (var i = 0u; i < ${own}u; i++) { sums[i] = 0.0; }
#if ${!spec.unroll}
    for (var i = 0u; i < P.params; i++) { w[i] = weights[i]; }
#endif
    for (var base = 0u; base < P.batch; base += ${workgroup}u) {
      let count = min(${workgroup}u, P.batch - base);
      if (lane < count) {
        let at = ${rowAddress(spec, 'base + lane')};
        let target_0 = rows[at + ${sizes[0]}u];
${forwardText(spec, 0, (i) => `rows[at + ${i}u]`)}
${lossText(spec, 0, 'target_0', null)}
${backwardText(spec, 0)}
${store('activation', units('h', sizes.slice(0, -1), 0))}
${store('delta', units('d', sizes.slice(1), 1))}
        delta[${deltas * workgroup}u + lane] = linear_0 + log(normaliser_0);
      }
      workgroupBarrier();
      k = 0u;
      for (var i = lane; i <= P.params; i += ${workgroup}u) {
        let pair = factors(i) * ${workgroup}u;
        var sum = sums[k];
        for (var r = 0u; r < count; r++) { sum = fma(delta[pair.x + r], activation[pair.y + r], sum); }
        sums[k] = sum;
        if (i == P.params) { step_loss = sum; }
        k++;
      }
      workgroupBarrier();
    }
    let loss = step_loss * P.perRow;
    if (mark == ${LIVE}u) {
      loss_bits = bitcast<u32>(loss);
      if (is_finite(loss)) {
${rateText(spec)}
        k = 0u;
        for (var i = lane; i < P.params; i += ${workgroup}u) {
          let weight = ${shared}[i];
          let slope = sums[k] * P.perRow;
${updateText(spec, 'first[k]', 'second[k]', '((masks[(i >> 5u) * P.models + n] >> (i & 31u)) & 1u) == 1u')}
          ${shared}[i] = next;
          if (!is_finite(next)) { atomicStore(&broken, 1u); }
          k++;
        }
      } else if (lane == 0u) {
        atomicStore(&broken, 1u);
      }
    }
    workgroupBarrier();
    if (mark == ${LIVE}u && atomicLoad(&broken) == 1u) { mark = P.done + P.offset + s; }
  }
  k = 0u;
  for (var i = lane; i < P.params; i += ${workgroup}u) {
    state[i * P.models + n] = ${shared}[i];
#if ${spec.slots > 0}
    state[(P.params + i) * P.models + n] = first[k];
#endif
#if ${spec.slots > 1}
    state[(2u * P.params + i) * P.models + n] = second[k];
#endif
    k++;
  }
  if (lane == 0u) {
    outcomes[n] = mark;
    outcomes[P.models + n] = loss_bits;
  }
}`;
  return { code, bindings: trainBindings(spec), params: TRAIN_PARAMS };
}
