/**
 * Trains networks on real data and prints test accuracy and seconds: run by hand, on a machine that does nothing else.
 *
 *   SECATEUR_DATA=DIR npx tsx bench/train-real.ts lenet5 resnet20 --epochs 2 --seed 7
 */

import { parseArgs } from 'node:util';
import { type Augmentation, CIFAR_AUGMENTATION, Dataset, ImageLoader } from '../src/data/index.js';
import { openDataset } from '../src/data/node.js';
import { type Device, openDevice } from '../src/index.js';
import { Model, zooNetwork } from '../src/nn/index.js';
import { adam, type Optimiser, oneCycle, sgd } from '../src/optim/index.js';
import { evaluate, train } from '../src/train/index.js';

interface Recipe {
  data: 'mnist' | 'cifar10';
  network: string;
  widthMultiplier?: number;
  /** Greatest rate of one cycle over the whole training. */
  lr: number;
  optimiser: (model: Model, options: { lr: number; schedule: ReturnType<typeof oneCycle> }) => Optimiser;
  batch: number;
  epochs: number;
  augmentation?: Augmentation;
}

const adamOf: Recipe['optimiser'] = (model, options) => adam(model.parameters, options);
const sgdOf: Recipe['optimiser'] = (model, options) =>
  sgd(model.parameters, { ...options, momentum: 0.9, nesterov: true, weightDecay: 5e-4 });

const RECIPES: Record<string, Recipe> = {
  lenet5: { data: 'mnist', network: 'lenet5', optimiser: adamOf, lr: 3e-3, batch: 125, epochs: 2 },
  'lenet-300-100': { data: 'mnist', network: 'lenet-300-100', optimiser: adamOf, lr: 3e-3, batch: 125, epochs: 6 },
  resnet20: {
    data: 'cifar10',
    network: 'resnet20',
    optimiser: sgdOf,
    lr: 0.1,
    batch: 125,
    epochs: 3,
    augmentation: CIFAR_AUGMENTATION,
  },
  'vgg11-quarter': {
    data: 'cifar10',
    network: 'vgg11_bn',
    widthMultiplier: 0.25,
    optimiser: sgdOf,
    lr: 0.05,
    batch: 125,
    epochs: 8,
    augmentation: CIFAR_AUGMENTATION,
  },
  'vgg11-plain-quarter': {
    data: 'cifar10',
    network: 'vgg11',
    widthMultiplier: 0.25,
    optimiser: adamOf,
    lr: 1e-3,
    batch: 125,
    epochs: 8,
    augmentation: CIFAR_AUGMENTATION,
  },
};

async function trainOn(device: Device, name: string, recipe: Recipe, epochs: number, seed: number): Promise<void> {
  const opened = await openDataset(recipe.data);
  using data = new Dataset(device, opened.train);
  using test = new Dataset(device, opened.test, { statistics: data.statistics });
  const { network } = zooNetwork(recipe.network, { widthMultiplier: recipe.widthMultiplier });
  const model = new Model(device, network, { seed });
  using loader = new ImageLoader(data, recipe.batch, { seed, augmentation: recipe.augmentation });
  const optimiser = recipe.optimiser(model, { lr: recipe.lr, schedule: oneCycle(epochs * loader.batches) });
  const { inputs, targets } = test.range(0, test.count);
  console.log(`${name}: ${data.count} images, batch ${recipe.batch}, ${model.count} parameters, seed ${seed}`);
  let training = 0;
  let since = performance.now();
  const { status } = await train(model, optimiser, loader, {
    epochs,
    onEpoch: async ({ epoch, loss }) => {
      training += performance.now() - since;
      const { accuracy } = await evaluate(model, inputs, targets);
      const percent = (100 * accuracy).toFixed(2);
      console.log(`  epoch ${epoch}: loss ${loss.toFixed(4)}, test ${percent} %, ${(training / 1000).toFixed(1)} s`);
      since = performance.now();
      return { test: accuracy };
    },
  });
  if (status !== 'finished') console.log(`  ${status}`);
  for (const held of [optimiser, model, inputs, targets]) held.dispose();
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { epochs: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const device = await openDevice();
try {
  console.log(`${device.facts.description || device.name} (${device.deviceClass})`);
  for (const name of positionals.length > 0 ? positionals : Object.keys(RECIPES)) {
    const recipe = RECIPES[name];
    if (!recipe) throw new Error(`expected ${Object.keys(RECIPES).join(', ')}, got ${name}`);
    await trainOn(device, name, recipe, Number(values.epochs ?? recipe.epochs), Number(values.seed));
  }
} finally {
  await device.close();
}
