import type { Activation } from '../../shaders/gemm/spec.js';
import { apply, constant } from '../expr/expr.js';
import { fuse } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { sameShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** Cotangent before an activation, from its result y. */
export function throughActivation(activation: Activation, y: Tensor, g: Tensor): Tensor {
  const one = constant(1);
  switch (activation) {
    case 'none':
      return g;
    case 'relu':
      return fuse((v, gg) => apply('where', apply('gt', v, constant(0)), gg, constant(0)), [y, g]);
    case 'tanh':
      return fuse((v, gg) => apply('mul', gg, apply('sub', one, apply('mul', v, v))), [y, g]);
    case 'sigmoid':
      return fuse((v, gg) => apply('mul', gg, apply('mul', v, apply('sub', one, v))), [y, g]);
  }
}

/** Sums a cotangent over the axes along which `x` was broadcast. */
export function unbroadcast(g: Tensor, x: Tensor): Tensor {
  if (sameShape(g.shape, x.shape)) return g;
  const lead = g.rank - x.rank;
  const axes = g.shape.flatMap((d, a) => (a < lead || (x.shape[a - lead] === 1 && d !== 1) ? [a] : []));
  return reshape(sum(g, axes), x.shape);
}
