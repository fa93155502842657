import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { BindingDecl, Shader } from '../src/gpu/kernel.js';
import { mathHelpers } from './math.js';

/** In an element's owner: it has no weight decay. The other bits are the model's number. */
export const EXEMPT = 0x80000000;

/** Slots of the hyper-parameter buffer that `advance` fills and `update` reads. */
export const HYPER = { learningRate: 0, bias1: 1, bias2: 2, slots: 4 } as const;

export interface UpdateSpec {
  rule: 'sgd' | 'adam' | 'adamw';
  momentum: boolean;
  nesterov: boolean;
  /** Weight decay: to all, to those marked in a buffer of 0 and 1, or none. */
  decay: 'none' | 'all' | 'marked';
  masked: boolean;
  clip: boolean;
  /** Each model of a population has a learning rate and a norm of its own; elements say whose they are. */
  models?: boolean;
  workgroup: number;
}

/**
 * One update of all parameters at once. With g the gradient (scaled to a global norm of at most maxNorm, plus
 * decay w unless AdamW):
 *
 *   SGD:   m = momentum m + g;  w -= lr m        (Nesterov: w -= lr (g + momentum m); Sutskever et al. 2013)
 *   Adam:  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *   AdamW: the same with w -= lr decay w first (Loshchilov & Hutter 2019)
 *
 * With models, `hyper` holds a row for each and `owners` (laid out like the weights) the model of each element, with
 * EXEMPT where it does not decay. A model whose learning rate is negative is left as it is.
 * Where the mask is 0, weight and state become exactly 0. 1 - b comes from the host: in f32 the difference would lose
 * four digits for b2 = 0.999.
 * Layout: everything flat and aligned, four elements an invocation. Cost: 3 to 5 vec4 loads and 1 to 3 stores.
 */
export function updateShader(spec: UpdateSpec): Shader {
  const adam = spec.rule !== 'sgd';
  const read = (name: string, type = 'array<vec4f>'): BindingDecl => ({ name, access: 'read', type });
  const write = (name: string): BindingDecl => ({ name, access: 'read_write', type: 'array<vec4f>' });
  const models = spec.models ?? false;
  const marks = models ? `select(vec4f(1.0), vec4f(0.0), owner >= vec4u(${EXEMPT}u))` : 'marks[i]';
  const decay = { none: '', all: 'P.decay', marked: `P.decay * ${marks}` }[spec.decay];
  const ofModels = (array: string, stride: number) =>
    `vec4f(${[...'xyzw'].map((lane) => `${array}[model.${lane} * ${stride}u]`).join(', ')})`;
  const norm = models ? ofModels('normSquared', 1) : 'normSquared[0]';
  const code = wgsl`
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let by = groups.x * groups.y * ${spec.workgroup}u;
#if ${!models}
  let lr = hyper[${HYPER.learningRate}];
#endif
  for (var i = gid.x + gid.y * groups.x * ${spec.workgroup}u; i < P.n; i += by) {
    var w = weights[i];
    var g = gradients[i];
#if ${models}
    let owner = owners[i];
    let model = owner & vec4u(${EXEMPT - 1}u);
    let lr = ${ofModels('hyper', HYPER.slots)};
    let before = w;
#endif
#if ${spec.clip}
    g *= min(${models ? 'vec4f(1.0)' : '1.0'}, P.maxNorm / (sqrt(${norm}) + 1e-6));
#endif
#if ${spec.decay !== 'none' && spec.rule !== 'adamw'}
    g += ${decay} * w;
#endif
#if ${spec.decay !== 'none' && spec.rule === 'adamw'}
    w -= lr * ${decay} * w;
#endif
#if ${adam}
    var m = P.beta1 * first[i] + P.gain1 * g;
    var v = P.beta2 * second[i] + P.gain2 * g * g;
    w -= lr * (m / hyper[${HYPER.bias1}]) / (sqrt(v / hyper[${HYPER.bias2}]) + P.eps);
#elif ${spec.momentum}
    var m = P.momentum * first[i] + g;
#if ${spec.nesterov}
    w -= lr * (g + P.momentum * m);
#else
    w -= lr * m;
#endif
#else
    w -= lr * g;
#endif
#if ${spec.masked}
    let alive = mask[i] != vec4f(0.0);
    w = select(vec4f(0.0), w, alive);
#if ${adam || spec.momentum}
    m = select(vec4f(0.0), m, alive);
#endif
#if ${adam}
    v = select(vec4f(0.0), v, alive);
#endif
#endif
#if ${models}
    let moves = lr >= vec4f(0.0);
    w = select(before, w, moves);
#if ${adam || spec.momentum}
    m = select(first[i], m, moves);
#endif
#if ${adam}
    v = select(second[i], v, moves);
#endif
#endif
    weights[i] = w;
#if ${adam || spec.momentum}
    first[i] = m;
#endif
#if ${adam}
    second[i] = v;
#endif
  }
}`;
  return {
    code,
    bindings: [
      read('gradients'),
      read('hyper', 'array<f32>'),
      ...(spec.masked ? [read('mask')] : []),
      ...(models ? [read('owners', 'array<vec4u>')] : spec.decay === 'marked' ? [read('marks')] : []),
      ...(spec.clip ? [read('normSquared', 'array<f32>')] : []),
      write('weights'),
      ...(adam || spec.momentum ? [write('first')] : []),
      ...(adam ? [write('second')] : []),
    ],
    params: [
      ['n', 'u32'],
      ['decay', 'f32'],
      ['momentum', 'f32'],
      ['beta1', 'f32'],
      ['beta2', 'f32'],
      ['gain1', 'f32'],
      ['gain2', 'f32'],
      ['eps', 'f32'],
      ['maxNorm', 'f32'],
    ],
  };
}

