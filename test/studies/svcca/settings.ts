import { type SvccaConfig, svccaSchema } from '../../../src/studies/svcca/config.js';

/** A study of one very small network on very few images. */
export const SETTINGS: SvccaConfig = svccaSchema.parse({
  data: { source: 'digits', size: 8, train: 60, test: 50, seed: 3 },
  networks: [{ name: 'conv2_bn', width: 0.0625 }],
  methods: ['P0', 'M1', 'M1-LT', 'M2', 'M2-rescaled', 'M3-uniform', 'M3-matched', 'M3-shuffled'],
  sparsities: [0.5, 0.9],
  seeds: { parents: [0, 1], children: 1 },
  training: {
    optimiser: 'nesterov',
    lr: 0.05,
    momentum: 0.9,
    weightDecay: 1e-3,
    batch: 10,
    epochs: 2,
    schedule: { kind: 'cosine' },
    crop: 1,
    flip: false,
    evaluateEvery: 1,
  },
  fineTune: { pruning: 'rounds', rounds: 2, epochs: 2, lr: 0.01, schedule: { kind: 'constant' }, every: 2 },
  pruning: { scope: 'global', weights: ['*'] },
  comparison: {
    images: 40,
    rows: 200,
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
