import { avgPoolInput, avgPoolLike, poolGather, poolScatter } from '../ops/pool.js';
import { resizeInput, resizeLike } from '../ops/resize.js';
import { placeAt, sliceAt } from '../ops/slice.js';
import { transpose } from '../ops/transpose.js';
import type { PrimitiveName } from './node.js';
import type { Rule } from './rule.js';

type Spatial =
  | 'transpose'
  | 'slice'
  | 'pad'
  | 'concat'
  | 'poolGather'
  | 'poolScatter'
  | 'avgPool'
  | 'avgPoolInput'
  | 'resize'
  | 'resizeInput';

/** Reverse rules of the ops that move or resample elements: all linear, each the adjoint of another. */
export const spatialRules: { [K in Spatial & PrimitiveName]: Rule<K> } = {
  transpose: (node, g) => {
    const inverse: number[] = [];
    node.attrs.perm.forEach((from, to) => {
      inverse[from] = to;
    });
    return [transpose(g, inverse)];
  },

  slice: (node, g) => [placeAt(g, { ...node.attrs, shape: node.inputs[0].shape })],
  pad: (node, g) => [sliceAt(g, { ...node.attrs, shape: node.inputs[0].shape })],

  concat: (node, g, { needs }) => {
    let start = 0;
    return node.inputs.map((x, i) => {
      const begin = x.shape.map((_, a) => (a === node.attrs.axis ? start : 0));
      start += x.shape[node.attrs.axis];
      return needs[i] ? sliceAt(g, { begin, step: x.shape.map(() => 1), shape: x.shape }) : null;
    });
  },

  poolGather: (node, g) => [poolScatter(g, node.inputs[1], node.attrs), null],
  poolScatter: (node, u) => [poolGather(u, node.inputs[1], node.attrs), null],
  avgPool: (node, g) => [avgPoolInput(g, node.attrs)],
  avgPoolInput: (node, u) => [avgPoolLike(u, node.attrs)],
  resize: (node, g) => [resizeInput(g, node.attrs)],
  resizeInput: (node, u) => [resizeLike(u, node.attrs)],
};
