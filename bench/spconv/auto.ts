import { noGrad } from '../../src/autograd/node.js';
import { explain, maskedConv2d, sparseWeight, tuneForms } from '../../src/sparse/index.js';
import { tensor } from '../../src/tensor/tensor.js';
import type { Family } from '../case.js';
import { shapesOf } from '../conv-reference.js';
import { dense } from '../patterns.js';
import { convolutionVariant } from '../sparse-convolutions.js';

/** A layer with a dense weight and a mask, in the form that the rules choose, or that was fastest; no gradients. */
const auto = (name: string, tuned: boolean): Family =>
  convolutionVariant({
    name,
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
      const run = () => noGrad(() => maskedConv2d(image, weight, sparse, options));
      if (tuned) await tuneForms(sparse, run);
      const n = yShape[0] * yShape[1] * yShape[2];
      const choice = explain(sparse, { op: 'conv2d', n, stride: [layer.stride, layer.stride] });
      return {
        run,
        multiplied: choice.kind === 'dense' ? weight.size : undefined,
        facts: { form: choice.name, why: choice.why },
        dispose() {
          for (const thing of [image, weight, sparse]) thing.dispose();
        },
      };
    },
  });

const family: Family = (context) => [...auto('auto', false)(context), ...auto('auto tuned', true)(context)];
export default family;
