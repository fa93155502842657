import { ArgumentError } from '../../gpu/errors.js';
import { describe } from '../../nn/describe.js';
import { BatchNorm2d, Conv2d, Linear, Sequential } from '../../nn/layers.js';
import type { Module } from '../../nn/module.js';
import { zooNetwork } from '../../nn/zoo/registry.js';
import { macsByWeight } from '../../prune/metrics.js';
import { pickNames } from '../../prune/names.js';
import type { Shape } from '../../tensor/shape.js';
import { sizeOf } from '../../tensor/shape.js';
import type { DataConfig } from './config.js';
import { dataShape } from './data.js';

/** A layer whose results are compared. */
export interface ComparedLayer {
  /** Path of the layer that has the weights, or of the block. */
  readonly name: string;
  /** Path of the module whose result is the activated one: a batch normalisation behind a convolution, for instance. */
  readonly path: string;
  readonly type: 'conv' | 'block' | 'linear' | 'logits';
  /** For one input: [h, w, channels], or [neurons]. */
  readonly output: Shape;
}

export interface StudyNetwork {
  readonly network: Module;
  readonly input: Shape;
  readonly classes: number;
}

/**
 * A network of the zoo for the images of a data set.
 *
 * @throws ArgumentError for a name or images that the zoo does not take
 */
export function studyNetwork({ name, width }: { name: string; width: number }, data: DataConfig): StudyNetwork {
  const { image, classes } = dataShape(data);
  return zooNetwork(name, { widthMultiplier: width, classes, input: image });
}

/**
 * The layers to compare, in the order in which they run: rectified results of convolutions, blocks and linear layers, and
 * the logits. All that the module tree says is used: a block is a module with layers below that is no mere sequence, and
 * its result takes the place of its last layer's.
 *
 * @throws ArgumentError for a network whose last layer is not linear
 */
export function comparedLayers({ network, input }: StudyNetwork): ComparedLayer[] {
  network.build();
  const layers: ComparedLayer[] = [];
  let weights: Module | null = null;
  network.trace([1, ...input], (module, _, y) => {
    const output = y.slice(1);
    const add = (name: string, type: ComparedLayer['type']) => layers.push({ name, path: module.path, type, output });
    if (module instanceof Conv2d || module instanceof Linear) {
      weights = module;
      const type = module instanceof Conv2d ? 'conv' : 'linear';
      if (module.activation !== 'none') add(module.path, type);
    } else if (module instanceof BatchNorm2d) {
      if (module.activation !== 'none' && weights) add(weights.path, weights instanceof Conv2d ? 'conv' : 'linear');
    } else if (isBlock(module) && module !== network) {
      const last = layers.findLastIndex((layer) => layer.path.startsWith(`${module.path}.`));
      if (last >= 0) layers.splice(last, 1);
      add(module.path, 'block');
    }
  });
  const last = weights as Module | null;
  if (!(last instanceof Linear))
    throw new ArgumentError('svcca', 'a network that ends with a linear layer', last?.path ?? 'none');
  const logits = { name: last.path, path: last.path, output: network.trace([1, ...input]).slice(1) };
  return [...layers.filter((layer) => layer.path !== last.path), { ...logits, type: 'logits' }];
}

const isBlock = (module: Module): boolean => module.children.size > 0 && !(module instanceof Sequential);

/** Data points of a layer: positions of all images, or images; `rows` at most of positions. */
export function pointsOf(
  { output }: ComparedLayer,
  view: 'positions' | 'pooled',
  images: number,
  rows: number,
): number {
  return view === 'pooled' || output.length === 1 ? images : Math.min(rows, images * output[0] * output[1]);
}

export const channelsOf = ({ output }: ComparedLayer): number => output[output.length - 1];

/** Names and sizes of the weights that patterns pick. @throws ArgumentError for a pattern that picks none */
export function prunableWeights({ network }: StudyNetwork, patterns: readonly string[]): Map<string, number> {
  const specs = network.build().filter((d) => d.kind === 'parameter');
  const shapes = new Map(specs.map((d) => [d.name, d.shape]));
  const named = { specs, names: [...shapes.keys()], has: (name: string) => shapes.has(name) };
  return new Map(pickNames('svcca', named, patterns).map((name) => [name, sizeOf(shapes.get(name)!)]));
}

/** Multiply-adds for one input, by the name of the layer's weight. */
export const networkMacs = ({ network, input }: StudyNetwork): Map<string, number> =>
  macsByWeight(describe(network, input).layers);
