import { hostSvd } from '../linalg/host/svd.js';
import {
  type Activations,
  assertPair,
  centred,
  columnSquares,
  hostMatrix,
  livingNeurons,
  type Matrix,
  selectColumns,
  transposedProduct,
} from './activations.js';

/** What a result should be read with. */
export type Flag =
  /** One side does not vary at all: its similarity is 0 by definition. */
  | 'degenerate'
  /** Fewer than five points for each neuron: canonical correlations are biased upwards. */
  | 'few points'
  /** Some directions are linear combinations of others, and count once. */
  | 'rank deficient'
  /** Float32 would have lost accuracy here, so it was done again in float64. */
  | 'float64 fallback'
  /** The covariances were accumulated in float32 and have a condition number that it does not carry. */
  | 'ill-conditioned';

/**
 * The thin singular value decomposition of one side's centred activations, U diag(s) Vᵀ, without its dead neurons and
 * without the directions beyond its rank. U itself is not kept.
 */
export interface Side {
  /** Neurons given, and those of them that never change. */
  neurons: number;
  dropped: number;
  rank: number;
  /** Singular values, descending: [rank]. */
  s: Float64Array;
  /** Directions in neuron space: [neurons - dropped, rank]. */
  v: Float64Array;
}

/** Everything that measures invariant to rotations of the points need to know of two sides. */
export interface Relation {
  points: number;
  x: Side;
  y: Side;
  /** Uxᵀ Uy: [x.rank, y.rank]. */
  cross: Float64Array;
  /** Arithmetic that made `cross` and the sides; what follows from them is always float64. */
  precision: 'float32' | 'float64';
  flags: Flag[];
}

/** Float64: directions below this share of the first are rounding error (times the greater size). */
const EPSILON = 2.2e-16;

/**
 * Decomposes two sides in float64 on the host, by a singular value decomposition of each: no covariance is inverted.
 *
 * @param x activations [points, neurons]
 * @throws ShapeError unless both are matrices with as many points
 * @throws ArgumentError for NaN or infinity
 */
export async function hostRelation(op: string, x: Activations, y: Activations): Promise<Relation> {
  assertPair(op, x, y);
  const a = hostSide(centred(await hostMatrix(op, 'x', x)));
  const b = y === x ? a : hostSide(centred(await hostMatrix(op, 'y', y)));
  return {
    points: x.shape[0],
    x: a.side,
    y: b.side,
    cross: transposedProduct(a.u, b.u),
    precision: 'float64',
    flags: sideFlags(a.side, b.side),
  };
}

function hostSide(x: Matrix): { side: Side; u: Matrix } {
  const kept = livingNeurons(columnSquares(x));
  const live = selectColumns(x, kept);
  const r = Math.min(live.rows, live.cols);
  const { u, s, v } = hostSvd(live.data, live.rows, live.cols);
  const floor = s.length > 0 ? s[0] * Math.max(live.rows, live.cols) * EPSILON : 0;
  const rank = s.filter((value) => value > floor).length;
  return {
    side: {
      neurons: x.cols,
      dropped: x.cols - kept.length,
      rank,
      s: s.slice(0, rank),
      v: firstColumns(v, kept.length, r, rank),
    },
    u: { data: firstColumns(u, x.rows, r, rank), rows: x.rows, cols: rank },
  };
}

/** Flags that follow from the sides alone. */
export function sideFlags(x: Side, y: Side): Flag[] {
  const flags: Flag[] = [];
  if (x.rank === 0 || y.rank === 0) flags.push('degenerate');
  const deficient = (side: Side) => side.rank > 0 && side.rank < side.neurons - side.dropped;
  if (deficient(x) || deficient(y)) flags.push('rank deficient');
  return flags;
}

/** The first `count` columns of a [rows, cols]. */
export function firstColumns(a: ArrayLike<number>, rows: number, cols: number, count: number): Float64Array {
  const out = new Float64Array(rows * count);
  for (let i = 0; i < rows; i++) for (let j = 0; j < count; j++) out[i * count + j] = a[i * cols + j];
  return out;
}

/** The relation with only the leading kx and ky directions of each side. */
export function truncated(r: Relation, kx: number, ky: number): Relation {
  const cut = (side: Side, k: number): Side => ({
    ...side,
    rank: k,
    s: side.s.slice(0, k),
    v: firstColumns(side.v, side.neurons - side.dropped, side.rank, k),
  });
  return {
    ...r,
    x: cut(r.x, kx),
    y: cut(r.y, ky),
    cross: firstColumns(r.cross.subarray(0, kx * r.y.rank), kx, r.y.rank, ky),
  };
}
