import type { SparseNetwork } from '../types.js';

/**
 * What a weight does: `live` on a path from an input to the output; `bias` hands on a constant that biases make; `dead`
 * leads nowhere.
 */
export type WeightKind = 'live' | 'bias' | 'dead';

export interface GraphNode {
  /** 0 for the inputs. */
  readonly layer: number;
  readonly index: number;
  readonly bias: number;
  /** Of hidden units and the output, as of the weights. */
  readonly kind: WeightKind;
}

export interface GraphEdge {
  /** Of the weights, from 0. */
  readonly layer: number;
  readonly from: number;
  readonly to: number;
  readonly weight: number;
  readonly kind: WeightKind;
}

/** A network as a graph: its inputs, its output and the units that a weight touches. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export function graphOf({ widths, weights, biases }: SparseNetwork): Graph {
  const sizes = [2, ...widths, 1];
  const none = () => sizes.map(() => new Set<number>());
  // Units that an input reaches, and units that reach the output.
  const [reached, leading, touched] = [none(), none(), none()];
  for (const set of [reached, touched]) for (const i of [0, 1]) set[0].add(i);
  for (const set of [leading, touched]) set[weights.length].add(0);
  weights.forEach((layer, l) => {
    for (const [to, from] of layer) {
      touched[l].add(from);
      touched[l + 1].add(to);
      if (reached[l].has(from)) reached[l + 1].add(to);
    }
  });
  for (let l = weights.length - 1; l >= 0; l--)
    for (const [to, from] of weights[l]) if (leading[l + 1].has(to)) leading[l].add(from);
  const kind = (isReached: boolean, isLeading: boolean): WeightKind =>
    isLeading ? (isReached ? 'live' : 'bias') : 'dead';
  return {
    nodes: touched.flatMap((units, layer) =>
      [...units]
        .sort((a, b) => a - b)
        .map((index) => ({
          ...{ layer, index, bias: biases[layer - 1]?.find(([unit]) => unit === index)?.[1] ?? 0 },
          kind: kind(reached[layer].has(index), leading[layer].has(index)),
        })),
    ),
    edges: weights.flatMap((own, layer) =>
      own.map(([to, from, weight]) => ({
        ...{ layer, from, to, weight },
        kind: kind(reached[layer].has(from), leading[layer + 1].has(to)),
      })),
    ),
  };
}
