import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompiledTexts } from './compile-ahead.js';

/** The list's name within Mesa's folder of compiled shaders. */
export const LIST_FILE = 'secateur-compiled';

/**
 * The texts that some process of this machine has had compiled, kept beside the driver's cache of compiled shaders, with
 * which it vanishes. It is a hint: a text that is listed and no longer cached, or the other way round, costs time only,
 * so that a folder which cannot be written is none's concern.
 *
 * @param folder the driver's shader cache
 * @param driver the driver with its version: another version compiles anew
 */
export function compiledList(folder: string, driver: string): CompiledTexts {
  const file = join(folder, LIST_FILE);
  const digest = (text: string) => createHash('sha256').update(`${driver}\n${text}`).digest('hex').slice(0, 24);
  const known = new Set<string>();
  try {
    for (const line of readFileSync(file, 'latin1').split('\n')) known.add(line);
    known.delete('');
  } catch {
    // nothing was compiled here yet
  }
  return {
    get size() {
      return known.size;
    },
    has: (text) => known.has(digest(text)),
    add: (texts) => {
      const lines = texts.map(digest);
      for (const line of lines) known.add(line);
      try {
        appendFileSync(file, `${lines.join('\n')}\n`);
      } catch {
        // the next process has them compiled beside the first device once more, in vain
      }
    },
  };
}
