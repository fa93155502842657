import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  type DriverRecord,
  driverFolders,
  type InstalledDriver,
  RECORD_FILE,
  readDriverRecord,
  userEnv,
} from '../gpu/dawn.js';
import { takeLock } from '../store/lock.js';
import { installAdvice } from './advice.js';
import { systemFingerprint } from './fingerprint.js';
import { unpackLavapipe } from './lavapipe.js';
import { type ProbeResult, probe } from './probe.js';
import type { Progress } from './progress.js';
import { killRunning, SetupError } from './run.js';
import { unpackSwiftshader } from './swiftshader.js';

export type SetupDriver = 'auto' | 'lavapipe' | 'swiftshader';

export interface SetupOptions {
  /** `auto`: the system's adapter if it works, else lavapipe, else SwiftShader. The others unpack that one driver. */
  driver: SetupDriver;
  /** Probe and unpack anew, whatever is recorded. */
  force: boolean;
  progress: Progress;
}

const LOCK_TIMEOUT = 20 * 60_000;
const UNPACK = { lavapipe: unpackLavapipe, swiftshader: unpackSwiftshader };

/**
 * Makes sure that Dawn finds an adapter on this machine, and records how.
 *
 * @returns one line that says what secateur runs on
 * @throws SetupError when there is none and none could be unpacked, with the reasons and what to install
 */
export async function setup(options: SetupOptions): Promise<string> {
  const own = userEnv('VK_DRIVER_FILES') ?? userEnv('VK_ICD_FILENAMES');
  if (own !== undefined) return probeUserDriver(own);
  const fingerprint = systemFingerprint();
  const done = options.force ? null : findDone(options.driver, fingerprint);
  if (done) return done;

  const folder = installFolder();
  const unlock = await takeLock(`${folder}.lock`, {
    what: 'setup',
    timeout: LOCK_TIMEOUT,
    onWait: (holder) => options.progress.say(`waiting for ${holder}`),
  });
  const temporary = `${folder}.tmp-${process.pid}`;
  const clean = () => {
    // A child that was just ended may still be writing there.
    rmSync(temporary, { recursive: true, force: true, maxRetries: 10 });
    unlock();
  };
  const stop = onSignals(clean);
  try {
    removeLeftovers(folder);
    const doneMeanwhile = options.force ? null : findDone(options.driver, fingerprint);
    return doneMeanwhile ?? (await install(folder, temporary, fingerprint, options));
  } finally {
    stop();
    clean();
  }
}

async function probeUserDriver(icd: string): Promise<string> {
  const found = await probe('auto');
  if (found.usable) return `${found.adapter.description}, from your VK_DRIVER_FILES (${icd})`;
  throw new SetupError(
    `VK_DRIVER_FILES or VK_ICD_FILENAMES is set to ${icd}, and that driver does not work: ${found.reason}\n` +
      'Unset it to let secateur choose a driver.',
  );
}

/** What a recorded setup found, when its record still holds for this machine and suits the wish. */
function findDone(wish: SetupDriver, fingerprint: string): string | null {
  for (const folder of driverFolders()) {
    const record = readDriverRecord(folder);
    if (!record || record.fingerprint !== fingerprint) continue;
    if (wish === 'auto' && record.system.usable) return `${record.system.description}, the system's own`;
    if (!suits(record.driver, wish) || !isComplete(folder, record.driver)) continue;
    return `${record.description}, in ${folder}`;
  }
  return null;
}

function suits(driver: InstalledDriver | null, wish: SetupDriver): driver is InstalledDriver {
  return driver !== null && (wish === 'auto' || driver.source === wish);
}

function isComplete(folder: string, driver: InstalledDriver): boolean {
  return existsSync(join(folder, driver.icd)) && existsSync(join(folder, driver.loader));
}

