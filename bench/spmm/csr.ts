import { csrPattern } from '../../src/sparse/pattern.js';
import { spmm } from '../../src/sparse/spmm.js';
import { tensor } from '../../src/tensor/tensor.js';
import { type SpmmVariant, spmmVariant } from '../spmm.js';

/** The engine's product of compressed rows. */
export const csr: SpmmVariant = {
  name: 'CSR',
  kind: 'engine',
  prepare(device, { k, n, matrix, values, b }) {
    const pattern = csrPattern(device, matrix);
    const stored = tensor(device, values);
    const right = tensor(device, b, { shape: [k, n] });
    return {
      run: () => spmm(pattern, stored, right),
      dispose() {
        for (const thing of [pattern, stored, right]) thing.dispose();
      },
    };
  },
};

export default spmmVariant(csr);
