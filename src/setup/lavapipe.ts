import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { InstalledDriver } from '../gpu/dawn.js';
import type { Progress } from './progress.js';
import { explain, type RunResult, run, SetupError } from './run.js';
import { type AptSource, chooseSources, formatSources, parseDeb822Sources, parseOneLineSources } from './sources.js';

const MINUTE = 60_000;
const LIBRARY = 'libvulkan_lvp.so';
const LOADER = 'libvulkan.so.1';

/** What every machine has on which Node and Dawn run; a second copy in one process would be wrong. */
const BASE_PACKAGES = /^(libc6|libgcc-s1|gcc-\d+-base|libstdc\+\+6)$/;
const BASE_LIBRARIES = /^(ld-linux.*|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+))\.so\.\d+$/;

/**
 * Unpacks Mesa's software Vulkan driver into `folder`, as an ordinary user and without installing anything: apt with
 * state folders of its own reads the machine's configured mirrors and checks their signatures.
 *
 * @throws SetupError when apt is missing or no mirror has the driver, with apt's own words
 */
export async function unpackLavapipe(folder: string, progress: Progress): Promise<InstalledDriver> {
  const work = join(folder, 'work');
  for (const name of ['lists/partial', 'cache/archives/partial', 'sources', 'debs', 'root']) {
    mkdirSync(join(work, name), { recursive: true });
  }
  const apt = await configureApt(work);

  progress.step('reading the package lists of the configured mirrors');
  await apt.get(['update'], { progress });
  const packages = await resolvePackages(apt);
  const mesa = packages.get('mesa-vulkan-drivers');
  if (!mesa) throw new SetupError(`apt did not offer mesa-vulkan-drivers in ${apt.target}`);

  progress.step(`downloading Mesa ${mesa} and what it needs, ${packages.size} packages`);
  const debs = join(work, 'debs');
  await apt.get(['download', ...[...packages].map(([name, version]) => `${name}=${version}`)], { progress, cwd: debs });

  progress.step('unpacking');
  const root = join(work, 'root');
  for (const deb of readdirSync(debs)) {
    succeeded('dpkg-deb', await run('dpkg-deb', ['-x', join(debs, deb), root], { timeout: 2 * MINUTE }));
  }
  await collectLibraries(root, join(folder, 'lib'));
  writeFileSync(join(folder, 'icd.json'), driverManifest(root));
  rmSync(work, { recursive: true, force: true });
  return { source: 'lavapipe', version: mesa, icd: 'icd.json', loader: `lib/${LOADER}` };
}

interface Apt {
  get(args: string[], options?: { progress?: Progress; cwd?: string }): Promise<RunResult>;
  /** The suite whose packages win. */
  target: string;
}

async function configureApt(work: string): Promise<Apt> {
  const release = osRelease();
  const codename = release.UBUNTU_CODENAME || release.DEBIAN_CODENAME || release.VERSION_CODENAME;
  const shell = ['shell', 'LIST', 'Dir::Etc::SourceList/f', 'PARTS', 'Dir::Etc::SourceParts/d'];
  const config = succeeded('apt-config', await run('apt-config', shell, { timeout: MINUTE })).stdout;
  const value = (name: string) => new RegExp(`^${name}='(.*)'$`, 'm').exec(config)?.[1] ?? '';
  const configured = readSources(value('LIST'), value('PARTS'));
  const chosen = codename ? chooseSources(configured, codename) : null;
  if (!chosen) {
    throw new SetupError(`apt has no package source for this system's release (${codename || 'unnamed'})`);
  }
  writeFileSync(join(work, 'sources', 'driver.sources'), formatSources(chosen.sources));
  writeFileSync(join(work, 'status'), ''); // nothing counts as installed: the driver brings all that it needs
  const file = join(work, 'apt.conf');
  writeFileSync(file, aptConfig(work));
  return {
    target: chosen.target,
    get: async (args, { progress, cwd } = {}) => {
      const result = await run('apt-get', ['-c', file, '-q', '-t', chosen.target, ...args], {
        timeout: 15 * MINUTE,
        cwd,
        env: { ...process.env, LC_ALL: 'C' },
        onStatus: progress && ((line) => report(line, progress)),
      });
      // `update` forgives failed downloads, and then the driver would be missing or too old for a hidden reason.
      const forgiven =
        args[0] === 'update' && /^(E|W|Err):.*(Failed to fetch|NO_PUBKEY|not signed)/m.test(result.stderr);
      if (forgiven) throw new SetupError(explain(`apt-get ${args[0]}`, result));
      return succeeded(`apt-get ${args[0]}`, result);
    },
  };
}

