import { ArgumentError } from '../../gpu/errors.js';
import { type Shape, sameShape, showShape } from '../../tensor/shape.js';
import type { Module } from '../module.js';
import { convNet } from './convnet.js';
import { lenet5, lenet5Mini, lenet300100 } from './lenet.js';
import { type ResnetDepth, resnet } from './resnet.js';
import { resnetCifar } from './resnet-cifar.js';
import { convN, type VggDepth, vgg } from './vgg.js';

export interface ZooOptions {
  /** Default: what the network was made for. */
  classes?: number;
  /** How much wider or narrower than the standard network, 1 by default; numbers of channels are rounded. */
  widthMultiplier?: number;
  /**
   * Shape of the images, [h, w, channels]; by default what the network was made for. Conv-2 to 6, VGGs and ResNets (all
   * but those for ImageNet) take others.
   */
  input?: Shape;
}

export interface ZooNetwork {
  network: Module;
  /** Shape of one input. */
  input: Shape;
  classes: number;
}

interface Entry {
  input: Shape;
  classes: number;
  /** Whether images of other sizes and channels will do. */
  adapts?: boolean;
  /** `scale` gives a standard number of channels its multiple; `image` is [h, w, channels]. */
  make(classes: number, scale: (channels: number) => number, image: Image): Module;
}

type Image = readonly [height: number, width: number, channels: number];

const CIFAR = { input: [32, 32, 3], classes: 10, adapts: true };
const DIGITS: Pick<Entry, 'input' | 'classes'> = { input: [28, 28, 1], classes: 10 };
const IMAGENET: Pick<Entry, 'input' | 'classes'> = { input: [224, 224, 3], classes: 1000 };

const ENTRIES: Record<string, Entry> = {
  'lenet-300-100': {
    ...DIGITS,
    make: (classes, scale) => lenet300100({ classes, hidden: [scale(300), scale(100)] }),
  },
  lenet5: {
    ...DIGITS,
    make: (classes, scale) => lenet5({ classes, channels: [scale(20), scale(50)], hidden: [scale(500)] }),
  },
  'lenet5-mini': {
    input: [32, 32, 1],
    classes: 10,
    make: (classes, scale) => lenet5Mini({ classes, width: scale(10) }),
  },
  convnet: {
    ...DIGITS,
    make: (classes, scale) => convNet({ classes, channels: [scale(24), scale(32)], hidden: scale(128) }),
  },
};

for (const depth of [2, 4, 6] as const)
  for (const batchNorm of [false, true])
    ENTRIES[`conv${depth}${batchNorm ? '_bn' : ''}`] = {
      ...CIFAR,
      make: (classes, scale, image) => convN(depth, { batchNorm, classes, width: scale(64), image }),
    };

for (const depth of [8, 11, 13, 16, 19] satisfies VggDepth[])
  for (const batchNorm of [false, true]) {
    const name = `vgg${depth}${batchNorm ? '_bn' : ''}`;
    const make =
      (head: 'cifar' | 'imagenet'): Entry['make'] =>
      (classes, scale, [, , colours]) =>
        vgg(depth, { colours, batchNorm, head, classes, width: scale(64) });
    ENTRIES[name] = { ...CIFAR, make: make('cifar') };
    if (depth > 8) ENTRIES[`${name}_imagenet`] = { ...IMAGENET, make: make('imagenet') };
  }

for (const depth of [18, 34, 50] satisfies ResnetDepth[])
  for (const [name, form, stem] of [
    [`resnet${depth}`, CIFAR, 'cifar'],
    [`resnet${depth}_imagenet`, IMAGENET, 'imagenet'],
  ] as const)
    ENTRIES[name] = {
      ...form,
      make: (classes, scale, [, , colours]) => resnet(depth, { colours, stem, classes, width: scale(64) }),
    };

for (const depth of [8, 20, 32, 44, 56, 110])
  for (const shortcut of ['A', 'B'] as const)
    ENTRIES[`resnet${depth}${shortcut === 'A' ? '' : '_b'}`] = {
      ...CIFAR,
      make: (classes, scale, [, , colours]) => resnetCifar(depth, { colours, classes, shortcut, width: scale(16) }),
    };

/** Names that `zooNetwork` knows. VGGs and ResNets are those for CIFAR unless `_imagenet` is said. */
export const zooNames = (): string[] => Object.keys(ENTRIES);

/**
 * A standard network by its name.
 *
 * @throws ArgumentError for an unknown name, no classes, a multiplier that is not positive, or images that the network
 * does not take
 */
export function zooNetwork(name: string, options: ZooOptions = {}): ZooNetwork {
  const op = 'zooNetwork';
  if (!Object.hasOwn(ENTRIES, name)) throw new ArgumentError(op, `a name among ${zooNames().join(', ')}`, `'${name}'`);
  const entry = ENTRIES[name];
  const { classes = entry.classes, widthMultiplier = 1, input = entry.input } = options;
  if (!Number.isInteger(classes) || classes < 1) throw new ArgumentError(op, 'classes >= 1', String(classes));
  if (!(widthMultiplier > 0 && widthMultiplier < Number.POSITIVE_INFINITY))
    throw new ArgumentError(op, 'a widthMultiplier > 0', String(widthMultiplier));
  const scale = (channels: number) => Math.max(1, Math.round(channels * widthMultiplier));
  assertImage(op, name, entry, input);
  const network = entry.make(classes, scale, [input[0], input[1], input[2]]);
  network.build();
  // Images that are too small for the network's layers are found here rather than in training.
  network.trace([1, ...input]);
  return { network, input, classes };
}

function assertImage(op: string, name: string, { input, adapts }: Entry, image: Shape): void {
  if (sameShape(image, input)) return;
  if (!adapts) throw new ArgumentError(op, `images of ${showShape(input)} for ${name}`, showShape(image));
  if (image.length !== 3 || !image.every((n) => Number.isInteger(n) && n >= 1))
    throw new ArgumentError(op, 'images as [h, w, channels]', showShape(image));
}
