import { conv2dInput, conv2dLike, conv2dWeight } from '../../src/ops/conv.js';
import { tensor } from '../../src/tensor/tensor.js';
import { attrsOf, shapesOf } from '../conv-reference.js';
import { dense } from '../patterns.js';
import { convolutionVariant } from '../sparse-convolutions.js';
import { DENSE } from '../sparse-problems.js';

const OPS = { y: conv2dLike, dx: conv2dInput, dw: conv2dWeight };

/** The engine's dense convolution with the zeros stored. */
export default convolutionVariant({
  name: DENSE,
  prepare(device, { layer, result, matrix, values, x, g }) {
    const w = dense(matrix, values);
    const hosts = { y: [x, w], dx: [g, w], dw: [x, g] }[result] as Float32Array[];
    const [first, second] = hosts.map((h, i) => tensor(device, h, { shape: shapesOf(layer, result)[i] }));
    return {
      run: () => OPS[result](first, second, attrsOf(layer)),
      multiplied: w.length,
      dispose() {
        first.dispose();
        second.dispose();
      },
    };
  },
});
