import { apply, constant, coord, input, scalar } from '../expr/expr.js';
import { concat } from '../ops/concat.js';
import { map } from '../ops/map.js';
import { matmul } from '../ops/matmul.js';
import { add, mul, sub } from '../ops/pointwise.js';
import { max, mean } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { kthvalue } from '../select/kthvalue.js';
import type { Tensor } from '../tensor/tensor.js';
import { centredUnit, untracked } from './device-centred.js';
import { degenerateFlags, type GramForm, type Grams } from './grams.js';

const product = apply('mul', input(0), input(1));

/** Sum over all entries of a b: [1]. */
const innerProduct = (a: Tensor, b: Tensor): Tensor => reshape(map([a, b], product, { axes: [0, 1] }), [1]);

/** Sums of squares of rows: [points]. */
const rowSquares = (x: Tensor): Tensor => map([x, x], product, { axes: [1] });

/** `hostLinearGrams` in float32; null where it does not hold the values. */
export async function deviceLinearGrams(x: Tensor, y: Tensor, form: GramForm): Promise<Grams | null> {
  const found = untracked(() => {
    const a = normalised(x);
    const b = y === x ? a : normalised(y);
    const pair = (l: Tensor, r: Tensor) => matmul(l, r, form === 'features' ? { transA: true } : { transB: true });
    const xx = pair(a.unit, a.unit);
    const yy = y === x ? xx : pair(b.unit, b.unit);
    const xy = form === 'features' ? pair(a.unit, b.unit) : null;
    const inner = [innerProduct(xx, xx), xy ? innerProduct(xy, xy) : innerProduct(xx, yy), innerProduct(yy, yy)];
    const scales = [a, b].flatMap(({ square, peak }) => [square, reshape(peak, [1])]);
    return concat([...inner, ...scales, rowSquares(a.unit), rowSquares(b.unit)]);
  });
  const values = Float64Array.from(await found.data());
  found.dispose();
  if (!values.every(Number.isFinite)) return null;
  const [xx, xy, yy, xSquare, xPeak, ySquare, yPeak] = values;
  const [sx, sy] = [xSquare * xPeak ** 2, ySquare * yPeak ** 2];
  const diagonals = values.slice(7);
  const points = x.shape[0];
  return {
    points,
    xx: xx * sx * sx,
    xy: xy * sx * sy,
    yy: yy * sy * sy,
    x: diagonals.slice(0, points).map((value) => value * sx),
    y: diagonals.slice(points).map((value) => value * sy),
    precision: 'float32',
    flags: degenerateFlags(sx, sy),
  };
}

/** x centred and scaled to a Frobenius norm of 1 (0 where nothing varies), as a multiple `peak` √`square` of that. */
function normalised(x: Tensor): { unit: Tensor; square: Tensor; peak: Tensor } {
  const { unit, peak } = centredUnit(x);
  const square = innerProduct(unit, unit);
  const scale = apply('where', apply('gt', input(1), constant(0)), apply('rsqrt', input(1)), constant(1));
  return { unit: map([unit, square], apply('mul', input(0), scale)), square, peak };
}

/**
 * Squared Euclidean distances between all points over the square of `peak` [1, 1]: [points, points], exactly 0 on the
 * diagonal.
 */
export function deviceDistances(x: Tensor): { distances: Tensor; peak: Tensor } {
  return untracked(() => {
    const n = x.shape[0];
    const { unit, peak } = centredUnit(x);
    const squares = rowSquares(unit);
    const sum = apply('add', input(1), input(2));
    const distance = apply('max', apply('sub', sum, apply('mul', constant(2), input(0))), constant(0));
    const off = apply('where', apply('eq', coord(0), coord(1)), constant(0), distance);
    const products = matmul(unit, unit, { transB: true });
    return { distances: map([products, reshape(squares, [n, 1]), reshape(squares, [1, n])], off), peak };
  });
}

/** Squared distances at ranks that count from 0, and the greatest; and the unit that the distances were in. */
export async function extremesOf(
  { distances, peak }: { distances: Tensor; peak: Tensor },
  ranks: readonly number[],
): Promise<{ at: number[]; most: number; peak: number }> {
  const found = untracked(() => {
    const line = reshape(distances, [distances.size]);
    const at = ranks.map((rank) => kthvalue(line, rank + 1, { keepDims: true }).values);
    return concat([reshape(peak, [1]), max(line, 0, { keepDims: true }), ...at]);
  });
  const [unit, ...squares] = Array.from(await found.data());
  found.dispose();
  const [most, ...at] = squares.map((value) => value * unit * unit);
  return { at, most, peak: unit };
}

/** `hostRbfGrams` in float32. */
export async function deviceRbfGrams(x: Tensor, y: Tensor, sigma: [number, number]): Promise<Grams | null> {
  const n = x.shape[0];
  const found = untracked(() => {
    const [k, l] = [gaussian(x, sigma[0]), gaussian(y, sigma[1])];
    const pairs = [innerProduct(k.gram, k.gram), innerProduct(k.gram, l.gram), innerProduct(l.gram, l.gram)];
    return concat([...pairs, k.diagonal, l.diagonal]);
  });
  const values = Float64Array.from(await found.data());
  found.dispose();
  if (!values.every(Number.isFinite)) return null;
  const [xx, xy, yy] = values;
  const diagonals = { x: values.slice(3, 3 + n), y: values.slice(3 + n) };
  return { points: n, xx, xy, yy, ...diagonals, sigma, precision: 'float32', flags: degenerateFlags(xx, yy) };
}

/** The doubly centred Gaussian kernel of squared distances, and its diagonal [n]. */
function gaussian(distances: Tensor, sigma: number): { gram: Tensor; diagonal: Tensor } {
  const n = distances.shape[0];
  const kernel = map([distances], apply('exp', apply('mul', input(0), scalar(0))), {
    scalars: [-1 / (2 * sigma ** 2)],
  });
  const rows = mean(kernel, 1, { keepDims: true });
  // Half of the mean of all goes with the rows, half with the columns.
  const part = sub(rows, mul(mean(rows), 0.5));
  const gram = sub(sub(kernel, part), reshape(part, [1, n]));
  return { gram, diagonal: add(mul(reshape(part, [n]), -2), 1) };
}
