import { apply, constant, input, scalar } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { type LeftOf, leftSingularVectors } from '../linalg/svd.js';
import { map } from '../ops/map.js';
import { matmul } from '../ops/matmul.js';
import { max } from '../ops/reductions.js';
import { slice } from '../ops/slice.js';
import type { HostArray } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/tensor.js';
import { DEAD, livingNeurons } from './activations.js';
import { untracked } from './device-centred.js';
import type { DeviceTriangle } from './device-triangle.js';
import { firstColumns, type Relation, type Side, sideFlags } from './relation.js';

/** Singular values, loadings [count, neurons] and squares of columns of one side, and whether they converged. */
export interface Factors<T> {
  s: T;
  loadings: T;
  squares: T;
  converged: T;
}

/** Float32: directions below this share of the first are rounding error (times the greater size of the triangle). */
const EPSILON = 2 ** -23;

/** What a device found of two sides (of one, where y is x). */
interface Found {
  x: Factors<Tensor>;
  y: Factors<Tensor>;
  cross: Tensor;
  /** Of all neurons of both: [1, width]. */
  mean: Tensor;
  unit: Tensor;
}

/**
 * `hostRelation` in float32 on a device. Null where float32 does not hold the squares of the values, they are not finite,
 * or a decomposition did not converge.
 */
export async function deviceRelation(triangle: DeviceTriangle, p: number): Promise<Relation | null> {
  const { device, points, width } = triangle;
  const same = width === p;
  let rows = 0;
  const found = untracked((): Found => {
    const { r, triangular, mean, unit } = triangle.triangle();
    rows = r.shape[0];
    const top = triangular ? Math.min(p, rows) : rows;
    const sides: LeftOf[] = [{ a: slice(r, [0, 0], [top, p]), triangular }];
    if (!same) sides.push({ a: slice(r, [0, p], [rows, width]) });
    const [x, y = x] = decompose(sides);
    const cross = matmul(x.u, slice(y.u, [0], [top]), { transA: true });
    return { x: x.factors, y: y.factors, cross, mean, unit };
  });
  return relationOf(found, { device, points, p, rows: [rows, rows] });
}

/** The relation that was found, of p neurons in x and triangles of so many `rows`, which is read back and disposed. */
export async function relationOf(
  { x: onX, y: onY, cross: onCross, mean: onMean, unit: onUnit }: Found,
  { device, points, p, rows }: { device: Device; points: number; p: number; rows: readonly [number, number] },
): Promise<Relation | null> {
  const reads = [onMean.data(), onUnit.data(), onCross.data()] as const;
  const factors = [read(onX), onY === onX ? null : read(onY)] as const;
  const [mean, unit, cross, fx, other] = await Promise.all([...reads, ...factors]);
  const fy = other ?? fx;
  for (const t of new Set([onMean, onUnit, onCross, ...Object.values(onX), ...Object.values(onY)])) t.dispose();
  if (![fx, fy].every(({ s, squares, converged }) => converged[0] && [s, squares].every(allFinite))) return null;
  const x = sideOf(fx, rows[0], unit[0], mean.subarray(0, p));
  const y = other ? sideOf(other, rows[1], unit[p], mean.subarray(p)) : x;
  const kept = firstColumns(cross, x.rank, fy.s.length, y.rank);
  return { points, x, y, cross: kept, precision: 'float32', device, flags: sideFlags(x, y) };
}

/** Decompositions of sides [rows, neurons] whose dead neurons count as zeros. */
export function decompose(sides: readonly LeftOf[]): { u: Tensor; factors: Factors<Tensor> }[] {
  const squares = sides.map(({ a }) => map([a], apply('mul', input(0), input(0)), { axes: [0], keepDims: true }));
  const lives = apply('ge', input(1), apply('mul', input(2), scalar(0)));
  const kept = apply('where', lives, input(0), constant(0));
  const live = sides.map(({ a, triangular }, i) => ({
    a: map([a, squares[i], max(squares[i])], kept, { scalars: [DEAD] }),
    triangular,
  }));
  return leftSingularVectors(live).map(({ u, ...factors }, i) => ({ u, factors: { ...factors, squares: squares[i] } }));
}

async function read({ s, loadings, squares, converged }: Factors<Tensor>): Promise<Factors<HostArray>> {
  const fields = [s, loadings, squares, converged].map((t) => t.data());
  const [sizes, rows, sums, settled] = await Promise.all(fields);
  return { s: sizes, loadings: rows, squares: sums, converged: settled };
}

const allFinite = (values: ArrayLike<number>): boolean => Array.prototype.every.call(values, Number.isFinite);

function sideOf(
  { s, loadings, squares }: Factors<ArrayLike<number>>,
  rows: number,
  unit: number,
  mean: ArrayLike<number>,
): Side {
  const kept = livingNeurons(squares);
  const neurons = squares.length;
  const floor = s.length > 0 ? s[0] * Math.max(rows, kept.length) * EPSILON : 0;
  let rank = 0;
  while (rank < s.length && s[rank] > floor) rank++;
  const live = new Float64Array(rank * kept.length);
  kept.forEach((j, i) => {
    for (let k = 0; k < rank; k++) live[k * kept.length + i] = loadings[k * neurons + j] * unit;
  });
  return {
    neurons,
    dropped: neurons - kept.length,
    rank,
    s: Float64Array.from({ length: rank }, (_, k) => s[k] * unit),
    loadings: live,
    mean: Float64Array.from(kept, (j) => mean[j]),
  };
}
