import { mlpLayers, mlpParameterCount } from '../../../population/index.js';
import type { Widths } from '../enumerate.js';
import { spiralShape } from './setting.js';

/** Hidden neurons of a network that can matter, by layer, ascending. */
export type Neurons = readonly [readonly number[], readonly number[], readonly number[]];

/**
 * The hidden neurons from which the output is reached through surviving weights. The others have no gradient, whatever
 * leads to them: without them the network trains exactly as it does with them. Neurons that only a bias feeds are among
 * those that matter.
 *
 * @param mask kept parameters, layer after layer, weights [out, in] before biases
 */
export function usefulNeurons(widths: Widths, mask: ArrayLike<number>): Neurons {
  const layers = mlpLayers(spiralShape(widths));
  const useful: number[][] = [[0]];
  for (const { weights, inputs } of layers.slice(1).reverse()) {
    const above = useful[0];
    const reaches = (i: number) => above.some((o) => mask[weights + o * inputs + i] !== 0);
    useful.unshift(Array.from({ length: inputs }, (_, i) => i).filter(reaches));
  }
  return [useful[0], useful[1], useful[2]];
}

/**
 * Where the parameters of a network of some neurons of another one lie there: an index for every parameter, or -1 for
 * those of further units that the other does not have.
 *
 * @param neurons no more than `to` has units
 */
export function parameterPlaces(from: Widths, neurons: Neurons, to: Widths): Int32Array {
  const wide = mlpLayers(spiralShape(from));
  const places = new Int32Array(mlpParameterCount(spiralShape(to))).fill(-1);
  const units: (readonly number[])[] = [[0, 1], ...neurons, [0]];
  mlpLayers(spiralShape(to)).forEach(({ weights, biases, inputs }, l) => {
    units[l + 1].forEach((o, row) => {
      units[l].forEach((i, column) => {
        places[weights + row * inputs + column] = wide[l].weights + o * wide[l].inputs + i;
      });
      places[biases + row] = wide[l].biases + o;
    });
  });
  return places;
}

/** Units that layers of so many neurons are given, so that few different shapes are compiled. */
export function paddedWidths(neurons: Neurons, most: Widths): Widths {
  const padded = (l: 0 | 1 | 2) => {
    const n = neurons[l].length;
    const unit = n <= 2 ? 2 : n <= 16 ? 4 : 8;
    return Math.min(most[l], Math.max(unit, unit * Math.ceil(n / unit)));
  };
  return [padded(0), padded(1), padded(2)];
}
