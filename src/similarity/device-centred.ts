import { withRecording } from '../autograd/node.js';
import { apply, constant, input, scalar } from '../expr/expr.js';
import { map } from '../ops/map.js';
import { abs, div, fuse } from '../ops/pointwise.js';
import { max } from '../ops/reductions.js';
import { slice } from '../ops/slice.js';
import { scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

/** Runs without a graph in a scope of its own. */
export const untracked = <T>(fn: () => T): T => withRecording(false, () => scope(fn));

/** x [points, neurons] less its means, over `unit` [1, neurons] if there is one; and those means less `shift` [1, neurons]. */
export function centredBeyond(x: Tensor, shift: Tensor, unit?: Tensor): { centred: Tensor; mean: Tensor } {
  const beyond = apply('sub', input(0), input(1));
  const share = { axes: [0], keepDims: true, scalars: [1 / x.shape[0]] };
  const mean = map([x, shift], apply('mul', beyond, scalar(0)), share);
  const centred = apply('sub', beyond, input(2));
  if (!unit) return { centred: map([x, shift, mean], centred), mean };
  return { centred: map([x, shift, mean, unit], apply('div', centred, input(3))), mean };
}

/**
 * x [points, neurons] less its means, divided by the greatest magnitude of what is left, so that squares stay within
 * float32; and that magnitude [1, 1], 1 where nothing is left. Neurons that never change become exactly zero.
 */
export function centredUnit(x: Tensor): { unit: Tensor; peak: Tensor } {
  const { centred } = centredBeyond(x, slice(x, [0], [1]));
  const peak = peakOf(centred);
  return { unit: div(centred, peak), peak };
}

/** The greatest magnitude of x, 1 where all is zero: [1, 1]. */
export function peakOf(x: Tensor): Tensor {
  const greatest = max(abs(x), undefined, { keepDims: true });
  return fuse((v) => apply('where', apply('eq', v, constant(0)), constant(1), v), [greatest]);
}
