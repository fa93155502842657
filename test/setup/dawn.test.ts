import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { findDriver, hostFacts, loadDawn, mesaShaderCache, throttledWait, userEnv } from '../../src/gpu/dawn.js';
import { runModule } from './child.js';

const unpacked = findDriver()?.record.driver ?? null;

describe('loadDawn', () => {
  it.each([
    [{ driver: 'fast' }, 'loadDawn: expected driver auto | system | software, got fast'],
    [{ threads: -1 }, 'loadDawn: expected threads as an integer from 0 to 32, got -1'],
    [{ threads: 1.5 }, 'got 1.5'],
    [{ threads: 33 }, 'got 33'],
  ])('refuses %j', async (options, message) => {
    await expect(loadDawn(options as never)).rejects.toMatchObject({
      code: 'argument',
      message: expect.stringContaining(message),
    });
  });

  it('refuses a SECATEUR_THREADS that is no number', async () => {
    const env = { SECATEUR_THREADS: 'many', LP_NUM_THREADS: '', VK_DRIVER_FILES: '' };
    const { code, stderr } = await runModule(`import { loadDawn } from 'src/gpu/dawn.ts'; await loadDawn();`, env);
    expect(code).toBe(1);
    expect(stderr).toContain('expected SECATEUR_THREADS as an integer from 0 to 32, got NaN');
  });
});

describe.skipIf(!unpacked)('loadDawn with the unpacked driver', () => {
  const clean = { LP_NUM_THREADS: '', VK_DRIVER_FILES: '', VK_ICD_FILENAMES: '', SECATEUR_THREADS: '' };
  const show = `import { loadDawn } from 'src/gpu/dawn.ts';
    const failure = (promise) => promise.then(() => 'fine', (error) => error.code + ': ' + error.message);
    const print = (value) => console.log(JSON.stringify(value));`;

  it('opens in a child with piped output, which then ends by itself with code 0', async () => {
    const child = await runModule(
      `import { loadDawn } from 'src/gpu/dawn.ts';
       const { gpu, retain } = await loadDawn({ driver: 'software' });
       const adapter = await gpu.requestAdapter();
       const device = await adapter.requestDevice();
       retain(adapter, device);
       device.queue.writeBuffer(device.createBuffer({ size: 4, usage: 8 }), 0, new Uint32Array(1));
       await device.queue.onSubmittedWorkDone();
       device.destroy();
       console.log(adapter.info.description);`,
      clean,
    );
    expect(child).toMatchObject({ code: 0, signal: null });
    expect(child.stdout).toMatch(/llvmpipe|SwiftShader/);
  });

  it('loads the driver once a process: other threads or another driver later are refused', async () => {
    const child = await runModule(
      `${show}
       const { driver, gpu } = await loadDawn({ driver: 'software', threads: 3 });
       print([driver, process.env.LP_NUM_THREADS]);
       print((await loadDawn()).gpu === gpu);
       print((await loadDawn({ toggles: { enable: ['skip_validation'] } })).gpu === gpu);
       print((await loadDawn({ toggles: { disable: ['disable_robustness'] } })).driver.toggles);
       print(await failure(loadDawn({ threads: 3, driver: 'software' })));
       print(await failure(loadDawn({ threads: 1 })));
       print(await failure(loadDawn({ driver: 'system' })));`,
      clean,
    );
    const [facts, same, other, checked, fine, threads, driver] = child.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const source = unpacked?.source;
    const lavapipe = source === 'lavapipe';
    const enable = lavapipe ? ['disable_robustness'] : [];
    expect(facts[0]).toMatchObject({ source, threads: lavapipe ? 3 : null, toggles: { enable, disable: [] } });
    expect(facts[0].shaderCache === null).toBe(!lavapipe);
    expect(facts[1]).toBe('3');
    expect([same, other, fine]).toEqual([true, false, 'fine']);
    expect(checked).toEqual({ enable: [], disable: ['disable_robustness'] });
    const was = `the threads that this process's driver was loaded with (3), got 1`;
    expect(threads).toBe(lavapipe ? `argument: loadDawn: expected ${was}` : 'fine');
    expect(driver).toBe(
      `argument: loadDawn: expected the driver that this process already runs ('${source}'), got 'system'`,
    );
  });

  it('takes threads from the option, else SECATEUR_THREADS, else the cores; LP_NUM_THREADS of the user wins', async () => {
    const threads = async (options: object, env: NodeJS.ProcessEnv) => {
      const text = `${show} await loadDawn({ driver: 'software', ...${JSON.stringify(options)} }); print(process.env.LP_NUM_THREADS);`;
      return JSON.parse((await runModule(text, { ...clean, ...env })).stdout);
    };
    const cores = String(Math.min(32, hostFacts().cores));
    const got = await Promise.all([
      threads({}, {}),
      threads({}, { SECATEUR_THREADS: '5' }),
      threads({ threads: 0 }, { SECATEUR_THREADS: '5' }),
      threads({ threads: 2 }, { LP_NUM_THREADS: '7' }),
    ]);
    expect(got).toEqual([cores, '5', '0', '7']);
  });

  it("respects the user's VK_DRIVER_FILES, and does not take what a parent process set for it", async () => {
    const text = `${show}
      import { spawnSync } from 'node:child_process';
      const { driver, gpu } = await loadDawn({ driver: process.env.WISH });
      print([driver.source, driver.threads, (await gpu.requestAdapter()) !== null]);
      if (process.env.WISH === 'software') {
        const env = { ...process.env, WISH: 'auto', SECATEUR_THREADS: '4' };
        spawnSync(process.execPath, process.execArgv, { env, stdio: ['ignore', 'inherit', 'ignore'] });
      }
      process.exit(0);`;
    const icd = `${findDriver()?.folder}/${unpacked?.icd}`;
    const [user, own] = await Promise.all([
      runModule(text, { ...clean, WISH: 'auto', VK_DRIVER_FILES: icd, SECATEUR_THREADS: '1' }),
      runModule(text, { ...clean, WISH: 'software', SECATEUR_THREADS: '1' }),
    ]);
    const threads = (n: number) => (unpacked?.source === 'lavapipe' ? n : null);
    expect(JSON.parse(user.stdout)).toEqual(['user', threads(1), true]);
    const lines = own.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toEqual([unpacked?.source, threads(1), true]);
    expect(lines[1][0]).not.toBe('user');
    if (lines[1][0] === 'lavapipe') expect(lines[1][1]).toBe(4);
  });

  it('finds an adapter by a part of its name, and leaves the choice to Dawn when none has it', async () => {
    const text = `${show}
      const name = async (adapter) => (await (await loadDawn({ driver: 'software', adapter })).gpu.requestAdapter()).info.vendor;
      print(await Promise.all(['llvm', 'SWIFT', 'no such adapter'].map(name)));
      process.exit(0);`;
    const vendors = JSON.parse((await runModule(text, clean)).stdout);
    expect(new Set(vendors).size).toBe(1);
  });

  it('must be loaded in the main thread', async () => {
    const text = `import { Worker } from 'node:worker_threads';
      const code = "import('tsx/esm/api').then(async ({ tsImport }) => { const { loadDawn } = await tsImport('" +
        process.env.MODULE + "', process.env.MODULE); await loadDawn({ driver: 'software' }); })";
      const worker = new Worker(code, { eval: true });
      worker.on('error', (error) => console.log(error.message));`;
    const module = new URL('../../src/gpu/dawn.ts', import.meta.url).href;
    const child = await runModule(text, { ...clean, MODULE: module });
    expect(child.stdout).toContain('must be loaded in the main thread first');
  });
});

