import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CompileAhead, type CompiledTexts } from '../../src/gpu/compile-ahead.js';
import { compiledList, LIST_FILE } from '../../src/gpu/compiled-list.js';
import { throttledWait } from '../../src/gpu/dawn.js';
import type { Pipeline } from '../../src/gpu/kernel.js';
import { add, type Device, exp, matmul, openDevice, sum, tensor } from '../../src/index.js';
import { runModule, scratch } from '../setup/child.js';

const open: Device[] = [];
afterEach(async () => {
  for (const device of open.splice(0)) await device.close();
});
async function opened(): Promise<Device> {
  const device = await openDevice();
  open.push(device);
  return device;
}

/** A set of texts in memory. */
function texts(...known: string[]): CompiledTexts & { added: string[] } {
  const added: string[] = [];
  return {
    added,
    get size() {
      return known.length + added.length;
    },
    has: (text) => known.includes(text) || added.includes(text),
    add: (list) => void added.push(...list),
  };
}

/** Pipelines of several kinds, as a device makes them, with parameters in immediates or uniforms. */
async function pipelines(): Promise<Pipeline[]> {
  const device = await opened();
  const x = tensor(device, Float32Array.from({ length: 64 }, Math.random), { shape: [8, 8] });
  await sum(exp(add(matmul(x, x), 1)), [1]).data();
  return device.pipelines.list();
}

/** A second device that writes down what it is asked to make. */
async function second(made: string[]): Promise<GPUDevice> {
  const { gpuDevice } = await opened();
  const create = gpuDevice.createComputePipeline.bind(gpuDevice);
  gpuDevice.createComputePipeline = (descriptor) => {
    made.push(descriptor.label ?? '');
    return create(descriptor);
  };
  return gpuDevice;
}

describe('compiling on a second device', () => {
  it('takes the first at once, then from the last to the first; and nothing that is known', async () => {
    const list = await pipelines();
    expect(list.length).toBeGreaterThan(2);
    const made: string[] = [];
    const device = await second(made);
    const known = { ...list[0], source: 'known' };
    const compiled = texts('known');
    const ahead = new CompileAhead(async () => device, 64, throttledWait, compiled);
    await ahead.open();
    expect(ahead.offer(known)).toBe(false);
    for (const p of list) expect(ahead.offer(p)).toBe(true);
    expect(ahead.offer(known)).toBe(true); // what waits for new ones waits with them
    await expect.poll(() => made.length).toBe(list.length);
    const names = list.map((p) => p.name);
    expect(made).toEqual([names[0], ...names.slice(1).reverse()]);
    expect(compiled.added).toEqual([]);
    ahead.reached();
    expect(compiled.added).toEqual(list.map((p) => p.source));
    expect(ahead.offer(known)).toBe(false);
    await ahead.close();
  });

  it('opens it when there is something to compile', async () => {
    const list = await pipelines();
    const made: string[] = [];
    let asked = 0;
    const openSecond = async () => {
      asked++;
      return second(made);
    };
    const ahead = new CompileAhead(openSecond, 64, throttledWait, texts());
    expect(asked).toBe(0);
    for (const p of list) expect(ahead.offer(p)).toBe(true);
    expect(made).toEqual([]);
    await expect.poll(() => made.length).toBe(list.length);
    expect(asked).toBe(1);
    expect(made).toEqual(list.map((p) => p.name).reverse());
    await ahead.close();
  });

  it('drops what the first device has reached', async () => {
    const list = await pipelines();
    const made: string[] = [];
    const device = await second(made);
    const ahead = new CompileAhead(async () => device, 64, throttledWait, texts());
    await ahead.open();
    for (const p of list) ahead.offer(p);
    ahead.reached();
    await ahead.close();
    expect(made).toEqual([list[0].name]);
  });

  it('ends where the second device refuses a pipeline, is lost or cannot be opened', async () => {
    const [pipeline] = await pipelines();
    const refuses = new CompileAhead(() => second([]), 64, throttledWait, texts());
    await refuses.open();
    expect(refuses.offer({ ...pipeline, source: `${pipeline.source} nonsense` })).toBe(true);
    await expect.poll(() => refuses.offer(pipeline)).toBe(false);
    await refuses.close();

    const lost = await second([]);
    const loses = new CompileAhead(async () => lost, 64, throttledWait, texts());
    await loses.open();
    lost.destroy();
    await expect.poll(() => loses.offer(pipeline)).toBe(false);
    await loses.close();

    const none = new CompileAhead(() => Promise.reject(new Error('no more devices')), 64, throttledWait, texts());
    expect(none.offer(pipeline)).toBe(true);
    await expect.poll(() => none.offer(pipeline)).toBe(false);
    await none.close();
  });
});