/**
 * Counts the step on and writes what the update needs: the scheduled learning rate and Adam's bias corrections.
 * The step number lives on the device, so that a replayed step moves on by itself.
 * 1 - b^t is -expm1(t ln b): the plain difference would lose four digits for b2 = 0.999.
 */
export function advanceShader(schedule: string): Shader {
  return {
    code: `${mathHelpers(['expm1'], 1)}
fn schedule(step: f32) -> f32 {
  ${schedule}
}
@compute @workgroup_size(1)
fn main() {
  let step = steps[0];
  steps[0] = step + 1u;
  hyper[${HYPER.learningRate}] = base[0] * schedule(f32(step));
  let t = f32(step + 1u);
  hyper[${HYPER.bias1}] = -s_expm1(max(t * P.lnBeta1, -80.0));
  hyper[${HYPER.bias2}] = -s_expm1(max(t * P.lnBeta2, -80.0));
}`,
    bindings: [
      { name: 'steps', access: 'read_write', type: 'array<u32>' },
      { name: 'hyper', access: 'read_write', type: 'array<f32>' },
      { name: 'base', access: 'read', type: 'array<f32>' },
    ],
    params: [
      ['lnBeta1', 'f32'],
      ['lnBeta2', 'f32'],
    ],
  };
}

/**
 * `advance` for a population, one invocation a model: counts its step on and writes its row of `hyper`. A model whose
 * loss is not finite is stopped: the number of the step, from 1, goes into `stopped`, and its learning rate is -1 from
 * then on, which the update takes for a standstill. Finiteness is read from the bits, as compilers may assume it of floats.
 *
 * @param schedules distinct ones; `kinds` says which each model has
 */
export function advanceModelsShader(schedules: readonly string[], workgroup: number): Shader {
  const named = schedules.map(
    (text, i) => `fn schedule${i}(step: f32) -> f32 {\n  ${text.replaceAll('after_warm_up', `after_warm_up${i}_`)}\n}`,
  );
  const cases = schedules.map((_, i) => `case ${i}u: { factor = schedule${i}(f32(step)); }`);
  return {
    code: `${mathHelpers(['expm1'], 1)}
${named.join('\n')}
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let model = gid.x;
  if (model >= P.models) { return; }
  let step = steps[model];
  steps[model] = step + 1u;
  let finite = (bitcast<u32>(losses[model]) & 0x7f800000u) != 0x7f800000u;
  var stop = stopped[model];
  if (stop == 0u && !finite) {
    stop = step + 1u;
    stopped[model] = stop;
  }
  var factor = 1.0;
  switch (kinds[model]) {
    ${cases.join('\n    ')}
    default: { }
  }
  let t = f32(step + 1u);
  let row = model * ${HYPER.slots}u;
  hyper[row + ${HYPER.learningRate}u] = select(-1.0, base[model] * factor, stop == 0u);
  hyper[row + ${HYPER.bias1}u] = -s_expm1(max(t * P.lnBeta1, -80.0));
  hyper[row + ${HYPER.bias2}u] = -s_expm1(max(t * P.lnBeta2, -80.0));
}`,
    bindings: [
      { name: 'losses', access: 'read', type: 'array<f32>' },
      { name: 'base', access: 'read', type: 'array<f32>' },
      { name: 'kinds', access: 'read', type: 'array<u32>' },
      { name: 'steps', access: 'read_write', type: 'array<u32>' },
      { name: 'stopped', access: 'read_write', type: 'array<u32>' },
      { name: 'hyper', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ['models', 'u32'],
      ['lnBeta1', 'f32'],
      ['lnBeta2', 'f32'],
    ],
  };
}
