import { conv2dInput, conv2dLike, conv2dWeight } from '../../src/ops/conv.js';
import { mul } from '../../src/ops/pointwise.js';
import { tensor } from '../../src/tensor/tensor.js';
import { attrsOf, shapesOf } from '../conv-reference.js';
import { dense } from '../patterns.js';
import { convolutionVariant } from '../sparse-convolutions.js';

/** The dense convolution with weights, or their gradient, masked in every call. */
export default convolutionVariant({
  name: 'masked dense',
  prepare(device, { layer, result, matrix, values, x, g }) {
    const [xShape, wShape, yShape] = shapesOf(layer, 'y');
    const attrs = attrsOf(layer);
    const weight = tensor(device, dense(matrix, values), { shape: wShape });
    const mask = tensor(device, dense(matrix, new Float32Array(values.length).fill(1)), { shape: wShape });
    const image = x && tensor(device, x, { shape: xShape });
    const gradient = g && tensor(device, g, { shape: yShape });
    const run = {
      y: () => conv2dLike(image!, mul(weight, mask), attrs),
      dx: () => conv2dInput(gradient!, mul(weight, mask), attrs),
      dw: () => mul(conv2dWeight(image!, gradient!, attrs), mask),
    };
    return {
      run: run[result],
      multiplied: weight.size,
      dispose() {
        for (const thing of [weight, mask, image, gradient]) thing?.dispose();
      },
    };
  },
});
