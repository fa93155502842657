import type { EighAttrs } from '../linalg/eigh.js';
import type { SvdAttrs } from '../linalg/svd.js';
import type { TriangularSolveAttrs } from '../linalg/triangular-solve.js';
import type { BatchNormAttrs } from '../ops/batch-norm.js';
import type { ConvAttrs } from '../ops/conv.js';
import type { CumsumAttrs } from '../ops/cumsum.js';
import type { GatherAttrs } from '../ops/gather.js';
import type { MapAttrs } from '../ops/map.js';
import type { MatmulAttrs } from '../ops/matmul.js';
import type { PoolAttrs } from '../ops/pool.js';
import type { ResizeAttrs } from '../ops/resize.js';
import type { SliceAttrs } from '../ops/slice.js';
import type { BlockConvAttrs } from '../sparse/block-conv.js';
import type { BlockMatmulAttrs, BlockSddmmAttrs } from '../sparse/block-matmul.js';
import type { BlockPattern } from '../sparse/block-pattern.js';
import type { NmMatmulAttrs } from '../sparse/nm-matmul.js';
import type { Pattern } from '../sparse/pattern.js';
import type { SampleAttrs } from '../sparse/sample.js';
import type { SddmmAttrs } from '../sparse/sddmm.js';
import type { SparseConvAttrs } from '../sparse/sparse-conv-rules.js';
import type { SpmmAttrs } from '../sparse/spmm.js';

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
  /** Elements of a matrix at the entries of a pattern. */
  sampleDense: SampleAttrs;
  /** The adjoint of sampleDense: zeros but for the entries of a pattern. */
  densify: SampleAttrs;
  /** act(S b + bias) with a sparse S; inputs are (values, b, bias). */
  spmm: SpmmAttrs;
  /** Inputs are (x, y): x yᵀ at the entries of a pattern. */
  sddmm: SddmmAttrs;
  /** Softmax over the entries of each row. */
  sparseSoftmax: { pattern: Pattern };
  /** Sums over the entries of each row. */
  rowSums: { pattern: Pattern };
  /** A number a row at every entry of it: the adjoint of rowSums. */
  spreadRows: { pattern: Pattern };
  /** Blocks of a matrix at those of a pattern. */
  sampleBlocks: { pattern: BlockPattern };
  /** The adjoint of sampleBlocks. */
  blocksToDense: { pattern: BlockPattern };
  /** act(S b + bias) with a block-sparse S; inputs are (values, b, bias). */
  blockMatmul: BlockMatmulAttrs;
  /** Inputs are (x, y): x yᵀ at the blocks of a pattern. */
  blockSddmm: BlockSddmmAttrs;
  /** act(S b + bias) with an N:M sparse S; inputs are (values, b, bias). */
  nmMatmul: NmMatmulAttrs;
  /** Convolution with a block-sparse weight; inputs are (x, values, bias). */
  blockConv2d: BlockConvAttrs;
  /** Inputs are (cotangent, values). */
  blockConv2dInput: BlockConvAttrs;
  /** Inputs are (x, cotangent). */
  blockConv2dWeight: BlockConvAttrs;
  /** Convolution with a sparse weight; inputs are (x, values, bias). */
  sparseConv2d: SparseConvAttrs;
  /** Inputs are (cotangent, values). */
  sparseConv2dInput: SparseConvAttrs;
  /** Inputs are (x, cotangent): the gradient of the values. */
  sparseConv2dValues: SparseConvAttrs;
  /** Lower triangular l with l lᵀ = the symmetric input. */
  cholesky: Record<string, never>;
  /** Pseudo-inverse of a tall or square matrix. */
  pinv: Record<string, never>;
  /** Q of the thin QR factorisation. */
  qr: Record<string, never>;
  /** Inputs are (q, a): R of the same factorisation, the upper triangle of qᵀ a. */
  qrTriangle: Record<string, never>;
  /** One of the factors of a singular value decomposition. */
  svd: SvdAttrs;
  /** One of the factors of a symmetric eigendecomposition. */
  eigh: EighAttrs;
  /** Inputs are (a, b): x with a x = b for triangular a. */
  triangularSolve: TriangularSolveAttrs;
}
