import { describe, expect, it } from 'vitest';
import { analyse, type Layers, layersOf } from '../../../src/studies/cubist-spiral/connectivity.js';
import { Inputs } from '../../support/random.js';

/** Every path from an input to an output, as the neurons that it passes. */
function allPaths(layers: Layers): number[][] {
  let paths = Array.from({ length: layers[0][0].length }, (_, i) => [i]);
  for (const layer of layers) {
    paths = paths.flatMap((path) =>
      layer.flatMap((row, o) => (row[path[path.length - 1]] !== 0 ? [[...path, o]] : [])),
    );
  }
  return paths;
}

describe('analyse', () => {
  it("gives the specification's hand example", () => {
    const layers = [
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 0],
        [0, 0],
      ],
      [
        [1, 0],
        [0, 1],
      ],
      [[1, 1]],
    ];
    const { liveWeights, ...found } = analyse(layers);
    expect(found).toEqual({
      weights: 7,
      live: 4,
      deadFraction: 3 / 7,
      // W3[1,1] and W4[0,1] hand on what the biases of layers 2 and 3 say; W1[1,1] leads nowhere.
      biasFed: 2,
      deadNeurons: [1, 1, 1],
      paths: 1,
      disconnected: false,
    });
    expect(liveWeights).toEqual([
      [
        [true, false],
        [false, false],
      ],
      [
        [true, false],
        [false, false],
      ],
      [
        [true, false],
        [false, false],
      ],
      [[true, false]],
    ]);
  });

  it('agrees with a list of all paths on random masks', () => {
    const inputs = new Inputs('paths');
    const sizes = [2, 4, 3, 4, 1];
    for (let trial = 0; trial < 60; trial++) {
      const keep = 0.2 + 0.7 * (trial / 60);
      const count = sizes.slice(1).reduce((n, out, l) => n + out * (sizes[l] + 1), 0);
      const parameters = inputs.uniform(count, 0, 1).map((u) => (u < keep ? 1 + u : 0));
      const layers = layersOf(sizes, parameters);
      const found = analyse(layers);
      const paths = allPaths(layers);
      const live = new Set(paths.flatMap((path) => path.slice(1).map((o, l) => `${l} ${o} ${path[l]}`)));
      expect(found.paths).toBe(paths.length);
      expect(found.live).toBe(live.size);
      expect(found.weights).toBe(layers.flat(2).filter((w) => w !== 0).length);
      expect(found.disconnected).toBe(paths.length === 0);
      expect(found.live + found.biasFed).toBeLessThanOrEqual(found.weights);
      const visited = sizes.slice(1, -1).map((_, l) => new Set(paths.map((path) => path[l + 1])).size);
      expect(found.deadNeurons).toEqual(sizes.slice(1, -1).map((n, l) => n - visited[l]));
    }
  });

  it('calls an empty network disconnected, with nothing dead', () => {
    const { weights, live, deadFraction, biasFed, paths, disconnected } = analyse([[[0, 0]], [[0]]]);
    expect([weights, live, deadFraction, biasFed, paths, disconnected]).toEqual([0, 0, 0, 0, 0, true]);
  });

  it('refuses layers that do not follow one another', () => {
    expect(() => analyse([[[1, 1]], [[1, 1]]])).toThrow(/analyse: expected rows of 1 weights in layer 1, got 2/);
    expect(() => layersOf([2, 1], [1, 2])).toThrow(/layersOf: expected 3 parameters, got 2/);
  });
});
