export { invertedMask, layerMatchedMask, randomMask, shuffledMask } from './ablations.js';
export { applyMask, copyMask, type ReinitialiseOptions, reinitialise, rewind, snapshot } from './apply.js';
export { type DiskSize, decodeCompact, diskSize, encodeCompact, type HostWeight, type HostWeights } from './compact.js';
export { densityForCompression, erkDensities } from './densities.js';
export { magnitudeMask, maskByMagnitude } from './magnitude.js';
export { type LayerDensity, maskByScores, type PruneResult, type WithinOptions } from './mask-by-scores.js';
export {
  decodeMasks,
  encodeMasks,
  type HostMasks,
  type MaskFileOptions,
  maskFromHost,
  readMasks,
} from './mask-files.js';
export { macsByWeight, type PruningCost, pruningCost } from './metrics.js';
export { prunable } from './names.js';
export {
  type PlannedLayer,
  PrunePlan,
  type PruneScope,
  planDensities,
  planErk,
  planLike,
  planSparsity,
  type SparsityPlanOptions,
} from './plan.js';
export {
  type CubicOptions,
  cubicSparsity,
  exponentialSparsity,
  linearSparsity,
  lotterySparsity,
  type RoundSchedule,
  roundSparsities,
} from './schedules.js';
export { type GradientScoreOptions, gradientScores, invertedScores, magnitudeScores, randomScores } from './scores.js';
export { type Latency, type MeasuredSpeedup, type MeasureOptions, measureSpeedup, type Run } from './timing.js';
