import { apply, constant, input } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { triangleInPlace } from '../linalg/qr.js';
import { concat } from '../ops/concat.js';
import { tril } from '../ops/create.js';
import { expand } from '../ops/expand.js';
import { map } from '../ops/map.js';
import { matmul } from '../ops/matmul.js';
import { add, sub } from '../ops/pointwise.js';
import { extremumOf } from '../ops/reduce.js';
import { sum } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Activations, deviceRows } from './activations.js';
import { centredBeyond, peakOf, untracked } from './device-centred.js';
import { decompose, type Factors, relationOf } from './device-relation.js';
import type { Relation } from './relation.js';

/** Points whose products are summed at a time, the parts' sums one by one: float32 loses digits to long sums. */
const PART = 512;

/** As much of the largest binding as a side may take: factoring it needs several tensors of its size. */
const SHARE = 4;

/**
 * Directions below this share of the first have no part in Uxᵀ Uy. The least that 99 % of the variance can keep is
 * 1 / (10 √neurons) of it, which is more for up to so many neurons; linear CKA weights the others by their squares.
 */
const FAINT = 1e-3;
const MOST_NEURONS = 4096;

/** Whether `devicePair` can take so many points of two sides. */
export function fitsPair({ limits }: Device, points: number, [p, q]: readonly number[]): boolean {
  const widest = Math.max(p, q);
  const side = 4 * points * widest;
  const products = 4 * Math.ceil(points / PART) * p * q;
  if (points <= widest || widest > MOST_NEURONS) return false;
  return side <= limits.maxBinding / SHARE && products <= limits.maxBinding;
}

/**
 * `deviceRelation` for measures to which faint directions mean nothing: each side has a triangle of its own, and Uxᵀ Uy
 * follows from the product Xᵀ Y. That is three quarters of the work; but rounding errors of Uxᵀ Uy grow with the product
 * of both sides' conditions, where a triangle of both has them grow with their sum. Null as `deviceRelation`.
 */
export async function devicePair(device: Device, x: Activations, y: Activations): Promise<Relation | null> {
  const found = untracked(() => {
    const sides = [x, y].map((side) => prepared(deviceRows(device, side)));
    const product = productOf(sides[0].centred, sides[1].centred);
    // The triangles overwrite what they are made of.
    const triangles = sides.map(({ centred }) => ({ a: triangleInPlace(centred), triangular: true }));
    const [fx, fy] = decompose(triangles).map(({ factors }) => factors);
    return {
      x: fx,
      y: fy,
      cross: matmul(matmul(inverted(fx), product), inverted(fy), { transB: true }),
      mean: joined(sides.map(({ mean }) => mean)),
      unit: joined(sides.map(({ unit }) => unit)),
    };
  });
  const [p, q] = [x.shape[1], y.shape[1]];
  const relation = await relationOf(found, { device, points: x.shape[0], p, rows: [p, q] });
  return relation && { ...relation, product: true };
}

const joined = (ts: readonly Tensor[]): Tensor => concat(ts, 1);

/** A side about its means in units of its greatest magnitude beyond the first point; means and unit [1, neurons]. */
function prepared(rows: Tensor): { centred: Tensor; mean: Tensor; unit: Tensor } {
  const shift = slice(rows, [0], [1]);
  const distance = apply('abs', apply('sub', input(0), input(1)));
  const peak = peakOf(extremumOf('relate', [rows, shift], distance, [0], true, 'max'));
  const { centred, mean } = centredBeyond(rows, shift, peak);
  return { centred, mean: add(mean, shift), unit: expand(peak, shift.shape) };
}

/** aᵀ b of a [points, p] and b [points, q]. */
function productOf(a: Tensor, b: Tensor): Tensor {
  const [points] = a.shape;
  const count = Math.floor(points / PART);
  const whole = PART * count;
  const parts = (t: Tensor) => reshape(slice(t, [0], [whole]), [count, PART, t.shape[1]]);
  const product = count > 0 ? sum(matmul(parts(a), parts(b), { transA: true }), 0) : null;
  if (product && whole === points) return product;
  const rest = matmul(slice(a, [whole], [points]), slice(b, [whole], [points]), { transA: true });
  return product ? add(product, rest) : rest;
}

/**
 * V diag(1 / s), transposed, from diag(s) Vᵀ: [count, neurons]; 0 where s is faint. Strong directions leak into the rows
 * of fainter ones by rounding error, and the product would count that in full: it is taken out again, by one step of
 * Gram and Schmidt.
 */
function inverted({ s, loadings }: Factors<Tensor>): Tensor {
  const strong = apply('gt', input(1), apply('mul', input(2), constant(FAINT)));
  const scaled = apply('where', strong, apply('div', input(0), input(1)), constant(0));
  const each = reshape(s, [s.size, 1]);
  const byLength = (rows: Tensor) => map([rows, each, slice(each, [0], [1])], scaled, { op: 'relate' });
  const v = byLength(loadings);
  const leaks = tril(matmul(v, v, { transB: true }), -1);
  return byLength(sub(v, matmul(leaks, v)));
}
