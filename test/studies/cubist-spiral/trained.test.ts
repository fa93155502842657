import { describe, expect, it } from 'vitest';
import type { Widths } from '../../../src/studies/cubist-spiral/enumerate.js';
import { parametersOf, sparseNetwork, trainedNetwork } from '../../../src/studies/cubist-spiral/trained.js';
import { subNetworkInitial } from '../../../src/studies/cubist-spiral/training/train.js';

const training = { accuracy: 0.75, loss: 0.5, rate: 0.1, schedule: 'cosine', seed: 7 } as const;

describe('trainedNetwork', () => {
  it('lists what is not 0, and says how it hangs together', () => {
    // The hand example of 2-2-2-2-1: a neuron without way out, one without way in, and a bias that feeds it.
    const widths: Widths = [2, 2, 2];
    const values = [...[1, 0, 0, 2, 0.5, 0.25], ...[3, 0, 0, 0, 0, -1], ...[4, 0, 0, 5, 0, 0], ...[6, 7, 0]];
    const made = trainedNetwork(widths, values, training);
    expect(made).toEqual({
      ...training,
      ...{ weights: 7, parameters: 10, live: 4, biasFed: 2, paths: 1 },
      network: {
        widths,
        weights: [
          [
            [0, 0, 1],
            [1, 1, 2],
          ],
          [[0, 0, 3]],
          [
            [0, 0, 4],
            [1, 1, 5],
          ],
          [
            [0, 0, 6],
            [0, 1, 7],
          ],
        ],
        biases: [
          [
            [0, 0.5],
            [1, 0.25],
          ],
          [[1, -1]],
          [],
          [],
        ],
      },
    });
    expect([...parametersOf(made.network)]).toEqual(values);
  });

  it('gives the same floats back through JSON', () => {
    const widths: Widths = [7, 3, 5];
    const values = subNetworkInitial(widths, [3]);
    for (let i = 0; i < values.length; i += 3) values[i] = i % 2 ? 0 : values[i] * 10 ** ((i % 60) - 40);
    const back = parametersOf(JSON.parse(JSON.stringify(sparseNetwork(widths, values))));
    expect(new Uint8Array(back.buffer)).toEqual(new Uint8Array(values.map((v) => v + 0).buffer));
  });

  it('says what is not finite by the greatest float, as JSON cannot', () => {
    const values = subNetworkInitial([1, 1, 1], [0]);
    values[0] = Number.NaN;
    for (const loss of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const made = trainedNetwork([1, 1, 1], values, { ...training, loss });
      expect(made.loss).toBe(3.40282347e38);
      expect(made.network.weights[0][0]).toEqual([0, 0, 3.40282347e38]);
    }
  });

  it('refuses values of another network', () => {
    expect(() => trainedNetwork([2, 1, 2], [1, 2], training)).toThrow(/16 values, got 2/);
  });
});
