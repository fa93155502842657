import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { InstalledDriver } from '../gpu/dawn.js';
import type { Progress } from './progress.js';
import { explain, run, SetupError } from './run.js';
import { readTar, unpackTar } from './tar.js';

/** The package that carries SwiftShader, the file in it, and that file's SHA-256. */
const PACKAGE = '@sparticuz/chromium@153.0.0';
const ARCHIVE = 'package/bin/swiftshader.tar.br';
const SHA256 = 'b680e40a33235ecc6ad4c6897a168b70ce5164f0d62d2a64d675320d51614631';
const LIBRARY = 'libvk_swiftshader.so';
const LOADER = 'libvulkan.so.1';

/**
 * Unpacks the SwiftShader software driver into `folder`, out of an npm package that npm fetches and verifies.
 *
 * @throws SetupError on other machines than Linux x64, when npm fails (with its own words), or when the file differs
 */
export async function unpackSwiftshader(folder: string, progress: Progress): Promise<InstalledDriver> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SetupError(`SwiftShader is packaged for linux x64 only, this is ${process.platform} ${process.arch}`);
  }
  const work = join(folder, 'work');
  mkdirSync(work, { recursive: true });
  progress.step(`downloading SwiftShader with npm (${PACKAGE}, 70 MB)`);
  const args = ['pack', PACKAGE, '--ignore-scripts', '--loglevel=error', '--pack-destination', work];
  const inNpm = process.env.npm_execpath?.endsWith('npm-cli.js');
  const result = inNpm
    ? await run(process.execPath, [process.env.npm_execpath as string, ...args], { timeout: 600_000, cwd: work })
    : await run('npm', args, { timeout: 600_000, cwd: work });
  if (result.code !== 0) throw new SetupError(explain('npm pack', result));
  const tarball = readdirSync(work).find((name) => name.endsWith('.tgz'));
  if (!tarball) throw new SetupError(`npm pack left no tarball of ${PACKAGE}`);

  progress.step('unpacking');
  unpackSwiftshaderArchive(findArchive(readFileSync(join(work, tarball))), folder);
  rmSync(work, { recursive: true, force: true });
  return { source: 'swiftshader', version: PACKAGE, icd: 'icd.json', loader: `lib/${LOADER}` };
}

function findArchive(tarball: Uint8Array): Uint8Array {
  const archive = readTar(gunzipSync(tarball)).find((entry) => entry.path === ARCHIVE);
  if (!archive) throw new SetupError(`${PACKAGE} has no ${ARCHIVE}`);
  const hash = createHash('sha256').update(archive.data).digest('hex');
  if (hash !== SHA256) throw new SetupError(`${ARCHIVE}: expected SHA-256 ${SHA256}, got ${hash}`);
  return archive.data;
}

function unpackSwiftshaderArchive(archive: Uint8Array, folder: string): void {
  const wanted = [LIBRARY, LOADER];
  const written = unpackTar(brotliDecompressSync(archive), folder, (path) =>
    wanted.includes(path) ? `lib/${path}` : null,
  );
  if (written.length !== wanted.length) {
    throw new SetupError(`${ARCHIVE}: expected ${wanted.join(' and ')}, got ${written.join(' and ') || 'neither'}`);
  }
  const manifest = { file_format_version: '1.0.0', ICD: { library_path: `./lib/${LIBRARY}`, api_version: '1.1.0' } };
  writeFileSync(join(folder, 'icd.json'), `${JSON.stringify(manifest)}\n`);
}
