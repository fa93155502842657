import { csrPattern } from '../../src/sparse/pattern.js';
import { sddmm } from '../../src/sparse/sddmm.js';
import { tensor } from '../../src/tensor/tensor.js';
import { sddmmVariant } from '../sddmm.js';

/** The engine's products at the entries of compressed rows. */
export default sddmmVariant({
  name: 'CSR',
  kind: 'engine',
  prepare(device, { m, k, n, matrix, x, y }) {
    const pattern = csrPattern(device, matrix);
    const left = tensor(device, x, { shape: [m, n] });
    const right = tensor(device, y, { shape: [k, n] });
    return {
      run: () => sddmm(pattern, left, right),
      dispose() {
        for (const thing of [pattern, left, right]) thing.dispose();
      },
    };
  },
});
