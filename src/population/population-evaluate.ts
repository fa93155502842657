import { noGrad } from '../autograd/node.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { stack } from '../ops/concat.js';
import { expand } from '../ops/expand.js';
import { scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Evaluation, score } from '../train/evaluate.js';
import { rows } from '../train/rows.js';
import type { Population } from './population.js';

/**
 * As `evaluate`, for every model of a population on the same data: inputs [n, ...], targets i32 [n].
 *
 * @returns one evaluation a model
 * @throws ShapeError for targets of another shape or dtype
 * @throws ArgumentError for no inputs, or a batch below 1
 */
export async function evaluatePopulation(
  population: Population,
  inputs: Tensor,
  targets: Tensor,
  batch = 250,
): Promise<Evaluation[]> {
  const op = 'evaluatePopulation';
  const { models } = population;
  const n = inputs.shape[0];
  if (targets.rank !== 1 || targets.shape[0] !== n || targets.dtype !== 'i32')
    throw new ShapeError(op, `i32 targets of shape [${n}]`, `${targets.dtype}${showShape(targets.shape)}`);
  if (n === 0) throw new ArgumentError(op, 'at least one input', 'none');
  if (!Number.isInteger(batch) || batch < 1) throw new ArgumentError(op, 'a batch >= 1', String(batch));
  const totals = scope(() =>
    noGrad(() => {
      const parts: Tensor[] = [];
      for (let from = 0; from < n; from += batch) {
        const to = Math.min(n, from + batch);
        const some = () => {
          const logits = population.forward(rows(inputs, from, to));
          return score(logits, expand(rows(targets, from, to), [models, to - from]));
        };
        parts.push(scope(some));
      }
      return stack(parts);
    }),
  );
  const values = await totals.data();
  totals.dispose();
  return Array.from({ length: models }, (_, m) => {
    // Each batch's counts are exact, and the sum in float64 stays so.
    const [correct, correct5, nats] = [0, 1, 2].map((k) => {
      let all = 0;
      for (let i = 0; i < values.length; i += 3 * models) all += values[i + k * models + m];
      return all;
    });
    return { accuracy: correct / n, top5: correct5 / n, loss: nats / n, correct, correct5, count: n };
  });
}
