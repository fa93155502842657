import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DriverRecord, findDriver, loadDawn, RECORD_FILE, readDriverRecord } from '../../src/gpu/dawn.js';
import { installAdvice } from '../../src/setup/advice.js';
import { systemFingerprint } from '../../src/setup/fingerprint.js';
import { main } from '../../src/setup/main.js';
import { Progress } from '../../src/setup/progress.js';
import { setup } from '../../src/setup/setup.js';
import { ROOT, runModule, runNode, scratch } from './child.js';

const quiet = () => new Progress(new PassThrough(), true);
const options = (driver: 'auto' | 'lavapipe' | 'swiftshader' = 'auto', force = false) => ({
  driver,
  force,
  progress: quiet(),
});

const BUILT = join(ROOT, 'dist/src/setup/main.js');

/** Preloaded into a process: prints at its end which processes it started and which native libraries it loaded. */
const WATCH = `
const processes = require('node:child_process');
const started = [];
for (const name of ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork']) {
  const original = processes[name];
  processes[name] = (...args) => (started.push(String(args[0])), original(...args));
}
require('node:module').syncBuiltinESMExports();
process.on('exit', () => {
  const loaded = process.report.getReport().sharedObjects.filter((path) => /vulkan|\\.node$/.test(path));
  console.log(JSON.stringify({ started, loaded }));
});
`;

let folder: string;
beforeEach(() => {
  folder = join(scratch(), 'vulkan');
  vi.stubEnv('SECATEUR_VULKAN', folder);
  vi.stubEnv('VK_DRIVER_FILES', undefined);
  vi.stubEnv('VK_ICD_FILENAMES', undefined);
});
afterEach(() => void vi.unstubAllEnvs());

/** No tool can be found: neither apt nor npm. */
function withoutTools(): void {
  vi.stubEnv('PATH', '/nonexistent');
  vi.stubEnv('npm_execpath', undefined);
  vi.stubEnv('VK_LOADER_DRIVERS_DISABLE', '*'); // nor, on a machine with a GPU, the system's own driver
}

function fakeDriver(record: Partial<DriverRecord> = {}): void {
  mkdirSync(join(folder, 'lib'), { recursive: true });
  writeFileSync(join(folder, 'lib', 'libvulkan.so.1'), 'not a library');
  writeFileSync(join(folder, 'icd.json'), JSON.stringify({ ICD: { library_path: './lib/libvulkan_lvp.so' } }));
  const whole: DriverRecord = {
    schema: 1,
    fingerprint: systemFingerprint(),
    system: { usable: false, description: 'nothing' },
    driver: { source: 'lavapipe', version: '1', icd: 'icd.json', loader: 'lib/libvulkan.so.1' },
    description: 'a fake driver',
    ...record,
  };
  writeFileSync(join(folder, RECORD_FILE), JSON.stringify(whole));
}

const snapshot = () =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => [name, statSync(join(folder, name)).mtimeMs]);

