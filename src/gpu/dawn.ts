/**
 * The engine's one door to Node: it picks the Vulkan driver, loads Dawn (npm `webgpu`) and waits on it without burning a
 * core. Nothing else in the engine imports `node:` modules or `webgpu`, and this module is only ever imported
 * dynamically, so that the engine loads in a browser.
 */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, constants, homedir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import type { CompiledTexts } from './compile-ahead.js';
import { compiledList } from './compiled-list.js';
import { ArgumentError, NoDeviceError } from './errors.js';

export { throttledWait } from './throttled-wait.js';

/** Which driver Dawn gets: `auto` takes the system's unless setup found none there, the others force one. */
export type DriverChoice = 'auto' | 'system' | 'software';

export interface DawnOptions {
  driver?: DriverChoice;
  /**
   * Threads of the software driver, 0 to 32; 0 runs every dispatch on the calling thread (best for tiny jobs). Default:
   * `SECATEUR_THREADS`, else one per core. An `LP_NUM_THREADS` set by the user wins over all of them.
   */
  threads?: number;
  /**
   * Dawn toggles, for example `{ disable: ['timestamp_quantization'] }`. On Mesa's software driver `disable_robustness`
   * is switched on, unless it is among those to disable.
   */
  toggles?: { enable?: string[]; disable?: string[] };
  /**
   * Part of an adapter's name, in any case: the first adapter that has it is the one that `requestAdapter()` gives. When
   * none has it, `requestAdapter()` gives Dawn's own choice.
   */
  adapter?: string;
}

/** What a process runs on; recorded with every result. */
export interface DriverFacts {
  /** `user`: the user's own `VK_DRIVER_FILES` or `VK_ICD_FILENAMES` was respected. */
  source: 'system' | 'lavapipe' | 'swiftshader' | 'user';
  /** The driver manifest that Vulkan was pointed at; null when it searches the system. */
  icd: string | null;
  /** Threads of Mesa's software driver; null when the driver is another or not known to be that one. */
  threads: number | null;
  toggles: { enable: string[]; disable: string[] };
  /** The folder where Mesa's software driver keeps compiled shaders; null when it keeps none or is not used. */
  shaderCache: string | null;
  /** Bytes of memory that this process may use: the host's, or its container's limit. */
  totalMemory: number;
  cores: number;
}

export interface Dawn {
  gpu: GPU;
  /** `GPUBufferUsage`, `GPUMapMode`, … as `webgpu` exports them. */
  globals: Record<string, unknown>;
  driver: DriverFacts;
  /** What the driver has compiled on this machine; null when it keeps no cache of its own. */
  compiled(driverVersion: string): CompiledTexts | null;
  /** Keeps adapters and devices reachable until `release`: Dawn can crash at exit when they are collected before it. */
  retain(...objects: object[]): void;
  release(...objects: object[]): void;
}

/** A driver that `npm run setup` unpacked; paths are relative to its folder. */
export interface InstalledDriver {
  source: 'lavapipe' | 'swiftshader';
  version: string | null;
  icd: string;
  loader: string;
}

/** `driver.json` in the driver folder: what setup found and did. */
export interface DriverRecord {
  schema: 1;
  /** Changes when a GPU driver or Dawn itself was added, removed or updated: then setup looks again. */
  fingerprint: string;
  /** The system's own adapter, as the probe saw it. */
  system: { usable: boolean; description: string };
  driver: InstalledDriver | null;
  /** The adapter of `driver`, as the probe saw it. */
  description: string | null;
}

export const RECORD_FILE = 'driver.json';
/** Mesa's LP_MAX_THREADS. */
const MAX_THREADS = 32;
/** dlopen's RTLD_NODELETE, which Node does not name: the loader must outlive the failed `process.dlopen`. */
const RTLD_NODELETE = 0x1000;
const CHOICES: readonly string[] = ['auto', 'system', 'software'];

interface ChosenDriver {
  source: DriverFacts['source'];
  icd: string | null;
  threads: number | null;
  /** The user's LP_NUM_THREADS decided: options have no say. */
  threadsByUser: boolean;
}

