import { sum } from '../ops/reductions.js';
import { sparseConv2dInput, sparseConv2dValues, sparseConvLike } from '../sparse/sparse-conv.js';
import { throughActivation, unbroadcast } from './cotangents.js';
import type { PrimitiveName } from './node.js';
import type { Rule } from './rule.js';

type SparseConv = 'sparseConv2d' | 'sparseConv2dInput' | 'sparseConv2dValues';

/**
 * Reverse rules of the sparse convolution, closed as the dense family is: y, dx and the gradient of the values are the
 * three ways to leave one factor out of the trilinear form <c, conv(x, values)>.
 */
export const sparseConvRules: { [K in SparseConv & PrimitiveName]: Rule<K> } = {
  sparseConv2d: (node, g, { output, needs }) => {
    const [x, values, bias] = node.inputs;
    const { attrs } = node;
    const dz = throughActivation(attrs.activation, output, g);
    const shared = dz.shape.map((_, a) => a).slice(bias?.rank === 2 ? 1 : 0, -1);
    return [
      needs[0] ? unbroadcast(sparseConv2dInput(dz, values, attrs), x) : null,
      needs[1] ? sparseConv2dValues(x, dz, attrs) : null,
      bias && needs[2] ? sum(dz, shared) : null,
    ];
  },

  sparseConv2dInput: (node, u, { needs }) => {
    const [c, values] = node.inputs;
    return [
      needs[0] ? sparseConvLike(u, values, node.attrs) : null,
      needs[1] ? sparseConv2dValues(u, c, node.attrs) : null,
    ];
  },

  sparseConv2dValues: (node, u, { needs }) => {
    const [x, c] = node.inputs;
    return [
      needs[0] ? unbroadcast(sparseConv2dInput(c, u, node.attrs), x) : null,
      needs[1] ? sparseConvLike(x, u, node.attrs) : null,
    ];
  },
};
