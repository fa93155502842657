export { invertedMask, layerMatchedMask, randomMask, shuffledMask } from './ablations.js';
export { applyMask, copyMask, type ReinitialiseOptions, reinitialise, rewind, snapshot } from './apply.js';
export { type DiskSize, decodeCompact, diskSize, encodeCompact, type HostWeight, type HostWeights } from './compact.js';
export { densityForCompression, erkDensities } from './densities.js';
export { type ForceOptions, forceMask } from './force.js';
export { type GmpOptions, gmp, type MaskDriver } from './gmp.js';
export { type GraspOptions, graspMask, graspScores } from './grasp.js';
export { type IterativeSnipOptions, iterativeSnipMask } from './iterative-snip.js';
export { type LotteryOptions, lotteryTickets, type Ticket } from './lottery.js';
export { magnitudeMask, maskByMagnitude } from './magnitude.js';
export { type LayerDensity, maskByScores, type PruneResult, type WithinOptions } from './mask-by-scores.js';
export type { PopulationMaskDriver } from './mask-driver.js';
export {
  decodeMasks,
  encodeMasks,
  type HostMasks,
  type MaskFileOptions,
  maskFromHost,
  readMasks,
} from './mask-files.js';
export { macsByWeight, type PruningCost, pruningCost } from './metrics.js';
export type { Models, PlansOf } from './models.js';
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
export { type PopulationLotteryOptions, populationTickets } from './population-lottery.js';
export { maskPopulation, type PopulationMaskOptions } from './population-mask.js';
export type { Batches, BatchSource, ScoringLoss, ScoringOptions } from './probe.js';
export { type ProsprOptions, prosprMask, prosprScores } from './prospr.js';
export { type DynamicSparsityOptions, type RiglOptions, rigl, type SetOptions, set } from './rigl.js';
export {
  collapsedLayers,
  cubicKept,
  exponentialKept,
  type KeptSchedule,
  linearKept,
  type PopulationPrunedAtInit,
  type PopulationRound,
  type PrunedAtInit,
  type PrunedOf,
  type PruneRound,
  planRounds,
  type RoundsOptions,
} from './rounds.js';
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
export type { PopulationDensity, PopulationMask } from './select-masks.js';
export { snipMask, snipScores } from './snip.js';
export {
  type PopulationSynflowResult,
  type SynflowOf,
  type SynflowOptions,
  type SynflowResult,
  type SynflowScoreOptions,
  synflowMask,
  synflowScores,
} from './synflow.js';
export { type Latency, type MeasuredSpeedup, type MeasureOptions, measureSpeedup, type Run } from './timing.js';
