import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecateurError } from '../gpu/errors.js';
import type { Json, JsonObject } from './record.js';
import { STORE_FORMAT } from './run-id.js';

/** What a study folder holds: its `study.json`. */
export interface Manifest {
  /** Version of the folder's layout. */
  readonly format: number;
  readonly study: string;
  /** Path of the module that the study came from; null of those that the package has. */
  readonly module: string | null;
  readonly revision: number;
  /** Version of the package that made the folder. Any other may go on with it. */
  readonly version: string;
  readonly config: JsonObject;
  /** Hash of the configuration. */
  readonly hash: string;
  /** Hash of the ids of all runs, in order. */
  readonly plan: string;
  /** The command that made it, without what does not change its results. */
  readonly command: string;
}

/** A folder that is not this study's, or no study's; nothing in it was changed. */
export class FolderError extends SecateurError {
  constructor(message: string) {
    super('study-folder', message);
  }
}

/** The manifest of a study folder, or null where there is none. */
export async function readManifest(folder: string): Promise<Manifest | null> {
  const path = join(folder, 'study.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new FolderError(`${path} cannot be read: ${(error as Error).message}`);
  }
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw new FolderError(`${path} is damaged: ${(error as Error).message}`);
  }
  if (manifest?.format === STORE_FORMAT) return manifest;
  const made = manifest?.version ? ` by secateur ${manifest.version}` : '';
  const got = `format ${manifest?.format ?? 'unknown'}`;
  throw new FolderError(`${folder} was made${made} in ${got}; this version reads and writes format ${STORE_FORMAT}`);
}

const SHOWN = 8;

/**
 * Compares what a folder holds with what is to be written into it.
 *
 * @throws FolderError naming what differs
 */
export function checkManifest(folder: string, there: Manifest, wanted: Manifest): void {
  const differences: string[] = [];
  if (there.study !== wanted.study) differences.push(`study: ${there.study} there, ${wanted.study} here`);
  else {
    if (there.revision !== wanted.revision)
      differences.push(`revision: ${there.revision} there, ${wanted.revision} here`);
    differences.push(...differencesOf(there.config, wanted.config));
    if (differences.length === 0 && there.plan !== wanted.plan)
      differences.push(`runs planned: secateur ${there.version} planned others there than ${wanted.version} does here`);
  }
  if (differences.length === 0) return;
  const shown = differences.slice(0, SHOWN).map((line) => `\n  ${line}`);
  const more = differences.length > SHOWN ? `\n  and ${differences.length - SHOWN} more` : '';
  throw new FolderError(
    `${folder} holds another study:${shown.join('')}${more}\n` +
      'Nothing in it was changed. Name another folder with --out, or ask for what it holds.',
  );
}

/** The places where two configurations differ, as lines. */
export function differencesOf(there: Json | undefined, here: Json | undefined, path = ''): string[] {
  if (isBranch(there) && isBranch(here) && Array.isArray(there) === Array.isArray(here)) {
    const keys = new Set([...Object.keys(there), ...Object.keys(here)]);
    const name = (key: string) => (Array.isArray(there) ? `${path}[${key}]` : path ? `${path}.${key}` : key);
    return [...keys].flatMap((key) => differencesOf(there[key], here[key], name(key)));
  }
  if (JSON.stringify(there) === JSON.stringify(here)) return [];
  return [`${path || 'config'}: ${show(there)} there, ${show(here)} here`];
}

const isBranch = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null;

function show(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
