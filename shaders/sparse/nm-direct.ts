import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';
import { activate } from '../gemm/epilogue.js';
import type { Activation } from '../gemm/spec.js';
import { mathHelpers } from '../math.js';

export interface NmDirectSpec {
  /** Columns an invocation: 4 where B and C lie row by row and n is a multiple of 4. */
  width: 1 | 4;
  /** The axis along which C is contiguous, which neighbouring invocations share out. */
  along: 'n' | 'rows';
  bias: boolean;
  activation: Activation;
  workgroup: number;
}

/**
 * C[i, j] = act(sum over the `length` entries p of row i of values[i, p] B[indices[i, p], j] + bias[i]), with B read
 * from storage.
 *
 * Layout: indices [rows, length], values [parts, rows, length]; B and C with any strides.
 * Tiling: an invocation has one row of one column, or of four. Neighbours read the same entries and neighbouring
 * columns, or, where C is [n, rows], entries of neighbouring rows and elements of one column.
 * Grid: folded over rows x columns, z batch.
 * Cost: 2 rows length n flops; every entry reads its row of B.
 */
export function nmDirectShader({ width, along, bias, activation, workgroup }: NmDirectSpec): Shader {
  const T = width === 4 ? 'vec4f' : 'f32';
  const helpers = activation === 'tanh' || activation === 'sigmoid' ? [activation] : [];
  const element = (name: string, at: string) => (width === 4 ? `${name}[(${at}) / 4u]` : `${name}[${at}]`);
  const code = wgsl`
${mathHelpers(helpers, width)}
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let unit = id.x + id.y * groups.x * ${workgroup}u;
  let columns = P.n / ${width}u;
  if (unit >= P.rows * columns) { return; }
#if ${along === 'n'}
  let row = unit / columns;
  let column = unit % columns * ${width}u;
#else
  let row = unit % P.rows;
  let column = unit / P.rows;
#endif
  let part = id.z;
  let first = row * P.length;
  let base = part * P.bPart + column * P.bN;
  var sum = ${T}();
  for (var p = first; p < first + P.length; p++) {
    sum = fma(${T}(values[part * P.valuePart + p]), ${element('b', 'base + indices[p] * P.bK')}, sum);
  }
  ${bias ? `sum += ${T}(bias[row]);` : ''}
  ${element('c', `part * P.rows * P.n + row * P.cM + column * P.cN`)} = ${activate(activation, 'sum', T)};
}`;
  const array = `array<${T}>`;
  return {
    code,
    bindings: [
      { name: 'indices', access: 'read', type: 'array<u32>' },
      { name: 'values', access: 'read', type: 'array<f32>' },
      { name: 'b', access: 'read', type: array },
      ...(bias ? [{ name: 'bias', access: 'read', type: 'array<f32>' } as const] : []),
      { name: 'c', access: 'read_write', type: array },
    ],
    params: ['rows', 'n', 'length', 'valuePart', 'bPart', 'bK', 'bN', 'cM', 'cN'].map((name) => [name, 'u32'] as const),
  };
}
