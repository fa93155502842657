import type { Preset } from '../study.js';
import { type SvccaConfig, svccaSchema } from './config.js';

const METHODS = ['P0', 'M1', 'M2', 'M3-uniform', 'M3-matched', 'M3-shuffled'] as const;
const ALL_METHODS = ['P0', 'M1', 'M1-LT', 'M2', 'M2-rescaled', 'M3-uniform', 'M3-matched', 'M3-shuffled'] as const;

const quick = svccaSchema.parse({
  data: { source: 'digits', size: 16, train: 1200, test: 1000, seed: 1 },
  networks: [
    // Without batch normalisation a ConvNet this narrow learns nothing in seconds under a random mask of 90 %.
    { name: 'conv4_bn', width: 0.125, training: { epochs: 3 } },
    { name: 'vgg8_bn', width: 0.125 },
    { name: 'resnet8', width: 0.5, training: { lr: 0.15 }, fineTune: { lr: 0.05 } },
  ],
  methods: METHODS,
  sparsities: [0.5, 0.9, 0.95],
  seeds: { parents: [0, 1], children: 1 },
  training: {
    optimiser: 'nesterov',
    lr: 0.05,
    momentum: 0.9,
    weightDecay: 1e-4,
    batch: 16,
    epochs: 2,
    schedule: { kind: 'cosine' },
    crop: 0,
    flip: false,
    evaluateEvery: 0,
  },
  fineTune: { pruning: 'rounds', rounds: 2, epochs: 1, lr: 0.02, schedule: { kind: 'cosine' }, every: 100 },
  pruning: { scope: 'global', weights: ['*'] },
  comparison: {
    images: 500,
    rows: 1280,
    seed: 0,
    views: ['positions'],
    threshold: 0.99,
    detailSparsity: 0.9,
    heatMaps: true,
    trajectories: true,
    noise: true,
  },
  tinyLearningRate: 1e-6,
});

const small = svccaSchema.parse({
  data: { source: 'mnist', size: 16, train: 4000, test: 2000, validation: 0, seed: 0 },
  networks: [
    { name: 'conv4_bn', width: 0.25 },
    { name: 'vgg8_bn', width: 0.25 },
    { name: 'resnet8', width: 1, training: { epochs: 6 }, fineTune: { epochs: 1 } },
  ],
  methods: METHODS,
  sparsities: [0.5, 0.9, 0.95],
  seeds: { parents: [0, 1], children: 2 },
  training: {
    optimiser: 'nesterov',
    lr: 0.05,
    momentum: 0.9,
    weightDecay: 1e-4,
    batch: 32,
    epochs: 10,
    schedule: { kind: 'cosine' },
    crop: 0,
    flip: false,
    evaluateEvery: 0,
  },
  fineTune: { pruning: 'rounds', rounds: 3, epochs: 2, lr: 0.02, schedule: { kind: 'cosine' }, every: 100 },
  pruning: { scope: 'global', weights: ['*'] },
  comparison: {
    images: 2000,
    rows: 4000,
    seed: 0,
    views: ['positions', 'pooled'],
    threshold: 0.99,
    detailSparsity: 0.9,
    heatMaps: true,
    trajectories: true,
    noise: true,
  },
  tinyLearningRate: 1e-6,
});

const full = svccaSchema.parse({
  data: { source: 'cifar10', size: null, train: null, test: null, validation: 5000, seed: 0 },
  networks: [
    { name: 'conv4', width: 1 },
    { name: 'resnet20', width: 1 },
    { name: 'vgg11_bn', width: 1 },
    { name: 'vgg16_bn', width: 1 },
  ],
  methods: ALL_METHODS,
  sparsities: [0.5, 0.7, 0.8, 0.9, 0.95, 0.98],
  seeds: { parents: [0, 1, 2], children: 3 },
  training: {
    optimiser: 'nesterov',
    lr: 0.1,
    momentum: 0.9,
    weightDecay: 1e-4,
    batch: 128,
    epochs: 160,
    schedule: { kind: 'milestones', epochs: [80, 120], factor: 0.1 },
    crop: 4,
    flip: true,
    evaluateEvery: 10,
  },
  fineTune: {
    pruning: 'rounds',
    rounds: 5,
    epochs: 30,
    lr: 0.01,
    schedule: { kind: 'milestones', epochs: [15], factor: 0.1 },
    every: 100,
  },
  pruning: { scope: 'global', weights: ['*'] },
  comparison: {
    images: 10_000,
    rows: 100_000,
    seed: 0,
    views: ['positions', 'pooled'],
    threshold: 0.99,
    detailSparsity: 0.9,
    heatMaps: true,
    trajectories: true,
    noise: true,
  },
  tinyLearningRate: 1e-6,
});

const tiny = svccaSchema.parse({
  ...quick,
  data: { source: 'digits', size: 16, train: 400, test: 200, seed: 1 },
  networks: [{ name: 'vgg8_bn', width: 0.0625 }],
  methods: ['P0', 'M1', 'M2', 'M3-uniform', 'M3-shuffled'],
  sparsities: [0.9],
  seeds: { parents: [0], children: 1 },
  comparison: { ...quick.comparison, images: 200, rows: 640 },
});

/** Settings of different size, the smallest useful one first. */
export const presets: Readonly<Record<'quick' | 'small' | 'full' | 'tiny', Preset<SvccaConfig>>> = {
  quick: { description: 'generated digits, three small networks, two seeds: minutes on two cores', config: quick },
  small: {
    description: '4,000 images of MNIST at 16x16, small networks, 2 x 2 seeds: under an hour on two cores',
    config: small,
  },
  full: { description: 'CIFAR-10, networks of full width, 3 x 3 seeds, six sparsities: days of one GPU', config: full },
  tiny: { description: 'one network, one sparsity, one seed: seconds, to see that everything works', config: tiny },
};
