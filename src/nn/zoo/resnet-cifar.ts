import { ArgumentError } from '../../gpu/errors.js';
import { type Initialiser, kaimingNormal } from '../init.js';
import { BatchNorm2d, GlobalAvgPool2d, Linear, Sequential } from '../layers.js';
import type { Module } from '../module.js';
import { basicBlock, conv, projection, type Shortcut, Subsample } from './residual.js';

export interface ResnetCifarOptions {
  /** Channels of the images. Default 3. */
  colours?: number;
  classes?: number;
  /** Channels of the first stage. Default 16. */
  width?: number;
  /** Where channels change: A, every second pixel and zeros; or B, a 1x1 convolution with batch normalisation. */
  shortcut?: 'A' | 'B';
  /** Of convolutions and of the linear layer. Default: He's normal by the fan in. */
  init?: Initialiser;
}

/**
 * ResNet-8, 20, 32, 44, 56 or 110 for 32x32 images (He et al. 2016, section 4.2); names as in the public PyTorch code for
 * CIFAR (`layer1.0.conv1`, `layer2.0.shortcut`, `linear`).
 */
export function resnetCifar(depth: number, options: ResnetCifarOptions = {}): Module {
  const { colours = 3, classes = 10, width = 16, shortcut = 'A', init = kaimingNormal('fanIn') } = options;
  if (depth < 8 || (depth - 2) % 6 !== 0) throw new ArgumentError('resnetCifar', 'a depth of 6 n + 2', String(depth));
  const side = (inputs: number, outputs: number, stride: number): Shortcut | null => {
    if (stride === 1 && inputs === outputs) return null;
    const module = shortcut === 'A' ? new Subsample(stride, outputs) : projection(inputs, outputs, stride, init);
    return { name: 'shortcut', module };
  };
  const block = (inputs: number, outputs: number, stride: number) =>
    basicBlock({ inputs, outputs, stride, init, shortcut: side(inputs, outputs, stride) });
  const stage = (inputs: number, outputs: number, stride: number) =>
    new Sequential([
      block(inputs, outputs, stride),
      ...Array.from({ length: (depth - 2) / 6 - 1 }, () => block(outputs, outputs, 1)),
    ]);
  return new Sequential({
    conv1: conv(colours, width, 3, { init }),
    bn1: new BatchNorm2d(width, { activation: 'relu' }),
    layer1: stage(width, width, 1),
    layer2: stage(width, 2 * width, 2),
    layer3: stage(2 * width, 4 * width, 2),
    pool: GlobalAvgPool2d(),
    linear: new Linear(4 * width, classes, { init }),
  });
}
