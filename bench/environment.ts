import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import type { Device } from '../src/index.js';

/** What a run ran on, for the result file. Holds no paths: result files are published. */
export function environment(device: Device) {
  const { driver, facts } = device;
  return {
    adapter: facts,
    deviceClass: device.deviceClass,
    driver: driver && { source: driver.source, threads: driver.threads, toggles: driver.toggles, cores: driver.cores },
    versions: {
      secateur: packageVersion('../package.json'),
      commit: commit(),
      webgpu: packageVersion('../node_modules/webgpu/package.json'),
      benchmark: packageVersion('../node_modules/benchmark/package.json'),
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

function packageVersion(path: string): string {
  return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
}

/** The commit that the working tree stands on, with a mark where files differ from it; null outside a checkout. */
function commit(): string | null {
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: new URL('.', import.meta.url),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    return `${git('rev-parse', '--short=12', 'HEAD')}${git('status', '--porcelain', '--', '../src', '../shaders') ? ' and changes' : ''}`;
  } catch {
    return null;
  }
}
