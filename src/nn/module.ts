import { ArgumentError } from '../gpu/errors.js';
import type { Generator } from '../random/generator.js';
import type { SparseWeight } from '../sparse/sparse-weight.js';
import type { Shape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Initialiser } from './init.js';

/** What a module sees while it runs. */
export interface Context {
  training: boolean;
  /** Size of the axis of models that leads every tensor, where there is one; it is 1 in what all models share. */
  models?: number;
  /** A parameter or statistic by its full name. */
  get(name: string): Tensor;
  /** The mask of a parameter whose layer computes with its kept weights alone. */
  sparse?(name: string): SparseWeight | null;
  /** Randomness for dropout. */
  generator: Generator | null;
  /** Called with every module's result, by its path. */
  observe?(path: string, y: Tensor): void;
}

export interface Declared {
  name: string;
  shape: Shape;
  init: Initialiser;
  /** Statistics are kept with the model but not trained. */
  kind: 'parameter' | 'statistic';
  /** Of a matrix [out, h * w * c] behind a flattened image: its h, w and c, which PyTorch has in the order c, h, w. */
  image?: Shape;
  /** Of a statistic that runs over batches: the weight of the newest one in it. */
  momentum?: number;
}

/** Called with a module and the shapes that go in and come out. */
export type Visitor = (module: Module, input: Shape, output: Shape) => void;

/**
 * A node of a network: declares parameters and children, and maps a tensor to a tensor. Modules hold no values: a
 * `Model` does, by the modules' paths (`layer1.0.conv1.weight`), so that one network can have many sets of values.
 */
export abstract class Module {
  /** Where this module stands in its network; set when the network is built into a model. */
  path = '';
  readonly children = new Map<string, Module>();
  readonly declared: Declared[] = [];

  protected abstract forward(x: Tensor, context: Context): Tensor;

  /** Runs the module and lets observers see its result. */
  run(x: Tensor, context: Context): Tensor {
    const y = this.forward(x, context);
    context.observe?.(this.path, y);
    return y;
  }

  /**
   * The shape that `run` makes of an input's [n, ...], found without computing. `visit` sees every module below, in the
   * order in which they run.
   */
  trace(x: Shape, visit?: Visitor): Shape {
    const y = this.outputShape(x, visit);
    visit?.(this, x, y);
    return y;
  }
  /** Modules of one's own that `describe` is to know say here what shape `forward` gives; children by `trace`. */
  protected outputShape(_x: Shape, _visit?: Visitor): Shape {
    throw new ArgumentError('describe', 'modules that say their output shape', `'${this.path}', which does not`);
  }

  protected child<M extends Module>(name: string, module: M): M {
    if (this.children.has(name)) throw new ArgumentError('Module', 'each child name once', `'${name}' twice`);
    this.children.set(name, module);
    return module;
  }
  protected declare(
    kind: Declared['kind'],
    name: string,
    shape: Shape,
    init: Initialiser,
    facts: Pick<Declared, 'image' | 'momentum'> = {},
  ): void {
    this.declared.push({ name, shape, init, kind, ...facts });
  }
  /** This module's own parameter or statistic. */
  protected own(context: Context, name: string): Tensor {
    return context.get(this.full(name));
  }
  /** The full name of this module's own parameter or statistic. */
  protected full(name: string): string {
    return this.path ? `${this.path}.${name}` : name;
  }

  /** Gives every module below its path, and returns all declarations by full name, parents first. */
  build(path = ''): Declared[] {
    this.path = path;
    const full = (name: string) => (path ? `${path}.${name}` : name);
    return [
      ...this.declared.map((d) => ({ ...d, name: full(d.name) })),
      ...[...this.children].flatMap(([name, m]) => m.build(full(name))),
    ];
  }
}
