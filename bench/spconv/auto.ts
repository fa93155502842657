import { noGrad } from '../../src/autograd/node.js';
import { explain, maskedConv2d, sparseWeight } from '../../src/sparse/index.js';
import { tensor } from '../../src/tensor/tensor.js';
import { shapesOf } from '../conv-reference.js';
import { dense } from '../patterns.js';
import { convolutionVariant } from '../sparse-convolutions.js';

/** A layer with a dense weight and a mask, in the form that the rules choose; no gradients. */
export default convolutionVariant({
  name: 'auto',
  results: ['y'],
  async prepare(device, { layer, matrix, values, x }) {
    const [xShape, wShape, yShape] = shapesOf(layer, 'y');
    const image = tensor(device, x!, { shape: xShape });
    const weight = tensor(device, dense(matrix, values), { shape: wShape });
    const kept = dense(matrix, new Float32Array(values.length).fill(1));
    const mask = tensor(device, kept, { shape: wShape, dtype: 'bool' });
    const sparse = await sparseWeight(mask);
    mask.dispose();
    const options = { stride: layer.stride, padding: layer.pad };
    const n = yShape[0] * yShape[1] * yShape[2];
    const choice = explain(sparse, { op: 'conv2d', n, stride: [layer.stride, layer.stride] });
    return {
      run: () => noGrad(() => maskedConv2d(image, weight, sparse, options)),
      multiplied: choice.kind === 'dense' ? weight.size : undefined,
      facts: { form: choice.name, why: choice.why },
      dispose() {
        for (const thing of [image, weight, sparse]) thing.dispose();
      },
    };
  },
});
