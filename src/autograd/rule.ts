import type { Tensor } from '../tensor/tensor.js';
import type { Node, PrimitiveName } from './node.js';

/** What a rule knows besides the node. */
export interface RuleContext {
  output: Tensor;
  /** Which inputs' cotangents are asked for; others may be left null. */
  needs: readonly boolean[];
  /** The cotangents will be differentiated again: use recorded ops only, no fused first-order kernels. */
  createGraph: boolean;
}

/** A reverse rule: cotangents of a node's inputs, each a tensor of its own, given the output's cotangent g. */
export type Rule<K extends PrimitiveName> = (node: Node<K>, g: Tensor, context: RuleContext) => (Tensor | null)[];
