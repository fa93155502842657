import { ArgumentError } from '../../gpu/errors.js';
import { type Initialiser, kaimingNormal, normalOf, xavierNormal, zeros } from '../init.js';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  GlobalAvgPool2d,
  Linear,
  MaxPool2d,
  Sequential,
} from '../layers.js';
import type { Module } from '../module.js';

/** Convolutions of the stages, between which images are halved. */
const PLANS = {
  8: [1, 1, 1, 1, 1],
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
} as const;

export type VggDepth = keyof typeof PLANS;

/** Layers by the positions that they have in torchvision's Sequential. */
type Places = Record<string, Module>;

interface FeatureOptions {
  colours: number;
  width: number;
  batchNorm: boolean;
  bias: boolean;
  init: Initialiser;
  /** Whether a max-pool follows the last stage as well. */
  lastPool: boolean;
}

/**
 * 3x3 convolutions, twice as wide in every stage up to 8 times the first. A ReLU has a position of its own in
 * torchvision's; here it belongs to the layer before, whose result is the activated one.
 */
function features(stages: readonly number[], options: FeatureOptions): { layers: Places; channels: number } {
  const { colours, width, batchNorm, bias, init, lastPool } = options;
  const layers: Places = {};
  let at = 0;
  let channels = colours;
  stages.forEach((count, stage) => {
    const outputs = width * 2 ** Math.min(stage, 3);
    for (let i = 0; i < count; i++) {
      const activation = batchNorm ? 'none' : 'relu';
      layers[at++] = new Conv2d(channels, outputs, 3, { padding: 1, bias, init, biasInit: zeros, activation });
      if (batchNorm) layers[at++] = new BatchNorm2d(outputs, { activation: 'relu' });
      at++;
      channels = outputs;
    }
    if (lastPool || stage < stages.length - 1) layers[at++] = MaxPool2d(2);
  });
  return { layers, channels };
}

export interface VggOptions {
  /** Channels of the images. Default 3. */
  colours?: number;
  batchNorm?: boolean;
  /** Biases of the convolutions. Default true. */
  bias?: boolean;
  /**
   * What follows the convolutions of a 32x32 image: `cifar`, the mean over the last 2x2 pixels (one pixel of a 16x16
   * image) and one linear layer;
   * `cifarHidden`, dropout, a hidden layer with batch normalisation, dropout, and a linear layer. Or `imagenet`:
   * torchvision's three linear layers behind 7x7 pixels. Default `cifar`.
   */
  head?: 'cifar' | 'cifarHidden' | 'imagenet';
  /** Default 10 for CIFAR, 1000 for ImageNet. */
  classes?: number;
  /** Channels of the first stage. Default 64. */
  width?: number;
  /** Of convolutions and, for CIFAR, of linear layers. Default: He's normal, by the fan in for CIFAR. Biases are 0. */
  init?: Initialiser;
}

/**
 * VGG-11, 13, 16 or 19 (Simonyan & Zisserman 2015) with torchvision's names, `features.0` to `classifier.6`; the one
 * linear layer for CIFAR is `classifier`. VGG-8 has one convolution a stage.
 */
export function vgg(depth: VggDepth, options: VggOptions = {}): Module {
  const { colours = 3, batchNorm = false, bias = true, head = 'cifar', width = 64 } = options;
  const { classes = head === 'imagenet' ? 1000 : 10 } = options;
  const { init = kaimingNormal(head === 'imagenet' ? 'fanOut' : 'fanIn') } = options;
  if (!Object.hasOwn(PLANS, depth)) throw new ArgumentError('vgg', 'a depth of 8, 11, 13, 16 or 19', String(depth));
  const lastPool = head !== 'cifar';
  const { layers, channels } = features(PLANS[depth], { colours, width, batchNorm, bias, init, lastPool });
  switch (head) {
    case 'cifar':
      return new Sequential({
        features: new Sequential(layers),
        avgpool: GlobalAvgPool2d(),
        classifier: new Linear(channels, classes, { init, biasInit: zeros }),
      });
    case 'cifarHidden':
      return new Sequential({
        features: new Sequential(layers),
        flatten: Flatten(),
        classifier: new Sequential({
          0: new Dropout(0.5),
          1: new Linear(channels, channels, { init, biasInit: zeros }),
          2: new BatchNorm2d(channels, { activation: 'relu' }),
          4: new Dropout(0.5),
          5: new Linear(channels, classes, { init, biasInit: zeros }),
        }),
      });
    case 'imagenet':
      return new Sequential({
        features: new Sequential(layers),
        avgpool: AdaptiveAvgPool2d(7),
        flatten: Flatten(),
        classifier: imagenetClassifier([7, 7, channels], width * 64, classes),
      });
  }
}

function imagenetClassifier(image: readonly number[], hidden: number, classes: number): Module {
  const like = { init: normalOf(0.01), biasInit: zeros };
  return new Sequential({
    0: new Linear(image, hidden, { ...like, activation: 'relu' }),
    2: new Dropout(0.5),
    3: new Linear(hidden, hidden, { ...like, activation: 'relu' }),
    5: new Dropout(0.5),
    6: new Linear(hidden, classes, like),
  });
}

export interface ConvNOptions {
  classes?: number;
  /** Channels of the first pair of convolutions. Default 64. */
  width?: number;
  /** Of the linear layers between. Default 4 times the width: 256. */
  hidden?: number;
  /** Batch normalisation behind every convolution, which the original has not. Default false. */
  batchNorm?: boolean;
  /** Height, width and channels of the images. Default 32, 32, 3. */
  image?: readonly [height: number, width: number, channels: number];
}

/**
 * Conv-2, Conv-4 or Conv-6 for 32x32 images (Frankle & Carbin 2019): pairs of convolutions, each with a max-pool, and
 * three linear layers; named like a VGG, initialised as there by Glorot's normal.
 */
export function convN(depth: 2 | 4 | 6, options: ConvNOptions = {}): Module {
  const { classes = 10, width = 64, batchNorm = false, image = [32, 32, 3] } = options;
  const { hidden = 4 * width } = options;
  if (![2, 4, 6].includes(depth)) throw new ArgumentError('convN', 'a depth of 2, 4 or 6', String(depth));
  const init = xavierNormal;
  const stages = Array.from({ length: depth / 2 }, () => 2);
  const [height, breadth, colours] = image;
  const { layers, channels } = features(stages, { colours, width, batchNorm, bias: true, init, lastPool: true });
  const [h, w] = [height, breadth].map((side) => Math.floor(side / 2 ** stages.length));
  if (h < 1 || w < 1)
    throw new ArgumentError(
      'convN',
      `images of at least ${2 ** stages.length} pixels a side`,
      `${height} x ${breadth}`,
    );
  const like = { init, biasInit: zeros };
  return new Sequential({
    features: new Sequential(layers),
    flatten: Flatten(),
    classifier: new Sequential({
      0: new Linear([h, w, channels], hidden, { ...like, activation: 'relu' }),
      2: new Linear(hidden, hidden, { ...like, activation: 'relu' }),
      4: new Linear(hidden, classes, like),
    }),
  });
}
