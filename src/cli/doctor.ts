import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Dawn, type DriverFacts, findDriver, hostFacts, loadDawn, packageRoot } from '../gpu/dawn.js';
import { installAdvice } from '../setup/advice.js';
import { dawnVersion, systemFingerprint } from '../setup/fingerprint.js';
import { runTestKernel } from '../setup/test-kernel.js';

/** Something that is wrong (`error`: nothing can be computed) or could be better (`note`), and what to do about it. */
export interface Finding {
  level: 'error' | 'note';
  what: string;
  advice: string;
}

/** What `secateur doctor --json` prints. */
export interface DoctorReport {
  /** No finding is an error. */
  ok: boolean;
  findings: Finding[];
  adapter: {
    vendor: string;
    architecture: string;
    device: string;
    description: string;
    isFallbackAdapter: boolean;
  } | null;
  /** Milliseconds from the request of the device to the checked result of a tiny kernel; null when that failed. */
  firstKernelMs: number | null;
  driver: DriverFacts | null;
  subgroups: { min: number; max: number } | null;
  features: string[];
  limits: Record<string, number>;
  wgslLanguageFeatures: string[];
  shaderCache: { path: string; exists: boolean; bytes: number } | null;
  versions: { secateur: string; webgpu: string; node: string; glibc: string | null };
  host: { platform: string; arch: string; cores: number; totalMemory: number };
}

const OLDEST_NODE = [20, 19];
const OLDEST_GLIBC = [2, 34];

/**
 * Prints what this machine computes on and what is wrong with it. The caller ends the process.
 *
 * @returns the exit code: 0 when a device can be opened and computes, else 1
 */
export async function doctor(options: { json?: boolean } = {}): Promise<number> {
  const report = await examine();
  const text = options.json ? JSON.stringify(report, null, 2) : format(report);
  await new Promise<void>((done) => process.stdout.write(`${text}\n`, () => done()));
  return report.ok ? 0 : 1;
}

/** Opens the adapter, runs a tiny kernel, and gathers the facts; never throws for what it is there to find. */
export async function examine(): Promise<DoctorReport> {
  const report: DoctorReport = {
    ok: true,
    findings: [],
    adapter: null,
    firstKernelMs: null,
    driver: null,
    subgroups: null,
    features: [],
    limits: {},
    wgslLanguageFeatures: [],
    shaderCache: null,
    versions: { secateur: secateurVersion(), webgpu: dawnVersion(), node: process.version.slice(1), glibc: glibc() },
    host: { platform: process.platform, arch: process.arch, ...hostFacts() },
  };
  checkVersions(report);
  try {
    const dawn = await loadDawn();
    report.driver = dawn.driver;
    report.wgslLanguageFeatures = [...dawn.gpu.wgslLanguageFeatures].sort();
    if (dawn.driver.shaderCache) report.shaderCache = measureFolder(dawn.driver.shaderCache);
    await examineAdapter(dawn, report);
  } catch (error) {
    report.findings.push({ level: 'error', what: (error as Error).message, advice: 'run `npx secateur setup`' });
  }
  checkSetup(report);
  report.ok = report.findings.every((finding) => finding.level !== 'error');
  return report;
}

async function examineAdapter(dawn: Dawn, report: DoctorReport): Promise<void> {
  const adapter = await dawn.gpu.requestAdapter();
  if (!adapter) {
    const what = 'Dawn found no adapter that it accepts (its reasons, if it gave any, are on stderr)';
    report.findings.push({ level: 'error', what, advice: `run \`npx secateur setup\`, or ${installAdvice()}` });
    return;
  }
  dawn.retain(adapter);
  const info = adapter.info;
  const { vendor, architecture, device, description, isFallbackAdapter } = info;
  report.adapter = { vendor, architecture, device, description, isFallbackAdapter };
  report.features = [...adapter.features].sort();
  const { subgroupMinSize: min, subgroupMaxSize: max } = info;
  if (min !== undefined && max !== undefined && adapter.features.has('subgroups')) report.subgroups = { min, max };
  const limits = adapter.limits;
  for (const name in limits) report.limits[name] = limits[name as keyof GPUSupportedLimits] as number;

  const start = performance.now();
  const opened = await adapter.requestDevice();
  dawn.retain(opened);
  const wrong = await runTestKernel(opened);
  opened.destroy();
  if (wrong === null) report.firstKernelMs = performance.now() - start;
  else report.findings.push({ level: 'error', what: wrong, advice: 'update the graphics driver' });
}

function checkVersions({ findings, versions, host }: DoctorReport): void {
  if (isOlder(versions.node, OLDEST_NODE)) {
    const what = `Node ${versions.node} is older than ${OLDEST_NODE.join('.')}`;
    findings.push({ level: 'error', what, advice: 'install Node 22 or 24' });
  }
  if (host.platform !== 'linux') return;
  const needed = `glibc ${OLDEST_GLIBC.join('.')} or later (Debian 12, Ubuntu 22.04, Fedora 35)`;
  if (versions.glibc === null) {
    findings.push({ level: 'error', what: 'this Linux has no glibc', advice: `Dawn needs ${needed}` });
  } else if (isOlder(versions.glibc, OLDEST_GLIBC)) {
    findings.push({ level: 'error', what: `glibc ${versions.glibc} is too old`, advice: `Dawn needs ${needed}` });
  }
}

