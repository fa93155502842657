export { adam, type AdamOptions, adamw, Optimiser, type OptimiserOptions, sgd, type SgdOptions } from './optimiser.js';
export * from './schedules.js';
