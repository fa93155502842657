import { apply, constant, coord, type Expr, input, scalar } from '../expr/expr.js';
import { ArgumentError, DTypeError, ShapeError } from '../gpu/errors.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { composite } from './composite.js';
import { map } from './map.js';
import { shiftedSum } from './reductions.js';
import { reshape } from './reshape.js';

export type Reduction = 'mean' | 'sum' | 'none';

export interface LossOptions {
  /** `mean` (default) and `sum` are over all rows or elements; `none` keeps them, for means of one's own. */
  reduction?: Reduction;
  /**
   * How many leading axes keep a loss of their own: 1 for models that lead, 0 by default. Targets without these axes are
   * shared.
   */
  leading?: number;
}

/**
 * Cross-entropy of logits [..., classes] with class indices (i32 or u32) [...] or soft targets (f32) [..., classes].
 * An index outside [0, classes) is clamped. Label smoothing e mixes the target with e / classes everywhere.
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  options: LossOptions & { labelSmoothing?: number } = {},
): Tensor {
  const op = 'crossEntropy';
  const e = options.labelSmoothing ?? 0;
  commonDevice(op, [logits, target]);
  assertDType(op, 'logits', logits.dtype, 'f32');
  assertDType(op, 'target', target.dtype, 'i32', 'u32', 'f32');
  assertRank(op, 'logits', logits.shape, 1);
  if (!(e >= 0 && e <= 1)) throw new ArgumentError(op, 'labelSmoothing in [0, 1]', String(e));
  const axis = logits.rank - 1;
  const classes = logits.shape[axis];
  const lead = logits.shape.slice(0, -1);
  if (classes === 0) throw new ShapeError(op, 'at least one class', showShape(logits.shape));
  const hard = target.dtype !== 'f32';
  const leading = leadingOf(op, options, lead.length);
  const expected = hard ? lead : logits.shape;
  if (!fits(target.shape, expected, leading)) {
    throw new ShapeError(op, `a ${target.dtype} target of shape ${showShape(expected)}`, showShape(target.shape));
  }
  const [x, m, s] = [input(0), input(1), input(2)];
  const smooth = scalar(0);
  const keep = scalar(1);
  let weight: Expr;
  if (hard) {
    const clamped =
      target.dtype === 'u32'
        ? apply('toI32', apply('min', input(3, 'u32'), apply('toU32', scalar(3))))
        : apply('max', apply('min', input(3, 'i32'), apply('toI32', scalar(3))), constant(0, 'i32'));
    weight = apply('add', apply('where', apply('eq', coord(axis), clamped), keep, constant(0)), smooth);
  } else {
    weight = apply('add', apply('mul', input(3), keep), smooth);
  }
  const nats = apply('sub', apply('add', apply('log', s), m), x);
  const weighted = apply('mul', weight, nats);
  // A class without weight costs nothing, even where its logit is -inf.
  const each = hard ? apply('where', apply('gt', weight, constant(0)), weighted, constant(0)) : weighted;
  const reduction = options.reduction ?? 'mean';
  const rows = sizeOf(lead.slice(leading));
  return composite([logits, target], () => {
    const { top, total } = shiftedSum(logits, [axis]);
    return map(
      [logits, top, total, hard ? reshape(target, [...target.shape, 1]) : target],
      apply('mul', each, scalar(2)),
      {
        scalars: [e / classes, 1 - e, reduction === 'mean' ? 1 / rows : 1, classes - 1],
        axes: reduction === 'none' ? [axis] : axesFrom(leading, logits.rank),
        op,
      },
    );
  });
}

/** Binary cross-entropy of logits with targets in [0, 1] of the same shape: softplus(x) - x t. */
export function bceWithLogits(logits: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const each = apply('sub', apply('softplus', input(0)), apply('mul', input(0), input(1)));
  return elementwiseLoss('bceWithLogits', logits, target, each, options);
}

/** Mean squared error. */
export function mseLoss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const d = apply('sub', input(0), input(1));
  return elementwiseLoss('mseLoss', prediction, target, apply('mul', d, d), options);
}

function elementwiseLoss(op: string, x: Tensor, target: Tensor, each: Expr, options: LossOptions): Tensor {
  commonDevice(op, [x, target]);
  for (const t of [x, target]) if (t.dtype !== 'f32') throw new DTypeError(op, 'two f32 tensors', t.dtype);
  const leading = leadingOf(op, options, x.rank);
  if (!fits(target.shape, x.shape, leading))
    throw new ShapeError(op, `a target of shape ${showShape(x.shape)}`, showShape(target.shape));
  const reduction = options.reduction ?? 'mean';
  if (reduction === 'none') return map([x, target], each, { op });
  return map([x, target], apply('mul', each, scalar(0)), {
    scalars: [reduction === 'mean' ? 1 / sizeOf(x.shape.slice(leading)) : 1],
    axes: axesFrom(leading, x.rank),
    op,
  });
}

/** Whether a target has the shape expected, with or without the leading axes. */
const fits = (target: Shape, expected: Shape, leading: number): boolean =>
  sameShape(target, expected) || sameShape(target, expected.slice(leading));

const axesFrom = (leading: number, rank: number): number[] =>
  Array.from({ length: rank - leading }, (_, a) => leading + a);

function leadingOf(op: string, { leading = 0 }: LossOptions, rank: number): number {
  if (!Number.isInteger(leading) || leading < 0 || leading > rank)
    throw new ArgumentError(op, `leading axes from 0 to ${rank}`, String(leading));
  return leading;
}
