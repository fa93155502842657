import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../setup/child.js';

export interface Manifest {
  name: string;
  exports: Record<string, string | { types: string; default: string }>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
}

export const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** JavaScript entry points by sub-path: `.` -> `./dist/src/index.js`. */
export const entries: [subPath: string, file: string][] = Object.entries(manifest.exports).flatMap(
  ([subPath, target]) => (typeof target === 'string' ? [] : [[subPath, target.default] as [string, string]]),
);

/** The compiled package: `dist` where it is newer than every source, else a fresh build beside it that stays as it was. */
export function builtDist(): string {
  const dist = join(ROOT, 'dist');
  const index = join(dist, 'src', 'index.js');
  const newest = (folder: string) =>
    Math.max(
      ...readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((f) => /\.(ts|mjs)$/.test(f) && !f.includes('node_modules'))
        .map((f) => statSync(join(ROOT, folder, f)).mtimeMs),
    );
  const sources = Math.max(...['src', 'shaders', 'bench'].map(newest));
  if (existsSync(index) && statSync(index).mtimeMs > sources) return dist;
  const out = mkdtempSync(join(tmpdir(), 'secateur-dist-'));
  const tsc = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'tsconfig.json'), '--outDir', out],
    { encoding: 'utf8' },
  );
  if (tsc.status !== 0) throw new Error(`the package does not build:\n${tsc.stdout}${tsc.stderr}`);
  return out;
}
