import { ArgumentError } from '../../gpu/errors.js';
import { type Initialiser, kaimingNormal } from '../init.js';
import { BatchNorm2d, GlobalAvgPool2d, Linear, MaxPool2d, Sequential } from '../layers.js';
import type { Module } from '../module.js';
import { basicBlock, bottleneck, conv, projection } from './residual.js';

/** Blocks of the four stages, and how much wider a block's result is than its stage. */
const PLANS = {
  18: { blocks: [2, 2, 2, 2], block: basicBlock, expansion: 1 },
  34: { blocks: [3, 4, 6, 3], block: basicBlock, expansion: 1 },
  50: { blocks: [3, 4, 6, 3], block: bottleneck, expansion: 4 },
} as const;

export type ResnetDepth = keyof typeof PLANS;

export interface ResnetOptions {
  /** Channels of the images. Default 3. */
  colours?: number;
  /** Default 10 behind the stem for CIFAR, 1000 behind the one for ImageNet. */
  classes?: number;
  /** Channels of the first stage. Default 64. */
  width?: number;
  /** `imagenet`: 7x7 of stride 2 and a max-pool. `cifar`: 3x3 of stride 1. Default `cifar`. */
  stem?: 'cifar' | 'imagenet';
  /** Of convolutions; the linear layer keeps PyTorch's default. Default: He's normal by the fan out. */
  init?: Initialiser;
}

/**
 * ResNet-18, 34 or 50 (He et al. 2016; 50 with the stride in the 3x3 convolutions) with torchvision's names:
 * `layer2.0.downsample.0`, `fc`.
 */
export function resnet(depth: ResnetDepth, options: ResnetOptions = {}): Module {
  const { colours = 3, stem = 'cifar', width = 64, init = kaimingNormal('fanOut') } = options;
  const { classes = stem === 'cifar' ? 10 : 1000 } = options;
  if (!Object.hasOwn(PLANS, depth)) throw new ArgumentError('resnet', 'a depth of 18, 34 or 50', String(depth));
  const { blocks, block, expansion } = PLANS[depth];
  let inputs = width;
  const make = (outputs: number, stride: number) => {
    const same = stride === 1 && inputs === outputs;
    const shortcut = same ? null : { name: 'downsample', module: projection(inputs, outputs, stride, init) };
    const made = block({ inputs, outputs, stride, init, shortcut });
    inputs = outputs;
    return made;
  };
  const stages = blocks.map((count, s) => {
    const outputs = width * 2 ** s * expansion;
    const stage = Array.from({ length: count }, (_, i) => make(outputs, s > 0 && i === 0 ? 2 : 1));
    return [`layer${s + 1}`, new Sequential(stage)] as const;
  });
  const small = stem === 'cifar';
  return new Sequential({
    conv1: small ? conv(colours, width, 3, { init }) : conv(colours, width, 7, { stride: 2, init }),
    bn1: new BatchNorm2d(width, { activation: 'relu' }),
    ...(small ? {} : { maxpool: MaxPool2d(3, { stride: 2, padding: 1 }) }),
    ...Object.fromEntries(stages),
    avgpool: GlobalAvgPool2d(),
    fc: new Linear(inputs, classes),
  });
}
