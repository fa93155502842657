import type { Batch } from '../../src/data/index.js';
import { bceWithLogits, type Device, scope, type Tensor, tensor } from '../../src/index.js';
import { type Model, type Module, mlp } from '../../src/nn/index.js';
import { Population } from '../../src/population/index.js';
import {
  type LayerDensity,
  type Models,
  type PlansOf,
  type PopulationMask,
  type PrunedAtInit,
  type PrunedOf,
  PrunePlan,
  planSparsity,
} from '../../src/prune/index.js';
import type { Inputs } from '../support/random.js';
import { convNet, drawStatistics, imageBatches } from './scoring.js';

/** A way of pruning, whose `values` (of a population, or of one of its models) may be scored instead of the own. */
export type Method = <M extends Models>(model: M, plan: PlansOf<M>, values?: Tensor) => Promise<PrunedOf<M>>;

/** A plan for one model of a population that keeps `kept` weights. */
export const keeping = (population: Population, kept: number): PrunePlan =>
  new PrunePlan('global', planSparsity(population, 0.5).layers, kept);

/** A model's part of a flat tensor, laid out like that model's own parameters; the caller's. */
export function partOfModel(population: Population, flat: Tensor, model: number, single: Model): Tensor {
  const own = single.parameters.like();
  population.takeFlat(flat, model, single.parameters, own);
  return own;
}

/** What a single model's pruning says, of one model of a population. */
export function saidOf(pruned: PrunedOf<Population>, model: number): Omit<PrunedAtInit, 'mask'> {
  const layersOf = ({ layers }: PopulationMask): LayerDensity[] =>
    layers.map(({ name, kept, total }) => ({ name, kept: kept[model], total }));
  return {
    layers: layersOf(pruned),
    kept: pruned.kept[model],
    total: pruned.total,
    collapsed: pruned.collapsed[model],
    rounds: pruned.rounds.map((r) => ({ kept: r.kept[model], collapsed: r.collapsed[model] })),
  };
}

/** Runs something with each model of a population by itself. */
export async function eachMember(population: Population, run: (single: Model, model: number) => Promise<void>) {
  for (let model = 0; model < population.models; model++) {
    const single = population.member(model);
    try {
      await run(single, model);
    } finally {
      single.dispose();
    }
  }
}

/** Random values, laid out like a population's parameters. */
export function drawValues(population: Population, inputs: Inputs, scale = 0.3): Tensor {
  const values = population.parameters.like();
  for (const name of population.parameters.names)
    scope(() => {
      const part = population.parameters.part(values, name);
      part.write(inputs.normal(part.size).map((v) => scale * v));
    });
  return values;
}

/** Points of a plane with targets 0 and 1, as the Cubist Spiral's batches have them. */
export const spiralBatch = ({ device }: Population, inputs: Inputs, size = 16) => ({
  inputs: tensor(device, inputs.normal(2 * size), { shape: [size, 2] }),
  targets: tensor(device, Float32Array.from(inputs.integers(size, 2)), { shape: [size, 1] }),
});

export const SEEDS = [5, 9, 2];

/** A network, and batches that all models of a population share. */
export interface Case {
  network: () => Module;
  input: number[];
  batches: (population: Population, inputs: Inputs) => Batch[];
  loss?: typeof bceWithLogits;
}

/** A network of the Cubist Spiral. */
export const SPIRAL: Case = {
  network: () => mlp([2, 16, 16, 16, 1]),
  input: [2],
  batches: (population, inputs) => Array.from({ length: 4 }, () => spiralBatch(population, inputs)),
  loss: bceWithLogits,
};

export const CASES: Record<string, Case> = {
  'a network of the spiral': SPIRAL,
  'a residual network with batch normalisation and dropout': {
    network: convNet,
    input: [8, 8, 3],
    batches: ({ device }, inputs) => imageBatches(device, inputs, 4, 4),
  },
};

/** Models of seeds and statistics of their own. */
export function drawPopulation(device: Device, network: Module, inputs: Inputs): Population {
  const population = new Population(device, network, SEEDS.length, { seeds: SEEDS });
  drawStatistics(population, inputs);
  return population;
}
