import { type Device, type OpenDeviceOptions, openDevice } from '../../src/index.js';

/** Runs `fn` on a device of its own and closes it, whatever state `fn` leaves it in. */
export async function withDevice<T>(options: OpenDeviceOptions, fn: (device: Device) => Promise<T>): Promise<T> {
  const device = await openDevice(options);
  try {
    return await fn(device);
  } finally {
    await device.close();
  }
}

/** The GPU as it would be without immediates, so that all parameters travel in uniforms. Call it inside a test file. */
export async function gpuWithoutImmediates(): Promise<GPU> {
  const { loadDawn } = await import('../../src/gpu/dawn.js');
  const { gpu } = await loadDawn();
  return { requestAdapter: () => gpu.requestAdapter(), wgslLanguageFeatures: new Set() } as unknown as GPU;
}
