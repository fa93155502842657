import type { BatchNormAttrs } from '../ops/batch-norm.js';
import type { ConvAttrs } from '../ops/conv.js';
import type { CumsumAttrs } from '../ops/cumsum.js';
import type { GatherAttrs } from '../ops/gather.js';
import type { MapAttrs } from '../ops/map.js';
import type { MatmulAttrs } from '../ops/matmul.js';
import type { PoolAttrs } from '../ops/pool.js';
import type { ResizeAttrs } from '../ops/resize.js';
import type { SliceAttrs } from '../ops/slice.js';

/**
 * The closed set of differentiable primitives and their attributes. Every public op is one of these or made of them;
 * `rules.ts` must give a reverse rule for each, or the project does not compile.
 */
export interface Primitives {
  /** Pointwise expression, optionally summed over axes. */
  map: MapAttrs;
  /** Same values, other shape. */
  reshape: Record<string, never>;
  /** Greatest or least value over axes. Ties share the gradient evenly. */
  extremum: { axes: readonly number[]; keepDims: boolean; combine: 'max' | 'min' };
  /** act(op(a) op(b) + bias), op being transpose or identity on the last two axes. */
  matmul: MatmulAttrs;
  conv2d: ConvAttrs;
  /** Gradient of conv2d with respect to its input: inputs are (cotangent, weight). Also transposed convolution. */
  conv2dInput: ConvAttrs;
  /** Gradient of conv2d with respect to its weight: inputs are (input, cotangent). */
  conv2dWeight: ConvAttrs;
  /** Axis a of the result is axis perm[a] of the input. */
  transpose: { perm: readonly number[] };
  /** Elements begin + step i of the input. */
  slice: SliceAttrs;
  /** A constant, with the input's elements at begin + step i: the adjoint of slice. */
  pad: SliceAttrs;
  concat: { axis: number };
  /** Inputs are (x, index): x's element at an index within its image, for every pooling window. Max pooling is this. */
  poolGather: PoolAttrs;
  /** Inputs are (cotangent, index): the adjoint of poolGather. */
  poolScatter: PoolAttrs;
  avgPool: PoolAttrs;
  /** The adjoint of avgPool. */
  avgPoolInput: PoolAttrs;
  resize: ResizeAttrs;
  /** The adjoint of resize. */
  resizeInput: ResizeAttrs;
  /** Batch normalisation with the batch's own statistics, a residual and a ReLU. */
  batchNorm: BatchNormAttrs;
  /** Inputs are (x, index): x's elements at indices along an axis. */
  gather: GatherAttrs;
  /** Inputs are (values, index): the adjoint of gather. */
  scatterAdd: GatherAttrs;
  /** Running sums along an axis. */
  cumsum: CumsumAttrs;
}
