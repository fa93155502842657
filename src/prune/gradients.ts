import { grad } from '../autograd/grad.js';
import { noGrad } from '../autograd/node.js';
import type { Batch } from '../data/loader.js';
import { apply, constant } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import { add, fuse } from '../ops/pointwise.js';
import { keep, scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Batches, leavesOf, type Probe, packNamed } from './probe.js';

/** Sums what `of` makes of each batch, tensors laid out like the parameters. */
export async function sumOver(op: string, batches: Batches, of: (batch: Batch) => Tensor): Promise<Tensor> {
  let total: Tensor | null = null;
  try {
    for await (const batch of batches) {
      const before: Tensor | null = total;
      const next: Tensor = scope(() => {
        const own = of(batch);
        return before ? noGrad(() => add(before, own)) : own;
      });
      before?.dispose();
      total = keep(next);
    }
  } catch (error) {
    total?.dispose();
    throw error;
  }
  if (!total) throw new ArgumentError(op, 'at least one batch', 'none');
  return total;
}

/** Gradients of the loss with respect to the parameters named, summed over batches; 0 for the others. */
export const gradientsOver = (
  op: string,
  probe: Probe,
  batches: Batches,
  values: Tensor,
  names: readonly string[],
): Promise<Tensor> =>
  sumOver(op, batches, (batch) => {
    const leaves = leavesOf(probe.parameters, values);
    const named = names.map((name) => leaves.get(name)!);
    return packNamed(probe.parameters, names, grad(probe.loss(batch, leaves), named));
  });

/** Values where a mask is not 0, and 0 elsewhere; owned by the caller. */
export const masked = (values: Tensor, mask: Tensor): Tensor =>
  keep(
    noGrad(() => fuse((v, m) => apply('where', apply('ne', m, constant(0)), v, constant(0)), [values, mask], 'masked')),
  );

/** |w g| of tensors laid out alike; owned by the caller. */
export const absoluteProduct = (w: Tensor, g: Tensor): Tensor =>
  keep(noGrad(() => fuse((a, b) => apply('abs', apply('mul', a, b)), [w, g], 'absoluteProduct')));