/** Runs under the lock. */
async function install(folder: string, temporary: string, fingerprint: string, options: SetupOptions): Promise<string> {
  const { driver: wish, force, progress } = options;
  progress.step('looking for a graphics adapter');
  const found = await probe('system');
  const system = found.usable
    ? { usable: true, description: found.adapter.description || found.adapter.device }
    : { usable: false, description: found.reason };
  const old = readDriverRecord(folder);
  const present = old?.driver && isComplete(folder, old.driver) ? old.driver : null;
  if (found.usable && wish === 'auto') {
    mkdirSync(folder, { recursive: true });
    const description = present && old ? old.description : null;
    writeRecord(folder, { schema: 1, fingerprint, system, driver: present, description });
    return `${system.description}, the system's own`;
  }
  const kept = !force && suits(present, wish) ? present : null;
  const failures = found.usable ? [] : [`the system's own driver: ${found.reason}`];
  if (kept) {
    progress.step(`trying the ${kept.source} driver that is there`);
    const tried = await probe('software', folder);
    if (tried.usable) return adopt(folder, { schema: 1, fingerprint, system, driver: kept, description: null }, tried);
    failures.push(`${kept.source} in ${folder}: ${tried.reason}`);
  }
  for (const source of process.platform === 'linux' ? candidates(wish) : []) {
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary, { recursive: true });
    try {
      const driver = await UNPACK[source](temporary, progress);
      const record: DriverRecord = { schema: 1, fingerprint, system, driver, description: null };
      writeRecord(temporary, record);
      progress.step('trying the driver');
      const tried = await probe('software', temporary);
      if (tried.usable) {
        adopt(temporary, record, tried);
        swapIn(temporary, folder);
        return `${tried.adapter.description}, unpacked into ${folder} in ${progress.elapsed.toFixed(1)} s`;
      }
      failures.push(`${source}: ${tried.reason}`);
    } catch (error) {
      failures.push(`${source}: ${(error as Error).message}`);
    }
    progress.say(`${source} cannot be used here`);
  }
  throw new SetupError(`no usable graphics adapter:\n- ${failures.join('\n- ')}\n${installAdvice()}`);
}

const candidates = (wish: SetupDriver) =>
  wish === 'auto' ? (['lavapipe', 'swiftshader'] as const) : ([wish] as const);

function adopt(folder: string, record: DriverRecord, tried: ProbeResult & { usable: true }): string {
  const description = tried.adapter.description || tried.adapter.device;
  writeRecord(folder, { ...record, description });
  return `${description}, in ${folder}`;
}

function writeRecord(folder: string, record: DriverRecord): void {
  const file = join(folder, RECORD_FILE);
  writeFileSync(`${file}.tmp`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${file}.tmp`, file);
}

/** A folder cannot replace a full one in one rename: the old one steps aside first. */
function swapIn(temporary: string, folder: string): void {
  const aside = `${folder}.old-${process.pid}`;
  if (existsSync(folder)) renameSync(folder, aside);
  renameSync(temporary, folder);
  rmSync(aside, { recursive: true, force: true });
}

/** Folders that a killed setup left beside the driver's; the lock is held, so nobody uses them. */
function removeLeftovers(folder: string): void {
  const pattern = new RegExp(`^${basename(folder).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\.(tmp|old)-\\d+$`);
  for (const name of readdirSync(dirname(folder))) {
    if (pattern.test(name)) rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/** The first of the driver folders that can be written, or made. */
function installFolder(): string {
  const folders = driverFolders();
  for (const folder of folders) {
    try {
      let parent = dirname(folder);
      while (!existsSync(parent)) parent = dirname(parent);
      accessSync(parent, constants.W_OK);
      if (existsSync(folder)) accessSync(folder, constants.W_OK);
      return folder;
    } catch {}
  }
  throw new SetupError(
    `no folder to put a driver into: ${folders.join(' and ')} cannot be written; set SECATEUR_VULKAN`,
  );
}

/** Leaves nothing behind when the user or a supervisor ends setup. */
function onSignals(clean: () => void): () => void {
  const handlers = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal, i) => {
    const handler = () => {
      killRunning();
      clean();
      process.exit(128 + [2, 15, 1][i]);
    };
    process.once(signal, handler);
    return [signal, handler] as const;
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