describe('the environment', () => {
  it('knows where Mesa keeps compiled shaders', () => {
    const names = [
      'XDG_CACHE_HOME',
      'MESA_SHADER_CACHE_DIR',
      'MESA_SHADER_CACHE_DISABLE',
      'MESA_DISK_CACHE_MULTI_FILE',
    ];
    const before = names.map((name) => process.env[name]);
    const cache = (values: Record<string, string>) => {
      for (const name of names) delete process.env[name];
      Object.assign(process.env, values);
      return mesaShaderCache();
    };
    expect(cache({ XDG_CACHE_HOME: '/c' })).toBe('/c/mesa_shader_cache_db');
    expect(cache({ XDG_CACHE_HOME: '/c', MESA_SHADER_CACHE_DIR: '/m' })).toBe('/m/mesa_shader_cache_db');
    expect(cache({ XDG_CACHE_HOME: '/c', MESA_DISK_CACHE_MULTI_FILE: '1' })).toBe('/c/mesa_shader_cache');
    expect(cache({ MESA_SHADER_CACHE_DISABLE: 'true' })).toBeNull();
    expect(cache({})).toMatch(/\/\.cache\/mesa_shader_cache_db$/);
    names.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    });
  });

  it("tells the user's variables from ours", () => {
    Object.assign(process.env, { SECATEUR_SET_X_TEST: '1', X_TEST: '1' });
    expect(userEnv('X_TEST')).toBeUndefined();
    process.env.X_TEST = '2';
    expect(userEnv('X_TEST')).toBe('2');
    for (const name of ['SECATEUR_SET_X_TEST', 'X_TEST']) delete process.env[name];
    expect(userEnv('X_TEST')).toBeUndefined();
  });

  it('gives memory and cores', () => {
    const { totalMemory, cores } = hostFacts();
    expect(totalMemory).toBeGreaterThan(1e8);
    expect(Number.isSafeInteger(totalMemory)).toBe(true);
    expect(cores).toBeGreaterThanOrEqual(1);
  });
});

describe('throttledWait', () => {
  it('gives what the promise gives, and throws what it throws', async () => {
    expect(await throttledWait(Promise.resolve(7))).toBe(7);
    expect(await throttledWait(sleep(20, 'late'))).toBe('late');
    const error = new Error('lost');
    await expect(throttledWait(Promise.reject(error))).rejects.toBe(error);
    await expect(throttledWait(sleep(20).then(() => Promise.reject(error)))).rejects.toBe(error);
  });

  it('sleeps while it waits', async () => {
    const before = process.cpuUsage();
    const started = performance.now();
    await throttledWait(sleep(300));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(0.6 * (performance.now() - started));
  });

  it('does not add up the sleeps of many waits: the event loop still turns every 2 ms', async () => {
    let turns = 0;
    let waiting = true;
    const count = () => {
      turns++;
      if (waiting) setImmediate(count);
    };
    count();
    await Promise.all(Array.from({ length: 50 }, () => throttledWait(sleep(300))));
    waiting = false;
    expect(turns).toBeGreaterThan(30); // separate sleeps would make each turn 100 ms
  });

  it('starts again after it has ended', async () => {
    for (let i = 0; i < 5; i++) expect(await throttledWait(sleep(2, i))).toBe(i);
  });
});
