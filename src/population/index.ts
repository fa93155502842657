export { maskPopulation, type PopulationMaskOptions } from '../prune/population-mask.js';
export type { PopulationDensity, PopulationMask } from '../prune/select-masks.js';
export { type Batches, PopulationData, shuffledBatches } from './mlp-data.js';
export type { MlpOptimiser, MlpPopulationOptions, StepFactor } from './mlp-options.js';
export {
  MlpPopulation,
  mlpCapacity,
  type PopulationScores,
  type PopulationState,
  type TrainOptions,
} from './mlp-population.js';
export {
  initialWeights,
  type MlpForm,
  type MlpShape,
  MOST_PARAMETERS,
  mlpFits,
  mlpLayers,
  mlpParameterCount,
} from './mlp-shape.js';
export {
  Population,
  type PopulationForwardOptions,
  type PopulationOptions,
  population,
} from './population.js';
export { type Block, type BlockOptions, inBlocks, populationBlocks } from './population-blocks.js';
export { type BytesOptions, bytesPerModel, type ModelBytes } from './population-bytes.js';
export { evaluatePopulation } from './population-evaluate.js';
export { readModels, writeModels } from './population-host.js';
export { PopulationLoader } from './population-loader.js';
export {
  type ForModels,
  type PerModel,
  PopulationOptimiser,
  populationAdam,
  populationAdamw,
  populationSgd,
} from './population-optimiser.js';
export {
  type MemberResult,
  type PopulationBatches,
  type PopulationEpoch,
  type PopulationLoss,
  type PopulationTrainOptions,
  type PopulationTrainResult,
  populationStep,
  trainPopulation,
} from './population-train.js';
