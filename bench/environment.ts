import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../src/gpu/dawn.js';
import type { Device } from '../src/index.js';

/** What a run ran on, for the result file. Holds no paths: result files are published. */
export function environment(device: Device) {
  const { driver, facts } = device;
  return {
    adapter: facts,
    deviceClass: device.deviceClass,
    driver: driver && { source: driver.source, threads: driver.threads, toggles: driver.toggles, cores: driver.cores },
    versions: {
      secateur: packageVersion('secateur'),
      commit: commit(),
      webgpu: packageVersion('webgpu'),
      benchmark: packageVersion('benchmark'),
      node: process.version,
    },
    host: {
      platform: `${process.platform} ${release()}`,
      arch: process.arch,
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
    },
  };
}

export type Environment = ReturnType<typeof environment>;

/** Mean number of runnable processes over the last minute: above the cores, times are not to be trusted. */
export const load = (): number => Math.round(loadavg()[0] * 100) / 100;

/** null where the package cannot be found. */
function packageVersion(name: string): string | null {
  const root = packageRoot();
  const file = name === 'secateur' ? root && join(root, 'package.json') : resolved(`${name}/package.json`);
  return file ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : null;
}

function resolved(file: string): string | null {
  try {
    return createRequire(import.meta.url).resolve(file);
  } catch {
    return null;
  }
}

/** The commit that the working tree stands on, with a mark where files differ from it; null outside a checkout. */
function commit(): string | null {
  const root = packageRoot();
  if (!root || !existsSync(join(root, '.git'))) return null;
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--', 'src', 'shaders', 'bench');
    return `${git('rev-parse', '--short=12', 'HEAD')}${changed ? ' and changes' : ''}`;
  } catch {
    return null;
  }
}
