import { ArgumentError } from '../gpu/errors.js';
import { type Shape, sizeOf } from '../tensor/shape.js';
import type { Declared, Module } from './module.js';

/** Counts of a layer or of a whole network. Of what has no mask, everything is kept. */
export interface Counts {
  /** Trainable values, biases and normalisation included. */
  parameters: number;
  /** Those that masks keep. */
  kept: number;
  /** Multiply-adds of products and convolutions for one input; biases, normalisation and pooling count nothing. */
  macs: number;
  /** Those with weights that masks keep: exact, as a weight serves every output position once. */
  keptMacs: number;
  /** Share that masks remove of the parameters that have masks; null where none has. */
  sparsity: number | null;
}

export interface LayerRow extends Counts {
  name: string;
  /** For one input, without the batch axis. */
  output: Shape;
}

/** A network as a table: its layers in the order in which they run. */
export interface Description {
  input: Shape;
  layers: LayerRow[];
  total: Counts;
}

/** How many values of a parameter a mask keeps; `magnitudeMask` gives these. */
export interface Kept {
  name: string;
  kept: number;
}

/**
 * Layers, shapes, parameters and multiply-adds of a network for one input, found without a device.
 *
 * @param input shape of one input, without the batch axis: [h, w, channels]
 * @throws ShapeError for an input that does not fit a layer
 * @throws ArgumentError for masks of unknown parameters or impossible counts, or a module of one's own that does not say
 * its output shape
 */
export function describe(network: Module, input: Shape, masks: Iterable<Kept> = []): Description {
  const parameters = network.build().filter((d) => d.kind === 'parameter');
  const kept = checkedMasks(parameters, masks);
  const layers: LayerRow[] = [];
  network.trace([1, ...input], (module, _, output) => {
    if (module.children.size > 0 && module.declared.length === 0) return;
    const name = (d: Declared) => (module.path ? `${module.path}.${d.name}` : d.name);
    const own = module.declared.filter((d) => d.kind === 'parameter');
    const values = own.map((d) => ({ shape: d.shape, kept: kept.get(name(d)) }));
    layers.push({ name: module.path, output: output.slice(1), ...countsOf(values, output) });
  });
  const masked = parameters.map((d) => ({ shape: d.shape, kept: kept.get(d.name) }));
  const sum = (key: 'macs' | 'keptMacs') => layers.reduce((n, row) => n + row[key], 0);
  return { input, layers, total: { ...countsOf(masked, []), macs: sum('macs'), keptMacs: sum('keptMacs') } };
}

interface Values {
  shape: Shape;
  /** Undefined without a mask. */
  kept?: number;
}

function countsOf(values: readonly Values[], output: Shape): Counts {
  const add = (some: readonly Values[], f: (v: Values) => number) => some.reduce((n, v) => n + f(v), 0);
  const size = ({ shape }: Values) => sizeOf(shape);
  const left = (v: Values) => v.kept ?? size(v);
  const weights = values.filter((v) => v.shape.length >= 2);
  const positions = sizeOf(output.slice(0, -1));
  const masked = values.filter((v) => v.kept !== undefined);
  return {
    parameters: add(values, size),
    kept: add(values, left),
    macs: positions * add(weights, size),
    keptMacs: positions * add(weights, left),
    sparsity: add(masked, size) > 0 ? 1 - add(masked, left) / add(masked, size) : null,
  };
}

function checkedMasks(parameters: readonly Declared[], masks: Iterable<Kept>): Map<string, number> {
  const sizes = new Map(parameters.map((d) => [d.name, sizeOf(d.shape)]));
  const kept = new Map<string, number>();
  for (const mask of masks) {
    const size = sizes.get(mask.name);
    if (size === undefined)
      throw new ArgumentError('describe', `masks of ${[...sizes.keys()].join(', ')}`, `'${mask.name}'`);
    if (!Number.isInteger(mask.kept) || mask.kept < 0 || mask.kept > size)
      throw new ArgumentError('describe', `0 to ${size} values kept of ${mask.name}`, String(mask.kept));
    kept.set(mask.name, mask.kept);
  }
  return kept;
}
