import { mlpLayers, mlpParameterCount } from '../../../population/index.js';
import type { Widths } from '../enumerate.js';
import { spiralShape } from '../training/setting.js';

/**
 * Masks with the study's rule for biases, in place: that of a hidden neuron goes if no weight leads on from it, all others
 * stay, those of neurons that nothing leads to among them.
 *
 * @param masks [networks, parameters], layer after layer, weights [out, in] before biases
 */
export function maskBiases(widths: Widths, masks: Float32Array): Float32Array {
  const shape = spiralShape(widths);
  const layers = mlpLayers(shape);
  const parameters = mlpParameterCount(shape);
  for (let from = 0; from < masks.length; from += parameters) {
    layers.forEach(({ biases, outputs }, l) => {
      const next = layers[l + 1];
      for (let o = 0; o < outputs; o++) {
        let leads = next === undefined;
        for (let row = 0; next && row < next.outputs && !leads; row++)
          leads = masks[from + next.weights + row * next.inputs + o] !== 0;
        masks[from + biases + o] = leads ? 1 : 0;
      }
    });
  }
  return masks;
}
