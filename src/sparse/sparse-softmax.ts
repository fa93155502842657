import { type LineSpec, lineShader } from '../../shaders/sparse/sparse-softmax.js';
import { record } from '../autograd/node.js';
import { ShapeError } from '../gpu/errors.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { assertDType } from '../tensor/dtype.js';
import { showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import type { Pattern } from './pattern.js';
import { checkValues } from './spmm.js';

const kernel = defineKernel<LineSpec>({ name: 'sparse softmax', shader: lineShader });

/**
 * Softmax over the stored entries of each row: what is not stored takes no part, as if it were -inf. Rows without
 * entries have none in the result either. Safe against overflow.
 *
 * @param values f32 [nnz], or [...batch, nnz] where one pattern is shared by a batch
 * @returns the same shape
 * @throws ShapeError for values that are not as many as the entries
 */
export function sparseSoftmax(pattern: Pattern, values: Tensor): Tensor {
  checkValues('sparseSoftmax', pattern, values);
  const out = Tensor.empty('sparseSoftmax', values.device, 'f32', values.shape);
  return record('sparseSoftmax', { pattern }, [values], run('sparseSoftmax', pattern, 'softmax', values, out));
}

/**
 * Sum over the entries of each row.
 *
 * @param values f32 [...batch, nnz]
 * @returns [...batch, rows], or [parts * rows] for a pattern of several parts; 0 for empty rows
 * @throws ShapeError for values that are not as many as the entries
 */
export function rowSums(pattern: Pattern, values: Tensor): Tensor {
  checkValues('rowSums', pattern, values);
  const shape = [...values.shape.slice(0, -1), pattern.parts * pattern.rows];
  const out = Tensor.empty('rowSums', values.device, 'f32', shape);
  return record('rowSums', { pattern }, [values], run('rowSums', pattern, 'sum', values, out));
}

/**
 * A number for each row, at every entry of the row: the adjoint of `rowSums`.
 *
 * @param x f32 [...batch, rows], or [parts * rows] for a pattern of several parts
 * @returns [...batch, nnz]
 * @throws ShapeError where x has not one number a row
 */
export function spreadRows(pattern: Pattern, x: Tensor): Tensor {
  pattern.assertLive('spreadRows');
  commonDevice('spreadRows', [x, pattern.byRow.starts]);
  assertDType('spreadRows', 'x', x.dtype, 'f32');
  const rows = pattern.parts * pattern.rows;
  if (x.shape.at(-1) !== rows || (pattern.parts !== 1 && x.rank !== 1))
    throw new ShapeError(
      'spreadRows',
      `x of shape [${pattern.parts === 1 ? '...batch, ' : ''}${rows}]`,
      showShape(x.shape),
    );
  const out = Tensor.empty('spreadRows', x.device, 'f32', [...x.shape.slice(0, -1), pattern.nnz]);
  return record('spreadRows', { pattern }, [x], run('spreadRows', pattern, 'spread', x, out));
}

function run(op: string, pattern: Pattern, problem: LineSpec['problem'], values: Tensor, out: Tensor): Tensor {
  if (out.size === 0) return out;
  const { device, nnz, byRow } = pattern;
  const lines = pattern.parts * pattern.rows;
  const workgroup = device.deviceClass === 'software' ? 16 : 64;
  const [x, y] = foldGrid(Math.ceil(lines / workgroup), device.limits.maxWorkgroups);
  try {
    device.run(
      kernel,
      { problem, workgroup },
      {
        bindings: [byRow.starts, byRow.order, values, out].map((t) => t.binding(op)),
        params: [lines, nnz],
        grid: [x, y, sizeOf(values.shape.slice(0, -1))],
        cost: { flops: (problem === 'softmax' ? 4 : 1) * values.size, bytes: values.bytes + out.bytes },
      },
    );
  } catch (error) {
    out.dispose();
    throw error;
  }
  return out;
}
