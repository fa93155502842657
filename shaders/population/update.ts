import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { BindingDecl, Shader } from '../../src/gpu/kernel.js';
import type { NetworkSpec } from './network.js';

/** How a population's parameters follow their gradients. */
export interface Rule {
  rule: 'sgd' | 'adam';
  /** Arrays of optimiser state: none, momentum, or Adam's two moments. */
  slots: 0 | 1 | 2;
  nesterov: boolean;
  masked: boolean;
}

/** Structure that both training kernels share. */
export interface TrainSpec extends NetworkSpec, Rule {
  /** Batches are rows named by a table; else every step takes all rows. */
  ordered: boolean;
  workgroup: number;
}

/** Mark of a model that has not diverged; otherwise the mark is the step at which it did. */
export const LIVE = 0xffffffff;

export const TRAIN_PARAMS: Shader['params'] = [
  ['models', 'u32'],
  // The models of this launch.
  ['first', 'u32'],
  ['span', 'u32'],
  ['params', 'u32'],
  // The steps of this launch: so many, from `offset` on, of a table of `total`; `done` steps were done before the table.
  ['steps', 'u32'],
  ['offset', 'u32'],
  ['total', 'u32'],
  ['done', 'u32'],
  ['batch', 'u32'],
  ['perRow', 'f32'],
  ['decay', 'f32'],
  // Adam's b1 or momentum; gains are 1 - b.
  ['beta1', 'f32'],
  ['beta2', 'f32'],
  ['gain1', 'f32'],
  ['gain2', 'f32'],
  ['eps', 'f32'],
];

/**
 * rows [row, inputs + target]; order [step, batch]; rates [schedule, step], for Adam behind two more rows, 1 - b1^t
 * and 1 - b2^t; settings [2, model]: base rate (bits) and schedule; masks [word, model], a bit a parameter;
 * state [slot, parameter, model], the weights first; outcomes [2, model]: mark and last loss (bits).
 */
export function trainBindings(spec: TrainSpec): BindingDecl[] {
  const read = (name: string, type: string): BindingDecl => ({ name, access: 'read', type });
  return [
    read('rows', 'array<f32>'),
    ...(spec.ordered ? [read('order', 'array<u32>')] : []),
    read('rates', 'array<f32>'),
    read('settings', 'array<u32>'),
    ...(spec.masked ? [read('masks', 'array<u32>')] : []),
    { name: 'state', access: 'read_write', type: 'array<f32>' },
    { name: 'outcomes', access: 'read_write', type: 'array<u32>' },
  ];
}

/** Where the row at `position` of the batch of step s begins. */
export const rowAddress = (spec: TrainSpec, position: string): string =>
  `${spec.ordered ? `order[(P.offset + s) * P.batch + ${position}]` : `(${position})`} * ${spec.sizes[0] + 1}u`;

/** Reads the rate of step s, and Adam's corrections. */
export function rateText(spec: TrainSpec): string {
  const adam = spec.rule === 'adam';
  return wgsl`
let rate = base_rate * rates[(schedule + ${adam ? 2 : 0}u) * P.total + P.offset + s];
#if ${adam}
let correction1 = rates[P.offset + s];
let correction2 = rates[P.total + P.offset + s];
#endif`;
}

/**
 * One parameter's update, from its `weight`, its `slope` (the gradient of the mean loss) and its state, to `next`. With
 * g the slope plus decay times the weight:
 *
 *   SGD:   m = momentum m + g;  w -= rate m        (Nesterov: w -= rate (g + momentum m))
 *   Adam:  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *
 * Where `kept` is false, weight and state become exactly 0.
 *
 * @param first expression for the first array of state at this parameter, which is also assigned to; `second` alike
 * @param kept expression of the mask
 */
export function updateText(spec: Rule, first: string, second: string, kept: string): string {
  return wgsl`
let g_i = fma(P.decay, weight, slope);
#if ${spec.rule === 'adam'}
var m_i = P.beta1 * ${first} + P.gain1 * g_i;
var v_i = P.beta2 * ${second} + P.gain2 * g_i * g_i;
var next = weight - rate * (m_i / correction1) / (sqrt(v_i / correction2) + P.eps);
#elif ${spec.slots === 0}
var next = weight - rate * g_i;
#else
var m_i = fma(P.beta1, ${first}, g_i);
#if ${spec.nesterov}
var next = weight - rate * fma(P.beta1, m_i, g_i);
#else
var next = weight - rate * m_i;
#endif
#endif
#if ${spec.masked}
let keep = ${kept};
next = select(0.0, next, keep);
#if ${spec.slots > 0}
m_i = select(0.0, m_i, keep);
#endif
#if ${spec.slots > 1}
v_i = select(0.0, v_i, keep);
#endif
#endif
#if ${spec.slots > 0}
${first} = m_i;
#endif
#if ${spec.slots > 1}
${second} = v_i;
#endif`;
}
