import { cumsum } from '../ops/cumsum.js';
import { gatherBy, scatterAddBy } from '../ops/gather.js';
import type { Rule } from './rule.js';

/** Reverse rules of the primitives that move elements by index or position: each is linear, with its adjoint here. */
export const indexRules: { [K in 'gather' | 'scatterAdd' | 'cumsum']: Rule<K> } = {
  gather: (node, g) => [scatterAddBy('gradient of gather', g, node.inputs[1], node.attrs), null],

  scatterAdd: (node, u) => [gatherBy('gradient of scatterAdd', u, node.inputs[1], node.attrs), null],

  cumsum: (node, g) => {
    const { axis, reverse, exclusive } = node.attrs;
    return [cumsum(g, axis, { reverse: !reverse, exclusive })];
  },
};
