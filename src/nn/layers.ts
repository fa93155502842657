import type { Activation } from '../../shaders/gemm/spec.js';
import { ArgumentError } from '../gpu/errors.js';
import { batchNorm } from '../ops/batch-norm.js';
import { type Conv2dOptions, conv2d, type Pair } from '../ops/conv.js';
import { linear } from '../ops/matmul.js';
import { relu } from '../ops/pointwise.js';
import { avgPool2d, maxPool2d } from '../ops/pool.js';
import { dropout } from '../ops/random.js';
import { mean } from '../ops/reductions.js';
import { flatten } from '../ops/reshape.js';
import type { Tensor } from '../tensor/tensor.js';
import { fans, type Initialiser, ones, torchDefault, uniformWithin, zeros } from './init.js';
import { type Context, Module } from './module.js';

/** y = act(x Wᵀ + b), weight [out, in]. */
export class Linear extends Module {
  constructor(
    inputs: number,
    outputs: number,
    private readonly options: { bias?: boolean; activation?: Activation; init?: Initialiser } = {},
  ) {
    super();
    this.declare('parameter', 'weight', [outputs, inputs], options.init ?? torchDefault);
    if (options.bias ?? true) this.declare('parameter', 'bias', [outputs], uniformWithin(1 / Math.sqrt(inputs)));
  }
  protected forward(x: Tensor, context: Context): Tensor {
    const bias = (this.options.bias ?? true) ? this.own(context, 'bias') : undefined;
    return linear(x, this.own(context, 'weight'), bias, this.options.activation);
  }
}

/** 2-D convolution of NHWC images, weight [out, kh, kw, in / groups]. */
export class Conv2d extends Module {
  constructor(
    inputs: number,
    outputs: number,
    kernel: Pair,
    private readonly options: Omit<Conv2dOptions, 'bias'> & { bias?: boolean; init?: Initialiser } = {},
  ) {
    super();
    const [kh, kw] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
    const shape = [outputs, kh, kw, inputs / (options.groups ?? 1)];
    this.declare('parameter', 'weight', shape, options.init ?? torchDefault);
    if (options.bias ?? true)
      this.declare('parameter', 'bias', [outputs], uniformWithin(1 / Math.sqrt(fans(shape).fanIn)));
  }
  protected forward(x: Tensor, context: Context): Tensor {
    const { bias, init: _, ...geometry } = this.options;
    return conv2d(x, this.own(context, 'weight'), {
      ...geometry,
      bias: (bias ?? true) ? this.own(context, 'bias') : undefined,
    });
  }
}

/** Batch normalisation over the last axis, with running statistics; `runWith` adds a residual and a ReLU in the same kernel. */
export class BatchNorm2d extends Module {
  constructor(
    channels: number,
    private readonly options: { eps?: number; momentum?: number; activation?: 'none' | 'relu' } = {},
  ) {
    super();
    this.declare('parameter', 'weight', [channels], ones);
    this.declare('parameter', 'bias', [channels], zeros);
    this.declare('statistic', 'running_mean', [channels], zeros);
    this.declare('statistic', 'running_var', [channels], ones);
  }
  protected forward(x: Tensor, context: Context): Tensor {
    return this.normalise(x, context);
  }
  /** As `run`, adding `residual` before the activation. */
  runWith(x: Tensor, context: Context, residual: Tensor): Tensor {
    const y = this.normalise(x, context, residual);
    context.observe?.(this.path, y);
    return y;
  }
  private normalise(x: Tensor, context: Context, residual?: Tensor): Tensor {
    return batchNorm(x, this.own(context, 'weight'), this.own(context, 'bias'), {
      running: { mean: this.own(context, 'running_mean'), variance: this.own(context, 'running_var') },
      training: context.training,
      eps: this.options.eps,
      momentum: this.options.momentum,
      activation: this.options.activation,
      residual,
    });
  }
}

/** A module without parameters, made of a function. */
export class Lambda extends Module {
  constructor(private readonly f: (x: Tensor, context: Context) => Tensor) {
    super();
  }
  protected forward(x: Tensor, context: Context): Tensor {
    return this.f(x, context);
  }
}

export const ReLU = (): Module => new Lambda((x) => relu(x));
export const MaxPool2d = (kernel: Pair, options: { stride?: Pair; padding?: Pair } = {}): Module =>
  new Lambda((x) => maxPool2d(x, { kernel, ...options }));
export const AvgPool2d = (kernel: Pair, options: { stride?: Pair; padding?: Pair } = {}): Module =>
  new Lambda((x) => avgPool2d(x, { kernel, ...options }));
/** Mean over height and width: [..., h, w, c] -> [..., c]. */
export const GlobalAvgPool2d = (): Module => new Lambda((x) => mean(x, [x.rank - 3, x.rank - 2]));
/** All axes after the first into one. */
export const Flatten = (): Module => new Lambda((x) => flatten(x, 1));

/** Zeroes a share p of the elements in training and scales the rest by 1 / (1 - p). */
export class Dropout extends Module {
  constructor(private readonly p = 0.5) {
    super();
    if (!(p >= 0 && p < 1)) throw new ArgumentError('Dropout', 'p in [0, 1)', String(p));
  }
  protected forward(x: Tensor, context: Context): Tensor {
    if (!context.training || this.p === 0) return x;
    if (!context.generator) throw new ArgumentError('Dropout', 'a generator for the model (Model.seed)', 'none');
    return dropout(x, this.p, context.generator);
  }
}

/** Modules one after the other; named by the keys given, or by their positions. */
export class Sequential extends Module {
  constructor(modules: readonly Module[] | Readonly<Record<string, Module>>) {
    super();
    for (const [name, m] of Object.entries(modules)) this.child(name, m);
  }
  protected forward(x: Tensor, context: Context): Tensor {
    let y = x;
    for (const m of this.children.values()) y = m.run(y, context);
    return y;
  }
}
