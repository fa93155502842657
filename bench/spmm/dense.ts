import { matmul } from '../../src/ops/matmul.js';
import { tensor } from '../../src/tensor/tensor.js';
import { dense as denseValues } from '../patterns.js';
import { DENSE } from '../sparse-problems.js';
import { type SpmmVariant, spmmVariant } from '../spmm.js';

/** The engine's dense product with the zeros stored: what sparsity must beat. */
export const dense: SpmmVariant = {
  name: DENSE,
  prepare(device, { m, k, n, matrix, values, b }) {
    const left = tensor(device, denseValues(matrix, values), { shape: [m, k] });
    const right = tensor(device, b, { shape: [k, n] });
    return {
      run: () => matmul(left, right),
      multiplied: m * k,
      bytes: 4 * m * k,
      dispose() {
        left.dispose();
        right.dispose();
      },
    };
  },
};

export default spmmVariant(dense);
