import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from './config.js';
import type { Study } from './study.js';

/** The package's studies, loaded when they are asked for. */
export const STUDIES: Readonly<Record<string, () => Promise<Study>>> = {
  svcca: async () => (await import('./svcca/index.js')).svccaStudy as unknown as Study,
  'cubist-spiral': async () => (await import('./cubist-spiral/index.js')).spiralStudy as unknown as Study,
};

/** A study, and the module that it came from (null of the package's own). */
export interface LoadedStudy {
  readonly study: Study;
  readonly module: string | null;
}

/**
 * The study of a name, or the default export of a module whose path is given (`./my-study.js`).
 *
 * @throws ConfigError naming the studies that there are
 */
export async function loadStudy(name: string): Promise<LoadedStudy> {
  if (Object.hasOwn(STUDIES, name)) return { study: await STUDIES[name](), module: null };
  if (!/[/\\]|\.[cm]?[jt]s$/.test(name))
    throw new ConfigError(
      `there is no study ${name}; there are ${Object.keys(STUDIES).join(', ')}, and the path of a module (./my-study.js)`,
    );
  const module = resolve(name);
  if (!existsSync(module)) throw new ConfigError(`the study ${name} is not there`);
  const { default: study } = (await import(pathToFileURL(module).href)) as { default?: Study };
  if (typeof study?.expand !== 'function') throw new ConfigError(`${name} has no study as its default export`);
  return { study, module };
}
