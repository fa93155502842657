import { matmul } from '../../src/ops/matmul.js';
import { mul } from '../../src/ops/pointwise.js';
import { tensor } from '../../src/tensor/tensor.js';
import { dense } from '../patterns.js';
import { sddmmVariant } from '../sddmm.js';

/** The whole product, then the mask: how a masked weight's gradient is computed without sparse kernels. */
export default sddmmVariant({
  name: 'masked dense',
  prepare(device, { m, k, n, matrix, x, y }) {
    const left = tensor(device, x, { shape: [m, n] });
    const right = tensor(device, y, { shape: [k, n] });
    const ones = new Float32Array(matrix.columns.length).fill(1);
    const mask = tensor(device, dense(matrix, ones), { shape: [m, k] });
    return {
      run: () => mul(matmul(left, right, { transB: true }), mask),
      computed: m * k,
      bytes: 16 * m * k,
      dispose() {
        for (const t of [left, right, mask]) t.dispose();
      },
    };
  },
});
