import { pad, slice } from '../../ops/slice.js';
import type { Shape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Initialiser } from '../init.js';
import { BatchNorm2d, Conv2d, type Conv2dLayerOptions, Sequential } from '../layers.js';
import { type Context, Module, type Visitor } from '../module.js';

/** What a block adds to its input's side path, under the name that public code gives it. */
export interface Shortcut {
  name: string;
  module: Module;
}

/** The convolutions of residual networks have no bias: batch normalisation follows each. */
export const conv = (inputs: number, outputs: number, kernel: number, options: Conv2dLayerOptions) =>
  new Conv2d(inputs, outputs, kernel, { padding: (kernel - 1) / 2, ...options, bias: false });

/** Shortcut A of He et al. 2016: every second pixel, missing channels zero on both sides. No parameters. */
export class Subsample extends Module {
  constructor(
    private readonly stride: number,
    private readonly channels: number,
  ) {
    super();
  }
  protected forward(x: Tensor): Tensor {
    const [n, h, w, c] = x.shape.slice(-4);
    const lead = x.shape.slice(0, -4);
    const begin = x.shape.map(() => 0);
    const steps = [...lead.map(() => 1), 1, this.stride, this.stride, 1];
    const fewer = this.stride === 1 ? x : slice(x, begin, [...lead, n, h, w, c], steps);
    const front = Math.floor((this.channels - c) / 2);
    const channels = [front, this.channels - c - front] as const;
    return pad(fewer, [...lead.map(() => [0, 0] as const), [0, 0], [0, 0], [0, 0], channels]);
  }
  protected override outputShape(x: Shape): Shape {
    const image = x.slice(-3, -1).map((size) => Math.ceil(size / this.stride));
    return [...x.slice(0, -3), ...image, this.channels];
  }
}

/** Shortcut B of He et al. 2016: a 1x1 convolution with batch normalisation. */
export const projection = (inputs: number, outputs: number, stride: number, init: Initialiser): Module =>
  new Sequential([conv(inputs, outputs, 1, { stride, init }), new BatchNorm2d(outputs)]);

/** Convolutions with batch normalisation and ReLU, and a shortcut that is added before the last ReLU. */
class ResidualBlock extends Module {
  private readonly steps: { conv: Conv2d; norm: BatchNorm2d }[];
  private readonly side: Module | null;

  /** @param convs each with its output channels */
  constructor(convs: readonly [Conv2d, number][], shortcut: Shortcut | null) {
    super();
    this.steps = convs.map(([conv, channels], i) => ({
      conv: this.child(`conv${i + 1}`, conv),
      norm: this.child(`bn${i + 1}`, new BatchNorm2d(channels, { activation: 'relu' })),
    }));
    this.side = shortcut && this.child(shortcut.name, shortcut.module);
  }
  protected forward(x: Tensor, context: Context): Tensor {
    const last = this.steps[this.steps.length - 1];
    let y = x;
    for (const { conv, norm } of this.steps.slice(0, -1)) y = norm.run(conv.run(y, context), context);
    y = last.conv.run(y, context);
    return last.norm.runWith(y, context, this.side ? this.side.run(x, context) : x);
  }
  protected override outputShape(x: Shape, visit?: Visitor): Shape {
    const y = this.steps.reduce((shape, { conv, norm }) => norm.trace(conv.trace(shape, visit), visit), x);
    this.side?.trace(x, visit);
    return y;
  }
}

export interface BlockOptions {
  inputs: number;
  outputs: number;
  stride: number;
  init: Initialiser;
  /** Of the same shape as the block's result; null where the input itself is. */
  shortcut: Shortcut | null;
}

/** Two 3x3 convolutions. */
export function basicBlock({ inputs, outputs, stride, init, shortcut }: BlockOptions): Module {
  const convs = [conv(inputs, outputs, 3, { stride, init }), conv(outputs, outputs, 3, { init })];
  return new ResidualBlock(
    convs.map((c) => [c, outputs]),
    shortcut,
  );
}

/** 1x1, 3x3 and 1x1 convolutions, the first two with a quarter of the channels; the 3x3 one has the stride. */
export function bottleneck({ inputs, outputs, stride, init, shortcut }: BlockOptions): Module {
  const inner = outputs / 4;
  return new ResidualBlock(
    [
      [conv(inputs, inner, 1, { init }), inner],
      [conv(inner, inner, 3, { stride, init }), inner],
      [conv(inner, outputs, 1, { init }), outputs],
    ],
    shortcut,
  );
}
