import { contentHash } from '../store/canonical.js';
import { StudyFolder } from '../store/folder.js';
import { checkManifest, type Manifest, readManifest } from '../store/manifest.js';
import type { JsonObject } from '../store/record.js';
import { STORE_FORMAT } from '../store/run-id.js';
import { packageVersion } from '../store/version.js';
import type { FileOperations } from '../train/node/atomic-write.js';
import { ConfigError } from './config.js';
import { type Plan, planStudy } from './plan.js';
import { loadStudy } from './registry.js';
import type { ReportInput, Study } from './study.js';

export interface StudyFolderOptions<C extends JsonObject> {
  study: Study<C>;
  config: C;
  /** Where it is, or shall be. */
  path: string;
  /** Path of the module that the study came from, so that `secateur status` and others find it again. */
  module?: string | null;
  /** The command that reproduces it, for the report. */
  command?: string;
  /** File operations to use instead of Node's. */
  files?: FileOperations;
}

/** A study's folder, and the runs that it is to hold. */
export interface OpenedStudy<C extends JsonObject = JsonObject> {
  readonly study: Study<C>;
  readonly config: C;
  readonly plan: Plan;
  readonly folder: StudyFolder;
}

/**
 * Opens the folder of a study to write, and makes it where there is none.
 *
 * @throws ConfigError for a configuration that the study refuses
 * @throws FolderError where the folder holds another study, revision or configuration; nothing is changed then
 */
export async function openStudyFolder<C extends JsonObject>(options: StudyFolderOptions<C>): Promise<OpenedStudy<C>> {
  const { study, config } = options;
  const plan = planStudy(study, config);
  const folder = await StudyFolder.open(options.path, manifestOf(options, plan), options.files);
  return { study, config, plan, folder };
}

/**
 * Opens a study's folder to read, whoever writes it meanwhile, with the study that made it.
 *
 * @throws FolderError where there is none, or one of another revision
 */
export async function readStudyFolder(path: string): Promise<OpenedStudy> {
  const folder = await StudyFolder.read(path);
  const { manifest } = folder;
  const { study } = await loadStudy(manifest.module ?? manifest.study);
  const parsed = study.schema.safeParse(manifest.config);
  if (!parsed.success) throw new ConfigError(`${path}: this version of ${study.name} does not take its configuration`);
  const config = parsed.data;
  const plan = planStudy(study, config);
  checkManifest(path, manifest, manifestOf({ study, config, path }, plan));
  return { study, config, plan, folder };
}

/**
 * The folder of a study as it is, or null where there is none yet. Changes nothing.
 *
 * @throws FolderError where it holds another study, revision or configuration
 */
export async function peekStudyFolder<C extends JsonObject>(
  options: StudyFolderOptions<C>,
): Promise<StudyFolder | null> {
  const there = await readManifest(options.path);
  if (!there) return null;
  checkManifest(options.path, there, manifestOf(options, planStudy(options.study, options.config)));
  return StudyFolder.read(options.path);
}

/** What a study needs to write its report. */
export function reportInput({ config, plan, folder }: OpenedStudy): ReportInput<JsonObject> {
  const { manifest, records, path } = folder;
  const { command, hash, version } = manifest;
  return { config, plan: plan.runs, records: records.byId, folder: path, command, hash, version };
}

function manifestOf<C extends JsonObject>(options: StudyFolderOptions<C>, plan: Plan): Manifest {
  const { study, config } = options;
  return {
    format: STORE_FORMAT,
    study: study.name,
    module: options.module ?? null,
    revision: study.revision,
    version: packageVersion(),
    config,
    hash: contentHash(config),
    plan: plan.hash,
    command: options.command ?? `secateur study ${study.name}`,
  };
}
