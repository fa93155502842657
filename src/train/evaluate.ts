import { noGrad } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import { argmax } from '../ops/arg-reduce.js';
import { crossEntropy } from '../ops/losses.js';
import { equal } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { slice } from '../ops/slice.js';
import { scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

export interface Evaluation {
  /** Share of inputs whose greatest logit is the target's. */
  accuracy: number;
  /** Mean cross-entropy. */
  loss: number;
  correct: number;
  count: number;
}

/**
 * Accuracy and loss of a classifier over a whole data set: inputs [n, ...], targets i32 [n]. The last batch may be
 * smaller; every input counts once.
 */
export async function evaluate(model: Model, inputs: Tensor, targets: Tensor, batch = 500): Promise<Evaluation> {
  const op = 'evaluate';
  const n = inputs.shape[0];
  if (targets.rank !== 1 || targets.shape[0] !== n)
    throw new ShapeError(op, `targets of shape [${n}]`, showShape(targets.shape));
  if (!Number.isInteger(batch) || batch < 1) throw new ArgumentError(op, 'a batch >= 1', String(batch));
  const parts: { hits: Tensor; nats: Tensor }[] = [];
  for (let from = 0; from < n; from += batch) {
    const to = Math.min(n, from + batch);
    parts.push(
      scope(() =>
        noGrad(() => {
          const x = slice(inputs, [from, ...inputs.shape.slice(1).map(() => 0)], [to, ...inputs.shape.slice(1)]);
          const y = slice(targets, [from], [to]);
          const logits = model.forward(x);
          return { hits: sum(equal(argmax(logits, 1), y)), nats: crossEntropy(logits, y, { reduction: 'sum' }) };
        }),
      ),
    );
  }
  let correct = 0;
  let loss = 0;
  for (const { hits, nats } of parts) {
    correct += await hits.item();
    loss += await nats.item();
    hits.dispose();
    nats.dispose();
  }
  return { accuracy: correct / n, loss: loss / n, correct, count: n };
}
