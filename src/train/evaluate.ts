import { noGrad } from '../autograd/node.js';
import { apply, constant, coord, type Expr, input, scalar } from '../expr/expr.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import { stack } from '../ops/concat.js';
import { takeAlongAxis } from '../ops/gather.js';
import { crossEntropy } from '../ops/losses.js';
import { map } from '../ops/map.js';
import { less } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { rows } from './rows.js';

export interface Evaluation {
  /** Share of inputs whose greatest logit is the target's (top-1). */
  accuracy: number;
  /** Share of inputs whose target is among the five greatest logits. */
  top5: number;
  /** Mean cross-entropy. */
  loss: number;
  correct: number;
  correct5: number;
  count: number;
}

/**
 * Accuracy and loss of a classifier over a whole data set: inputs [n, ...], targets i32 [n]. The last batch may be
 * smaller; every input counts once. Of equal logits the first ranks first; an input with a NaN among them is wrong.
 *
 * @throws ShapeError for targets of another shape
 * @throws ArgumentError for no inputs, or a batch below 1
 */
export async function evaluate(model: Model, inputs: Tensor, targets: Tensor, batch = 500): Promise<Evaluation> {
  const op = 'evaluate';
  const n = inputs.shape[0];
  if (targets.rank !== 1 || targets.shape[0] !== n)
    throw new ShapeError(op, `targets of shape [${n}]`, showShape(targets.shape));
  if (targets.dtype !== 'i32') throw new ShapeError(op, 'i32 targets', String(targets));
  if (n === 0) throw new ArgumentError(op, 'at least one input', 'none');
  if (!Number.isInteger(batch) || batch < 1) throw new ArgumentError(op, 'a batch >= 1', String(batch));
  const totals = scope(() =>
    noGrad(() => {
      const parts: Tensor[] = [];
      for (let from = 0; from < n; from += batch) {
        const to = Math.min(n, from + batch);
        parts.push(scope(() => score(model.forward(rows(inputs, from, to)), rows(targets, from, to))));
      }
      return stack(parts);
    }),
  );
  const values = await totals.data();
  totals.dispose();
  let [correct, correct5, nats] = [0, 0, 0];
  // Each batch's counts are exact, and the sum in float64 stays so.
  for (let i = 0; i < values.length; i += 3) {
    correct += values[i];
    correct5 += values[i + 1];
    nats += values[i + 2];
  }
  return { accuracy: correct / n, top5: correct5 / n, loss: nats / n, correct, correct5, count: n };
}

/**
 * Inputs whose target ranks first, and among the first five, and the sum of the cross-entropies, over the axis before the
 * last of logits [..., n, classes] with targets [..., n]: [3, ...].
 */
export function score(logits: Tensor, targets: Tensor): Tensor {
  const axis = logits.rank - 1;
  const classes = logits.shape[axis];
  const column = reshape(targets, [...targets.shape, 1]);
  const rank = map([logits, takeAlongAxis(logits, column, axis), column], ranksBefore(axis), {
    scalars: [classes],
    axes: [axis],
    op: 'evaluate',
  });
  const hits = (k: number) => sum(less(rank, Math.min(k, classes)), axis - 1);
  return stack([hits(1), hits(5), crossEntropy(logits, targets, { reduction: 'sum', leading: axis - 1 })]);
}

/** 1 where a logit ranks before the target's, and as much as all logits together where one of the two is NaN. */
function ranksBefore(axis: number): Expr {
  const [logit, target] = [input(0), input(1)];
  const tie = apply('and', apply('eq', logit, target), apply('lt', coord(axis), input(2, 'i32')));
  const unknown = apply('or', apply('isNan', logit), apply('isNan', target));
  const before = apply('or', apply('gt', logit, target), tie);
  return apply('where', unknown, scalar(0), apply('where', before, constant(1), constant(0)));
}
