import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { odometer } from './elements.js';

export type Distribution = 'bits' | 'uniform' | 'normal' | 'bernoulli';

/** Structure of one random fill. */
export interface RandomSpec {
  distribution: Distribution;
  /** Several models, each with a state and a run of elements of its own. */
  population: boolean;
  /** Every model's run begins at a multiple of four elements: whole vec4 stores. */
  aligned: boolean;
  workgroup: number;
}

/** Philox4x32-10: the high words of 32 x 32 bit products come from 16-bit halves, none of whose sums overflows. */
const PHILOX = `
fn mul_high(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
  let carry = al * bh + (middle & 0xffffu);
  return ah * bh + (middle >> 16u) + (carry >> 16u);
}
fn philox(counter: vec4u, seed: vec2u) -> vec4u {
  var c = counter;
  var k = seed;
  for (var round = 0u; round < 10u; round++) {
    let high0 = mul_high(c.x, 0xd2511f53u);
    let high1 = mul_high(c.z, 0xcd9e8d57u);
    c = vec4u(high1 ^ c.y ^ k.x, c.z * 0xcd9e8d57u, high0 ^ c.w ^ k.y, c.x * 0xd2511f53u);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}`;

/**
 * Box-Muller over two lane pairs. WGSL promises no more than 2^-11 for cos and nothing relative for log near 1, so both
 * are made here: ln m = 2 artanh((m - 1) / (m + 1)) for m in [1/sqrt 2, sqrt 2], and Taylor series on an eighth turn,
 * the turn being reduced exactly.
 */
const NORMAL = `
fn ln_unit(u: vec2f) -> vec2f {
  let bits = bitcast<vec2u>(u);
  let m0 = bitcast<vec2f>((bits & vec2u(0x7fffffu)) | vec2u(0x3f800000u));
  let high = m0 > vec2f(1.41421356);
  let m = select(m0, m0 * 0.5, high);
  let e = vec2f(vec2i(bits >> vec2u(23u)) - select(vec2i(127), vec2i(126), high));
  let s = (m - 1.0) / (m + 1.0);
  let q = s * s;
  let series = 2.0 * s * (1.0 + q * (0.33333333 + q * (0.2 + q * (0.14285714 + q * 0.11111111))));
  // ln 2 in two parts, the first short enough for an exact product.
  return e * 0.693359375 + (series - e * 0.00021219444);
}
fn normals(w: vec4u) -> vec4f {
  let u = vec2f((w.xz >> vec2u(8u)) + vec2u(1u)) * 0x1p-24;
  let turn = vec2f(w.yw >> vec2u(8u)) * 0x1p-22;
  let r = sqrt(-2.0 * ln_unit(u));
  let quarter = floor(turn + 0.5);
  let x = (turn - quarter) * 1.57079633;
  let q = x * x;
  let s = x * (1.0 - q * (0.16666667 - q * (0.0083333333 - q * (0.00019841270 - q * 0.0000027557319))));
  let c = 1.0 - q * (0.5 - q * (0.041666667 - q * (0.0013888889 - q * (0.000024801587 - q * 0.00000027557319))));
  let k = vec2u(quarter) & vec2u(3u);
  let odd = (k & vec2u(1u)) == vec2u(1u);
  let cosine = select(c, s, odd) * select(vec2f(1.0), vec2f(-1.0), (k == vec2u(1u)) | (k == vec2u(2u)));
  let sine = select(s, c, odd) * select(vec2f(1.0), vec2f(-1.0), k >= vec2u(2u));
  let even = r * cosine;
  let uneven = r * sine;
  return vec4f(even.x, uneven.x, even.y, uneven.y);
}`;

const VALUE: Record<Distribution, string> = {
  bits: 'w',
  // a: low, b: high - low, limit: the greatest float below high, where rounding would reach it.
  uniform: 'min(P.a + P.b * (vec4f(w >> vec4u(8u)) * 0x1p-24), vec4f(P.limit))',
  normal: 'P.a + P.b * normals(w)',
  bernoulli: 'select(vec4u(0u), vec4u(1u), vec4f(w >> vec4u(8u)) * 0x1p-24 < vec4f(P.a))',
};

/**
 * out[m, i] = f(word i mod 4 of philox(counter = [i / 4 low, high, offset m, stream m], key = seed m)).
 *
 * Layout: state [models] of vec4u (seed low, seed high, stream, offset); out [models, per], contiguous.
 * Tiling: grid-stride loop over blocks of four elements.
 * Cost: about 340 integer operations and one vec4 store a block.
 */
export function randomShader(spec: RandomSpec): Shader {
  const element = spec.distribution === 'bits' || spec.distribution === 'bernoulli' ? 'u32' : 'f32';
  const walk = odometer('i', ['P.models', 'P.blocks']);
  const code = wgsl`
${PHILOX}
#if ${spec.distribution === 'normal'}
${NORMAL}
#endif
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${spec.workgroup}u;
  var unit = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  let units = P.models * P.blocks;
#if ${spec.population}
  ${walk.start('unit')}
  ${walk.step('stride')}
#else
  let s = state[0];
#endif
  while (unit < units) {
#if ${spec.population}
    let s = state[i0];
    let block = i1;
#else
    let block = unit;
#endif
    let low = P.first_low + block;
    let high = P.first_high + select(0u, 1u, low < block);
    let w = philox(vec4u(low, high, s.w, s.z), s.xy);
    let value = ${VALUE[spec.distribution]};
#if ${spec.aligned}
    out[unit] = value;
#else
    let end = min(P.per - block * 4u, 4u);
    for (var e = 0u; e < end; e++) { out[i0 * P.per + block * 4u + e] = value[e]; }
#endif
    unit += stride;
#if ${spec.population}
    ${walk.advance}
#endif
  }
}`;
  return {
    code,
    bindings: [
      { name: 'state', access: 'read', type: 'array<vec4u>' },
      { name: 'out', access: 'read_write', type: `array<${spec.aligned ? `vec4<${element}>` : element}>` },
    ],
    params: [
      ['models', 'u32'],
      ['blocks', 'u32'],
      ['per', 'u32'],
      ['first_low', 'u32'],
      ['first_high', 'u32'],
      ['a', 'f32'],
      ['b', 'f32'],
      ['limit', 'f32'],
    ],
  };
}

/** state[m].offset += 1: the next draw of every model is a fresh one, also when a compiled step is replayed. */
export function advanceShader(): Shader {
  return {
    code: wgsl`
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  if (gid.x < P.models) { state[gid.x * 4u + 3u] += 1u; }
}`,
    bindings: [{ name: 'state', access: 'read_write', type: 'array<u32>' }],
    params: [['models', 'u32']],
  };
}
