import { csrPattern } from '../../src/sparse/pattern.js';
import { sparseConv2dInput, sparseConv2dValues, sparseConvLike } from '../../src/sparse/sparse-conv.js';
import { tensor } from '../../src/tensor/tensor.js';
import { attrsOf, shapesOf } from '../conv-reference.js';
import { convolutionVariant } from '../sparse-convolutions.js';

/** The engine's convolution with weights of compressed rows; dw at its entries alone. */
export default convolutionVariant({
  name: 'CSR',
  kind: 'engine',
  prepare(device, { layer, result, matrix, values, x, g }) {
    const pattern = csrPattern(device, matrix);
    const attrs = { ...attrsOf(layer), pattern };
    const [xShape, , yShape] = shapesOf(layer, 'y');
    const stored = tensor(device, values);
    const image = x && tensor(device, x, { shape: xShape });
    const gradient = g && tensor(device, g, { shape: yShape });
    const run = {
      y: () => sparseConvLike(image!, stored, attrs),
      dx: () => sparseConv2dInput(gradient!, stored, attrs),
      dw: () => sparseConv2dValues(image!, gradient!, attrs),
    };
    return {
      run: run[result],
      dispose() {
        for (const thing of [pattern, stored, image, gradient]) thing?.dispose();
      },
    };
  },
});