interface ProcessState {
  driver: ChosenDriver | null;
  /** Instances by their toggles. */
  gpus: Map<string, GPU>;
  held: Set<object>;
}

/** One per process, shared by every copy of this module: the driver is loaded once, whoever asked first. */
function processState(): ProcessState {
  const key = Symbol.for('secateur.gpu');
  const store = globalThis as unknown as Record<symbol, ProcessState | undefined>;
  return (store[key] ??= { driver: null, gpus: new Map(), held: new Set() });
}

/**
 * Loads Dawn on the driver that the options and the machine call for. The driver is chosen once a process.
 *
 * @throws ArgumentError for options that are wrong or contradict the driver this process already runs
 * @throws NoDeviceError when Dawn cannot be loaded, or a software driver is asked for and none is unpacked
 */
export async function loadDawn(options: DawnOptions = {}): Promise<Dawn> {
  const choice = options.driver ?? 'auto';
  if (!CHOICES.includes(choice)) throw new ArgumentError('loadDawn', `driver ${CHOICES.join(' | ')}`, String(choice));
  if (options.threads !== undefined) checkThreads('threads', options.threads);
  const state = processState();
  if (state.driver) checkSameDriver(state.driver, choice, options.threads);
  else state.driver = chooseDriver(choice, options.threads);
  const driver = state.driver;
  const toggles = togglesFor(driver, options.toggles);

  let dawn: typeof import('webgpu');
  try {
    dawn = await import('webgpu');
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new NoDeviceError(
      `Dawn did not load: ${reason} (npm webgpu has builds for Linux with glibc 2.34 or later, macOS and Windows)`,
      { cause },
    );
  }
  const flags: string[] = [];
  if (toggles.enable.length) flags.push(`enable-dawn-features=${toggles.enable.join(',')}`);
  if (toggles.disable.length) flags.push(`disable-dawn-features=${toggles.disable.join(',')}`);
  if (options.adapter) {
    const wanted = options.adapter.toLowerCase();
    const name = (await adapterNames(dawn)).find((n) => n.toLowerCase().includes(wanted));
    if (name !== undefined) flags.push(`adapter=${name}`);
  }
  const key = flags.join(' ');
  let gpu = state.gpus.get(key);
  if (!gpu) state.gpus.set(key, (gpu = dawn.create(flags)));
  const facts: DriverFacts = {
    source: driver.source,
    icd: driver.icd,
    threads: driver.threads,
    toggles,
    shaderCache: driver.threads === null ? null : mesaShaderCache(),
    ...hostFacts(),
  };
  return {
    gpu,
    globals: dawn.globals as Record<string, unknown>,
    driver: facts,
    compiled: (version) => (facts.shaderCache === null ? null : compiledList(facts.shaderCache, version)),
    retain: (...objects) => objects.forEach((o) => void state.held.add(o)),
    release: (...objects) => objects.forEach((o) => void state.held.delete(o)),
  };
}

/**
 * Dawn's toggle that leaves out its own bounds checks. Mesa's software driver checks every access to a buffer itself,
 * so that there they only cost time: 5 to 20 %.
 */
const UNCHECKED = 'disable_robustness';

/** The caller's toggles, with those that pay on this driver unless he ruled them out. */
function togglesFor(driver: ChosenDriver, asked: DawnOptions['toggles'] = {}): DriverFacts['toggles'] {
  const { enable = [], disable = [] } = asked;
  const own = driver.threads === null || [...enable, ...disable].includes(UNCHECKED) ? [] : [UNCHECKED];
  return { enable: [...own, ...enable], disable: [...disable] };
}

/** The names of all adapters: Dawn lists them only in its refusal of a name that none has. */
async function adapterNames(dawn: typeof import('webgpu')): Promise<string[]> {
  try {
    await dawn.create(['adapter=\u0001']).requestAdapter();
    return [];
  } catch (error) {
    return [...(error as Error).message.matchAll(/name: '(.*)'$/gm)].map((match) => match[1]);
  }
}