function checkSetup({ findings, adapter, driver, features, shaderCache }: DoctorReport): void {
  const note = (what: string, advice: string) => findings.push({ level: 'note', what, advice });
  const recorded = findDriver()?.record.fingerprint;
  if (recorded && recorded !== systemFingerprint()) {
    note('graphics devices, drivers or Dawn have changed since setup looked', 'run `npx secateur setup`');
  }
  if (driver?.source === 'swiftshader') {
    note('SwiftShader is several times slower than lavapipe', 'run `npx secateur setup --driver lavapipe`');
  }
  if (adapter?.isFallbackAdapter) {
    for (const { device, readable } of graphicsDevices()) {
      if (readable) note(`${device} is there, but a software driver is in use`, "install the GPU's Vulkan driver");
      else note(`${device} may not be used by this user`, "add the user to the device's group (often render)");
    }
  }
  if (adapter && /nvidia/i.test(adapter.vendor) && driver && !features.includes('shader-f16')) {
    note('no shader-f16', 'Dawn has it on NVIDIA with the toggle vulkan_enable_f16_on_nvidia');
  }
  if (driver && driver.threads !== null && shaderCache === null) {
    note('compiled shaders are not kept', 'unset MESA_SHADER_CACHE_DISABLE to start about ten times faster');
  }
}

/** GPU device files of Linux, and whether this user may open them. */
function graphicsDevices(): { device: string; readable: boolean }[] {
  const list = (folder: string, pattern: RegExp) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => pattern.test(name))
          .map((name) => join(folder, name))
      : [];
  return [...list('/dev/dri', /^renderD\d+$/), ...list('/dev', /^nvidia\d+$/)].map((device) => {
    try {
      accessSync(device, constants.R_OK | constants.W_OK);
      return { device, readable: true };
    } catch {
      return { device, readable: false };
    }
  });
}

function isOlder(version: string, oldest: number[]): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
}

function glibc(): string | null {
  // The report also looks up every network interface's name, which can take seconds.
  if (process.report) (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime ?? null;
}

function secateurVersion(): string {
  const root = packageRoot();
  if (!root) return 'unknown';
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

function measureFolder(path: string): { path: string; exists: boolean; bytes: number } {
  if (!existsSync(path)) return { path, exists: false, bytes: 0 };
  let bytes = 0;
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    try {
      if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
    } catch {} // evicted meanwhile
  }
  return { path, exists: true, bytes };
}

function format(report: DoctorReport): string {
  const { adapter, driver, subgroups, shaderCache, versions, host } = report;
  const rows: [string, string][] = [];
  const row = (name: string, value: string | null | undefined) => value && rows.push([name, value]);
  row('adapter', adapter ? adapter.description || adapter.device : 'none');
  row('vendor', adapter && [adapter.vendor, adapter.architecture].filter(Boolean).join(', '));
  row('kind', adapter && (adapter.isFallbackAdapter ? 'software' : 'GPU'));
  row('driver', driver && `${driver.source}${driver.icd ? `, ${driver.icd}` : ''}`);
  row('threads', driver && driver.threads !== null ? String(driver.threads) : null);
  row(
    'subgroups',
    subgroups && (subgroups.min === subgroups.max ? `${subgroups.min}` : `${subgroups.min} to ${subgroups.max}`),
  );
  row('first kernel', report.firstKernelMs === null ? null : `${report.firstKernelMs.toFixed(1)} ms`);
  row('toggles', driver && (formatToggles(driver) || 'none'));
  row(
    'shader cache',
    shaderCache && `${shaderCache.path} (${shaderCache.exists ? megabytes(shaderCache.bytes) : 'empty'})`,
  );
  row('versions', `secateur ${versions.secateur}, webgpu ${versions.webgpu}, Node ${versions.node}`);
  row('system', `${host.platform} ${host.arch}${versions.glibc ? `, glibc ${versions.glibc}` : ''}`);
  row('host', `${host.cores} cores, ${megabytes(host.totalMemory)} of memory`);
  row('features', report.features.join(', '));
  row('WGSL', report.wgslLanguageFeatures.join(', '));
  const lines = rows.map(([name, value]) => wrap(name.padEnd(14), value));
  const limits = Object.entries(report.limits).filter(
    ([name]) => !/Texture|Vertex|Fragment|Color|InterStage/.test(name),
  );
  if (limits.length) lines.push('limits', ...limits.map(([name, value]) => `  ${name.padEnd(42)}${value}`));
  for (const { level, what, advice } of report.findings) lines.push(`${level}: ${what}\n  -> ${advice}`);
  lines.push(report.ok ? 'This machine can compute.' : 'This machine cannot compute yet.');
  return lines.join('\n');
}

function formatToggles({ toggles }: DriverFacts): string {
  return [...toggles.enable.map((name) => `+${name}`), ...toggles.disable.map((name) => `-${name}`)].join(' ');
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

/** Breaks a comma-separated value at 100 columns, hung under its start. */
function wrap(label: string, value: string): string {
  const lines = [''];
  for (const word of value.split(/(?<=, )/)) {
    if (lines.at(-1)!.length + word.length > 100) lines.push('');
    lines[lines.length - 1] += word;
  }
  return label + lines.map((line) => line.trimEnd()).join(`\n${' '.repeat(label.length)}`);
}