/** Everything private; the machine's proxies, keys and mirrors stay as configured, its hooks do not run. */
function aptConfig(work: string): string {
  return [
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    `Dir::State::Lists "${work}/lists/";`,
    `Dir::State::status "${work}/status";`,
    `Dir::Cache "${work}/cache/";`,
    'Dir::Etc::SourceList "/dev/null";',
    `Dir::Etc::SourceParts "${work}/sources/";`,
    'APT::Sandbox::User "";',
    'APT::Status-Fd "3";',
    'Acquire::Languages "none";',
    'Acquire::Retries "3";',
    '',
  ].join('\n');
}

/** apt's `dlstatus:file:percent:text`. */
function report(line: string, progress: Progress): void {
  const percent = /^dlstatus:[^:]*:([\d.]+):/.exec(line)?.[1];
  if (percent) progress.detail(`${Math.round(Number(percent))} %`);
}

async function resolvePackages(apt: Apt): Promise<Map<string, string>> {
  const wanted = ['mesa-vulkan-drivers', 'libvulkan1', 'patchelf'];
  const plan = await apt.get(['--simulate', '--no-install-recommends', 'install', ...wanted]);
  const packages = new Map<string, string>();
  for (const [, name, version] of plan.stdout.matchAll(/^Inst (\S+) \((\S+)/gm)) {
    if (!BASE_PACKAGES.test(name)) packages.set(name, version);
  }
  return packages;
}

function readSources(list: string, parts: string): AptSource[] {
  const files = list && existsSync(list) ? [list] : [];
  if (parts && existsSync(parts)) files.push(...readdirSync(parts).map((name) => join(parts, name)));
  return files.flatMap((file) => {
    const parse = file.endsWith('.list') ? parseOneLineSources : file.endsWith('.sources') ? parseDeb822Sources : null;
    return parse ? parse(readFileSync(file, 'utf8')) : [];
  });
}

/** Copies the driver, the loader and every library that they need, and none else, under the names they are asked by. */
async function collectLibraries(root: string, target: string): Promise<void> {
  const available = new Map<string, string>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (/\.so(\.|$)/.test(entry.name)) available.set(entry.name, join(entry.parentPath, entry.name));
  }
  const patchelf = join(root, 'usr', 'bin', 'patchelf');
  mkdirSync(target, { recursive: true });
  const queue = [LIBRARY, LOADER];
  const done = new Set(queue);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const file = available.get(name);
    if (!file) throw new SetupError(`the packages lack ${name}, which the driver needs`);
    const copy = join(target, name);
    copyFileSync(realpathSync(file), copy);
    const needed = succeeded('patchelf', await run(patchelf, ['--print-needed', copy], { timeout: MINUTE })).stdout;
    for (const next of needed.split('\n').filter(Boolean)) {
      if (done.has(next) || BASE_LIBRARIES.test(next)) continue;
      done.add(next);
      queue.push(next);
    }
  }
  // DT_RPATH, unlike DT_RUNPATH, also serves the libraries that this one loads: one patched file is enough.
  const rpath = ['--force-rpath', '--set-rpath', '$ORIGIN', join(target, LIBRARY)];
  succeeded('patchelf', await run(patchelf, rpath, { timeout: MINUTE }));
}

/** The package's own driver manifest, with the library's path made relative to it. */
function driverManifest(root: string): string {
  const folder = join(root, 'usr', 'share', 'vulkan', 'icd.d');
  const name = existsSync(folder) ? readdirSync(folder).find((file) => file.startsWith('lvp_icd')) : undefined;
  if (!name) throw new SetupError('mesa-vulkan-drivers has no manifest of the software driver');
  const manifest = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { ICD: { library_path: string } };
  const library = basename(manifest.ICD.library_path);
  if (library !== LIBRARY)
    throw new SetupError(`expected the software driver to be ${LIBRARY}, its manifest names ${library}`);
  manifest.ICD.library_path = `./lib/${LIBRARY}`;
  return `${JSON.stringify(manifest)}\n`;
}

function succeeded(command: string, result: RunResult): RunResult {
  if (result.code === 0) return result;
  throw new SetupError(explain(command, result));
}

function osRelease(): Record<string, string | undefined> {
  const file = ['/etc/os-release', '/usr/lib/os-release'].find((path) => existsSync(path));
  if (!file) return {};
  const fields = readFileSync(file, 'utf8').matchAll(/^([A-Z_]+)=["']?(.*?)["']?$/gm);
  return Object.fromEntries([...fields].map(([, name, value]) => [name, value]));
}