describe('the list of compiled texts', () => {
  it('is read by the next one, for the same driver', () => {
    const folder = scratch();
    const list = compiledList(folder, 'one');
    expect([list.size, list.has('a')]).toEqual([0, false]);
    list.add(['a', 'b']);
    list.add(['c']);
    expect([list.size, list.has('a'), list.has('c'), list.has('d')]).toEqual([3, true, true, false]);
    const again = compiledList(folder, 'one');
    expect([again.size, again.has('b'), again.has('d')]).toEqual([3, true, false]);
    expect(compiledList(folder, 'two').has('a')).toBe(false);
  });

  it('survives a file of something else and a folder that cannot be written', () => {
    const folder = scratch();
    writeFileSync(
      join(folder, LIST_FILE),
      Uint8Array.from({ length: 999 }, (_, i) => i % 256),
    );
    expect(compiledList(folder, 'one').has('a')).toBe(false);
    const file = join(folder, 'a file');
    writeFileSync(file, '');
    const list = compiledList(join(file, 'below'), 'one');
    list.add(['a']);
    expect(list.has('a')).toBe(true);
  });
});

describe('a process with two threads', () => {
  const step = `
    import { openDevice, scope, crossEntropy, grad, tensor } from 'src/index.ts';
    import { lenet5Mini, Model } from 'src/nn/index.ts';
    import { sgd } from 'src/optim/index.ts';
    const device = await openDevice({ prefer: 'software' });
    const model = new Model(device, lenet5Mini(), { seed: 3 });
    const optimiser = sgd(model.parameters, { lr: 0.1 });
    const x = tensor(device, Float32Array.from({ length: 4 * 1024 }, (_, i) => Math.sin(i)), { shape: [4, 32, 32, 1] });
    const y = tensor(device, Int32Array.of(1, 2, 3, 4));
    const losses = [];
    for (let i = 0; i < 2; i++) losses.push(await scope(() => {
      const loss = crossEntropy(model.forward(x, { training: true }), y);
      optimiser.step(grad(loss, model.parameters.list()));
      return loss;
    }).item());
    console.log(JSON.stringify({ losses, helped: device.ahead !== null, pipelines: device.pipelines.size,
      mesa: device.driver.threads !== null }));
    await device.close();`;

  it('computes what one without does, keeps the list, and adds nothing to it the next time', async () => {
    const cache = scratch();
    const run = async (threads: string) => {
      const child = await runModule(step, {
        SECATEUR_THREADS: threads,
        LP_NUM_THREADS: '',
        MESA_SHADER_CACHE_DIR: cache,
      });
      expect(child).toMatchObject({ code: 0, signal: null });
      return JSON.parse(child.stdout) as { losses: number[]; helped: boolean; pipelines: number; mesa: boolean };
    };
    const first = await run('2');
    if (!first.mesa) {
      expect(first.helped).toBe(false);
      return;
    }
    expect(first.helped).toBe(true);
    const file = join(cache, 'mesa_shader_cache_db', LIST_FILE);
    const lines = readFileSync(file, 'latin1').trim().split('\n');
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.length).toBe(first.pipelines);
    expect((await run('2')).losses).toEqual(first.losses);
    expect(readFileSync(file, 'latin1').trim().split('\n')).toEqual(lines);
    const alone = await run('0');
    expect(alone.helped).toBe(false);
    expect(alone.losses).toEqual(first.losses);
  }, 60_000);

  it('does without where compiled shaders are not kept', async () => {
    const child = await runModule(step, { SECATEUR_THREADS: '2', LP_NUM_THREADS: '', MESA_SHADER_CACHE_DISABLE: '1' });
    expect(child).toMatchObject({ code: 0, signal: null });
    expect(JSON.parse(child.stdout).helped).toBe(false);
  }, 60_000);
});
