import { ArgumentError } from '../../gpu/errors.js';
import { mlpLayers, mlpParameterCount } from '../../population/index.js';
import { analyse, type Connectivity, layersOf } from './connectivity.js';
import type { ScheduleName, Widths } from './enumerate.js';
import { layerSizes, spiralShape } from './training/setting.js';
import type { SparseNetwork, TrainedNetwork } from './types.js';

/** How a network was trained, and how it did. */
export interface Training {
  accuracy: number;
  loss: number;
  rate: number;
  schedule: ScheduleName;
  seed: number;
}

/** Significant decimal digits that tell any two floats apart. */
const DIGITS = 9;
/** What stands for a value of a diverged network that is not finite, which JSON cannot say: the greatest float. */
const GREATEST = 3.4028234663852886e38;

/** A float as JSON can say it. */
const rounded = (v: number): number => Number((Number.isFinite(v) ? v : GREATEST).toPrecision(DIGITS));

/** How the weights of a network's flat parameters that are not 0 hang together. */
export const connectivityOf = (widths: Widths, parameters: ArrayLike<number>): Connectivity =>
  analyse(layersOf(layerSizes(widths), parameters));

/**
 * A network as results tell of it.
 *
 * @param values parameters, layer after layer, weights [out, in] before biases
 * @throws ArgumentError for another number of values
 */
export function trainedNetwork(widths: Widths, values: ArrayLike<number>, training: Training): TrainedNetwork {
  const network = sparseNetwork(widths, values);
  const { live, biasFed, paths } = connectivityOf(widths, values);
  const count = (layers: readonly (readonly unknown[])[]) => layers.reduce((n, layer) => n + layer.length, 0);
  const weights = count(network.weights);
  const parameters = weights + count(network.biases);
  const { accuracy, loss, rate, schedule, seed } = training;
  return {
    ...{ accuracy, loss: rounded(loss), rate, schedule, seed },
    ...{ weights, parameters, live, biasFed, paths, network },
  };
}

/**
 * What of a network is not 0.
 *
 * @throws ArgumentError for another number of values than the network has
 */
export function sparseNetwork(widths: Widths, values: ArrayLike<number>): SparseNetwork {
  const shape = spiralShape(widths);
  const expected = mlpParameterCount(shape);
  if (values.length !== expected) throw new ArgumentError('sparseNetwork', `${expected} values`, `${values.length}`);
  const weights: [number, number, number][][] = [];
  const biases: [number, number][][] = [];
  for (const layer of mlpLayers(shape)) {
    const own: [number, number, number][] = [];
    const added: [number, number][] = [];
    for (let o = 0; o < layer.outputs; o++) {
      for (let i = 0; i < layer.inputs; i++) {
        const w = values[layer.weights + o * layer.inputs + i];
        if (w !== 0) own.push([o, i, rounded(w)]);
      }
      const b = values[layer.biases + o];
      if (b !== 0) added.push([o, rounded(b)]);
    }
    weights.push(own);
    biases.push(added);
  }
  return { widths, weights, biases };
}

/** The flat parameters of a network, the same floats as before `sparseNetwork`. */
export function parametersOf({ widths, weights, biases }: SparseNetwork): Float32Array {
  const shape = spiralShape(widths);
  const out = new Float32Array(mlpParameterCount(shape));
  mlpLayers(shape).forEach((layer, l) => {
    for (const [o, i, w] of weights[l]) out[layer.weights + o * layer.inputs + i] = w;
    for (const [o, b] of biases[l]) out[layer.biases + o] = b;
  });
  return out;
}
