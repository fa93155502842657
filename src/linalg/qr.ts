import { PANEL } from '../../shaders/linalg/qr-blocks.js';
import { isRecording, record, withRecording } from '../autograd/node.js';
import { apply, constant, coord, type Expr, input } from '../expr/expr.js';
import { concat } from '../ops/concat.js';
import { full } from '../ops/create.js';
import { map } from '../ops/map.js';
import { fuse, mul } from '../ops/pointwise.js';
import { extremumOf } from '../ops/reduce.js';
import { reshape } from '../ops/reshape.js';
import { pad, placeAt, slice } from '../ops/slice.js';
import { assertDType } from '../tensor/dtype.js';
import { scope } from '../tensor/scope.js';
import { assertRank, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { applyQ, factor, type Work } from './qr-factor.js';

/**
 * Thin QR factorisation a = q r of every [m, n] matrix of a: q [..., m, k] with orthonormal columns, r [..., k, n]
 * upper triangular with a diagonal >= 0, k = min(m, n). Householder reflectors in a tree of row blocks (Demmel et al.
 * 2012), so that q is orthonormal to rounding error whatever the condition of a: dependent and zero columns too.
 *
 * f32. Measured up to 10,000 x 512 and 2,000 x 2,000, at condition 1 to 1e6 and with zero and repeated columns:
 * entries of qᵀq - I below 2e-6, entries of a - q r below 4e-6 of the largest of a. NaN and infinities spread over the
 * factors of their matrix. Differentiable to any order where the first k columns of a are independent; the gradient
 * divides by the diagonal of r.
 *
 * @throws ShapeError unless a has two axes or more
 * @throws DTypeError unless a is f32
 */
export function qr(a: Tensor): { q: Tensor; r: Tensor } {
  check('qr', a);
  const { q, r } = withRecording(false, () => scope(() => factors('qr', a, { wantQ: true })));
  record('qr', {}, [a], q);
  return { q, r: record('qrTriangle', {}, [q, a], r) };
}

/** The r of `qr` alone [..., k, n], in about half the time. Where gradients flow, q is computed all the same. */
export function qrTriangle(a: Tensor): Tensor {
  check('qrTriangle', a);
  if (isRecording() && a.tracked) return qr(a).r;
  return scope(() => factors('qrTriangle', a, { wantQ: false }).r);
}

/**
 * `qrTriangle` of what nobody needs any more: a is overwritten, and spared two passes that bring it to scale. Its
 * greatest magnitude must lie between 2^-20 and 2^40, or be 0. Not recorded.
 */
export function triangleInPlace(a: Tensor): Tensor {
  check('qrTriangle', a);
  return withRecording(false, () => scope(() => factors('qrTriangle', a, { wantQ: false, inPlace: true }).r));
}

function check(op: string, a: Tensor): void {
  commonDevice(op, [a]);
  assertDType(op, 'a', a.dtype, 'f32');
  assertRank(op, 'a', a.shape, 2);
}

interface Wish {
  wantQ: boolean;
  /** See `triangleInPlace`. */
  inPlace?: boolean;
}

/** The factors of every matrix of a; q is empty where it is not wanted. */
function factors(op: string, a: Tensor, wish: Wish): { q: Tensor; r: Tensor } {
  const lead = a.shape.slice(0, -2);
  const [m, n] = a.shape.slice(-2);
  const k = Math.min(m, n);
  const matrices = sizeOf(lead);
  const qShape = [...lead, wish.wantQ ? m : 0, k];
  const rShape = [...lead, k, n];
  if (a.size === 0) {
    const empty = (shape: number[]) => Tensor.empty(op, a.device, 'f32', shape);
    return { q: empty(qShape), r: empty(rShape) };
  }
  const x = reshape(a, [matrices, m, n]);
  // Small matrices take more room in a panel than on their own: a large batch goes in parts that can be bound.
  const most = Math.max(1, Math.floor(a.device.limits.maxBinding / (8 * paddedTo(m) * paddedTo(n))));
  const parts = Array.from({ length: Math.ceil(matrices / most) }, (_, i) =>
    factorsOfBatch(op, slice(x, [i * most], [Math.min(matrices, (i + 1) * most)]), wish),
  );
  const join = (ts: Tensor[]) => (ts.length === 1 ? ts[0] : concat(ts));
  return { q: reshape(join(parts.map((p) => p.q)), qShape), r: reshape(join(parts.map((p) => p.r)), rShape) };
}

/** Factors of a [matrices, m, n]; q [matrices, 0, k] where it is not wanted. */
function factorsOfBatch(op: string, a: Tensor, { wantQ, inPlace }: Wish): { q: Tensor; r: Tensor } {
  const [matrices, m, n] = a.shape;
  const k = Math.min(m, n);
  const { x, inverse } = inPlace ? { x: a, inverse: full(a.device, [matrices, 1, 1], 1) } : scaled(a);
  const work: Work = { tensor: widened(x), matrices, rows: m, lead: paddedTo(n) };
  const reflectors = factor(op, a.device, work, k);
  const signs = signsOfDiagonal(work, k);
  const r = upperTriangle(work, signs, inverse, k, n);
  if (!wantQ) return { q: Tensor.empty(op, a.device, 'f32', [matrices, 0, k]), r };
  const q = signedIdentity(signs, m);
  applyQ(op, a.device, reflectors, q);
  return { q: slice(q.tensor, [], [matrices, m, k]), r };
}

const paddedTo = (columns: number): number => Math.ceil(columns / PANEL) * PANEL;

/** x with zero columns up to a multiple of the panel's width. */
function widened(x: Tensor): Tensor {
  const n = x.shape[2];
  return n % PANEL === 0
    ? x
    : pad(x, [
        [0, 0],
        [0, 0],
        [0, paddedTo(n) - n],
      ]);
}

/**
 * Powers of two that bring the largest magnitude of a matrix between 2^-24 and 2^44, where squares neither overflow nor
 * lose digits.
 */
const SCALES: readonly (readonly [below: number, scale: number])[] = [
  [2 ** -84, 2 ** 108],
  [2 ** -20, 2 ** 64],
  [2 ** 40, 1],
  [2 ** 84, 2 ** -64],
];
const LAST_SCALE = 2 ** -108;

/** Every matrix of x times a power of two (1 for ordinary data), and that power's inverse [matrices, 1, 1]. */
function scaled(x: Tensor): { x: Tensor; inverse: Tensor } {
  const largest = extremumOf('qr', [x], apply('abs', input(0)), [1, 2], true, 'max');
  const choose = (of: (scale: number) => number) => (size: Expr) =>
    SCALES.reduceRight<Expr>(
      (rest, [below, scale]) => apply('where', apply('lt', size, constant(below)), constant(of(scale)), rest),
      constant(of(LAST_SCALE)),
    );
  const scale = fuse(
    choose((s) => s),
    [largest],
    'qr',
  );
  return {
    x: mul(x, scale),
    inverse: fuse(
      choose((s) => 1 / s),
      [largest],
      'qr',
    ),
  };
}

/** -1 where the diagonal of R is negative, else 1: [matrices, k]. */
function signsOfDiagonal(work: Work, k: number): Tensor {
  const step = work.lead + 1;
  const flat = reshape(work.tensor, [work.matrices, work.rows * work.lead]);
  const diagonal = slice(flat, [], [null, (k - 1) * step + 1], [1, step]);
  return fuse((d) => apply('where', apply('lt', d, constant(0)), constant(-1), constant(1)), [diagonal], 'qr');
}

/** The first k columns of the identity of `rows` rows, times signs [matrices, k]. */
function signedIdentity(signs: Tensor, rows: number): Work {
  const [matrices, k] = signs.shape;
  const lead = paddedTo(k);
  const flat = placeAt(signs, { begin: [0, 0], step: [1, lead + 1], shape: [matrices, rows * lead] });
  return { tensor: reshape(flat, [matrices, rows, lead]), matrices, rows, lead };
}

/** R [matrices, k, n] from the factored work, scaled back and with rows turned to a diagonal >= 0. */
function upperTriangle(work: Work, signs: Tensor, inverse: Tensor, k: number, n: number): Tensor {
  const entries = slice(work.tensor, [], [null, k, n]);
  const value = apply('mul', apply('mul', input(0), input(1)), input(2));
  const kept = apply('where', apply('le', coord(1), coord(2)), value, constant(0));
  return map([entries, reshape(signs, [work.matrices, k, 1]), inverse], kept, { op: 'qr' });
}
