export {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type TrainingConfig,
  type TrainingState,
} from './checkpoint.js';
export { type Evaluation, evaluate } from './evaluate.js';
export { type FitOptions, fit } from './fit.js';
export { applyMask } from './mask.js';
export type { EpochRecord, Progress, Reporter } from './progress.js';
export { type RecalibrateOptions, recalibrate } from './recalibrate.js';
export { encodeScalarEvent, encodeVersionEvent, type ScalarEvent } from './tensorboard.js';
export { type TrainOptions, type TrainResult, train } from './train.js';
export { CheckpointError } from './training-state.js';
