import { sum } from '../ops/reductions.js';
import { reshape } from '../ops/reshape.js';
import { blockConv2dInput, blockConv2dWeight, blockConvLike } from '../sparse/block-conv.js';
import { blocksToDense, sampleBlocks } from '../sparse/block-elements.js';
import { blockMatmul, blockSddmm } from '../sparse/block-matmul.js';
import { flatValues } from '../sparse/nm-matmul.js';
import { sddmm } from '../sparse/sddmm.js';
import { spmm } from '../sparse/spmm.js';
import type { Tensor } from '../tensor/tensor.js';
import { throughActivation, unbroadcast } from './cotangents.js';
import type { PrimitiveName } from './node.js';
import type { Rule } from './rule.js';

type Block =
  | 'sampleBlocks'
  | 'blocksToDense'
  | 'blockMatmul'
  | 'blockSddmm'
  | 'nmMatmul'
  | 'blockConv2d'
  | 'blockConv2dInput'
  | 'blockConv2dWeight';

/**
 * Reverse rules of products with block-sparse matrices. {S b, Sᵀ b, x yᵀ at the blocks} is closed, and so are a
 * convolution and its gradients for the input and the values.
 */
export const blockRules: { [K in Block & PrimitiveName]: Rule<K> } = {
  sampleBlocks: (node, g) => [blocksToDense(node.attrs.pattern, g)],
  blocksToDense: (node, u) => [sampleBlocks(node.attrs.pattern, u)],

  blockMatmul: (node, g, { output, needs }) => {
    const [values, b, bias] = node.inputs;
    const { pattern, transA, transB, transC, activation } = node.attrs;
    const dz = throughActivation(activation, output, g);
    // dS = dC bᵀ, and for the transpose b dCᵀ, at the blocks.
    const dv = () =>
      transA
        ? blockSddmm(pattern, b, dz, { transX: transB, transY: transC })
        : blockSddmm(pattern, dz, b, { transX: transC, transY: transB });
    const db = () => blockMatmul(pattern, values, dz, { transA: !transA, transB: transC, transC: transB });
    return [
      needs[0] ? unbroadcast(dv(), values) : null,
      needs[1] ? unbroadcast(db(), b) : null,
      bias && needs[2] ? sumRows(dz, transC) : null,
    ];
  },

  blockSddmm: (node, u, { needs }) => {
    const [x, y] = node.inputs;
    const { pattern, transX, transY } = node.attrs;
    const dx = () => blockMatmul(pattern, u, y, { transB: transY, transC: transX });
    const dy = () => blockMatmul(pattern, u, x, { transA: true, transB: transX, transC: transY });
    return [needs[0] ? unbroadcast(dx(), x) : null, needs[1] ? unbroadcast(dy(), y) : null];
  },

  // The gradients are products with the same matrix as compressed rows.
  nmMatmul: (node, g, { output, needs }) => {
    const [values, b, bias] = node.inputs;
    const { pattern, transB, transC, activation } = node.attrs;
    const { csr, rows, length } = pattern;
    const dz = throughActivation(activation, output, g);
    const dv = () => {
      const sampled = sddmm(csr, dz, b, { transX: transC, transY: transB });
      return reshape(sampled, [...sampled.shape.slice(0, -1), rows, length]);
    };
    const db = () => spmm(csr, flatValues(values), dz, { transA: true, transB: transC, transC: transB });
    return [
      needs[0] ? unbroadcast(dv(), values) : null,
      needs[1] ? unbroadcast(db(), b) : null,
      bias && needs[2] ? sumRows(dz, transC) : null,
    ];
  },

  blockConv2d: (node, g, { output, needs }) => {
    const [x, values, bias] = node.inputs;
    const dz = throughActivation(node.attrs.activation, output, g);
    return [
      needs[0] ? blockConv2dInput(dz, values, node.attrs) : null,
      needs[1] ? blockConv2dWeight(x, dz, node.attrs) : null,
      bias && needs[2] ? sum(dz, [0, 1, 2]) : null,
    ];
  },

  blockConv2dInput: (node, u, { needs }) => {
    const [c, values] = node.inputs;
    return [
      needs[0] ? blockConvLike(u, values, node.attrs) : null,
      needs[1] ? blockConv2dWeight(u, c, node.attrs) : null,
    ];
  },

  blockConv2dWeight: (node, u, { needs }) => {
    const [x, c] = node.inputs;
    return [needs[0] ? blockConv2dInput(c, u, node.attrs) : null, needs[1] ? blockConvLike(x, u, node.attrs) : null];
  },
};

/** Sum over everything but the rows of the sparse matrix. */
function sumRows(dz: Tensor, transC: boolean): Tensor {
  const rows = dz.rank - (transC ? 1 : 2);
  return sum(
    dz,
    dz.shape.flatMap((_, a) => (a === rows ? [] : [a])),
  );
}
