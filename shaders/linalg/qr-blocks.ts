import type { Shader } from '../../src/gpu/kernel.js';

/**
 * Geometry that the kernels of a blocked QR share.
 *
 * A panel of 16 columns is factored as a tree (tall and skinny QR, Demmel et al. 2012): blocks of rows each on their
 * own, then the triangles that they leave, stacked, and so on to one. A block is a run of chunks of 16 matrix rows;
 * chunk q of block b starts at row top + b span + q stride. On the lowest level chunks follow each other (stride 16),
 * above it a chunk is the triangle of a block one level below (stride is that level's span).
 *
 * Reflectors are kept as V [matrices, blocks, depth chunks, 16 rows, 16 reflectors], unit lower trapezoidal with
 * zeros and ones spelled out, and T [matrices, blocks, 2, 16, 16], upper triangular, followed by its transpose: the
 * block's Q = I - V T Vᵀ.
 */
export const PANEL = 16;

export const BLOCK_PARAMS: Shader['params'] = [
  /** Workgroups with work: matrices x blocks x slabs of columns. */
  ['units', 'u32'],
  /** Rows of one matrix, and elements between them. */
  ['rows', 'u32'],
  ['lead', 'u32'],
  ['top', 'u32'],
  ['blocks', 'u32'],
  ['span', 'u32'],
  ['stride', 'u32'],
  /** Most chunks of a block. */
  ['depth', 'u32'],
  /** 16: a loop bound that software drivers must not unroll. */
  ['width', 'u32'],
];

/** WGSL that places workgroup `unit` (a block of a matrix, `index` counting both) and its chunks. */
export const blockPlace = (slabs: string): string => `
  let index = unit / ${slabs};
  let matrix = index / P.blocks;
  let start = P.top + index % P.blocks * P.span;
  let chunks = (min(P.span, P.rows - start) + P.stride - 1u) / P.stride;`;

/**
 * beta, tau and 1 / (alpha - beta) from alpha and the squares below it. A column without anything below the pivot
 * keeps the identity, and so does one of length below 1e-15: the matrix is scaled so that this is rounding error, and
 * its squares would lose digits to underflow.
 */
export const reflector = `
    let length2 = alpha * alpha + squares;
    var beta = alpha;
    var tau = 0.0;
    var inverse = 0.0;
    if (!(length2 <= 1e-30 || squares == 0.0)) {
      beta = select(sqrt(length2), -sqrt(length2), alpha >= 0.0);
      tau = (beta - alpha) / beta;
      inverse = 1.0 / (alpha - beta);
    }`;
