import { densify, sampleDense } from '../sparse/sample.js';
import type { Rule } from './rule.js';

/** Reverse rules between a matrix and the values at a pattern's entries: each is linear, with its adjoint here. */
export const sampleRules: { [K in 'sampleDense' | 'densify']: Rule<K> } = {
  sampleDense: (node, g) => [densify(node.attrs.pattern, g, node.attrs)],

  densify: (node, u) => [sampleDense(node.attrs.pattern, u, node.attrs)],
};
