import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { BindingDecl, Shader } from '../src/gpu/kernel.js';
import { mathHelpers } from './math.js';

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
 * Where the mask is 0, weight and state become exactly 0. 1 - b comes from the host: in f32 the difference would lose
 * four digits for b2 = 0.999.
 * Layout: everything flat and aligned, four elements an invocation. Cost: 3 to 5 vec4 loads and 1 to 3 stores.
 */
export function updateShader(spec: UpdateSpec): Shader {
  const adam = spec.rule !== 'sgd';
  const read = (name: string, type = 'array<vec4f>'): BindingDecl => ({ name, access: 'read', type });
  const write = (name: string): BindingDecl => ({ name, access: 'read_write', type: 'array<vec4f>' });
  const decay = { none: '', all: 'P.decay', marked: 'P.decay * marks[i]' }[spec.decay];
  const code = wgsl`
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let by = groups.x * groups.y * ${spec.workgroup}u;
  let lr = hyper[${HYPER.learningRate}];
  for (var i = gid.x + gid.y * groups.x * ${spec.workgroup}u; i < P.n; i += by) {
    var w = weights[i];
    var g = gradients[i];
#if ${spec.clip}
    g *= min(1.0, P.maxNorm / (sqrt(normSquared[0]) + 1e-6));
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
      ...(spec.decay === 'marked' ? [read('marks')] : []),
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