function chooseDriver(choice: DriverChoice, threads: number | undefined): ChosenDriver {
  const userThreads = userEnv('LP_NUM_THREADS');
  const count = userThreads === undefined ? (threads ?? defaultThreads()) : Number(userThreads);
  const threadsByUser = userThreads !== undefined;
  const userIcd = userEnv('VK_DRIVER_FILES') ?? userEnv('VK_ICD_FILENAMES');
  const found = findDriver();
  const installed = found?.record.driver ? { folder: found.folder, ...found.record.driver } : null;

  if (userIcd !== undefined) {
    setThreads(count);
    // A machine without a Vulkan loader of its own can still use the user's driver with the unpacked loader.
    if (process.platform === 'linux') {
      loadVulkanLoader(['libvulkan.so.1', ...(installed ? [join(installed.folder, installed.loader)] : [])]);
    }
    const library = (readJson(userIcd) as { ICD?: { library_path?: unknown } } | null)?.ICD?.library_path;
    const lavapipe = isLavapipe(`${userIcd} ${library}`);
    return { source: 'user', icd: userIcd, threads: lavapipe ? count : null, threadsByUser };
  }
  // The system's own adapter can be a software one, too: then asking for software needs no driver of ours.
  const system = found?.record.system;
  const systemLavapipe = system?.usable === true && isLavapipe(system.description);
  const software =
    choice === 'software' ? installed !== null || !systemLavapipe : installed !== null && !system?.usable;
  if (choice === 'system' || !software) {
    // Values that a parent process of ours left behind would hide the system's drivers.
    for (const name of ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES']) delete process.env[name];
    setThreads(count);
    return { source: 'system', icd: null, threads: systemLavapipe ? count : null, threadsByUser };
  }
  if (!installed) {
    const places = driverFolders().join(' or ');
    throw new NoDeviceError(`no software Vulkan driver in ${places}: run \`npx secateur setup --driver lavapipe\``);
  }
  const icd = join(installed.folder, installed.icd);
  const loader = join(installed.folder, installed.loader);
  for (const file of [icd, loader]) {
    if (!existsSync(file))
      throw new NoDeviceError(`the driver's ${file} is missing: run \`npx secateur setup --force\``);
  }
  if (!isMainThread && process.env.VK_DRIVER_FILES !== icd) {
    throw new NoDeviceError('the software driver must be loaded in the main thread first: call loadDawn there');
  }
  setOwnEnv('VK_DRIVER_FILES', icd);
  setOwnEnv('VK_ICD_FILENAMES', icd); // for loaders older than 1.3.207
  setThreads(count);
  loadVulkanLoader([loader]);
  const lavapipe = installed.source === 'lavapipe';
  return { source: installed.source, icd, threads: lavapipe ? count : null, threadsByUser };
}

/** The driver reads its environment once a process: a second caller that wants something else is told so. */
function checkSameDriver(fixed: ChosenDriver, choice: DriverChoice, threads: number | undefined): void {
  const software = fixed.source === 'lavapipe' || fixed.source === 'swiftshader';
  const otherSystem = fixed.source === 'system' && fixed.threads === null; // threads are known of a software system only
  if ((choice === 'system' && software) || (choice === 'software' && otherSystem)) {
    throw new ArgumentError('loadDawn', `the driver that this process already runs ('${fixed.source}')`, `'${choice}'`);
  }
  if (threads !== undefined && fixed.threads !== null && !fixed.threadsByUser && threads !== fixed.threads) {
    const expected = `the threads that this process's driver was loaded with (${fixed.threads})`;
    throw new ArgumentError('loadDawn', expected, String(threads));
  }
}

function checkThreads(name: string, threads: number): number {
  if (Number.isInteger(threads) && threads >= 0 && threads <= MAX_THREADS) return threads;
  throw new ArgumentError('loadDawn', `${name} as an integer from 0 to ${MAX_THREADS}`, String(threads));
}

function defaultThreads(): number {
  const wish = process.env.SECATEUR_THREADS;
  if (wish === undefined || wish.trim() === '') return Math.min(MAX_THREADS, availableParallelism());
  return checkThreads('SECATEUR_THREADS', Number(wish));
}

function setThreads(count: number): void {
  if (userEnv('LP_NUM_THREADS') === undefined) setOwnEnv('LP_NUM_THREADS', String(count));
}

// Child processes inherit what we set. A marker beside each variable tells our values from the user's.
const marker = (name: string) => `SECATEUR_SET_${name}`;

function setOwnEnv(name: string, value: string): void {
  process.env[name] = value;
  process.env[marker(name)] = value;
}

/** The variable as the user set it; undefined when it is unset, empty, or was set by secateur in a parent process. */
export function userEnv(name: string): string | undefined {
  const value = process.env[name];
  return value && value !== process.env[marker(name)] ? value : undefined;
}

const isLavapipe = (text: string) => /llvmpipe|lavapipe|lvp/i.test(text);

/**
 * Makes the first Vulkan loader that loads resident, so that Dawn's own dlopen of `libvulkan.so.1` finds it by name.
 * Without RTLD_GLOBAL, with which requestDevice() crashes.
 */
function loadVulkanLoader(files: string[]): void {
  const failures: string[] = [];
  for (const file of files) {
    try {
      process.dlopen({ exports: {} }, file, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
      return;
    } catch (error) {
      const { message } = error as Error;
      // Node expects an addon; a plain library stays mapped all the same.
      if (message.includes('did not self-register')) return;
      failures.push(message);
    }
  }
  throw new NoDeviceError(`no Vulkan loader could be loaded: ${failures.join('; ')}`);
}

/** The folder of the package.json named secateur at or above this module, in a source tree or installed; null without one. */
export function packageRoot(): string | null {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const manifest = readJson(join(dir, 'package.json')) as { name?: unknown } | null;
    if (manifest?.name === 'secateur') return dir;
    if (dirname(dir) === dir) return null;
  }
}

/** Folders where a driver may lie, in order: `SECATEUR_VULKAN` alone if set, else the package's, else the user's own. */
export function driverFolders(): string[] {
  if (process.env.SECATEUR_VULKAN) return [resolve(process.env.SECATEUR_VULKAN)];
  const data = process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
  return [join(packageRoot() ?? process.cwd(), '.vulkan'), join(data, 'secateur', 'vulkan')];
}

/** The first folder with a driver in it, else the first where setup at least left a record; null when there is none. */
export function findDriver(): { folder: string; record: DriverRecord } | null {
  let first: { folder: string; record: DriverRecord } | null = null;
  for (const folder of driverFolders()) {
    const record = readDriverRecord(folder);
    if (record?.driver) return { folder, record };
    if (record && !first) first = { folder, record };
  }
  return first;
}

/** A folder's record; a folder unpacked by hand (an `icd.json` beside `lib/`) counts; null when there is neither. */
export function readDriverRecord(folder: string): DriverRecord | null {
  const record = readJson(join(folder, RECORD_FILE)) as DriverRecord | null;
  if (record?.schema === 1) return record;
  const manifest = readJson(join(folder, 'icd.json')) as { ICD?: { library_path?: unknown } } | null;
  const library = manifest?.ICD?.library_path;
  if (typeof library !== 'string') return null;
  const source = library.includes('swiftshader') ? 'swiftshader' : 'lavapipe';
  return {
    schema: 1,
    fingerprint: '',
    system: { usable: false, description: 'not probed' },
    driver: { source, version: null, icd: 'icd.json', loader: 'lib/libvulkan.so.1' },
    description: null,
  };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null; // missing, torn or foreign: as good as none
  }
}

/** Where Mesa 24 and later keep compiled shaders; null when the user has switched that off. */
export function mesaShaderCache(): string | null {
  const on = (name: string) => ['1', 'true', 'yes', 'y'].includes((process.env[name] ?? '').toLowerCase());
  if (on('MESA_SHADER_CACHE_DISABLE')) return null;
  const base = process.env.MESA_SHADER_CACHE_DIR || process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  if (on('MESA_DISK_CACHE_SINGLE_FILE')) return join(base, 'mesa_shader_cache_sf');
  return join(base, on('MESA_DISK_CACHE_MULTI_FILE') ? 'mesa_shader_cache' : 'mesa_shader_cache_db');
}

/** Memory in bytes (a container's limit counts) and logical cores that this process may use. */
export function hostFacts(): { totalMemory: number; cores: number } {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return { totalMemory: Math.min(totalmem(), limit), cores: availableParallelism() };
}
