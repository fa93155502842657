import { nmMatmul } from '../../src/sparse/nm-matmul.js';
import { nmPatternFromHost } from '../../src/sparse/nm-pattern.js';
import { tensor } from '../../src/tensor/tensor.js';
import { type SpmmVariant, spmmVariant } from '../spmm.js';

/** The engine's product of n:m patterns, which know how long every row is. */
export const nm = (n: number, m: number): SpmmVariant => ({
  name: `N:M ${n}:${m}`,
  prepare(device, input) {
    const { rows, cols, columns } = input.matrix;
    const pattern = nmPatternFromHost(device, { rows, cols, n, m, indices: columns });
    const values = tensor(device, input.values, { shape: [rows, columns.length / rows] });
    const right = tensor(device, input.b, { shape: [input.k, input.n] });
    return {
      run: () => nmMatmul(pattern, values, right),
      dispose() {
        for (const thing of [pattern, values, right]) thing.dispose();
      },
    };
  },
});

/** At the one sparsity of the grid that such a pattern has; the suite `nm` has more. */
export default spmmVariant({
  ...nm(2, 4),
  anyMatrix: false,
  structure: (sparsity) => (sparsity === 0.5 ? { kind: 'nm', n: 2, m: 4 } : null),
});
