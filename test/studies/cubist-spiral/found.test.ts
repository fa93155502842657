import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Layers, layersOf } from '../../../src/studies/cubist-spiral/connectivity.js';
import { cubistSpiral } from '../../../src/studies/cubist-spiral/spiral.js';
import { connectivityOf, parametersOf } from '../../../src/studies/cubist-spiral/trained.js';
import type { Initialisation, TrainedNetwork } from '../../../src/studies/cubist-spiral/types.js';

type Found = TrainedNetwork & { initialisation: Initialisation; target: number };

const FOLDER = new URL('../../fixtures/cubist-spiral/', import.meta.url);
const found = readdirSync(FOLDER).map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Found);

/** The share of the data set that a network tells right, in float64, apart from any code that trained it. */
function accuracyOf(layers: Layers, biases: readonly (readonly number[])[]): number {
  const { inputs, labels } = cubistSpiral();
  let right = 0;
  labels.forEach((label, p) => {
    let values: number[] = [inputs[2 * p], inputs[2 * p + 1]];
    layers.forEach((layer, l) => {
      values = layer.map((row, o) => {
        const sum = values.reduce((total, v, i) => total + v * row[i], biases[l][o]);
        return l < layers.length - 1 ? Math.max(0, sum) : sum;
      });
    });
    right += Number(values[0] > 0 === (label === 1));
  });
  return right / labels.length;
}

describe('the sparsest networks that the searches have found', () => {
  it.each(found)('$weights weights, $initialisation first weights: reaches $target', (net) => {
    const { widths, biases } = net.network;
    const parameters = parametersOf(net.network);
    const layers = layersOf([2, ...widths, 1], parameters);
    const dense = layers.map((layer, l) => {
      const values = layer.map(() => 0);
      for (const [o, b] of biases[l]) values[o] = b;
      return values;
    });
    const accuracy = accuracyOf(layers, dense);
    expect(accuracy).toBeGreaterThanOrEqual(net.target);
    // float32 on the device may put a point or two next to the border on the other side.
    expect(Math.abs(accuracy - net.accuracy) * 49_982).toBeLessThanOrEqual(3);
    const { weights, live, paths } = connectivityOf(widths, parameters);
    expect([weights, live, paths]).toEqual([net.weights, net.live, net.paths]);
  });
});
