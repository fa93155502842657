import { ShapeError } from '../../gpu/errors.js';

/** Weights of a network's layers, each [out][in]; zero is no connection. */
export type Layers = readonly (readonly ArrayLike<number>[])[];

/** What of a sparse network can matter to its output. */
export interface Connectivity {
  /** Surviving weights. */
  weights: number;
  /** Surviving weights on some path from an input to an output. */
  live: number;
  /** Surviving weights on none: 1 - live / weights, or 0 where none survive. */
  deadFraction: number;
  /**
   * Surviving weights that no input reaches, but that hand a constant on to an output: what feeds them is fed by biases
   * alone. They are among the dead.
   */
  biasFed: number;
  /** Hidden neurons a layer that no input reaches, or from which no output is reached. */
  deadNeurons: number[];
  /** Paths from an input to an output. */
  paths: number;
  /** No path at all: the output is a constant. */
  disconnected: boolean;
  /** Which weights are live, as the layers lie. */
  liveWeights: boolean[][][];
}

/**
 * Which surviving weights lie on a path from an input to an output, and which are dead or fed by biases alone.
 *
 * @throws ShapeError for layers that do not follow one another
 */
export function analyse(layers: Layers): Connectivity {
  layers.forEach((layer, l) => {
    const fan = l === 0 ? layer[0]?.length : layers[l - 1].length;
    for (const row of layer) {
      if (row.length !== fan) throw new ShapeError('analyse', `rows of ${fan} weights in layer ${l}`, `${row.length}`);
    }
  });
  // Paths from the inputs to every neuron, and from every neuron to the outputs.
  const into: number[][] = [Array.from({ length: layers[0][0].length }, () => 1)];
  for (const layer of layers) {
    const below = into[into.length - 1];
    into.push(layer.map((row) => below.reduce((n, paths, i) => n + (row[i] !== 0 ? paths : 0), 0)));
  }
  const out: number[][] = [layers[layers.length - 1].map(() => 1)];
  for (const layer of [...layers].reverse()) {
    const above = out[0];
    const fan = layer[0].length;
    out.unshift(
      Array.from({ length: fan }, (_, i) => layer.reduce((n, row, o) => n + (row[i] !== 0 ? above[o] : 0), 0)),
    );
  }
  let [weights, live, biasFed] = [0, 0, 0];
  const liveWeights = layers.map((layer, l) =>
    layer.map((row, o) =>
      Array.from(row, (w, i) => {
        if (w === 0) return false;
        weights++;
        const leads = out[l + 1][o] > 0;
        const reached = into[l][i] > 0;
        if (leads && reached) live++;
        else if (leads) biasFed++;
        return leads && reached;
      }),
    ),
  );
  const paths = into[into.length - 1].reduce((a, b) => a + b, 0);
  const deadNeurons = into
    .slice(1, -1)
    .map((layer, l) => layer.filter((paths, i) => paths === 0 || out[l + 1][i] === 0).length);
  const deadFraction = weights === 0 ? 0 : (weights - live) / weights;
  return { weights, live, deadFraction, biasFed, deadNeurons, paths, disconnected: paths === 0, liveWeights };
}

/** A network's flat parameters (weights [out, in] before biases, layer after layer) as rows of weights. */
export function layersOf(sizes: readonly number[], parameters: ArrayLike<number>): number[][][] {
  let at = 0;
  const layers = sizes.slice(1).map((out, l) => {
    const layer = Array.from({ length: out }, (_, o) =>
      Array.from({ length: sizes[l] }, (_, i) => parameters[at + o * sizes[l] + i]),
    );
    at += out * (sizes[l] + 1);
    return layer;
  });
  if (at !== parameters.length) throw new ShapeError('layersOf', `${at} parameters`, `${parameters.length}`);
  return layers;
}
