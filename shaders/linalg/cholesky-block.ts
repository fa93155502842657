import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

/** Most rows of a matrix that one launch factors; larger ones are cut on the host. */
export const CHOLESKY = 32;

export interface CholeskySpec {
  workgroup: number;
}

/**
 * l with l lᵀ = a for symmetric matrices of up to 32 rows, of which the lower triangle is read; zeros above.
 *
 * Column k: l_kk = sqrt(a_kk), l_ik = a_ik / l_kk, and a_ij -= l_ik l_jk for i >= j > k. A pivot that is not positive
 * becomes NaN, which spreads to every later column.
 *
 * Layout: a and l are blocks in rows of aLead and lLead elements, from aStart + matrix aPart and lStart + matrix lPart
 * on.
 * Tiling: a workgroup has one matrix in workgroup memory; an invocation has every `workgroup`-th row.
 * Cost: size^3 / 3 flops; one load and one store an element.
 */
export function choleskyShader({ workgroup }: CholeskySpec): Shader {
  const code = wgsl`
var<workgroup> x: array<f32, ${CHOLESKY * CHOLESKY}>;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let matrix = group.x + group.y * groups.x;
  if (matrix >= P.matrices) { return; }
  let source = matrix * P.aPart + P.aStart;
  let place = matrix * P.lPart + P.lStart;
  for (var i = lane; i < P.size * P.size; i += ${workgroup}u) {
    x[i / P.size * ${CHOLESKY}u + i % P.size] = a[source + i / P.size * P.aLead + i % P.size];
  }
  workgroupBarrier();
  for (var k = 0u; k < P.size; k++) {
    let pivot = x[k * ${CHOLESKY + 1}u];
    let root = select(bitcast<f32>(0x7fc00000u | (P.size & 0u)), sqrt(pivot), pivot > 0.0);
    workgroupBarrier();
    for (var i = k + lane; i < P.size; i += ${workgroup}u) {
      x[i * ${CHOLESKY}u + k] = select(x[i * ${CHOLESKY}u + k] / root, root, i == k);
    }
    workgroupBarrier();
    for (var i = k + 1u + lane; i < P.size; i += ${workgroup}u) {
      let own = x[i * ${CHOLESKY}u + k];
      for (var j = k + 1u; j <= i; j++) { x[i * ${CHOLESKY}u + j] -= own * x[j * ${CHOLESKY}u + k]; }
    }
    workgroupBarrier();
  }
  for (var i = lane; i < P.size * P.size; i += ${workgroup}u) {
    let row = i / P.size;
    let column = i % P.size;
    l[place + row * P.lLead + column] = select(0.0, x[row * ${CHOLESKY}u + column], column <= row);
  }
}`;
  return {
    code,
    bindings: [
      { name: 'a', access: 'read', type: 'array<f32>' },
      { name: 'l', access: 'read_write', type: 'array<f32>' },
    ],
    params: [
      ['matrices', 'u32'],
      ['size', 'u32'],
      ['aPart', 'u32'],
      ['aStart', 'u32'],
      ['aLead', 'u32'],
      ['lPart', 'u32'],
      ['lStart', 'u32'],
      ['lLead', 'u32'],
    ],
  };
}
