export { canonicalJson, contentHash } from './canonical.js';
export { StudyFolder } from './folder.js';
export { LockedError } from './lock.js';
export { FolderError, type Manifest } from './manifest.js';
export type { Json, JsonObject, RunAbout, RunRecord, RunSpec, RunStatus } from './record.js';
export { Records } from './records.js';
export { runId, STORE_FORMAT } from './run-id.js';
