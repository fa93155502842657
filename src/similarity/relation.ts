import type { Device } from '../gpu/device.js';
import { hostSvd } from '../linalg/host/svd.js';
import { columnSquares, livingNeurons, type Matrix, selectColumns, transposedProduct } from './activations.js';
import type { Triangle } from './host-triangle.js';
import type { Flag, Precision } from './result.js';

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
  /** How strongly each neuron has each direction, diag(s) Vᵀ: [rank, neurons - dropped]. */
  loadings: Float64Array;
  /** Mean of each living neuron: [neurons - dropped]. */
  mean: Float64Array;
}

/** Everything that measures invariant to rotations of the points need to know of two sides. */
export interface Relation {
  points: number;
  x: Side;
  y: Side;
  /** Uxᵀ Uy: [x.rank, y.rank]. */
  cross: Float64Array;
  /** Arithmetic that made `cross` and the sides. */
  precision: Precision;
  /** Set where `cross` was made from Xᵀ Y: its errors are those of both sides' conditions multiplied. */
  product?: boolean;
  /** Where float32 was done: large products that follow from it are decomposed there too. */
  device?: Device;
  flags: Flag[];
}

/** Float64: directions below this share of the first are rounding error (times the greater size). */
const EPSILON = 2.2e-16;

/**
 * The relation of the first p columns of a triangle to its other ones, or to themselves where there are no others, in
 * float64: a singular value decomposition of each, and no covariance is inverted.
 */
export function hostRelation(triangle: Triangle, p: number): Relation {
  const { points, r, triangular } = triangle;
  // Below row p, the first p columns of a triangle are zero.
  const top = triangular ? Math.min(p, r.rows) : r.rows;
  const x = hostSide(triangle, 0, p, top);
  const y = r.cols === p ? x : hostSide(triangle, p, r.cols, r.rows);
  return {
    points,
    x: x.side,
    y: y.side,
    cross: transposedProduct(x.u, { ...y.u, rows: top }),
    precision: 'float64',
    flags: sideFlags(x.side, y.side),
  };
}

function hostSide({ points, r, mean }: Triangle, first: number, end: number, rows: number): { side: Side; u: Matrix } {
  const columns = Array.from({ length: end - first }, (_, j) => first + j);
  const all = selectColumns({ ...r, rows }, columns);
  const kept = livingNeurons(columnSquares(all));
  const live = selectColumns(all, kept);
  const { u, s, v } = hostSvd(live.data, rows, kept.length);
  const floor = s.length > 0 ? s[0] * Math.max(points, kept.length) * EPSILON : 0;
  const rank = s.filter((value) => value > floor).length;
  return {
    side: {
      neurons: all.cols,
      dropped: all.cols - kept.length,
      rank,
      s: s.slice(0, rank),
      loadings: loadingsOf(s, v, kept.length, rank),
      mean: Float64Array.from(kept, (j) => mean[first + j]),
    },
    u: { data: firstColumns(u, rows, s.length, rank), rows, cols: rank },
  };
}

/** diag(s) Vᵀ of the first `rank` directions, from v [neurons, s.length]. */
function loadingsOf(s: Float64Array, v: Float64Array, neurons: number, rank: number): Float64Array {
  const out = new Float64Array(rank * neurons);
  for (let k = 0; k < rank; k++) for (let j = 0; j < neurons; j++) out[k * neurons + j] = s[k] * v[j * s.length + k];
  return out;
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
    loadings: side.loadings.slice(0, k * (side.neurons - side.dropped)),
  });
  return { ...r, x: cut(r.x, kx), y: cut(r.y, ky), cross: firstColumns(r.cross, kx, r.y.rank, ky) };
}

/** The relation of y to x. */
export function swapped(r: Relation): Relation {
  const cross = new Float64Array(r.cross.length);
  for (let i = 0; i < r.x.rank; i++)
    for (let j = 0; j < r.y.rank; j++) cross[j * r.x.rank + i] = r.cross[i * r.y.rank + j];
  return { ...r, x: r.y, y: r.x, cross };
}

/** Ratio of a side's greatest singular value to the one of its k-th direction; 1 where there are none. */
export function condition({ s, rank }: Side, k = rank): number {
  return k === 0 ? 1 : s[0] / s[k - 1];
}
