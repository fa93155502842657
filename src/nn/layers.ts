import type { Activation } from '../../shaders/gemm/spec.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { batchNorm } from '../ops/batch-norm.js';
import { type Conv2dOptions, conv2d, type Pair } from '../ops/conv.js';
import { geometry, pair } from '../ops/conv-geometry.js';
import { expand } from '../ops/expand.js';
import { linear } from '../ops/matmul.js';
import { relu } from '../ops/pointwise.js';
import { adaptiveAvgPool2d, avgPool2d, maxPool2d } from '../ops/pool.js';
import { dropout } from '../ops/random.js';
import { mean } from '../ops/reductions.js';
import { flatten } from '../ops/reshape.js';
import { maskedConv2d, maskedLinear } from '../sparse/masked-layers.js';
import { type Shape, showShape, sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { fans, type Initialiser, ones, torchDefault, uniformWithin, zeros } from './init.js';
import { type Context, Module, type Visitor } from './module.js';

export interface LinearOptions {
  bias?: boolean;
  activation?: Activation;
  init?: Initialiser;
  biasInit?: Initialiser;
}

/** y = act(x Wᵀ + b), weight [out, in]. Behind a flattened image, `inputs` are its [h, w, c]. */
export class Linear extends Module {
  /** What the layer applies to its result. */
  readonly activation: Activation;
  private readonly inputs: number;
  constructor(
    inputs: number | Shape,
    private readonly outputs: number,
    private readonly options: LinearOptions = {},
  ) {
    super();
    this.activation = options.activation ?? 'none';
    this.inputs = typeof inputs === 'number' ? inputs : sizeOf(inputs);
    const image = typeof inputs === 'number' ? undefined : inputs;
    this.declare('parameter', 'weight', [outputs, this.inputs], options.init ?? torchDefault, { image });
    const biasInit = options.biasInit ?? uniformWithin(1 / Math.sqrt(this.inputs));
    if (options.bias ?? true) this.declare('parameter', 'bias', [outputs], biasInit);
  }
  protected override outputShape(x: Shape): Shape {
    if (x[x.length - 1] !== this.inputs)
      throw new ShapeError(this.path || 'Linear', `${this.inputs} inputs on the last axis`, showShape(x));
    return [...x.slice(0, -1), this.outputs];
  }
  protected forward(x: Tensor, context: Context): Tensor {
    const bias = (this.options.bias ?? true) ? this.own(context, 'bias') : undefined;
    const weight = this.own(context, 'weight');
    const { activation } = this;
    const sparse = context.sparse?.(this.full('weight'));
    return sparse ? maskedLinear(x, weight, sparse, { bias, activation }) : linear(x, weight, bias, activation);
  }
}

/** A layer that ends in an activation and can leave it to whoever comes next. */
interface Activated {
  readonly activation: Activation;
  /** What `run` gives to the activation. Observers do not see it. */
  linearPart(x: Tensor, context: Context): Tensor;
}

export interface Conv2dLayerOptions extends Omit<Conv2dOptions, 'bias'> {
  bias?: boolean;
  init?: Initialiser;
  biasInit?: Initialiser;
}

/** 2-D convolution of NHWC images, weight [out, kh, kw, in / groups]. */
export class Conv2d extends Module implements Activated {
  /** What the layer applies to its result. */
  readonly activation: Activation;
  constructor(
    inputs: number,
    outputs: number,
    kernel: Pair,
    private readonly options: Conv2dLayerOptions = {},
  ) {
    super();
    this.activation = options.activation ?? 'none';
    const [kh, kw] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
    const shape = [outputs, kh, kw, inputs / (options.groups ?? 1)];
    this.declare('parameter', 'weight', shape, options.init ?? torchDefault);
    const biasInit = options.biasInit ?? uniformWithin(1 / Math.sqrt(fans(shape).fanIn));
    if (options.bias ?? true) this.declare('parameter', 'bias', [outputs], biasInit);
  }
  protected override outputShape(x: Shape): Shape {
    const [weight] = this.declared;
    const { bias: _, init: __, biasInit: ___, ...options } = this.options;
    const { output } = geometry({ shape: x, rank: x.length }, weight, options, this.path || 'Conv2d');
    return [...x.slice(0, -3), ...output, weight.shape[0]];
  }
  protected forward(x: Tensor, context: Context): Tensor {
    return this.convolve(x, context, this.activation);
  }
  linearPart(x: Tensor, context: Context): Tensor {
    return this.convolve(x, context, 'none');
  }
  private convolve(x: Tensor, context: Context, activation: Activation): Tensor {
    const { bias, init: _, biasInit: __, ...geometry } = this.options;
    const weight = this.own(context, 'weight');
    const options = { ...geometry, activation, bias: (bias ?? true) ? this.own(context, 'bias') : undefined };
    const sparse = context.sparse?.(this.full('weight'));
    return sparse ? maskedConv2d(x, weight, sparse, options) : conv2d(x, weight, options);
  }
}

/** Batch normalisation over the last axis, with running statistics; `runWith` adds a residual and a ReLU in the same kernel. */
export class BatchNorm2d extends Module implements Activated {
  /** What the layer applies to its result. */
  readonly activation: 'none' | 'relu';
  constructor(
    channels: number,
    private readonly options: { eps?: number; momentum?: number; activation?: 'none' | 'relu' } = {},
  ) {
    super();
    const { momentum = 0.1 } = options;
    this.activation = options.activation ?? 'none';
    this.declare('parameter', 'weight', [channels], ones);
    this.declare('parameter', 'bias', [channels], zeros);
    this.declare('statistic', 'running_mean', [channels], zeros, { momentum });
    this.declare('statistic', 'running_var', [channels], ones, { momentum });
  }
  protected forward(x: Tensor, context: Context): Tensor {
    return this.normalise(x, context, this.activation);
  }
  linearPart(x: Tensor, context: Context): Tensor {
    return this.normalise(x, context, 'none');
  }
  protected override outputShape(x: Shape): Shape {
    return x;
  }
  /** As `run`, adding `residual` before the activation. */
  runWith(x: Tensor, context: Context, residual: Tensor): Tensor {
    const y = this.normalise(x, context, this.activation, residual);
    context.observe?.(this.path, y);
    return y;
  }
  private normalise(x: Tensor, context: Context, activation: 'none' | 'relu', residual?: Tensor): Tensor {
    return batchNorm(ofEach(x, context), this.own(context, 'weight'), this.own(context, 'bias'), {
      running: { mean: this.own(context, 'running_mean'), variance: this.own(context, 'running_var') },
      training: context.training,
      eps: this.options.eps,
      momentum: this.options.momentum,
      activation,
      residual: residual && ofEach(residual, context),
    });
  }
}

/** A module without parameters, made of a function; `describe` needs the shapes that it gives as well. */
export class Lambda extends Module {
  constructor(
    private readonly f: (x: Tensor, context: Context) => Tensor,
    private readonly shape?: (x: Shape) => Shape,
  ) {
    super();
  }
  protected forward(x: Tensor, context: Context): Tensor {
    return this.f(x, context);
  }
  protected override outputShape(x: Shape): Shape {
    return this.shape ? this.shape(x) : super.outputShape(x);
  }
}

type PoolLayerOptions = { stride?: Pair; padding?: Pair };

/** Shapes of a pooling: [..., h, w, c] -> [..., oh, ow, c]. */
const pooled =
  (op: string, kernel: Pair, { stride = kernel, padding = 0 }: PoolLayerOptions) =>
  (x: Shape): Shape => {
    const [k, s, p] = [kernel, stride, padding].map((v) => pair(op, 'geometry', v, 1, 0));
    const image = x.slice(-3, -1).map((size, a) => Math.floor((size + 2 * p[a] - k[a]) / s[a]) + 1);
    if (image.some((size) => size < 1)) throw new ShapeError(op, `images of at least ${k.join(' x ')}`, showShape(x));
    return [...x.slice(0, -3), ...image, x[x.length - 1]];
  };

export const ReLU = (): Module => new Lambda(relu, (x) => x);
class MaxPool extends Lambda {}
export const MaxPool2d = (kernel: Pair, options: PoolLayerOptions = {}): Module =>
  new MaxPool((x) => maxPool2d(x, { kernel, ...options }), pooled('MaxPool2d', kernel, options));
export const AvgPool2d = (kernel: Pair, options: PoolLayerOptions = {}): Module =>
  new Lambda((x) => avgPool2d(x, { kernel, ...options }), pooled('AvgPool2d', kernel, options));
/** Averages over size x size windows that share the image out. */
export const AdaptiveAvgPool2d = (size: number): Module =>
  new Lambda(
    (x) => adaptiveAvgPool2d(x, size),
    (x) => [...x.slice(0, -3), size, size, x[x.length - 1]],
  );
/** Mean over height and width: [..., h, w, c] -> [..., c]. */
export const GlobalAvgPool2d = (): Module =>
  new Lambda(
    (x) => mean(x, [x.rank - 3, x.rank - 2]),
    (x) => [...x.slice(0, -3), x[x.length - 1]],
  );
/** All axes after that of the batch into one. */
export const Flatten = (): Module =>
  new Lambda(
    (x, { models }) => flatten(x, models === undefined ? 1 : 2),
    ([n, ...rest]) => [n, sizeOf(rest)],
  );

/** What all models share, spelled out for each. */
const ofEach = (x: Tensor, { models }: Context): Tensor =>
  models === undefined || x.shape[0] === models ? x : expand(x, [models, ...x.shape.slice(1)]);

/** Zeroes a share p of the elements in training and scales the rest by 1 / (1 - p). */
export class Dropout extends Module {
  constructor(private readonly p = 0.5) {
    super();
    if (!(p >= 0 && p < 1)) throw new ArgumentError('Dropout', 'p in [0, 1)', String(p));
  }
  protected forward(x: Tensor, context: Context): Tensor {
    if (!context.training || this.p === 0) return x;
    if (!context.generator) throw new ArgumentError('Dropout', 'a generator for the model (Model.seed)', 'none');
    return dropout(ofEach(x, context), this.p, context.generator);
  }
  protected override outputShape(x: Shape): Shape {
    return x;
  }
}

/** Modules one after the other; named by the keys given, or by their positions. */
export class Sequential extends Module {
  constructor(modules: readonly Module[] | Readonly<Record<string, Module>>) {
    super();
    for (const [name, m] of Object.entries(modules)) this.child(name, m);
  }
  protected forward(x: Tensor, context: Context): Tensor {
    const modules = [...this.children.values()];
    let y = x;
    for (let i = 0; i < modules.length; i++) {
      const m = modules[i];
      if (!context.observe && poolsBeforeReLU(m, modules[i + 1])) {
        y = relu(modules[++i].run(m.linearPart(y, context), context));
      } else y = m.run(y, context);
    }
    return y;
  }
  protected override outputShape(x: Shape, visit?: Visitor): Shape {
    return [...this.children.values()].reduce((shape, m) => m.trace(shape, visit), x);
  }
}

/**
 * Whether a ReLU and the max-pool behind it may change places: the maximum of ReLUs is the ReLU of the maximum, value
 * and gradient, and behind the pool there are only a quarter as many numbers.
 */
const poolsBeforeReLU = (m: Module, next: Module | undefined): m is Module & Activated =>
  next instanceof MaxPool && (m instanceof Conv2d || m instanceof BatchNorm2d) && m.activation === 'relu';
