export { type AdamOptions, adam, adamw, Optimiser, type OptimiserOptions, type SgdOptions, sgd } from './optimiser.js';
export * from './schedules.js';
