import { ArgumentError } from '../../gpu/errors.js';
import { pad, slice } from '../../ops/slice.js';
import type { Tensor } from '../../tensor/tensor.js';
import { kaimingNormal } from '../init.js';
import { BatchNorm2d, Conv2d, GlobalAvgPool2d, Linear, Sequential } from '../layers.js';
import { type Context, Module } from '../module.js';

/** Shortcut A of He et al. 2016: every second pixel, missing channels zero. No parameters. */
function subsample(x: Tensor, stride: number, channels: number): Tensor {
  const [n, h, w, c] = x.shape.slice(-4);
  const lead = x.shape.slice(0, -4);
  const begin = x.shape.map(() => 0);
  const fewer = stride === 1 ? x : slice(x, begin, [...lead, n, h, w, c], [...lead.map(() => 1), 1, stride, stride, 1]);
  const front = Math.floor((channels - c) / 2);
  return pad(fewer, [...lead.map(() => [0, 0] as const), [0, 0], [0, 0], [0, 0], [front, channels - c - front]]);
}

/** Two 3x3 convolutions with batch normalisation and a shortcut. */
class BasicBlock extends Module {
  private readonly conv1: Conv2d;
  private readonly bn1: BatchNorm2d;
  private readonly conv2: Conv2d;
  private readonly bn2: BatchNorm2d;
  constructor(
    inputs: number,
    private readonly outputs: number,
    private readonly stride: number,
  ) {
    super();
    const init = kaimingNormal('fanOut');
    this.conv1 = this.child('conv1', new Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false, init }));
    this.bn1 = this.child('bn1', new BatchNorm2d(outputs, { activation: 'relu' }));
    this.conv2 = this.child('conv2', new Conv2d(outputs, outputs, 3, { padding: 1, bias: false, init }));
    this.bn2 = this.child('bn2', new BatchNorm2d(outputs, { activation: 'relu' }));
  }
  protected forward(x: Tensor, context: Context): Tensor {
    const same = this.stride === 1 && x.shape[x.rank - 1] === this.outputs;
    const shortcut = same ? x : subsample(x, this.stride, this.outputs);
    const h = this.bn1.run(this.conv1.run(x, context), context);
    return this.bn2.runWith(this.conv2.run(h, context), context, shortcut);
  }
}

/** ResNet-20, 32, 44, 56 or 110 for 32x32 images (He et al. 2016, section 4.2), shortcut A. */
export function resnetCifar(depth: number, { classes = 10, width = 16 } = {}): Module {
  if (depth < 8 || (depth - 2) % 6 !== 0) throw new ArgumentError('resnetCifar', 'a depth of 6 n + 2', String(depth));
  const blocks = (depth - 2) / 6;
  const stage = (inputs: number, outputs: number, stride: number) =>
    new Sequential(
      Array.from(
        { length: blocks },
        (_, i) => new BasicBlock(i === 0 ? inputs : outputs, outputs, i === 0 ? stride : 1),
      ),
    );
  return new Sequential({
    conv1: new Conv2d(3, width, 3, { padding: 1, bias: false, init: kaimingNormal('fanOut') }),
    bn1: new BatchNorm2d(width, { activation: 'relu' }),
    layer1: stage(width, width, 1),
    layer2: stage(width, 2 * width, 2),
    layer3: stage(2 * width, 4 * width, 2),
    pool: GlobalAvgPool2d(),
    linear: new Linear(4 * width, classes),
  });
}
