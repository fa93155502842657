import { contentHash } from './canonical.js';
import type { JsonObject } from './record.js';

/**
 * Version of the study folder: its files, their layout and what ids are made of. It is part of every id, so that
 * results of another version are never taken for this one's.
 */
export const STORE_FORMAT = 1;

/**
 * The id of a run: 16 hexadecimal digits, the hash of everything that its result depends on. The code's part in that is
 * the study's revision, which is raised whenever the same configuration would give other results; the package's version
 * is not, since most versions change nothing that was computed.
 *
 * @throws ArgumentError where the configuration holds what JSON cannot say
 */
export function runId(study: string, revision: number, config: JsonObject): string {
  return contentHash({ format: STORE_FORMAT, study, revision, config });
}
