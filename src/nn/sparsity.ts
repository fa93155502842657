import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { zeros } from '../ops/create.js';
import { lastChoice } from '../sparse/auto.js';
import { type SparseKind, type SparseWeight, type SparseWeightOptions, sparseWeight } from '../sparse/sparse-weight.js';
import { keep } from '../tensor/scope.js';
import { type Shape, sameShape, showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { Conv2d, Linear } from './layers.js';
import type { Module } from './module.js';
import type { Parameters } from './parameters.js';

/** Masks laid out like the parameters' flat buffer, or by parameter name. */
export type Masks = Tensor | ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/** For all layers, or for each by the name of its weight. */
export type SparsityOptions = SparseWeightOptions | ((name: string) => SparseWeightOptions);

/** A masked layer, for people. */
export interface LayerSparsity {
  /** Name of its weight. */
  name: string;
  shape: Shape;
  /** Share of weights removed. */
  sparsity: number;
  /** The form taken when the layer last ran; null before. */
  kind: SparseKind | null;
  why: string;
}

/** The masks with which a model's layers compute. */
export class Sparsity {
  private weights = new Map<string, SparseWeight>();
  /** Another tensor each time the masks are exchanged: what a compiled step was captured with. */
  private version: Tensor;

  constructor(
    private readonly network: Module,
    private readonly parameters: Parameters,
  ) {
    this.version = keep(zeros(parameters.device, [1]));
  }

  get(name: string): SparseWeight | null {
    return this.weights.get(name) ?? null;
  }

  /** Tells a step that is being captured with which masks it computes, none included. */
  observeCapture(): void {
    this.parameters.device.stream.recorder?.depend(this.version.binding('Model'));
  }

  async replace(masks: Masks, options: SparsityOptions): Promise<void> {
    const optionsFor = typeof options === 'function' ? options : () => options;
    const flat = masks instanceof Tensor;
    const given = flat ? null : this.checked(masks);
    const built = new Map<string, SparseWeight>();
    try {
      for (const name of this.names()) {
        const mask = flat ? keep(this.parameters.part(masks, name)) : given?.get(name);
        if (!mask) continue;
        try {
          const weight = await sparseWeight(mask, optionsFor(name));
          if (weight.density < 1) built.set(name, weight);
          else weight.dispose();
        } finally {
          if (flat) mask.dispose();
        }
      }
    } catch (error) {
      for (const weight of built.values()) weight.dispose();
      throw error;
    }
    this.exchange(built);
  }

  clear(): void {
    if (this.weights.size > 0) this.exchange(new Map());
  }

  describe(): LayerSparsity[] {
    return [...this.weights].map(([name, weight]) => {
      const choice = lastChoice(weight);
      const { shape, sparsity } = weight;
      return { name, shape, sparsity, kind: choice?.kind ?? null, why: choice?.why ?? 'has not run yet' };
    });
  }

  dispose(): void {
    for (const weight of this.weights.values()) weight.dispose();
    this.weights.clear();
    this.version.dispose();
  }

  private exchange(weights: Map<string, SparseWeight>): void {
    for (const old of this.weights.values()) old.dispose();
    this.weights = weights;
    const next = keep(zeros(this.parameters.device, [1]));
    this.version.dispose();
    this.version = next;
  }

  /** The weights that can have a mask, in the order of the layers. */
  private names(): string[] {
    return layersOf(this.network).map((layer) => (layer.path ? `${layer.path}.weight` : 'weight'));
  }

  private checked(masks: Exclude<Masks, Tensor>): Map<string, Tensor> {
    const op = 'Model.sparsify';
    const names = this.names();
    const given = new Map<string, Tensor>(masks instanceof Map ? masks : Object.entries(masks));
    for (const [name, mask] of given) {
      if (!names.includes(name))
        throw new ArgumentError(op, `weights of linear layers and convolutions (${names.join(', ')})`, `'${name}'`);
      const { shape } = this.parameters.get(name);
      if (!sameShape(mask.shape, shape))
        throw new ShapeError(op, `a mask of shape ${showShape(shape)} for ${name}`, showShape(mask.shape));
    }
    return given;
  }
}

/** Every layer below a module that can compute with a masked weight. */
function layersOf(module: Module): Module[] {
  const own = module instanceof Linear || module instanceof Conv2d ? [module] : [];
  return [...own, ...[...module.children.values()].flatMap(layersOf)];
}
