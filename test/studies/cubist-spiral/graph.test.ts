import { describe, expect, it } from 'vitest';
import { pictureFile } from '../../../src/report/picture.js';
import { analyse } from '../../../src/studies/cubist-spiral/connectivity.js';
import { graphOf } from '../../../src/studies/cubist-spiral/report/graph.js';
import { graphDrawing } from '../../../src/studies/cubist-spiral/report/graph-drawing.js';
import type { SparseNetwork } from '../../../src/studies/cubist-spiral/types.js';
import { assertWellFormed } from '../../report/well-formed.js';
import { Inputs } from '../../support/random.js';
import { network } from './records.js';

/** Rows of weights, of what is not 0. */
function dense({ widths, weights }: SparseNetwork): number[][][] {
  const sizes = [2, ...widths, 1];
  return weights.map((layer, l) => {
    const rows = Array.from({ length: sizes[l + 1] }, () => Array.from({ length: sizes[l] }, () => 0));
    for (const [o, i, w] of layer) rows[o][i] = w;
    return rows;
  });
}

/** The specification's example: 7 weights, 4 live, 2 fed by biases alone. */
const EXAMPLE: SparseNetwork = {
  widths: [2, 2, 2],
  weights: [
    [
      [0, 0, 1],
      [1, 1, -1],
    ],
    [[0, 0, 1]],
    [
      [0, 0, 1],
      [1, 1, 1],
    ],
    [
      [0, 0, 1],
      [0, 1, 1],
    ],
  ],
  biases: [[[0, 0.5]], [[1, 2]], [], [[0, -1]]],
};

describe('a network as a graph', () => {
  it("tells live, dead and bias-fed weights and units of the specification's example", () => {
    const { nodes, edges } = graphOf(EXAMPLE);
    expect(edges.map((e) => e.kind)).toEqual(['live', 'dead', 'live', 'live', 'bias', 'live', 'bias']);
    expect(nodes.map((n) => `${n.layer}.${n.index} ${n.kind} ${n.bias}`)).toEqual([
      '0.0 live 0',
      '0.1 dead 0',
      '1.0 live 0.5',
      '1.1 dead 0',
      '2.0 live 0',
      '2.1 bias 2',
      '3.0 live 0',
      '3.1 bias 0',
      '4.0 live -1',
    ]);
  });

  it('counts as the analysis of connectivity does', () => {
    const inputs = new Inputs('graph');
    for (let trial = 0; trial < 40; trial++) {
      const width = 1 + inputs.integer(9);
      const trained = network([width, width + 1, 3], 1 + inputs.integer(12), 0.9, `${inputs.integer(1e9)}`);
      const { edges } = graphOf(trained.network);
      const { weights, live, biasFed, liveWeights } = analyse(dense(trained.network));
      expect(edges).toHaveLength(weights);
      expect(edges.filter((e) => e.kind === 'live')).toHaveLength(live);
      expect(edges.filter((e) => e.kind === 'bias')).toHaveLength(biasFed);
      for (const { layer, from, to, kind } of edges) expect(liveWeights[layer][to][from]).toBe(kind === 'live');
    }
  });
});

describe('its drawing', () => {
  it('has a line for every weight and a mark for every unit, told apart by more than colour', () => {
    const svg = pictureFile(graphDrawing('g', 'a <graph> & "more"', EXAMPLE));
    assertWellFormed(svg);
    expect(svg.match(/<path /g)).toHaveLength(7);
    const group = (dashes: string) => svg.split(`stroke-dasharray="${dashes}">`)[1].split('</g>')[0];
    expect(group('5 4').match(/<path /g)).toHaveLength(1);
    expect(group('1.5 3').match(/<path /g)).toHaveLength(2);
    expect(svg.match(/<circle /g)).toHaveLength(7);
    expect(group('3 2').match(/<circle /g)).toHaveLength(2);
    expect(svg.match(/<rect (?!width="100%")/g)).toHaveLength(2);
    expect(svg).toContain('<title>x to unit 1 of layer 1: 1.000</title>');
    expect(svg).toContain('<title>y to unit 2 of layer 1: −1.000, dead</title>');
    expect(svg).toContain('<title>unit 2 of layer 2: bias 2.000, fed by biases alone</title>');
  });

  it('draws only units that a weight touches, and stays small in wide networks and without weights', () => {
    const wide = graphDrawing('g', '', network([256, 256, 256], 65, 0.5, 'wide').network);
    expect(wide.height).toBeLessThan(420);
    expect(pictureFile(wide).length).toBeLessThan(30_000);
    const empty: SparseNetwork = { widths: [3, 3, 3], weights: [[], [], [], []], biases: [[], [], [], [[0, 1]]] };
    const nothing = pictureFile(graphDrawing('g', '', empty));
    assertWellFormed(nothing);
    expect(nothing).not.toMatch(/NaN|Infinity|<path/);
  });
});
