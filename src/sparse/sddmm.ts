import { record } from '../autograd/node.js';
import { ShapeError } from '../gpu/errors.js';
import { showShape, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import type { Side } from './panel-launch.js';
import type { Pattern } from './pattern.js';
import { launchSddmm } from './sddmm-launch.js';
import { batchOf, checkSide } from './spmm.js';

export interface SddmmOptions {
  /** x is [..., n, rows]. */
  transX?: boolean;
  /** y is [..., n, cols]. */
  transY?: boolean;
}

export interface SddmmAttrs {
  pattern: Pattern;
  transX: boolean;
  transY: boolean;
}

/**
 * Products sampled at the entries of a pattern: the elements of x yᵀ there, values[p] = sum_n x[row(p), n] y[col(p), n].
 * The gradient of a sparse product with respect to its values.
 *
 * @param x f32 [rows, n] or [...batch, rows, n]; for a pattern of several parts [rows, n] or [parts, rows, n]
 * @param y f32 [cols, n], with leading axes as for x
 * @returns [...batch, nnz], or [nnz] for a pattern of several parts
 * @throws ShapeError for sizes or batches that do not fit
 */
export function sddmm(pattern: Pattern, x: Tensor, y: Tensor, options: SddmmOptions = {}): Tensor {
  const op = 'sddmm';
  const { transX = false, transY = false } = options;
  const n = checkSide(op, pattern, 'x', x, pattern.rows, transX);
  const other = checkSide(op, pattern, 'y', y, pattern.cols, transY);
  if (n !== other)
    throw new ShapeError(op, `y with n = ${n} columns, as x has`, `${other}, from ${showShape(y.shape)}`);
  const lead = batchOf(op, pattern, x.shape.slice(0, -2), y.shape.slice(0, -2), ['x', 'y']);
  const out = Tensor.empty(op, x.device, 'f32', pattern.parts === 1 ? [...lead, pattern.nnz] : [pattern.nnz]);
  const side = (tensor: Tensor, turned: boolean): Side => ({
    tensor,
    turned,
    part: tensor.rank === 2 ? 0 : sizeOf(tensor.shape.slice(-2)),
  });
  try {
    launchSddmm({ pattern, n, parts: sizeOf(lead), x: side(x, transX), y: side(y, transY), values: out });
  } catch (error) {
    out.dispose();
    throw error;
  }
  return record('sddmm', { pattern, transX, transY }, [x, y], out);
}
