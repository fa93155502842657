import { matmul } from '../../src/ops/matmul.js';
import { mul } from '../../src/ops/pointwise.js';
import { tensor } from '../../src/tensor/tensor.js';
import { dense } from '../patterns.js';
import { uniform } from '../peers/lib/random.mjs';
import { spmmVariant } from '../spmm.js';

/** A dense product of weights that are masked in every call, as frameworks without sparse kernels train pruned layers. */
export default spmmVariant({
  name: 'masked dense',
  prepare(device, { m, k, n, matrix, values, b }) {
    const kept = dense(matrix, values);
    // What the mask hides is there, or nothing would show that it was applied.
    const hidden = uniform(m * k, -1, 1, 1, 3);
    const mask = dense(matrix, new Float32Array(values.length).fill(1));
    const weights = tensor(
      device,
      hidden.map((x, i) => (mask[i] === 1 ? kept[i] : x)),
      { shape: [m, k] },
    );
    const factors = tensor(device, mask, { shape: [m, k] });
    const right = tensor(device, b, { shape: [k, n] });
    return {
      run: () => matmul(mul(weights, factors), right),
      multiplied: m * k,
      bytes: 16 * m * k,
      dispose() {
        for (const t of [weights, factors, right]) t.dispose();
      },
    };
  },
});
