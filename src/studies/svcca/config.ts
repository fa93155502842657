import { z } from 'zod';
import { METHODS } from './types.js';

const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => z.int().min(least).max(most);
const seed = whole(0, 2 ** 20 - 1);
const distinct = (values: readonly unknown[]) => new Set(values.map((v) => JSON.stringify(v))).size === values.length;

/** Sets that are drawn by this program, as many images as wanted. */
const generatedData = z.strictObject({
  source: z.enum(['digits', 'shapes']).describe('generated grey digits, or coloured shapes'),
  size: whole(8, 32).describe('pixels a side; smaller than the original 28 (digits) or 32 (shapes) means shrunk'),
  train: whole(1, 1_000_000).describe('training images'),
  test: whole(1, 1_000_000).describe('test images'),
  seed: seed.describe('seed of the images'),
});

const storedData = z.strictObject({
  source: z.enum(['mnist', 'fashion-mnist', 'cifar10', 'cifar100']).describe('data set in the folder of data sets'),
  size: whole(8, 32).nullable().describe('pixels a side of images made smaller; null: as they are'),
  train: whole(1).nullable().describe('training images, drawn evenly from all classes; null: all there are'),
  test: whole(1).nullable().describe('test images, drawn evenly from all classes; null: all there are'),
  validation: whole(0).describe('images taken out of the training set and left alone, for choosing recipes by'),
  seed: seed.describe('seed of what is drawn'),
});

const schedule = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('constant').describe('the same rate throughout') }),
    z.strictObject({ kind: z.literal('cosine').describe('half a cosine down to 0') }),
    z.strictObject({
      kind: z.literal('milestones').describe('times a factor at some epochs'),
      epochs: z.array(whole(1)).min(1).describe('epochs after which the rate falls, ascending'),
      factor: z.number().gt(0).lt(1).describe('what the rate is multiplied by'),
    }),
  ])
  .describe('how the learning rate falls');

const training = z.strictObject({
  optimiser: z.enum(['sgd', 'nesterov', 'adam']).describe('SGD with momentum, with Nesterov momentum, or Adam'),
  lr: z.number().gt(0).max(100).describe('learning rate at the start'),
  momentum: z.number().min(0).lt(1).describe('of SGD; above 0 for Nesterov'),
  weightDecay: z.number().min(0).max(1).describe('added to gradients of all weights that are not pruned'),
  batch: whole(1).describe('images a step'),
  epochs: whole(1, 100_000).describe('passes over the training images'),
  schedule,
  crop: whole(0, 16).describe('black pixels around an image out of which a window of its size is cut at random'),
  flip: z.boolean().describe('mirror half of the images'),
  evaluateEvery: whole(0).describe('epochs between measurements of the test accuracy; 0: only at the end'),
});

const fineTune = z.strictObject({
  pruning: z
    .enum(['rounds', 'gradual'])
    .describe('in rounds with training after each, or a little every few steps of one training (Zhu & Gupta 2017)'),
  rounds: whole(1, 1000).describe('rounds; after round r of R a share of (1 - sparsity)^(r / R) is kept'),
  epochs: whole(1, 100_000).describe('epochs after each round, or in all where pruning is gradual'),
  lr: z.number().gt(0).max(100).describe('learning rate at the start of each round'),
  schedule,
  every: whole(1).describe('steps between prunings, where pruning is gradual; its first half prunes'),
});

const network = z.strictObject({
  name: z.string().min(1).describe('name in the zoo: conv4, vgg8_bn, resnet8, ...'),
  width: z.number().gt(0).max(16).describe('multiplier of the channels'),
  training: training.partial().default({}).describe('what is different in the training of this network'),
  fineTune: fineTune.partial().default({}).describe('what is different in its fine-tuning'),
});

const comparison = z.strictObject({
  images: whole(2).describe('test images, the first ones'),
  rows: whole(2, 100_000).describe('data points of a layer at most; more are drawn from, the same for all networks'),
  seed: seed.describe('seed of the points drawn'),
  views: z
    .array(z.enum(['positions', 'pooled']))
    .min(1)
    .refine(distinct, 'each view once')
    .describe('positions of convolutions as data points, or images with averaged channels'),
  threshold: z.number().gt(0).max(1).describe('share of the variance that SVCCA keeps'),
  detailSparsity: z.number().gt(0).lt(1).nullable().describe('sparsity of heat maps and trajectories; null: none'),
  heatMaps: z.boolean().describe('compare every layer with every layer, for the first parent'),
  trajectories: z.boolean().describe('compare after every pruning and fine-tuning of M1, for the first parent'),
  noise: z.boolean().describe('compare Gaussian noise in the shapes of the layers'),
});

/** What can be asked of the study. */
export const svccaSchema = z
  .strictObject({
    data: z.discriminatedUnion('source', [generatedData, storedData]).describe('images'),
    networks: z
      .array(network)
      .min(1)
      .refine((list) => distinct(list.map((n) => [n.name, n.width])), 'each network once in a width')
      .describe('architectures'),
    methods: z
      .array(z.enum(METHODS).exclude(['D']))
      .min(1)
      .refine(distinct, 'each method once')
      .describe('how pruned networks are made; dense ones always are'),
    sparsities: z
      .array(z.number().gt(0).lt(1))
      .min(1)
      .refine(distinct, 'each sparsity once')
      .describe('shares of the weights to remove'),
    seeds: z
      .strictObject({
        parents: z.array(seed).min(1).refine(distinct, 'each seed once').describe('seeds of the dense networks'),
        children: whole(1, 1000).describe('pruned networks a method, sparsity and parent'),
      })
      .describe('repetitions'),
    training: training.describe('of dense networks, and of sparse ones that are trained from their first weights'),
    fineTune: fineTune.describe('of M1; all else is as in training'),
    pruning: z
      .strictObject({
        scope: z.enum(['global', 'layer']).describe('one threshold for all layers, or one each'),
        weights: z.array(z.string().min(1)).min(1).describe('names of the weights to prune; * stands for anything'),
      })
      .describe('which weights compete'),
    comparison: comparison.describe('how networks are compared'),
    tinyLearningRate: z
      .number()
      .gt(0)
      .max(1e-3)
      .nullable()
      .describe(
        'also fine-tunes with this rate at the least sparsity, after which nothing may have changed; null: not',
      ),
  })
  .refine((c) => [c.training, ...c.networks.map((n) => ({ ...c.training, ...n.training }))].every(soundMomentum), {
    path: ['training', 'momentum'],
    error: 'nesterov needs a momentum above 0',
  })
  .refine(({ comparison: { detailSparsity }, sparsities }) => !detailSparsity || sparsities.includes(detailSparsity), {
    path: ['comparison', 'detailSparsity'],
    error: 'one of the sparsities',
  });

const soundMomentum = (t: { optimiser: string; momentum: number }) => t.optimiser !== 'nesterov' || t.momentum > 0;

export type SvccaConfig = z.infer<typeof svccaSchema>;
export type DataConfig = SvccaConfig['data'];
export type NetworkConfig = SvccaConfig['networks'][number];
export type Training = SvccaConfig['training'];
export type FineTune = SvccaConfig['fineTune'];
export type Pruning = SvccaConfig['pruning'];
export type View = SvccaConfig['comparison']['views'][number];
