/** Studies: plans of runs, done once, recorded and reported. Needs Node. */

export { StudyFolder } from '../store/folder.js';
export { LockedError } from '../store/lock.js';
export { FolderError, type Manifest } from '../store/manifest.js';
export type { Json, JsonObject, RunAbout, RunRecord, RunSpec, RunStatus } from '../store/record.js';
export { runId } from '../store/run-id.js';
export { ConfigError, type ConfigSources, configSchema, studyConfig } from './config.js';
export { FailedRunsError } from './failed-runs.js';
export { openStudyFolder, type StudyFolderOptions } from './open.js';
export { type Plan, parseShard, planStudy, runsOfShard, type Shard } from './plan.js';
export type { StudyReporter } from './progress.js';
export { type LoadedStudy, loadStudy, STUDIES } from './registry.js';
export { type RunStudyOptions, type RunStudyResult, runStudy } from './runner.js';
export {
  type Preset,
  type ReportInput,
  type RunContext,
  type RunFiles,
  type RunOutcome,
  StoppedError,
  type Study,
} from './study.js';
