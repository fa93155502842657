import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ArgumentError,
  type Device,
  type DeviceClass,
  matmul,
  NoDeviceError,
  openDevice,
  scope,
  tensor,
} from '../../src/index.js';
import { runModule } from '../setup/child.js';
import { withDevice } from './devices.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('openDevice', () => {
  it.each([
    [{ fast: true }, "openDevice: expected options among prefer, adapter, threads, toggles, .*, got 'fast'"],
    [{ prefer: 'fast' }, "openDevice: expected prefer among any, gpu, software, got 'fast'"],
    [{ deviceClass: 'tpu' }, "openDevice: expected deviceClass among software, integrated, discrete, got 'tpu'"],
    [{ threads: 1.5 }, 'openDevice: expected threads as a whole number >= 0, got 1.5'],
    [{ threads: -1 }, 'openDevice: expected threads as a whole number >= 0, got -1'],
    [{ threads: 33 }, 'loadDawn: expected threads as an integer from 0 to 32, got 33'],
    [{ memoryBudget: Number.NaN }, 'openDevice: expected memoryBudget as a whole number >= 0, got NaN'],
    [{ poolCap: '1' }, 'openDevice: expected poolCap as a whole number >= 0, got 1'],
  ])('refuses %j', async (options, message) => {
    const opened = openDevice(options as never);
    await expect(opened).rejects.toThrow(ArgumentError);
    await expect(opened).rejects.toThrow(new RegExp(message));
  });

  it('names the adapter asked for and the one found', async () => {
    const opened = openDevice({ adapter: 'no such adapter' });
    await expect(opened).rejects.toThrow(NoDeviceError);
    await expect(opened).rejects.toThrow(
      `openDevice: expected an adapter matching 'no such adapter', found '${device.name}' (`,
    );
  });

  it('finds its adapter by a part of the name, in any case', async () => {
    const part = device.name.slice(0, 4).toUpperCase();
    expect(await withDevice({ adapter: part }, async (d) => d.name)).toBe(device.name);
  });

  it('refuses an implementation without adapters, in words', async () => {
    const gpu = { requestAdapter: async () => null } as unknown as GPU;
    await expect(openDevice({ gpu })).rejects.toThrow('no WebGPU adapter: this browser has no GPU that it allows');
    await expect(openDevice({ gpu, prefer: 'gpu' })).rejects.toThrow(
      "openDevice: expected a GPU, found no adapter among the system's own",
    );
  });

  it('does not pass off a software driver as a GPU', async () => {
    const child = await runModule(
      `import { openDevice } from 'src/index.ts';
       await openDevice({ prefer: 'gpu' }).then(
         async (device) => { console.log('opened', device.deviceClass); await device.close(); },
         (error) => console.log(error.name, error.message));`,
    );
    expect(child.code).toBe(0);
    expect(child.stdout).toMatch(/^opened (integrated|discrete)$|^NoDeviceError openDevice: expected a GPU, found /m);
  });

  it('refuses a device class that only the preference excludes', async () => {
    if (device.deviceClass === 'software') {
      const { loadDawn } = await import('../../src/gpu/dawn.js');
      const { gpu } = await loadDawn();
      await expect(openDevice({ gpu, prefer: 'gpu' })).rejects.toThrow(
        `expected a GPU, found only the software device '${device.name}'`,
      );
    } else {
      await expect(openDevice({ prefer: 'software' })).rejects.toThrow(/software/);
    }
  });

  it.each(['software', 'integrated', 'discrete'] as DeviceClass[])(
    'chooses kernels as for a device of class %s on demand',
    async (deviceClass) => {
      const product = await withDevice({ deviceClass }, async (d) => {
        expect(d.deviceClass).toBe(deviceClass);
        expect(d.facts.deviceClass).toBe(device.facts.deviceClass);
        return scope(() => matmul(tensor(d, [[1, 2]]), tensor(d, [[3], [4]]))).data();
      });
      expect([...product]).toEqual([11]);
    },
  );
});

describe('facts', () => {
  it('name the adapter, its features and limits', () => {
    const { facts } = device;
    expect(facts.name).not.toBe('');
    expect(facts.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
    expect(facts.limits.maxComputeWorkgroupsPerDimension).toBeGreaterThanOrEqual(65535);
    expect(facts.features).toEqual([...facts.features].sort());
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
  });

  it("ask for the adapter's own limits instead of WebGPU's small defaults", () => {
    const { limits, features } = device.gpuDevice;
    for (const key of [
      'maxStorageBufferBindingSize',
      'maxBufferSize',
      'maxComputeWorkgroupStorageSize',
      'maxComputeInvocationsPerWorkgroup',
    ] as const) {
      expect(limits[key], key).toBe(device.facts.limits[key]);
    }
    for (const feature of ['shader-f16', 'subgroups', 'timestamp-query']) {
      expect(features.has(feature as GPUFeatureName), feature).toBe(device.facts.features.includes(feature));
    }
  });

  it('give each device a number of its own', async () => {
    expect(await withDevice({}, async (d) => d.id)).not.toBe(device.id);
  });
});
