import { describe, expect, it } from 'vitest';
import { defineKernel } from '../../src/gpu/kernel.js';
import {
  add,
  DeviceLostError,
  DeviceMismatchError,
  DisposedError,
  matmul,
  OutOfMemoryError,
  ShaderError,
  tensor,
  ValidationError,
  zeros,
} from '../../src/index.js';
import { testDevice } from '../support/device.js';
import { withDevice } from './devices.js';

const t = testDevice();

/** Fills `out` with the expression given as its spec. */
const fill = defineKernel<{ value: string }>({
  name: 'fill',
  shader: ({ value }) => ({
    code: `@compute @workgroup_size(1)
fn main() {
  for (var i = 0u; i < arrayLength(&out); i++) { out[i] = ${value}; }
}`,
    bindings: [{ name: 'out', access: 'read_write', type: 'array<f32>' }],
    params: [],
  }),
});

describe('a shader that does not compile', () => {
  it('is an error at the next await, with the compiler’s line and the numbered source; every time it is used', async () => {
    const x = tensor(t.device, [1, 2, 3, 4]);
    const launch = () => t.device.run(fill, { value: '1.0 +' }, { bindings: [x.binding('test')], grid: [1, 1, 1] });
    for (const wait of [() => t.device.sync(), () => x.data(), () => t.device.sync()]) {
      launch();
      const error: ShaderError = await wait().then(
        () => expect.fail('the await should reject'),
        (e) => e,
      );
      expect(error).toBeInstanceOf(ShaderError);
      expect(error.code).toBe('shader');
      expect(error.message).toContain('kernel fill {"value":"1.0 +"} did not compile:\nerror 4:');
      expect(error.message).toMatch(/^ {3}4 {3}for .*out\[i\] = 1\.0 \+;/m);
      expect(error.source).toContain('var<storage, read_write> out: array<f32>;');
      await t.device.sync(); // the device lives on, and the error is reported once
    }
    expect([...(await x.data())]).toEqual([1, 2, 3, 4]);
    t.device.run(fill, { value: '7.0' }, { bindings: [x.binding('test')], grid: [1, 1, 1] });
    expect([...(await x.data())]).toEqual([7, 7, 7, 7]);
    x.dispose();
  });
});

describe('a command that validation refuses', () => {
  it('is an error at the next await, once', async () => {
    const x = tensor(t.device, [1, 2, 3, 4]);
    t.device.gpuDevice.createBuffer({ size: 16, usage: 0xffff });
    await expect(t.device.sync()).rejects.toThrow(ValidationError);
    t.device.gpuDevice.createBuffer({ size: 16, usage: 0xffff });
    await expect(x.data()).rejects.toMatchObject({
      code: 'validation',
      message: expect.stringContaining('WGPUBufferUsage'),
    });
    expect([...(await x.data())]).toEqual([1, 2, 3, 4]);
    x.dispose();
  });

  it('is an error of a profile, too', async () => {
    await expect(
      t.device.profile(() => void t.device.gpuDevice.createBuffer({ size: 16, usage: 0xffff })),
    ).rejects.toThrow(ValidationError);
    expect(await t.device.profile(() => {})).toEqual([]);
  });
});

describe('memory that the driver does not have', () => {
  it('is an OutOfMemoryError at the next await, whatever the implementation calls it', async () => {
    const report = t.device.gpuDevice.onuncapturederror as unknown as (event: object) => void;
    class GPUOutOfMemoryError {
      constructor(readonly message: string) {}
    }
    for (const error of [
      new GPUOutOfMemoryError('no room'),
      { message: 'vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY' },
    ]) {
      report({ preventDefault: () => {}, error });
      await expect(t.device.sync()).rejects.toThrow(OutOfMemoryError);
      await t.device.sync();
    }
  });
});

describe('a lost device', () => {
  it('is an error at the await under way, at the next one, and of every op afterwards', () =>
    withDevice({}, async (device) => {
      const x = tensor(device, [1, 2, 3]);
      const y = tensor(device, [1, 2, 3]);
      const under = add(x, y).data();
      device.gpuDevice.destroy();
      await expect(under).rejects.toThrow(DeviceLostError);
      await expect(x.data()).rejects.toMatchObject({
        code: 'device-lost',
        reason: 'destroyed',
        message: expect.stringContaining('the device was lost (destroyed)'),
      });
      for (const wait of [() => device.sync(), () => x.data(), () => device.profile(() => {})])
        await expect(wait()).rejects.toThrow(DeviceLostError);
      const { live, tensors } = device.memory();
      for (const op of [
        () => add(x, y),
        () => matmul(x, y),
        () => zeros(device, [3]),
        () => tensor(device, [1]),
        () => x.write([1, 2, 3]),
      ]) {
        expect(op).toThrow(DeviceLostError);
      }
      expect(device.memory()).toMatchObject({ live, tensors });
      for (const v of [x, y]) v.dispose();
      await device.close();
      await expect(device.sync()).rejects.toThrow(DisposedError);
    }));
});

describe('a closed device', () => {
  it('refuses every use, and closing it again is harmless', async () => {
    const device = await withDevice({}, async (d) => {
      await Promise.all([d.close(), d.close()]);
      return d;
    });
    await device.close();
    expect(device.isClosed).toBe(true);
    const refusal = (op: string) => `${op}: the device ${device.name} was disposed before this use`;
    expect(() => zeros(device, [2])).toThrow(DisposedError);
    expect(() => zeros(device, [2])).toThrow(refusal('zeros'));
    await expect(device.sync()).rejects.toThrow(refusal('sync'));
    await expect(device.profile(() => {})).rejects.toThrow(refusal('profile'));
  });

  it('keeps its tensors from use, and lets them be disposed', async () => {
    const x = await withDevice({}, async (d) => tensor(d, [1, 2]));
    await expect(x.data()).rejects.toThrow(DisposedError);
    expect(() => x.write([3, 4])).toThrow(DisposedError);
    expect(() => add(x, 1)).toThrow(DisposedError);
    x.dispose();
    expect(x.isDisposed).toBe(true);
  });
});

describe('a disposed tensor', () => {
  it('is named by every op that meets it', async () => {
    const x = tensor(t.device, [1, 2]);
    const y = tensor(t.device, [1, 2]);
    x.dispose();
    x.dispose();
    expect(() => add(x, y)).toThrow(DisposedError);
    expect(() => add(y, x)).toThrow('add: f32[2] was disposed before this use');
    expect(() => x.write([1, 2])).toThrow('write: f32[2] was disposed before this use');
    await expect(x.data()).rejects.toThrow('data: f32[2] was disposed before this use');
    y.dispose();
  });
});

describe('tensors of two devices', () => {
  it('do not mix, and the error names both', () =>
    withDevice({}, async (other) => {
      const x = tensor(t.device, [1, 2]);
      const y = tensor(other, [1, 2]);
      expect(() => add(x, y)).toThrow(DeviceMismatchError);
      expect(() => add(x, y)).toThrow(
        `add: expected every tensor on ${t.device.name} #${t.device.id}, got one on ${other.name} #${other.id}`,
      );
      for (const v of [x, y]) v.dispose();
    }));
});
