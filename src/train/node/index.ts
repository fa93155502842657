export { type FileOperations, StorageError, writeAtomically } from './atomic-write.js';
export { checkpointFile } from './checkpoint-file.js';
export { tensorboard } from './event-file.js';
