import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../gpu/dawn.js';

/** This package's version, as in its package.json. */
export function packageVersion(): string {
  const root = packageRoot();
  if (!root) return 'unknown';
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}
