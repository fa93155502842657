export type { Activations, HostActivations } from './activations.js';
export type { BandwidthOptions } from './bandwidth.js';
export {
  type CanonicalResult,
  type GuardOptions,
  leadingMean,
  topMean,
} from './canonical.js';
export { cca, compare, linearRegression, procrustes, pwcca, svcca } from './compare.js';
export { type ConvMode, type ConvOptions, convPoints, layerPoints } from './conv-points.js';
export { type DftCcaResult, dftCca } from './dft-cca.js';
export type { DirectionOptions } from './directions.js';
export {
  type CkaResult,
  debiasedCka,
  type HsicOptions,
  type HsicResult,
  type HsicTerms,
  hsic,
  linearCka,
  modifiedRv,
  rbfCka,
  rv,
} from './hsic.js';
export type { KernelOptions } from './kernels.js';
export type { ProcrustesResult } from './linear.js';
export type { MeasureOptions, MeasureResults, Measures, ResultsOf } from './measures.js';
export { MinibatchCka, type MinibatchCkaResult } from './minibatch-cka.js';
export { type NoiseFloor, type NoiseFloorOptions, noiseFloor, normalisedSimilarity } from './noise-floor.js';
export type { PwccaOptions, PwccaResult } from './pwcca.js';
export type { Flag, Precision, PrecisionOptions, SideFacts, SimilarityResult } from './result.js';
export { SimilarityStream, type StreamOptions } from './streaming.js';
