import { mul, sub } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { sddmm } from '../sparse/sddmm.js';
import { rowSums, spreadRows } from '../sparse/sparse-softmax.js';
import { spmm } from '../sparse/spmm.js';
import type { Tensor } from '../tensor/tensor.js';
import { throughActivation, unbroadcast } from './cotangents.js';
import type { PrimitiveName } from './node.js';
import type { Rule } from './rule.js';

type Sparse = 'spmm' | 'sddmm' | 'sparseSoftmax' | 'rowSums' | 'spreadRows';

/** Reverse rules of products with sparse matrices: {S b, Sᵀ b, x yᵀ at the entries} is closed, and so are row sums. */
export const sparseRules: { [K in Sparse & PrimitiveName]: Rule<K> } = {
  spmm: (node, g, { output, needs }) => {
    const [values, b, bias] = node.inputs;
    const { pattern, transA, transB, transC, activation } = node.attrs;
    const dz = throughActivation(activation, output, g);
    // dS = dC bᵀ, and for the transpose b dCᵀ, at the entries.
    const dv = () =>
      transA
        ? sddmm(pattern, b, dz, { transX: transB, transY: transC })
        : sddmm(pattern, dz, b, { transX: transC, transY: transB });
    const db = () => spmm(pattern, values, dz, { transA: !transA, transB: transC, transC: transB });
    return [
      needs[0] ? unbroadcast(dv(), values) : null,
      needs[1] ? unbroadcast(db(), b) : null,
      bias && needs[2] ? biasGradient(dz, bias, transC) : null,
    ];
  },

  sddmm: (node, u, { needs }) => {
    const [x, y] = node.inputs;
    const { pattern, transX, transY } = node.attrs;
    const dx = () => spmm(pattern, u, y, { transB: transY, transC: transX });
    const dy = () => spmm(pattern, u, x, { transA: true, transB: transX, transC: transY });
    return [needs[0] ? unbroadcast(dx(), x) : null, needs[1] ? unbroadcast(dy(), y) : null];
  },

  // dv = y (g - sum over the row of g y).
  sparseSoftmax: (node, g, { output: y }) => {
    const { pattern } = node.attrs;
    return [mul(y, sub(g, spreadRows(pattern, rowSums(pattern, mul(g, y)))))];
  },
  rowSums: (node, g) => [spreadRows(node.attrs.pattern, g)],
  spreadRows: (node, u) => [rowSums(node.attrs.pattern, u)],
};

/** Sum over the columns, and over the batch or the parts where these share the bias. */
function biasGradient(dz: Tensor, bias: Tensor, transC: boolean): Tensor {
  const rows = dz.rank - (transC ? 1 : 2);
  return sum(
    dz,
    dz.shape.flatMap((_, a) => (a === rows || (bias.rank === 2 && a === 0) ? [] : [a])),
  );
}
