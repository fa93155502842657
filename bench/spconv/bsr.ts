import { blockConv2dInput, blockConv2dWeight, blockConvLike } from '../../src/sparse/block-conv.js';
import { blockPatternFromHost } from '../../src/sparse/block-pattern.js';
import { tensor } from '../../src/tensor/tensor.js';
import { hostBlocks, placesOfBlocks } from '../blocks.js';
import { attrsOf, shapesOf } from '../conv-reference.js';
import { convolutionVariant } from '../sparse-convolutions.js';

const BLOCK = 8;

/** The engine's convolution with block-sparse weights, each block within one tap of the kernel. */
export default convolutionVariant({
  name: `BSR ${BLOCK}x${BLOCK}`,
  structure: () => ({ kind: 'block', block: BLOCK }),
  prepare(device, { layer, result, matrix, values, x, g }) {
    const blocks = hostBlocks(matrix, values, BLOCK);
    const pattern = blockPatternFromHost(device, blocks);
    const attrs = { ...attrsOf(layer), pattern };
    const [xShape, , yShape] = shapesOf(layer, 'y');
    const stored = tensor(device, blocks.values, { shape: [blocks.columns.length, BLOCK, BLOCK] });
    const image = x && tensor(device, x, { shape: xShape });
    const gradient = g && tensor(device, g, { shape: yShape });
    const run = {
      y: () => blockConvLike(image!, stored, attrs),
      dx: () => blockConv2dInput(gradient!, stored, attrs),
      dw: () => blockConv2dWeight(image!, gradient!, attrs),
    };
    return {
      run: run[result],
      places: placesOfBlocks(blocks),
      dispose() {
        for (const thing of [pattern, stored, image, gradient]) thing?.dispose();
      },
    };
  },
});
