import { noGrad } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { cast } from '../ops/pointwise.js';
import { assertDType } from '../tensor/dtype.js';
import { showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { buildLines } from './build.js';
import { Pattern } from './pattern.js';

export interface PatternOptions {
  /**
   * How many leading axes count the parts; all but two by default. The next axis is the rows, the others together are
   * the columns: 0 makes a weight [out, kh, kw, in] a matrix [out, kh * kw * in].
   */
  partAxes?: number;
}

/**
 * The pattern of the elements that a mask keeps, built on the device. It waits for the device once, to learn the number
 * of entries.
 *
 * @param mask [...parts, rows, cols], or with `partAxes` more column axes; bool, or numbers, where 0 and -0 are dropped
 * @throws ShapeError for a mask of too low a rank
 * @throws ArgumentError for a NaN
 */
export function patternOf(mask: Tensor, options: PatternOptions = {}): Promise<Pattern> {
  return build('patternOf', mask, options);
}

/**
 * The pattern of the weights that are not 0; otherwise as `patternOf`.
 *
 * @param weights f32 or f16
 * @throws ArgumentError for a NaN
 */
export async function patternOfWeights(weights: Tensor, options: PatternOptions = {}): Promise<Pattern> {
  assertDType('patternOfWeights', 'weights', weights.dtype, 'f32', 'f16');
  return build('patternOfWeights', weights, options);
}

async function build(op: string, mask: Tensor, options: PatternOptions): Promise<Pattern> {
  commonDevice(op, [mask]);
  const partAxes = options.partAxes ?? Math.max(0, mask.rank - 2);
  if (!Number.isInteger(partAxes) || partAxes < 0)
    throw new ArgumentError(op, 'partAxes as a whole number', String(partAxes));
  if (mask.rank < partAxes + 2)
    throw new ShapeError(op, `a mask of rank at least ${partAxes + 2}`, showShape(mask.shape));
  const parts = sizeOf(mask.shape.slice(0, partAxes));
  const rows = mask.shape[partAxes];
  const cols = sizeOf(mask.shape.slice(partAxes + 1));
  const wide = mask.dtype === 'f16' ? noGrad(() => cast(mask, 'f32')) : mask;
  const matrix = wide.view(op, [parts, rows, cols]);
  try {
    const { nnz, byRow, byColumn } = await buildLines(op, matrix);
    return new Pattern(parts, rows, cols, nnz, byRow, byColumn);
  } finally {
    matrix.dispose();
    if (wide !== mask) wide.dispose();
  }
}