describe('setup, already done', () => {
  it('answers from the record: no tool, no probe, no write', async () => {
    withoutTools();
    fakeDriver();
    const before = snapshot();
    expect(await setup(options())).toBe(`a fake driver, in ${folder}`);
    expect(await setup(options('lavapipe'))).toBe(`a fake driver, in ${folder}`);
    expect(snapshot()).toEqual(before);
  });

  it('answers that the system has an adapter of its own', async () => {
    withoutTools();
    fakeDriver({ driver: null, system: { usable: true, description: 'a GPU' } });
    expect(await setup(options())).toBe("a GPU, the system's own");
  });

  it.skipIf(!existsSync(BUILT))('starts no process and loads no driver, once it is built', async () => {
    fakeDriver();
    const watch = join(folder, 'watch.cjs');
    writeFileSync(watch, WATCH);
    const { code, stdout, stderr } = await runNode(['--require', watch, BUILT]);
    expect(stderr).toContain(`a fake driver, in ${folder}`);
    expect([code, JSON.parse(stdout)]).toEqual([0, { started: [], loaded: [] }]);
  });

  it.skipIf(!existsSync(BUILT))('is seen to start a process where it has to look for an adapter', async () => {
    withoutTools();
    mkdirSync(folder);
    const watch = join(folder, 'watch.cjs');
    writeFileSync(watch, WATCH);
    const { stdout } = await runNode(['--require', watch, BUILT]);
    expect(JSON.parse(stdout).started).not.toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('setup, not possible', () => {
  it('names what failed for each driver and what to install, and leaves nothing behind', async () => {
    withoutTools();
    const error = await setup(options()).catch((e: Error) => e);
    expect(error).toMatchObject({ name: 'SetupError', code: 'setup' });
    const { message } = error as Error;
    expect(message).toContain('lavapipe: apt-config is not installed');
    expect(message).toContain('swiftshader: npm is not installed');
    expect(message).toContain(installAdvice());
    expect(readdirSync(join(folder, '..'))).toEqual([]);
  });

  it.each([
    ['a file of the driver is gone', { driver: { source: 'lavapipe', version: '1', icd: 'gone.json', loader: 'x' } }],
    ['the machine has changed', { fingerprint: 'other' }],
    ['the record is of another format', { schema: 2 }],
  ] as [string, Partial<DriverRecord>][])('does not trust the record when %s', async (_, change) => {
    withoutTools();
    fakeDriver(change);
    await expect(setup(options('lavapipe'))).rejects.toThrow('apt-config is not installed');
    expect(existsSync(join(folder, 'icd.json'))).toBe(true); // what was there stays
  });

  it('does not take another driver for the one that is wanted', async () => {
    withoutTools();
    fakeDriver();
    await expect(setup(options('swiftshader'))).rejects.toThrow('swiftshader: npm is not installed');
  });

  it('clears away what a killed setup left', async () => {
    withoutTools();
    const dead = await runNode(['-p', 'process.pid']);
    mkdirSync(`${folder}.lock`, { recursive: true });
    writeFileSync(join(`${folder}.lock`, 'holder'), JSON.stringify({ pid: Number(dead.stdout), host: hostname() }));
    mkdirSync(join(`${folder}.tmp-4711`, 'lib'), { recursive: true });
    mkdirSync(`${folder}.old-4711`);
    await expect(setup(options())).rejects.toThrow('no usable graphics adapter');
    expect(readdirSync(join(folder, '..'))).toEqual([]);
  });

  it("tells when the user's own driver does not work", async () => {
    vi.stubEnv('VK_DRIVER_FILES', '/nonexistent/icd.json');
    await expect(setup(options())).rejects.toThrow(/VK_DRIVER_FILES .* is set to \/nonexistent\/icd.json/);
  });

  it('knows what to install on each system', () => {
    for (const word of ['Debian 13', 'Debian 12', 'Ubuntu 24.04', 'Fedora'])
      expect(installAdvice('linux')).toContain(word);
    expect(installAdvice('darwin')).toContain('Metal');
    expect(installAdvice('win32')).toContain('Direct3D 12');
    expect(installAdvice('freebsd')).toMatch(/Fedora.*Metal.*Direct3D/s);
  });
});

describe('the command', () => {
  it.each([
    [['--driver', 'mesa'], "--driver: expected auto, lavapipe, swiftshader, got 'mesa'"],
    [['--frce'], '--frce'],
    [['now'], "'now'"],
  ])('refuses %j', async (args, words) => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    expect(await main(args)).toBe(2);
    expect(error.mock.calls.join()).toContain(words);
    expect(error.mock.calls.join()).toContain('usage: setup');
    error.mockRestore();
  });

  it('gives 1 and the reasons when there is no adapter, and prints nothing else when quiet', async () => {
    withoutTools();
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    const out = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    expect(await main(['--quiet', '--driver', 'lavapipe'])).toBe(1);
    expect(error).toHaveBeenCalledOnce();
    expect(out).not.toHaveBeenCalled();
    error.mockRestore();
    out.mockRestore();
  });
});

describe('Progress', () => {
  it('updates one line on a terminal and writes few plain lines in a log', () => {
    const lines = (tty: boolean) => {
      const out = Object.assign(new PassThrough(), { isTTY: tty, columns: 40 });
      const progress = new Progress(out, false);
      progress.step('downloading something with a long name');
      for (let i = 0; i < 50; i++) progress.detail(`${i} %`);
      progress.say('done');
      return String(out.read());
    };
    expect(lines(false)).toMatch(/^secateur setup: downloading .* 0\.0 s\nsecateur setup: done\n$/);
    const wipe = '\r\x1b[2K';
    expect(lines(true)).toBe(`${wipe}secateur setup: downloading something w${wipe}secateur setup: done\n`);
  });
});

const unpacked = findDriver();

describe.skipIf(process.platform !== 'linux' || !unpacked?.record.driver)("setup with the system's own driver", () => {
  // The unpacked driver, installed the way that a system's is: a manifest that the loader finds by itself.
  function installForSystem(): void {
    const data = scratch();
    const manifest = JSON.parse(readFileSync(join(unpacked!.folder, unpacked!.record.driver!.icd), 'utf8'));
    manifest.ICD.library_path = join(unpacked!.folder, manifest.ICD.library_path);
    mkdirSync(join(data, 'vulkan', 'icd.d'), { recursive: true });
    writeFileSync(join(data, 'vulkan', 'icd.d', 'driver.json'), JSON.stringify(manifest));
    vi.stubEnv('XDG_DATA_HOME', data);
    vi.stubEnv('LD_LIBRARY_PATH', join(unpacked!.folder, 'lib'));
  }

  it('records it and unpacks nothing; once it is gone, looks again', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    vi.stubEnv('npm_execpath', undefined);
    installForSystem();
    expect(await setup(options())).toMatch(/, the system's own$/);
    expect(readdirSync(folder)).toEqual([RECORD_FILE]);
    expect(readDriverRecord(folder)).toMatchObject({ system: { usable: true }, driver: null });
    expect(await setup(options())).toMatch(/, the system's own$/);
    vi.stubEnv('XDG_DATA_HOME', scratch());
    vi.stubEnv('VK_LOADER_DRIVERS_DISABLE', '*');
    await expect(setup(options())).rejects.toThrow('no usable graphics adapter');
  });

  it('adopts a driver folder that was unpacked by hand', async () => {
    withoutTools();
    vi.stubEnv('VK_LOADER_DRIVERS_DISABLE', undefined);
    mkdirSync(folder, { recursive: true });
    for (const name of ['icd.json', 'lib']) symlinkSync(join(unpacked!.folder, name), join(folder, name));
    expect(await setup(options(unpacked!.record.driver!.source))).toContain(`, in ${folder}`);
    const record = readDriverRecord(folder);
    expect(record).toMatchObject({
      fingerprint: systemFingerprint(),
      driver: { source: unpacked!.record.driver!.source },
    });
    expect(record?.description).toMatch(/\w/);
  });
});

describe.skipIf(process.env.SECATEUR_TEST_SETUP !== '1')('setup, from the network (SECATEUR_TEST_SETUP=1)', () => {
  it.each(['lavapipe', 'swiftshader'] as const)(
    'unpacks %s, which then computes',
    async (source) => {
      expect(await setup(options(source))).toContain(folder);
      expect(readDriverRecord(folder)?.driver).toMatchObject({ source });
      expect(readdirSync(join(folder, '..'))).toEqual(['vulkan']);
      expect(JSON.parse(readFileSync(join(folder, 'icd.json'), 'utf8')).ICD.library_path).toMatch(/^\.\/lib\//);
      const used = await runModule(`import { loadDawn } from 'src/gpu/dawn.ts';
        const { gpu, driver, retain } = await loadDawn({ driver: 'software' });
        const adapter = await gpu.requestAdapter();
        retain(adapter);
        console.log(driver.source, adapter.info.description);`);
      expect(used.stdout).toMatch(source === 'lavapipe' ? /^lavapipe llvmpipe: Mesa/ : /^swiftshader SwiftShader/);
    },
    300_000,
  );
});

it('loadDawn asks for setup when a software driver is wanted and there is none', async () => {
  await expect(loadDawn({ driver: 'software' })).rejects.toThrow(`no software Vulkan driver in ${folder}`);
});
