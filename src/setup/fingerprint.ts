import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, release } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Sixteen hex digits that change when what the probe saw may have changed: Dawn's version, the graphics devices, or the
 * Vulkan drivers that the system has. Takes about a millisecond.
 */
export function systemFingerprint(): string {
  const facts: string[] = [`dawn ${dawnVersion()}`, process.platform, process.arch];
  if (process.platform === 'linux') {
    const data = (process.env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':').filter(Boolean);
    const own = process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
    const folders = ['/etc', own, ...data].map((folder) => join(folder, 'vulkan', 'icd.d'));
    for (const folder of folders) facts.push(...list(folder).map((name) => describe(join(folder, name))));
    facts.push(...list('/dev/dri'), ...list('/dev').filter((name) => /^(nvidia\d+|dxg|kfd|mali\d+)$/.test(name)));
  } else {
    facts.push(release()); // there the drivers come with the system
  }
  return createHash('sha256').update(facts.join('\n')).digest('hex').slice(0, 16);
}

/** The version of npm `webgpu`; `missing` when it is not installed. */
export function dawnVersion(): string {
  try {
    const entry = createRequire(import.meta.url).resolve('webgpu');
    const manifest = JSON.parse(readFileSync(join(dirname(entry), 'package.json'), 'utf8')) as { version: string };
    return manifest.version;
  } catch {
    return 'missing';
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function describe(file: string): string {
  try {
    return `${file} ${statSync(file).size}`;
  } catch {
    return file;
  }
}
