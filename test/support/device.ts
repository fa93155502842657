import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type Device, type OpenDeviceOptions, openDevice } from '../../src/index.js';

/**
 * A device for one test file, opened before its tests and closed after them. Fresh buffers are full of NaN. After every test
 * the device must have no pending error and exactly the live bytes and tensors that it began with.
 */
export function testDevice(options: OpenDeviceOptions = {}): { readonly device: Device } {
  let device: Device | null = null;
  let before = { live: 0, tensors: 0 };
  beforeAll(async () => {
    device = await openDevice({ poison: true, ...options });
  });
  beforeEach(() => {
    before = device!.memory();
  });
  afterEach(async () => {
    await device!.sync();
    const after = device!.memory();
    expect({ live: after.live, tensors: after.tensors }, 'leaked device memory').toEqual({
      live: before.live,
      tensors: before.tensors,
    });
  });
  afterAll(async () => {
    await device?.close();
  });
  return {
    get device() {
      if (!device) throw new Error('the device is open only while tests run');
      return device;
    },
  };
}
