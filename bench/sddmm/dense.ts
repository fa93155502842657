import { matmul } from '../../src/ops/matmul.js';
import { tensor } from '../../src/tensor/tensor.js';
import { sddmmVariant } from '../sddmm.js';
import { DENSE } from '../sparse-problems.js';

/** The whole product, most of which nobody needs. */
export default sddmmVariant({
  name: DENSE,
  prepare(device, { m, k, n, x, y }) {
    const left = tensor(device, x, { shape: [m, n] });
    const right = tensor(device, y, { shape: [k, n] });
    return {
      run: () => matmul(left, right, { transB: true }),
      computed: m * k,
      bytes: 4 * m * k,
      dispose() {
        left.dispose();
        right.dispose();
      },
    };
  },
});
